import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { InputError } from '../../../core/errors.js'
import { decodeModel, encodeModel, type OnnxModel, readModel, writeModel } from '../../../lib/onnx/index.js'
import { createRandom } from '../../../lib/random.js'
import { shuffleTensor, weightedLayers } from './randomisation.js'

/** Models with weights up to this size are shuffled in memory, larger ones from file to file, without a second copy. */
const mostInMemory = 64e6

/** A model whose weights are shuffled layer by layer, cumulatively, from the output down. */
export interface ShuffledModel {
  /** The layers' titles, from the output down. */
  readonly layers: readonly string[]
  /** Whether each step takes seconds and a file of the model's size. */
  readonly large: boolean
  /** Shuffles further layers up to `count`, and returns the model for `createExplainer`. */
  upTo(count: number): Promise<string | Uint8Array>
  /** Removes the written files. */
  close(): Promise<void>
}

/** @throws ModelError, or InputError if the model has no weights to shuffle */
export async function openShuffledModel(
  file: string,
  seed: number,
  largestInMemory = mostInMemory
): Promise<ShuffledModel> {
  const model = await readModel(file)
  const layers = weightedLayers(model).map(({ title }) => title)
  if (layers.length === 0)
    throw new InputError('PL-SHUFFLE', 'no convolution or dense layer has weights that can be shuffled', file)
  const random = createRandom(seed)
  let shuffled = 0
  const shuffle = (own: OnnxModel, count: number): void => {
    const due = weightedLayers(own).slice(shuffled, count)
    for (const { tensors } of due) for (const tensor of tensors) shuffleTensor(tensor, random)
    shuffled = Math.max(shuffled, count)
  }
  const large = weightBytes(model) > largestInMemory
  return { layers, large, ...(large ? fromFileToFile(file, shuffle) : inMemory(model, shuffle)) }
}

const weightBytes = ({ graph }: OnnxModel): number =>
  [...graph.initializers.values()].reduce((sum, { data }) => sum + data.byteLength, 0)

type Steps = Pick<ShuffledModel, 'upTo' | 'close'>

function inMemory(model: OnnxModel, shuffle: (model: OnnxModel, count: number) => void): Steps {
  const bytes = encodeModel(model)
  return {
    async upTo(count) {
      // The decoded tensors are views of the bytes, so shuffling changes these.
      shuffle(decodeModel(bytes), count)
      return bytes
    },
    close: async () => undefined
  }
}

function fromFileToFile(file: string, shuffle: (model: OnnxModel, count: number) => void): Steps {
  let folder: string | undefined
  let current = file
  return {
    async upTo(count) {
      folder ??= await mkdtemp(join(tmpdir(), 'painlens-shuffled-'))
      const next = join(folder, `${count}.onnx`)
      const model = await readModel(current)
      shuffle(model, count)
      await writeModel(next, model, { dataFile: true, durable: false })
      if (current !== file) for (const old of [current, `${current}.data`]) await rm(old, { force: true })
      current = next
      return next
    },
    close: async () => {
      if (folder) await rm(folder, { recursive: true, force: true })
    }
  }
}
