import { constants, open } from 'node:fs/promises'
import { dirname, isAbsolute, normalize, resolve, sep } from 'node:path'
import { ModelError, whatOf } from '../../core/errors.js'
import { decodeModel, externalLocations } from './decode.js'
import { dataTypes, type OnnxModel, type OnnxTensor } from './types.js'

/** One read call takes at most 2 GiB. */
const largestRead = 2 ** 30

/**
 * Reads an ONNX file, and the external data files it names (these must lie in its folder or below). The bytes are read
 * once and never copied: the model's tensors are views of them.
 * @throws ModelError if the file is missing, cannot be read or is not a valid ONNX model
 */
export async function readModel(file: string): Promise<OnnxModel> {
  const bytes = await readWhole(file, file)
  const external = new Map<string, Uint8Array>()
  for (const location of externalLocations(bytes, file)) {
    external.set(location, await readWhole(beside(file, location), file))
  }
  const model = decodeModel(bytes, { where: file, external: (location) => external.get(location)! })
  for (const tensor of model.graph.initializers.values()) if (tensor.data.buffer === bytes.buffer) align(tensor)
  return model
}

/**
 * Moves a tensor's bytes by up to three places, so that a Float32Array can be a view of them; else each user would copy
 * them. It overwrites the field's own head, a tag and a length of two bytes or more.
 */
function align(tensor: OnnxTensor): void {
  const { data, type } = tensor
  const shift = data.byteOffset % 4
  if (dataTypes[type].bytes !== 4 || shift === 0 || data.byteLength < 128) return
  const moved = new Uint8Array(data.buffer, data.byteOffset - shift, data.byteLength)
  moved.set(data)
  tensor.data = moved
}

async function readWhole(file: string, model: string): Promise<Uint8Array> {
  try {
    // A named pipe in its place would keep a thread waiting for a writer.
    const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK)
    try {
      const stats = await handle.stat()
      if (!stats.isFile()) throw new ModelError('PL-MODEL-UNREADABLE', 'it is no file', file)
      const { size } = stats
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
    throw new ModelError('PL-MODEL-UNREADABLE', `${what}: ${whatOf(error)}`, model, { cause: error })
  }
}

/** An external file's path; one outside the model's folder is refused, since models may come from untrusted sources. */
function beside(file: string, location: string): string {
  const path = normalize(location)
  if (isAbsolute(path) || path === '..' || path.startsWith(`..${sep}`)) {
    throw new ModelError('PL-MODEL-EXTERNAL', `its external data lie outside its folder, at "${location}"`, file)
  }
  return resolve(dirname(file), path)
}
