import { createHash } from 'node:crypto'
import { realpath } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { Moment } from '../../core/clock.js'
import { InferenceError, InputError } from '../../core/errors.js'
import { silentLog } from '../../core/log.js'
import { printable } from '../../core/printable.js'
import { progressLine } from '../../core/progress-line.js'
import type { Face } from '../../core/types.js'
import { loadManifest } from '../../lib/model/load-manifest.js'
import type { Manifest } from '../../lib/model/manifest.js'
import { softmax } from '../../lib/model/preprocess.js'
import { restingOf } from '../../lib/statistics/index.js'
import { type Classifier, startClassifier } from '../../stages/classify/index.js'
import type { ReferenceModel } from '../../stages/reference/shift.js'
import { viewOf } from '../crops.js'
import { type Dataset, neutral } from '../dataset.js'
import { isThere } from '../files.js'
import { RowsFile } from '../rows-file.js'
import { checkFits } from '../train/base.js'
import type { JudgedData } from './judged.js'
import { dataOf, foldBySubject } from './predictions.js'

export interface JudgeOptions {
  /** Where answers are kept until there are all. */
  folder: string
  threads: number
  write: (line: string) => void
  signal: AbortSignal
}

/** Files that begin so are of use until the figures are written. */
export const judgedPrefix = 'judged-'

/** Crops that are read while others are judged. */
const batchSize = 16

/** Reads a manifest. @throws ModelError; InputError where its model cannot judge these crops */
export async function modelFor(dataset: Dataset, file: string): Promise<Manifest> {
  const manifest = await loadManifest(file)
  checkFits(dataset, manifest)
  checkLabels(dataset, manifest)
  return manifest
}

/**
 * Judges each crop of a data set as the daemon would: by its classify stage. A run that was stopped goes on where it was.
 * @throws InputError, ModelError, InferenceError, DiskError; the signal's reason
 */
export async function judgeDataset(dataset: Dataset, manifest: Manifest, options: JudgeOptions): Promise<JudgedData> {
  const { labels, alarmLabel, name, temperature } = manifest
  const logits = await logitsOf(dataset, manifest, options)
  const outputs = dataset.rows.map((_, i) => logits.subarray(i * labels.length, (i + 1) * labels.length))
  const judged = dataset.rows.map((row, i) => {
    const own = outputs[i]!
    if (!own.every(Number.isFinite)) {
      const what = `the model's answer to ${printable(row.crop)} is not a number`
      throw new InferenceError('PL-INFERENCE-FAILED', what, manifest.file, {
        fix: 'A weight of the model, or the scale of its input, is wrong: make the model again.'
      })
    }
    const probabilities = Float64Array.from(softmax(own, temperature))
    const predicted = own.indexOf(Math.max(...own))
    return { row, fold: null, predicted, probabilities, uncalibrated: Float64Array.from(softmax(own)) }
  })
  return {
    dataset,
    labels,
    alarmLabel,
    judged,
    model: { name, temperatures: [temperature], crossValidated: false },
    resting: restingOf(
      outputs.filter((_, i) => dataset.rows[i]!.label === neutral),
      labels
    ),
    one: { outputs, reference: referenceModelOf(manifest) },
    warnings: await seenBefore(dataset, manifest)
  }
}

/** As the daemon's reference stage knows it: all probabilities here are by softmax. */
function referenceModelOf({ sha256, labels, alarmIndex, resting, temperature }: Manifest): ReferenceModel {
  const scoreOf = (logits: Float32Array): number => softmax(logits, temperature)[alarmIndex]!
  return { sha256, labels, alarmIndex, resting, scoreOf, reading: 'softmax' }
}

/** @throws InputError where crops have labels that the model does not know */
function checkLabels({ rows, folder }: Dataset, { labels, name }: Manifest): void {
  const known = new Set([...labels, neutral])
  const others = [...new Set(rows.map(({ label }) => label))].filter((label) => !known.has(label)).sort()
  if (others.length === 0) return
  const what = `there are crops of ${others.map(printable).join(', ')}, but ${printable(name)} knows ${labels.map(printable).join(', ')}`
  throw new InputError('PL-STUDY-LABELS', what, printable(folder), {
    fix: 'Give a model with these labels, or prepare the data without them.'
  })
}

async function logitsOf(dataset: Dataset, manifest: Manifest, options: JudgeOptions): Promise<Float32Array> {
  const { rows } = dataset
  const { write, signal } = options
  const path = join(options.folder, `${judgedPrefix}${keyOf(dataset, manifest)}.f32`)
  const file = await RowsFile.open(path, manifest.labels.length)
  try {
    if (file.rows < rows.length) {
      const classifier = await startClassifier({
        manifest,
        provider: 'auto',
        threads: options.threads,
        log: silentLog,
        signal
      })
      try {
        write(`${rows.length} crops are judged on ${classifier.proof.provider}\n`)
        await judgeRest(dataset, manifest, classifier, file, options)
      } finally {
        await classifier.stop()
      }
    }
    signal.throwIfAborted()
    return await file.readAll(rows.length)
  } finally {
    await file.close()
  }
}

async function judgeRest(
  { folder, rows }: Dataset,
  { input }: Manifest,
  classifier: Classifier,
  file: RowsFile,
  { write, signal }: JudgeOptions
): Promise<void> {
  const onProgress = progressLine('judged', write)
  const begun = file.rows
  const facesOf = (from: number): Promise<Face[]> =>
    Promise.all(
      rows
        .slice(from, from + batchSize)
        .map(async ({ crop }) => faceOf(await viewOf(join(folder, crop), 0, 0, input), input))
    )
  let next = facesOf(file.rows)
  while (file.rows < rows.length) {
    signal.throwIfAborted()
    const faces = await next
    next = facesOf(file.rows + batchSize)
    // Awaited in the next round; without one its rejection must not be unhandled.
    next.catch(() => undefined)
    const verdicts = await classifier.classify({ camera: 'study', at: 0 as Moment, faces }).verdicts
    await file.append(verdicts.map(({ logits }) => logits))
    onProgress(file.rows - begun, rows.length - begun)
  }
  await next
}

/** A prepared crop as the detect stage hands it on. */
export function faceOf(data: Uint8Array, { width, height }: { width: number; height: number }): Face {
  const landmarks = new Float32Array(0)
  const box = { x: 0, y: 0, width, height }
  const crop = { width, height, data, landmarks }
  return { track: 0, box, score: 1, roll: 0, whyNot: null, landmarks, zone: null, crop }
}

/** Differs as soon as the model or the data do. */
function keyOf({ digest }: Dataset, { sha256 }: Manifest): string {
  return createHash('sha256').update(`${sha256} ${digest}`).digest('hex').slice(0, 16)
}

/** Figures of a model on subjects that it was trained on say how well it remembers. */
async function seenBefore({ folder, rows }: Dataset, { path }: Manifest): Promise<string[]> {
  const [of, run] = [basename(dirname(path)), dirname(dirname(path))]
  // Else the model is not from a run of painlens study train.
  if (!(await isThere(join(run, 'run.yaml')))) return []
  try {
    const data = await dataOf(run)
    const [trainedOn, judged] = await Promise.all([data, folder].map((one) => realpath(one).catch(() => null)))
    if (trainedOn !== judged) return []
    const folds = (await foldBySubject(run)) ?? new Map<string, string>()
    const trained = new Set([...folds].filter(([, fold]) => of !== `fold-${fold}`).map(([subject]) => subject))
    const seen = new Set(rows.map(({ subject }) => subject).filter((subject) => trained.has(subject))).size
    return seen === 0
      ? []
      : [
          `THE MODEL WAS TRAINED ON ${seen} OF THESE SUBJECTS: it knows them. Use --run ${printable(run)} for figures that hold.`
        ]
  } catch (error) {
    if (!(error instanceof InputError)) throw error
    return [
      `IT IS NOT KNOWN WHETHER THE MODEL WAS TRAINED ON THESE SUBJECTS: ${error.where}: ${error.what}. If it was, the figures are too good.`
    ]
  }
}
