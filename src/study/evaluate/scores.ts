import {
  clusterBootstrap,
  type Interval,
  properScores,
  Ranking,
  type Reliability,
  reliabilityOf
} from '../../lib/statistics/index.js'
import type { Chance } from './figures.js'
import type { Judged, JudgedData } from './judged.js'

interface Reliable {
  bins: Reliability['bins']
  /** 0..1. */
  expected_error: number | null
}

/** What probabilities are worth, of crops that show one of the model's labels. */
interface Calibrated {
  /** Of the likeliest label: is it right as often as it is likely? Share of hits, expected error. */
  likeliest: Reliable
  /** Of the alarm's label: how often does a face show it? */
  alarm_label: Reliable
  brier: number | null
  log_loss: number | null
}

export interface Calibration {
  /** Of each model. */
  temperatures: readonly number[]
  /** With a temperature of 1. */
  before: Calibrated
  /** As the daemon has them. */
  after: Calibrated
}

export function calibrationOf({ labels, alarmLabel, judged, model }: JudgedData): Calibration {
  const shown = judged.filter(({ row }) => labels.includes(row.label))
  const alarm = labels.indexOf(alarmLabel)
  const actual = shown.map(({ row }) => labels.indexOf(row.label))
  const calibrated = (of: (one: Judged) => Float64Array): Calibrated => {
    const rows = shown.map(of)
    const { brier, logLoss } = properScores(rows, actual)
    return {
      likeliest: reliable(
        rows.map((row) => Math.max(...row)),
        shown.map(({ predicted }, i) => predicted === actual[i])
      ),
      alarm_label: reliable(
        rows.map((row) => row[alarm]!),
        actual.map((label) => label === alarm)
      ),
      brier,
      log_loss: logLoss
    }
  }
  return {
    temperatures: model.temperatures,
    before: calibrated(({ uncalibrated }) => uncalibrated),
    after: calibrated(({ probabilities }) => probabilities)
  }
}

function reliable(confidence: readonly number[], hits: readonly boolean[]): Reliable {
  const { bins, expectedError } = reliabilityOf(confidence, hits)
  return { bins, expected_error: expectedError }
}

/** How well the alarm label's probability tells crops of that label from others, crop by crop. */
export interface Separation {
  positives: number
  negatives: number
  /** Null where there are no positives, or no negatives. */
  roc_area: number | null
  roc_area_interval: Interval | null
  average_precision: number | null
  average_precision_interval: Interval | null
  /** At the daemon's threshold of a single score. */
  at_threshold: { threshold: number; sensitivity: number | null; specificity: number | null; precision: number | null }
}

export interface Separated {
  separation: Separation
  ranking: Ranking | null
}

/** @param judged the crops to tell apart: of all labels, or with the neutral ones */
export function separationOf(
  judged: readonly Judged[],
  { labels, alarmLabel }: Pick<JudgedData, 'labels' | 'alarmLabel'>,
  threshold: number,
  { seed, repetitions }: Chance
): Separated {
  const alarm = labels.indexOf(alarmLabel)
  const scores = Float64Array.from(judged, ({ probabilities }) => probabilities[alarm]!)
  const positive = judged.map(({ row }) => row.label === alarmLabel)
  const positives = positive.filter(Boolean).length
  const negatives = judged.length - positives
  const isMeasurable = positives > 0 && negatives > 0
  const ranking = isMeasurable ? new Ranking(scores, positive) : null
  const subjects = [...new Set(judged.map(({ row }) => row.subject))]
  const places = new Map(subjects.map((subject, i) => [subject, i]))
  const clusterOf = Uint32Array.from(judged, ({ row }) => places.get(row.subject)!)
  const clusters = ranking && !places.has('') ? subjects.length : 0
  const [area = null, precision = null] = clusterBootstrap({ clusters, seed, repetitions }, (weights) => {
    if (clusters === 0) return []
    const { roc, averagePrecision } = ranking!.areas((sample) => weights[clusterOf[sample]!]!)
    return [roc, averagePrecision]
  })
  const called = (wanted: boolean): number =>
    judged.reduce((sum, _, i) => sum + Number(positive[i] === wanted && scores[i]! >= threshold), 0)
  const share = (part: number, whole: number): number | null => (whole === 0 ? null : part / whole)
  const [right, false_] = [called(true), called(false)]
  return {
    ranking,
    separation: {
      positives,
      negatives,
      roc_area: ranking?.areas().roc ?? null,
      roc_area_interval: area,
      average_precision: ranking?.areas().averagePrecision ?? null,
      average_precision_interval: precision,
      at_threshold: {
        threshold,
        sensitivity: share(right, positives),
        specificity: share(negatives - false_, negatives),
        precision: share(right, right + false_)
      }
    }
  }
}
