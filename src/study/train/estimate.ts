import { Tensor } from 'onnxruntime-node'
import { messageOf, UnsupportedModelError } from '../../core/errors.js'
import { printable } from '../../core/printable.js'
import { batchDims } from '../../lib/model/preprocess.js'
import { encodeModel, type OnnxModel } from '../../lib/onnx/index.js'
import { openSession, proveProvider } from '../../lib/ort/provider.js'
import { type ProviderName, profileNames } from '../../lib/ort/provider-names.js'
import { createRandom } from '../../lib/random.js'
import { type Chain, featureCount, Trainer } from '../../lib/train/index.js'
import type { TrainingProvider } from '../choices.js'
import type { Base } from './base.js'
import { extractionBatch } from './features.js'
import type { Recipe } from './fit.js'

/** Milliseconds on this machine as it is now. */
export interface TrainingPace {
  /** To compute what is cached for one view of a crop; 0 where the whole network is trained. */
  featureMs: number
  /** For one crop in one epoch. */
  sampleMs: number
}

/**
 * Where the work is done: on the GPU where ONNX Runtime is proved to compute the base on it.
 * @throws ProviderError where a GPU was asked for by name and does not work
 */
export async function trainingProvider(
  choice: TrainingProvider,
  { file, input }: Base,
  threads: number,
  write: (line: string) => void
): Promise<ProviderName> {
  if (choice === 'cpu') return choice
  // What follows at once computes on the CPU, and proves it.
  const onCpu = async () => ({ [profileNames.cpu]: 1 })
  const asked = { threads, dims: batchDims(input, 1), onCpu, asked: '--provider' }
  const { provider, fallback, remedy } = await proveProvider(choice, file, asked)
  write(`Computed on ${provider}${remedy ? ` (${fallback}). ${remedy}` : ''}\n`)
  return provider
}

/**
 * Tries one batch of either work, so that hours are known before they are spent. The trial changes nothing: its weights are its own.
 * @throws ModelError, UnsupportedModelError where ONNX Runtime does not take the graphs; the signal's reason
 */
export async function paceOf(
  frozen: OnnxModel | null,
  chain: Chain,
  { base, recipe, provider, signal }: { base: Base; recipe: Recipe; provider: ProviderName; signal: AbortSignal }
): Promise<TrainingPace> {
  const featureMs = frozen ? await featurePace(frozen, base, provider, recipe.threads) : 0
  signal.throwIfAborted()
  return { featureMs, sampleMs: await samplePace(chain, provider, recipe) }
}

async function featurePace(
  frozen: OnnxModel,
  { input, file }: Base,
  provider: ProviderName,
  threads: number
): Promise<number> {
  const session = await openSession(encodeModel(frozen), { provider, threads, mapped: true })
  try {
    const dims = batchDims(input, extractionBatch)
    const data = new Float32Array(dims.reduce((product, dim) => product * dim, 1))
    const feeds = { [session.inputNames[0]!]: new Tensor('float32', data, dims) }
    return (await msOf(() => session.run(feeds))) / extractionBatch
  } catch (error) {
    // As where a shape within it is fixed.
    const what = `it cannot compute ${extractionBatch} pictures at a time (${messageOf(error).split('\n')[0]})`
    throw new UnsupportedModelError('PL-TRAIN-MODEL', what, printable(file), {
      fix: 'Export the base with a batch of any size (dynamic_axes in torch.onnx, None in Keras).',
      cause: error
    })
  } finally {
    await session.release()
  }
}

async function samplePace(
  chain: Chain,
  provider: ProviderName,
  { optimizer, dropout, threads, batch }: Recipe
): Promise<number> {
  const random = createRandom(1)
  const trainer = await Trainer.open(chain, { optimizer, dropout, provider, threads, random })
  try {
    const features = Float32Array.from({ length: batch * featureCount(chain) }, () => random())
    const targets = new Float32Array(batch * chain.classes).fill(1 / chain.classes)
    const weights = new Float32Array(batch).fill(1)
    return (await msOf(() => trainer.step({ features, targets, weights }, 0))) / batch
  } finally {
    await trainer.close()
  }
}

/** Of a second call: the first one lays out memory. */
async function msOf(call: () => Promise<unknown>): Promise<number> {
  await call()
  const startedAt = performance.now()
  await call()
  return performance.now() - startedAt
}
