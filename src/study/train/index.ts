import { mkdir, stat, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import Papa from 'papaparse'
import { InputError } from '../../core/errors.js'
import { printable } from '../../core/printable.js'
import { progressLine } from '../../core/progress-line.js'
import { foldConstants } from '../../lib/lrp/index.js'
import { type OnnxModel, readModel } from '../../lib/onnx/index.js'
import type { ProviderName } from '../../lib/ort/provider-names.js'
import { median, type Resting, restingOf } from '../../lib/statistics/index.js'
import {
  type Chain,
  chainOf,
  featureCount,
  frozenPart,
  type Trainer,
  type TrainFrom,
  trainedModel
} from '../../lib/train/index.js'
import type { CacheForm, NeutralUse, TrainingProvider } from '../choices.js'
import { type CropRow, type Dataset, neutral, readDataset } from '../dataset.js'
import { claimFolder, studyDiskError, writeStudyFile } from '../files.js'
import { type Base, baseLayers, checkFits, readBase } from './base.js'
import type { EpochRow } from './checkpoint.js'
import { paceOf, trainingProvider } from './estimate.js'
import { Features } from './features.js'
import { fitChain, type Recipe, type TrainingSample, trainedLogits } from './fit.js'
import { type FoldCount, foldsOf } from './folds.js'
import {
  metricsOf,
  type Prediction,
  type TrainedDescription,
  writeLog,
  writePredictions,
  writeTrained
} from './results.js'
import { type RunSaid, runIn, writeRunFile } from './run-file.js'
import { sayTrainingCosts, trainingLines } from './telling.js'
import { endOfTemperatures, fitTemperature } from './temperature.js'

export interface TrainOptions {
  data: string
  base: string
  input: string | undefined
  out: string
  trainFrom: TrainFrom
  folds: FoldCount
  /** Views of each crop: 1 the crop alone, 2 its mirror image too, more shifted and lit differently. */
  views: number
  /** How features are kept. */
  cache: CacheForm
  neutral: NeutralUse
  /** Whether each class counts the same in all, however many crops it has. */
  balanced: boolean
  /** Label smoothing (Szegedy et al. 2016): this share of each target goes to all classes alike. */
  smoothing: number
  /**
   * Crops of a lower intensity are trained towards their label in that proportion, and for the rest towards all labels alike: a face that
   * shows next to nothing is not to be called for sure. 0: all are trained towards their label.
   */
  certainFrom: number
  /** The label for which the daemon is to raise alarms. */
  alarmLabel: string
  recipe: Recipe
  provider: TrainingProvider
}

type Write = (line: string) => void

/** Everything that the training of one data set shares. */
interface Study {
  options: TrainOptions
  dataset: Dataset
  base: Base
  model: OnnxModel
  /** As it is before training; each fit copies its weights. */
  chain: Chain
  labels: string[]
  features: Features
  provider: ProviderName
  write: Write
  signal: AbortSignal
}

/**
 * Fine-tunes a model on a data set: one model for each fold of subjects, then a final one on all. What is finished is kept, and
 * the same command goes on from there.
 * @returns the final model's manifest
 * @throws InputError, ModelError, UnsupportedModelError, DiskError; the signal's reason
 */
export async function trainStudy(options: TrainOptions, write: Write, signal: AbortSignal): Promise<string> {
  const dataset = await readDataset(options.data)
  const base = await readBase(options.base, options.input)
  checkFits(dataset, base)
  const labels = labelsOf(dataset.rows, options.alarmLabel)
  const { recipe } = options
  const folds = foldsOf(trainable(dataset.rows, labels, options), options.folds, recipe.seed)
  const claim = await claimFolder(options.out)
  try {
    const said = saidOf(options, dataset, base)
    const run = await runIn(options.out, said)
    // As LRP reads it: weights may be worked out from constants, as those of a quantised model are.
    const model = await foldConstants(await readModel(base.file), base.file)
    const chain = chainOf(baseLayers(model, base), options.trainFrom, labels.length, recipe.seed, base.file)
    const frozen = frozenPart(model, chain, base.file)
    const provider = await trainingProvider(options.provider, base, recipe.threads, write)
    const pace = run === 'new' ? await paceOf(frozen, chain, { base, recipe, provider, signal }) : null
    // Options of a base that was refused are not kept: the next ones would be refused as those of another run.
    if (run !== 'same') await writeRunFile(options.out, said)
    const [{ size: modelBytes }, { bavail, bsize }] = [await stat(base.file), await statfs(options.out)]
    const { views, cache } = options
    const work = { views, cache, recipe, folds: new Set(folds.values()).size, pace }
    sayTrainingCosts(chain, dataset, { ...work, modelBytes, freeBytes: bavail * bsize }, write)
    const onProgress = progressLine('features', write)
    const features = await Features.open(frozen, featureCount(chain), {
      folder: dataset.folder,
      crops: dataset.rows.map(({ crop }) => crop),
      views,
      form: cache,
      input: base.input,
      cache: join(options.out, 'cache'),
      key: `${base.sha256} ${chain.firstNode} ${dataset.digest}`,
      provider,
      threads: recipe.threads,
      onProgress,
      signal
    })
    try {
      return await trainAll({ options, dataset, base, model, chain, labels, features, provider, write, signal }, folds)
    } finally {
      await features.close()
    }
  } finally {
    await claim.release()
  }
}

/** The alarm's label first, then the others by name. @throws InputError */
function labelsOf(rows: readonly CropRow[], alarmLabel: string): string[] {
  const labels = [...new Set(rows.map(({ label }) => label))].filter((label) => label !== neutral).sort()
  const list = labels.map(printable).join(', ')
  if (!labels.includes(alarmLabel) || labels.length < 2) {
    if (labels.length < 2) {
      const what = `the crops have ${labels.length === 0 ? 'no label' : `one label (${list})`} beside neutral, and a model tells two or more apart`
      const fix = 'Prepare pictures of another expression, too, such as disgust: neutral is no output of a model.'
      throw new InputError('PL-STUDY-LABELS', what, 'the data set', { fix })
    }
    const what = `no crop has the alarm's label ${printable(alarmLabel)}, only ${list}`
    throw new InputError('PL-STUDY-LABELS', what, 'the data set')
  }
  return [alarmLabel, ...labels.filter((label) => label !== alarmLabel)]
}

const isTrainedOn = ({ label }: CropRow, labels: readonly string[], { neutral: use }: TrainOptions): boolean =>
  labels.includes(label) || (label === neutral && use === 'uniform')

const trainable = (rows: readonly CropRow[], labels: readonly string[], options: TrainOptions): CropRow[] =>
  rows.filter((row) => isTrainedOn(row, labels, options))

/** What a run depends on. Threads and provider change time and the last digits, and may change from one call to the next. */
function saidOf({ out, recipe, provider: _, input: __, ...rest }: TrainOptions, dataset: Dataset, base: Base): RunSaid {
  const { threads, ...own } = recipe
  const { sha256, input: baseInput, output: baseOutput = null } = base
  const { rows, digest } = dataset
  return { ...rest, recipe: own, base: sha256, baseInput, baseOutput, crops: rows.length, digest }
}

async function trainAll(study: Study, folds: ReadonlyMap<string, number>): Promise<string> {
  const { options, dataset, labels, write } = study
  const k = new Set(folds.values()).size
  const subjects = [...folds].sort(([a], [b]) => (a < b ? -1 : 1)).map(([subject, fold]) => [subject, fold + 1])
  await writeStudyFile(join(options.out, 'folds.csv'), [
    Papa.unparse({ fields: ['subject', 'fold'], data: subjects }, { newline: '\n' }),
    '\n'
  ])
  const fits: { name: string; history: EpochRow[] }[] = []
  const predictions: Prediction[] = []
  const best: number[] = []
  for (let fold = 0; fold < k; fold++) {
    const done = await trainFold(study, folds, fold, k)
    fits.push({ name: `fold-${fold + 1}`, history: done.history })
    predictions.push(...done.predictions)
    best.push(done.best)
    await writeLog(join(options.out, 'log.csv'), fits)
    const { accuracy } = metricsOf(done.predictions, labels)
    write(`fold ${fold + 1} of ${k}: accuracy ${accuracy?.toFixed(3) ?? 'unknown'} on subjects it never saw\n`)
  }
  const order = new Map(dataset.rows.map(({ crop }, i) => [crop, i]))
  predictions.sort((a, b) => order.get(a.row.crop)! - order.get(b.row.crop)!)
  await writePredictions(join(options.out, 'predictions.csv'), predictions, labels)
  const metrics = {
    labels,
    folds: Array.from({ length: k }, (_, fold) =>
      metricsOf(
        predictions.filter((one) => one.fold === fold),
        labels
      )
    ),
    all: metricsOf(predictions, labels),
    resting: restingIn(predictions, labels)
  }
  await writeStudyFile(join(options.out, 'metrics.json'), [`${JSON.stringify(metrics, null, 2)}\n`])
  return trainFinal(study, predictions, Math.max(1, Math.round(median(best))), metrics.all, fits)
}

/** Wanted probabilities and weights; crops that are not trained on are left out. */
function samplesOf({ options, dataset, labels }: Study, subjects: (subject: string) => boolean): TrainingSample[] {
  const rows = [...dataset.rows.entries()].filter(([, { subject }]) => subjects(subject))
  const used = rows.filter(([, row]) => isTrainedOn(row, labels, options))
  const counts = new Map<string, number>()
  for (const [, { label }] of used) counts.set(label, (counts.get(label) ?? 0) + 1)
  return used.map(([crop, row]) => {
    const weight = options.balanced ? used.length / (counts.size * counts.get(row.label)!) : 1
    return { crop, target: targetOf(row, labels, options), weight }
  })
}

/** Wanted probabilities, which sum up to 1. */
function targetOf(
  { label, intensity }: CropRow,
  labels: readonly string[],
  { smoothing, certainFrom }: TrainOptions
): Float32Array {
  const shown = intensity === null || certainFrom === 0 ? 1 : Math.min(1, Math.max(0, intensity) / certainFrom)
  const certainty = label === neutral ? 0 : shown * (1 - smoothing)
  const target = new Float32Array(labels.length).fill((1 - certainty) / labels.length)
  if (label !== neutral) target[labels.indexOf(label)]! += certainty
  return target
}

const restingIn = (predictions: readonly Prediction[], labels: readonly string[]): Resting | null =>
  restingOf(
    predictions.filter(({ row }) => row.label === neutral).map(({ logits }) => logits),
    labels
  )

interface FoldDone {
  history: EpochRow[]
  predictions: Prediction[]
  best: number
}

async function trainFold(study: Study, folds: ReadonlyMap<string, number>, fold: number, k: number): Promise<FoldDone> {
  const { options, dataset, labels } = study
  const folder = join(options.out, `fold-${fold + 1}`)
  const inTraining = dataset.rows.filter(({ subject }) => folds.has(subject) && folds.get(subject) !== fold)
  const held = innerFolds(trainable(inTraining, labels, options), options)
  const isTrained = (subject: string): boolean => folds.has(subject) && folds.get(subject) !== fold
  const train = samplesOf(study, (subject) => isTrained(subject) && held.get(subject) !== 0)
  const heldOut = samplesOf(study, (subject) => isTrained(subject) && held.get(subject) === 0)
  const { trainer, progress } = await fitModel(study, folder, { train, heldOut, name: `fold ${fold + 1} of ${k}` })
  try {
    const data = { chain: study.chain, features: study.features, recipe: options.recipe }
    const targets = heldOut.map(({ target }) => target)
    const temperature = fitTemperature(await trainedLogits(trainer, heldOut, data), targets)
    const tested = [...dataset.rows.entries()].filter(([, { subject }]) => folds.get(subject) === fold)
    const asked = tested.map(([crop]) => ({ crop, target: new Float32Array(labels.length), weight: 1 }))
    const logits = await trainedLogits(trainer, asked, data)
    const predictions = tested.map(([, row], i) => {
      return { row, fold, logits: logits.slice(i * labels.length, (i + 1) * labels.length), temperature }
    })
    await writeModelOf(study, folder, trainer, {
      name: `fold-${fold + 1}`,
      temperature,
      resting: restingIn(predictions, labels),
      metrics: metricsOf(predictions, labels)
    })
    return { history: progress.history, predictions, best: progress.best }
  } finally {
    await trainer.close()
  }
}

/** Of so many parts of the subjects that are trained on, one is held out for early stopping and the temperature. */
const innerParts = 8
/** Fewer subjects are all trained on: nothing can be told from one or two that are held out. */
const fewestSubjects = 4

/** The parts of a training part; fewer where a class has too few subjects for more, none where there are too few for any. */
function innerFolds(rows: readonly CropRow[], { recipe }: TrainOptions): ReadonlyMap<string, number> {
  const subjects = new Set(rows.map(({ subject }) => subject)).size
  for (let parts = Math.min(innerParts, subjects); parts >= 2 && subjects >= fewestSubjects; parts--) {
    try {
      return foldsOf(rows, parts, recipe.seed + 1)
    } catch (error) {
      if (!(error instanceof InputError)) throw error
    }
  }
  return new Map()
}

async function fitModel(
  study: Study,
  folder: string,
  {
    train,
    heldOut,
    name,
    epochs
  }: { train: TrainingSample[]; heldOut: TrainingSample[]; name: string; epochs?: number }
) {
  const { options, base, features, provider, write, signal } = study
  const recipe = epochs === undefined ? options.recipe : { ...options.recipe, epochs }
  await mkdir(folder, { recursive: true, mode: 0o700 }).catch((error: unknown) => {
    throw studyDiskError(error, folder)
  })
  return fitChain({
    chain: study.chain,
    features,
    train,
    heldOut,
    recipe,
    provider,
    folder,
    key: `${base.sha256} ${options.trainFrom}`,
    ...trainingLines(name, train.length, recipe.epochs, write),
    signal
  })
}

async function trainFinal(
  study: Study,
  predictions: readonly Prediction[],
  epochs: number,
  metrics: unknown,
  fits: { name: string; history: EpochRow[] }[]
): Promise<string> {
  const { options, labels } = study
  const folder = join(options.out, 'final')
  const train = samplesOf(study, () => true)
  const { trainer, progress } = await fitModel(study, folder, { train, heldOut: [], name: 'final', epochs })
  try {
    await writeLog(join(options.out, 'log.csv'), [...fits, { name: 'final', history: progress.history }])
    // Of the models that never saw a crop's subject: the final one has seen all.
    const judged = predictions.filter(({ row }) => isTrainedOn(row, labels, options))
    const targets = judged.map(({ row }) => targetOf(row, labels, options))
    const temperature = fitTemperature(Float32Array.from(judged.flatMap(({ logits }) => [...logits])), targets)
    const warning = endOfTemperatures(temperature)
    if (warning !== null) study.write(`final: ${warning}\n`)
    return await writeModelOf(study, folder, trainer, {
      name: 'final',
      temperature,
      resting: restingIn(predictions, labels),
      metrics: { cross_validated: metrics }
    })
  } finally {
    await trainer.close()
  }
}

async function writeModelOf(
  study: Study,
  folder: string,
  trainer: Trainer,
  { name, ...measured }: Pick<TrainedDescription, 'name' | 'temperature' | 'resting' | 'metrics'>
): Promise<string> {
  const { base, dataset, model, labels, options } = study
  const trained = trainedModel(model, study.chain, trainer.weights(), base.file)
  const said = { name: `${base.name}-${name}`, labels, alarmLabel: options.alarmLabel, ...measured }
  return writeTrained(folder, trained, said, { base, dataset })
}
