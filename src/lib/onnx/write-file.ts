import { type FileHandle, open, rename, rm } from 'node:fs/promises'
import { basename } from 'node:path'
import { DiskError, ModelError, messageOf } from '../../core/errors.js'
import { modelMessage } from './encode.js'
import type { OnnxModel, OnnxTensor } from './types.js'

/** One write call takes at most 2 GiB. */
const largestWrite = 2 ** 30
/** Protobuf's limit for one message, and so ONNX Runtime's for one file. */
const largestModel = 2 ** 31 - 1
/** Tensors in a data file begin on a page, so that a runtime can map them into memory. */
const page = 4096
/** Smaller tensors stay in the model file. */
const smallestExternal = 2 ** 16

export interface WriteOptions {
  /** Puts large tensors into a second file, `<file>.data`, which ONNX Runtime maps instead of reading. */
  dataFile?: boolean
  /** Without it the files survive a power cut; false for files that are only needed for a moment. */
  durable?: boolean
}

/**
 * Writes a model, weights straight from their own memory. A file appears under its name only when it is complete.
 * DiskError if there is no space, no permission or no such folder; ModelError above 2 GiB without a data file.
 */
export async function writeModel(file: string, model: OnnxModel, options: WriteOptions = {}): Promise<void> {
  const { durable = true } = options
  if (options.dataFile) {
    const split = splitOff(model, `${basename(file)}.data`)
    await writeWhole(`${file}.data`, split.chunks, durable)
    await writeModel(file, split.model, { durable })
    return
  }
  const { chunks, length } = modelMessage(model)
  if (length > largestModel) {
    throw new ModelError(
      'PL-MODEL-TOO-LARGE',
      `the model would have ${length} bytes, and ONNX files end at 2 GiB`,
      file
    )
  }
  await writeWhole(file, chunks, durable)
}

/** The model with its large tensors said to lie in `location`, and that file's bytes. */
function splitOff(model: OnnxModel, location: string): { model: OnnxModel; chunks: Uint8Array[] } {
  const chunks: Uint8Array[] = []
  let end = 0
  const initializers = new Map<string, OnnxTensor>()
  for (const [name, tensor] of model.graph.initializers) {
    const length = tensor.data.byteLength
    if (length < smallestExternal) {
      initializers.set(name, tensor)
      continue
    }
    const offset = Math.ceil(end / page) * page
    chunks.push(new Uint8Array(offset - end), tensor.data)
    initializers.set(name, { ...tensor, external: { location, offset, length } })
    end = offset + length
  }
  return { model: { ...model, graph: { ...model.graph, initializers } }, chunks }
}

async function writeWhole(file: string, chunks: readonly Uint8Array[], durable: boolean): Promise<void> {
  const temporary = `${file}.${process.pid}.tmp`
  try {
    const handle = await open(temporary, 'w')
    try {
      await writeChunks(handle, chunks)
      if (durable) await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(temporary, file)
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined)
    const length = chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0)
    throw new DiskError(
      'PL-MODEL-UNWRITABLE',
      `the model (${length} bytes) could not be written: ${messageOf(error)}`,
      file,
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
      const { bytesWritten } = await handle.write(block, at, Math.min(largestWrite, block.byteLength - at))
      at += bytesWritten
    }
  }
}
