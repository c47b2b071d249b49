import type { Resting } from '../../lib/statistics/index.js'
import type { ReferenceModel } from '../../stages/reference/shift.js'
import type { CropRow, Dataset } from '../dataset.js'

/** A model's output for a crop. */
export interface Judged {
  row: CropRow
  /** The fold whose model it is, from 1; null for one model for all. */
  fold: number | null
  /** Index of the label that it calls the crop. */
  predicted: number
  /** By label, after the temperature: as the daemon has them. */
  probabilities: Float64Array
  /** By label, as if the temperature were 1. */
  uncalibrated: Float64Array
  /** The alarm label's probability held against the subject's resting face, where that is asked for and there is one. */
  lowered?: number
}

/** What is known of the answers of one model beside the probabilities. */
export interface OneModel {
  /** By crop, before softmax and temperature. */
  outputs: readonly Float32Array[]
  reference: ReferenceModel
}

/** A data set as it was judged. */
export interface JudgedData {
  dataset: Dataset
  /** In the order of the model's outputs. */
  labels: readonly string[]
  alarmLabel: string
  /** In the order of `index.csv`. */
  judged: readonly Judged[]
  /** What the reader of the figures has to know of the model. */
  model: { name: string; temperatures: readonly number[]; crossValidated: boolean }
  /** Of one model on the neutral faces; null for the folds of a run, each of which has its own, and without neutral faces. */
  resting: Resting | null
  /** Null for the folds of a run, whose predictions are probabilities. */
  one: OneModel | null
  /** Reasons to doubt the figures. */
  warnings: readonly string[]
}
