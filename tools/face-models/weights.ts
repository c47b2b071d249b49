import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { messageOf } from '#painlens/core/errors.js'

/** A tensor as TensorFlow lays it out: convolution filters are [height, width, in, out]. */
export interface Weight {
  shape: readonly number[]
  data: Float32Array
}

interface ManifestGroup {
  paths: string[]
  weights: {
    name: string
    shape: number[]
    dtype: string
    quantization?: { dtype: string; scale: number; min: number }
  }[]
}

type Read = (bytes: Buffer, offset: number, count: number) => ArrayLike<number>

const readers: Record<string, { size: number; read: Read }> = {
  uint8: { size: 1, read: (bytes, offset, count) => bytes.subarray(offset, offset + count) },
  uint16: { size: 2, read: (bytes, offset, count) => new Uint16Array(copyOf(bytes, offset, 2 * count)) },
  float32: { size: 4, read: (bytes, offset, count) => new Float32Array(copyOf(bytes, offset, 4 * count)) },
  int32: { size: 4, read: (bytes, offset, count) => new Int32Array(copyOf(bytes, offset, 4 * count)) }
}

/**
 * The weights of a tfjs model by name, dequantised: tfjs stores a tensor as integers q with value = q·scale + min
 * (tfjs-core, io_utils `decodeWeights`), one after another in the binary files that the manifest names.
 * @param folder where `<model>-weights_manifest.json` and its binary files lie
 * @throws Error when a file is missing, cut off or holds a type unknown here
 */
export async function readWeights(folder: string, model: string): Promise<Map<string, Weight>> {
  const manifest = join(folder, `${model}-weights_manifest.json`)
  const groups = JSON.parse((await readOrExplain(manifest)).toString()) as ManifestGroup[]
  const weights = new Map<string, Weight>()
  for (const group of groups) {
    const bytes = Buffer.concat(await Promise.all(group.paths.map((path) => readOrExplain(join(folder, path)))))
    let offset = 0
    for (const { name, shape, dtype, quantization } of group.weights) {
      const stored = quantization?.dtype ?? dtype
      const reader = readers[stored]
      const count = shape.reduce((a, b) => a * b, 1)
      if (!reader || offset + reader.size * count > bytes.length)
        throw broken(`holds no ${count} ${stored} values for ${name}`, manifest)
      const { scale, min } = quantization ?? { scale: 1, min: 0 }
      weights.set(name, { shape, data: dequantised(reader.read(bytes, offset, count), scale, min) })
      offset += reader.size * count
    }
  }
  return weights
}

/**
 * One weight of `readWeights`, its shape checked.
 * @throws Error when there is none of that name and shape
 */
export function weightOf(weights: ReadonlyMap<string, Weight>, name: string, shape: readonly number[]): Float32Array {
  const weight = weights.get(name)
  if (!weight || weight.shape.join() !== shape.join())
    throw broken(`has ${weight ? `shape [${weight.shape}]` : 'no such weight'}, expected [${shape}]`, name)
  return weight.data
}

function dequantised(stored: ArrayLike<number>, scale: number, min: number): Float32Array {
  const data = new Float32Array(stored.length)
  for (let i = 0; i < data.length; i++) data[i] = stored[i]! * scale + min
  return data
}

function copyOf(bytes: Buffer, offset: number, length: number): ArrayBuffer {
  return new Uint8Array(bytes.subarray(offset, offset + length)).buffer
}

async function readOrExplain(file: string): Promise<Buffer> {
  try {
    return await readFile(file)
  } catch (error) {
    throw broken(`cannot be read (${messageOf(error)})`, file)
  }
}

const broken = (what: string, where: string): Error =>
  new Error(`${where} ${what}. Install the dependencies again (npm ci): @vladmandic/face-api ships these weights.`)
