import { basename, join } from 'node:path'
import Papa from 'papaparse'
import { stringify } from 'yaml'
import { sha256Of } from '../../lib/model/manifest.js'
import { softmax } from '../../lib/model/preprocess.js'
import { type OnnxModel, removeUnfinished, writeModel } from '../../lib/onnx/index.js'
import { classReport, confusionOf } from '../../lib/statistics/classes.js'
import type { Resting } from '../../lib/statistics/index.js'
import type { CropRow, Dataset } from '../dataset.js'
import { openly, writeStudyFile } from '../files.js'
import type { Base } from './base.js'
import type { EpochRow } from './checkpoint.js'

/** The out-of-fold prediction for a crop: by the model that was not trained on its subject. */
export interface Prediction {
  row: CropRow
  /** From 0. */
  fold: number
  logits: Float32Array
  temperature: number
}

/** Share of right answers, and of each label its precision and recall; null where nothing was asked or said. */
export interface LabelMetrics {
  crops: number
  accuracy: number | null
  precision: Record<string, number | null>
  recall: Record<string, number | null>
  /** Rows: the label; columns: what was predicted. Both in the order of the labels. */
  confusion: number[][]
}

/** Of crops that show an expression; neutral ones are left out. */
export function metricsOf(predictions: readonly Prediction[], labels: readonly string[]): LabelMetrics {
  const shown = predictions.filter(({ row }) => labels.includes(row.label))
  const pairs = shown.map(({ row, logits }) => [labels.indexOf(row.label), likeliestOf(logits)] as const)
  const confusion = confusionOf(labels.length, pairs)
  const { classes, accuracy } = classReport(confusion)
  const perLabel = (figure: 'precision' | 'recall') =>
    Object.fromEntries(labels.map((label, i) => [label, classes[i]![figure]]))
  return { crops: shown.length, accuracy, precision: perLabel('precision'), recall: perLabel('recall'), confusion }
}

const likeliestOf = (logits: Float32Array): number => logits.indexOf(Math.max(...logits))

/** What a manifest says of a trained model beside what follows from its base and the data. */
export interface TrainedDescription {
  name: string
  labels: readonly string[]
  alarmLabel: string
  temperature: number
  resting: Resting | null
  metrics: unknown
}

/** Writes a model and its manifest, the latter last: a manifest stands for a whole model. @returns the manifest's path */
export async function writeTrained(
  folder: string,
  model: OnnxModel,
  said: TrainedDescription,
  { base, dataset }: { base: Base; dataset: Dataset }
): Promise<string> {
  const file = join(folder, 'model.onnx')
  // Of a run that was killed: as large as the model itself.
  await removeUnfinished(file)
  await writeModel(file, model)
  const { eyeDistance, eyeY } = dataset.alignment
  const manifest = {
    name: said.name,
    labels: said.labels,
    alarm_label: said.alarmLabel,
    file: basename(file),
    sha256: await sha256Of(file),
    licence: base.licence,
    input: base.input,
    alignment: { eye_distance: eyeDistance, eye_y: eyeY },
    intended_use: 'research',
    temperature: said.temperature,
    ...(said.resting && { resting: said.resting }),
    metrics: said.metrics
  }
  const path = join(folder, 'model.yaml')
  await writeStudyFile(path, [stringify(manifest)], openly)
  return path
}

export async function writePredictions(
  file: string,
  predictions: readonly Prediction[],
  labels: readonly string[]
): Promise<void> {
  const rows = predictions.map(({ row, fold, logits, temperature }) => {
    const probabilities = softmax(logits, temperature)
    return [row.crop, row.subject, row.label, fold + 1, labels[likeliestOf(logits)], ...probabilities]
  })
  const fields = ['crop', 'subject', 'label', 'fold', 'predicted', ...labels.map((label) => `p_${label}`)]
  await writeStudyFile(file, [Papa.unparse({ fields, data: rows }, { newline: '\n' }), '\n'])
}

/** One line for each epoch of each fold. */
export async function writeLog(
  file: string,
  fits: readonly { name: string; history: readonly EpochRow[] }[]
): Promise<void> {
  const fields = ['model', 'epoch', 'rate', 'loss', 'held_out_loss', 'held_out_accuracy', 'seconds']
  const data = fits.flatMap(({ name, history }) =>
    history.map(({ epoch, rate, loss, heldOutLoss, heldOutAccuracy, seconds }) => [
      name,
      epoch,
      rate,
      loss,
      heldOutLoss,
      heldOutAccuracy,
      Math.round(seconds * 10) / 10
    ])
  )
  await writeStudyFile(file, [Papa.unparse({ fields, data }, { newline: '\n' }), '\n'])
}
