import { type FileHandle, open, rename, rm } from 'node:fs/promises'
import { dirname, isAbsolute, normalize, resolve, sep } from 'node:path'
import { DiskError, ModelError, messageOf } from '../core/errors.js'
import { decodeModel, externalLocations } from './decode.js'
import { modelMessage } from './encode.js'
import type { OnnxModel } from './types.js'

/** One read call takes at most 2 GiB. */
const largestRead = 2 ** 30
/** Protobuf's limit for one message, and so ONNX Runtime's for one file. */
const largestModel = 2 ** 31 - 1

/**
 * Reads an ONNX file, and the external data files it names (these must lie in its folder or below). The bytes are read
 * once and never copied: the model's tensors are views of them. ModelError if the file is missing, cannot be read or is
 * no sound ONNX model.
 */
export async function readModel(file: string): Promise<OnnxModel> {
  const bytes = await readWhole(file, file)
  const external = new Map<string, Uint8Array>()
  for (const location of externalLocations(bytes, file)) {
    external.set(location, await readWhole(beside(file, location), file))
  }
  return decodeModel(bytes, { where: file, external: (location) => external.get(location)! })
}

/**
 * Writes a model, weights straight from their own memory. The file appears under its name only when it is complete.
 * DiskError if there is no space, no permission or no such folder.
 */
export async function writeModel(file: string, model: OnnxModel): Promise<void> {
  const { chunks, length } = modelMessage(model)
  if (length > largestModel) {
    throw new ModelError(
      `the model would have ${length} bytes, and ONNX files end at 2 GiB`,
      file,
      'Use a smaller model or a simpler composite.'
    )
  }
  const temporary = `${file}.${process.pid}.tmp`
  try {
    const handle = await open(temporary, 'w')
    try {
      await writeChunks(handle, chunks)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(temporary, file)
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined)
    throw new DiskError(
      `the model (${length} bytes) could not be written: ${messageOf(error)}`,
      file,
      'Free some space or name a folder that exists and may be written to.',
      { cause: error }
    )
  }
}

/** Small pieces are gathered, large ones go out as they are. */
async function writeChunks(handle: FileHandle, chunks: readonly Uint8Array[]): Promise<void> {
  const gathered: Uint8Array[] = []
  let size = 0
  for (const chunk of chunks) {
    gathered.push(chunk)
    size += chunk.byteLength
    if (size < 2 ** 16) continue
    await writeAll(handle, gathered)
    gathered.length = 0
    size = 0
  }
  await writeAll(handle, gathered)
}

async function writeAll(handle: FileHandle, chunks: readonly Uint8Array[]): Promise<void> {
  const last = chunks.at(-1)
  if (last === undefined) return
  // Joining the small ones costs at most 64 KiB; the last may be a whole layer's weights.
  const head = Buffer.concat(chunks.slice(0, -1))
  for (const block of [head, last]) {
    for (let at = 0; at < block.byteLength; ) {
      const { bytesWritten } = await handle.write(block, at, Math.min(largestRead, block.byteLength - at))
      at += bytesWritten
    }
  }
}

async function readWhole(file: string, model: string): Promise<Uint8Array> {
  try {
    const handle = await open(file, 'r')
    try {
      const { size } = await handle.stat()
      const bytes = new Uint8Array(size)
      let at = 0
      while (at < size) {
        const { bytesRead } = await handle.read(bytes, at, Math.min(size - at, largestRead), at)
        if (bytesRead === 0) break
        at += bytesRead
      }
      return bytes.subarray(0, at)
    } finally {
      await handle.close()
    }
  } catch (error) {
    const what = file === model ? 'the model cannot be read' : `the model's data file "${file}" cannot be read`
    throw new ModelError(`${what}: ${messageOf(error)}`, model, 'Check the path and its permissions.', { cause: error })
  }
}

/** An external file's path; one that leads out of the model's folder is refused, because a model may come from anybody. */
function beside(file: string, location: string): string {
  const path = normalize(location)
  if (isAbsolute(path) || path === '..' || path.startsWith(`..${sep}`)) {
    throw new ModelError(
      `its external data lie outside its folder, at "${location}"`,
      file,
      'Put the data file beside the model and export it with a plain file name.'
    )
  }
  return resolve(dirname(file), path)
}
