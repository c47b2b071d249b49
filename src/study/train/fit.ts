import { createHash } from 'node:crypto'
import { join } from 'node:path'
import type { ProviderName } from '../../lib/ort/provider-names.js'
import { createRandom, type Random } from '../../lib/random.js'
import { type Batch, type Chain, type OptimizerName, Trainer } from '../../lib/train/index.js'
import type { Schedule } from '../choices.js'
import { type EpochRow, type FitProgress, readCheckpoint, writeCheckpoint } from './checkpoint.js'
import type { Features } from './features.js'

/** How a model is trained. */
export interface Recipe {
  epochs: number
  batch: number
  /** The learning rate at the start. */
  rate: number
  schedule: Schedule
  optimizer: OptimizerName
  dropout: number
  /** Training ends after so many epochs without a lower loss on the subjects held out. */
  patience: number
  seed: number
  threads: number
}

/** One crop to learn from or to be judged by. */
export interface TrainingSample {
  /** Its number in the data set. */
  crop: number
  /** Wanted probabilities, one per class. */
  target: Float32Array
  weight: number
}

export interface FitOptions {
  chain: Chain
  features: Features
  train: readonly TrainingSample[]
  /** Of subjects that are in no other part; empty where all subjects are trained on, for exactly `recipe.epochs`. */
  heldOut: readonly TrainingSample[]
  recipe: Recipe
  provider: ProviderName
  /** Where checkpoints lie. */
  folder: string
  /** All that the result depends on beside recipe and samples. */
  key: string
  /** @param epochs that are done already */
  onBegin: (epochs: number) => void
  onEpoch: (row: EpochRow) => void
  /** @param loss of the batch, before its step */
  onBatch: (samples: number, loss: number) => void
  signal: AbortSignal
}

/** A trained chain, its weights those of the best epoch. */
export interface Fit {
  trainer: Trainer
  progress: FitProgress
}

/**
 * Trains until the epochs are over or the subjects held out gain nothing any more, and brings back the weights of the best epoch.
 * Goes on from the last epoch that was finished; each epoch's chance depends on the seed and its number alone, so that the
 * result is the same however often it was cut off.
 * @throws InferenceError where the loss is no number; DiskError; the signal's reason
 */
export async function fitChain(options: FitOptions): Promise<Fit> {
  const { chain, recipe, provider, folder, signal } = options
  let random: Random = createRandom(0)
  const { optimizer, dropout, threads } = recipe
  const trainer = await Trainer.open(chain, { optimizer, dropout, provider, threads, random: () => random() })
  try {
    const key = keyOf(options)
    const [last, best] = [join(folder, 'last.checkpoint'), join(folder, 'best.checkpoint')]
    const found = await readCheckpoint(last, key)
    if (found) trainer.restore({ steps: found.progress.steps, arrays: found.arrays })
    const progress: FitProgress = found?.progress ?? { epochs: 0, steps: 0, history: [], best: 0 }
    options.onBegin(progress.epochs)
    while (!isOver(progress, options)) {
      random = createRandom(recipe.seed * 1000 + progress.epochs)
      const row = await runEpoch(trainer, progress.epochs, random, options)
      signal.throwIfAborted()
      progress.epochs++
      progress.steps = trainer.steps
      progress.history.push(row)
      const isBest = lossOf(row) <= Math.min(...progress.history.map(lossOf))
      if (isBest || options.heldOut.length === 0) {
        progress.best = progress.epochs
        await writeCheckpoint(best, key, progress, trainer.weights())
      }
      await writeCheckpoint(last, key, progress, trainer.state().arrays)
      options.onEpoch(row)
    }
    if (progress.best !== progress.epochs) trainer.load((await readCheckpoint(best, key))!.arrays)
    return { trainer, progress }
  } catch (error) {
    await trainer.close()
    throw error
  }
}

const lossOf = ({ heldOutLoss, loss }: EpochRow): number => heldOutLoss ?? loss

function isOver({ epochs, best }: FitProgress, { recipe, heldOut }: FitOptions): boolean {
  return epochs >= recipe.epochs || (heldOut.length > 0 && epochs - best >= recipe.patience)
}

function keyOf({ key, recipe, train, heldOut }: FitOptions): string {
  const { threads: _, ...of } = recipe
  const hash = createHash('sha256').update(JSON.stringify({ key, of }))
  for (const part of [train, heldOut])
    for (const { crop, target, weight } of part) hash.update(`${crop}:${target.join()}:${weight};`)
  return hash.digest('hex')
}

async function runEpoch(trainer: Trainer, epoch: number, random: Random, options: FitOptions): Promise<EpochRow> {
  const { train, recipe, features, signal, onBatch } = options
  const startedAt = performance.now()
  const order = shuffled(train, random)
  const batches = Math.ceil(order.length / recipe.batch)
  const rateAt = (batch: number): number => {
    const share = (epoch + batch / batches) / recipe.epochs
    return recipe.schedule === 'cosine' ? (recipe.rate * (1 + Math.cos(Math.PI * share))) / 2 : recipe.rate
  }
  let [sum, weights] = [0, 0]
  const memory = new Float32Array(recipe.batch * features.size)
  for (let batch = 0; batch < batches; batch++) {
    signal.throwIfAborted()
    const samples = order.slice(batch * recipe.batch, (batch + 1) * recipe.batch)
    const views = samples.map(() => Math.floor(random() * features.views))
    const weight = samples.reduce((all, sample) => all + sample.weight, 0)
    const loss = await trainer.step(await batchOf(samples, views, options, memory), rateAt(batch))
    sum += weight * loss
    weights += weight
    onBatch(samples.length, loss)
    // Lets signals and timers through: `run` has blocked the thread.
    await new Promise((resolve) => setImmediate(resolve))
  }
  const heldOut = await judge(trainer, options.heldOut, options)
  const seconds = (performance.now() - startedAt) / 1000
  return { epoch: epoch + 1, rate: rateAt(0), loss: sum / weights, ...heldOut, seconds }
}

/** Fisher and Yates. */
function shuffled<T>(items: readonly T[], random: Random): T[] {
  const order = [...items]
  for (let i = order.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1))
    ;[order[i], order[j]] = [order[j]!, order[i]!]
  }
  return order
}

type Data = Pick<FitOptions, 'chain' | 'features' | 'recipe'>

/** @param memory for the features of a whole batch: new memory for each would take longer to get than to fill */
async function batchOf(
  samples: readonly TrainingSample[],
  views: readonly number[],
  { chain, features }: Data,
  memory: Float32Array
): Promise<Batch> {
  const rows = samples.map(({ crop }, i) => crop * features.views + views[i]!)
  const data = memory.subarray(0, samples.length * features.size)
  await features.read(rows, data)
  const targets = new Float32Array(samples.length * chain.classes)
  for (const [i, { target }] of samples.entries()) targets.set(target, i * chain.classes)
  return { features: data, targets, weights: Float32Array.from(samples, ({ weight }) => weight) }
}

/** The logits of samples, as they are without any other view. @returns [sample · class] */
export async function trainedLogits(
  trainer: Trainer,
  samples: readonly TrainingSample[],
  data: Data
): Promise<Float32Array> {
  const { chain, recipe } = data
  const logits = new Float32Array(samples.length * chain.classes)
  const memory = new Float32Array(recipe.batch * data.features.size)
  for (let from = 0; from < samples.length; from += recipe.batch) {
    const part = samples.slice(from, from + recipe.batch)
    const { features } = await batchOf(
      part,
      part.map(() => 0),
      data,
      memory
    )
    logits.set(await trainer.logits(features), from * chain.classes)
  }
  return logits
}

/** Cross entropy and accuracy; the accuracy is of samples that show one class. */
async function judge(trainer: Trainer, samples: readonly TrainingSample[], data: Data) {
  if (samples.length === 0) return { heldOutLoss: null, heldOutAccuracy: null }
  const { classes } = data.chain
  const logits = await trainedLogits(trainer, samples, data)
  let [loss, weights, right, shown] = [0, 0, 0, 0]
  for (const [i, { target, weight }] of samples.entries()) {
    const own = logits.subarray(i * classes, (i + 1) * classes)
    loss += weight * crossEntropy(own, target)
    weights += weight
    const wanted = shownClass(target)
    if (wanted === null) continue
    shown++
    if (own.indexOf(Math.max(...own)) === wanted) right++
  }
  return { heldOutLoss: loss / weights, heldOutAccuracy: shown === 0 ? null : right / shown }
}

/** In nats, of the softmax of logits over a temperature. */
export function crossEntropy(logits: ArrayLike<number>, target: ArrayLike<number>, temperature = 1): number {
  const scaled = Array.from(logits, (logit) => logit / temperature)
  const top = Math.max(...scaled)
  const all = top + Math.log(scaled.reduce((sum, value) => sum + Math.exp(value - top), 0))
  return scaled.reduce((sum, value, i) => sum - target[i]! * (value - all), 0)
}

/** The class that a target asks for; null where it asks for several alike, as for a resting face. */
function shownClass(target: ArrayLike<number>): number | null {
  const values = Array.from(target)
  const top = Math.max(...values)
  return values.filter((value) => value > top - 1e-6).length === 1 ? values.indexOf(top) : null
}
