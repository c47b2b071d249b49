import { duration, progressLine } from '../../core/progress-line.js'
import { type Chain, featureCount, trainedCount } from '../../lib/train/index.js'
import type { CacheForm } from '../choices.js'
import type { Dataset } from '../dataset.js'
import type { TrainingPace } from './estimate.js'
import { cacheBytes } from './features.js'
import type { FitOptions, Recipe } from './fit.js'

type Write = (line: string) => void

/** What is to be done, and how fast it goes. */
interface Work {
  views: number
  cache: CacheForm
  recipe: Recipe
  folds: number
  /** Null for a run that goes on. */
  pace: TrainingPace | null
  /** Of the base's file. */
  modelBytes: number
  /** On the disk of the run, as it is now. */
  freeBytes: number
}

/** Of Node.js, ONNX Runtime and a batch of crops. */
const baseMemory = 3e8
/** What ONNX Runtime and its reader need, in sizes of the model, while they compute what stays as it is; measured with VGG-Face: 2.1 GB in all. */
const frozenModels = 3

/** What a run takes, said before it begins. */
export function sayTrainingCosts(
  chain: Chain,
  dataset: Dataset,
  { views, cache, recipe, folds, pace, modelBytes, freeBytes }: Work,
  write: Write
): void {
  const states = { sgd: 1, momentum: 2, adam: 4 }[recipe.optimizer]
  const megabytes = (bytes: number): string => `${Math.ceil(bytes / 1e6)} MB`
  const weights = 4 * trainedCount(chain)
  // Each fold's model is a whole one, and so is the final one.
  const models = (folds + 1) * modelBytes
  const disk = cacheBytes(dataset.rows.length, views, featureCount(chain), cache) + weights * (states + 2) + models
  const memory = Math.max(frozenModels * modelBytes, modelBytes + weights * (states + 1)) + baseMemory
  write(
    `${dataset.rows.length} crops, ${views} view(s) each; ${(trainedCount(chain) / 1e6).toFixed(1)} million weights are trained. ` +
      `Takes about ${megabytes(disk)} of disk and ${megabytes(memory)} of memory.\n`
  )
  if (!pace) return
  if (freeBytes < disk) write(`Warning: the disk has ${megabytes(freeBytes)} left, which is not enough.\n`)
  const crops = dataset.rows.length
  const cacheMs = crops * views * pace.featureMs
  // k folds train on k − 1 parts each, the final model on all k: together k times all crops. Early stopping makes it less.
  const trainMs = crops * folds * recipe.epochs * pace.sampleMs
  write(
    `By a trial on this machine, as busy as it is, about ${estimate(cacheMs + trainMs)}: ${estimate(cacheMs)} for what stays as it is, ` +
      `${estimate(trainMs)} for ${folds} folds and the final model, less where these stop early.\n`
  )
}

/** Loading and writing take as long, however little there is to compute. */
const estimate = (ms: number): string => duration(Math.max(1000, ms))

/** What is told while a model is trained: a line each few seconds, and one for each epoch. */
export function trainingLines(
  name: string,
  samples: number,
  epochs: number,
  write: Write
): Pick<FitOptions, 'onBegin' | 'onBatch' | 'onEpoch'> {
  const onProgress = progressLine(name, write)
  let [begun, seen, sum, inEpoch] = [0, 0, 0, 0]
  let accuracy = ''
  return {
    onBegin: (done) => {
      begun = done
    },
    onBatch: (count, loss) => {
      seen += count
      inEpoch += count
      sum += count * loss
      const epoch = begun + Math.ceil(seen / samples)
      const note = `epoch ${epoch} of ${epochs}, loss ${(sum / inEpoch).toFixed(3)}${accuracy}`
      onProgress(seen, samples * (epochs - begun), note)
    },
    onEpoch: ({ epoch, loss, heldOutLoss, heldOutAccuracy, seconds }) => {
      ;[sum, inEpoch] = [0, 0]
      accuracy = heldOutAccuracy === null ? '' : `, accuracy ${heldOutAccuracy.toFixed(3)}`
      const held = heldOutLoss === null ? '' : `, held out ${heldOutLoss.toFixed(4)}${accuracy}`
      write(`${name}, epoch ${epoch}: loss ${loss.toFixed(4)}${held} (${duration(seconds * 1000)})\n`)
    }
  }
}
