import Papa from 'papaparse'
import type { Evaluation, EvaluationParts } from './evaluation.js'
import type { JudgedData } from './judged.js'
import type { ReplayedAlarm } from './replay.js'
import type { ReferenceWorth } from './worth.js'

/** The files of an evaluation that a spreadsheet reads, by name. */
export function tablesOf(
  judgement: JudgedData,
  { evaluation, curves, alarms }: EvaluationParts
): Record<string, string> {
  return {
    'classes.csv': classes(evaluation),
    'confusion.csv': confusion(evaluation),
    'groups.csv': groups(evaluation),
    'reliability.csv': reliability(evaluation),
    'roc.csv': roc(curves),
    'precision-recall.csv': precisionRecall(curves),
    ...(alarms && { 'alarms.csv': alarmsTable(alarms) }),
    ...(evaluation.reference && { 'reference.csv': references(evaluation.reference) }),
    ...(!evaluation.cross_validated && { 'predictions.csv': predictions(judgement) })
  }
}

type Cell = string | number | null

/** Text that a spreadsheet would take for a formula is quoted. */
const csv = (fields: readonly string[], data: readonly (readonly Cell[])[], escapeFormulae = true): string =>
  `${Papa.unparse({ fields: [...fields], data: data.map((row) => [...row]) }, { newline: '\n', escapeFormulae })}\n`

function classes({ classes: rows, macro, weighted }: Evaluation): string {
  const means = { mean: { ...macro, recall_interval: null }, 'mean by images': { ...weighted, recall_interval: null } }
  return csv(
    ['label', 'precision', 'recall', 'recall_low', 'recall_high', 'f1', 'images'],
    [...Object.entries(rows), ...Object.entries(means)].map(
      ([label, { precision, recall, f1, support, recall_interval: bounds }]) => {
        return [label, precision, recall, bounds?.low ?? null, bounds?.high ?? null, f1, support]
      }
    )
  )
}

function confusion({ confusion: { columns, rows } }: Evaluation): string {
  return csv(
    ['label', ...columns],
    Object.entries(rows).map(([label, counts]) => [label, ...counts])
  )
}

function groups({ labels, folds, by_subject, by_source, by_intensity }: Evaluation): string {
  const kinds = { fold: folds, subject: by_subject, source: by_source, intensity: by_intensity }
  return csv(
    ['by', 'name', 'crops', 'accuracy', 'accuracy_low', 'accuracy_high', ...labels.map((label) => `recall_${label}`)],
    Object.entries(kinds).flatMap(([kind, rows]) =>
      rows.map(({ name, crops, accuracy, wilson, recall }) => {
        const recalls = labels.map((label) => recall[label] ?? null)
        return [kind, name, crops, accuracy, wilson?.low ?? null, wilson?.high ?? null, ...recalls]
      })
    )
  )
}

function reliability({ calibration }: Evaluation): string {
  return csv(
    ['temperature', 'of', 'low', 'high', 'crops', 'confidence', 'hits'],
    (['before', 'after'] as const).flatMap((when) =>
      (['likeliest', 'alarm_label'] as const).flatMap((of) =>
        calibration[when][of].bins.map(({ low, high, samples, confidence, hits }) => {
          return [when, of, low, high, samples, confidence, hits]
        })
      )
    )
  )
}

const roc = (curves: EvaluationParts['curves']): string =>
  csv(
    ['separation', 'threshold', 'false_positive_rate', 'true_positive_rate'],
    Object.entries(curves).flatMap(([name, ranking]) =>
      (ranking?.roc() ?? []).map((point) => [name, point.threshold, point.falsePositiveRate, point.truePositiveRate])
    )
  )

const precisionRecall = (curves: EvaluationParts['curves']): string =>
  csv(
    ['separation', 'threshold', 'precision', 'recall'],
    Object.entries(curves).flatMap(([name, ranking]) =>
      (ranking?.precisionRecall() ?? []).map(({ threshold, precision, recall }) => [name, threshold, precision, recall])
    )
  )

const alarmsTable = (alarms: readonly ReplayedAlarm[]): string =>
  csv(
    ['source', 'video', 'subject', 'onset_s', 'start_s', 'end_s', 'shown'],
    alarms.map(({ source, video, subject, onset_s, start_s, end_s, shown }) => {
      return [source, video, subject, onset_s, start_s, end_s, shown]
    })
  )

/** A row for each subject; of each pair of columns the second is with its reference. */
function references({ by_subject, harmed }: ReferenceWorth): string {
  const pairs = ['roc_area', 'false_positives', 'missed_crops', 'false_alarms', 'missed_episodes'] as const
  return csv(
    [
      ...['subject', 'held_out', 'refused', 'shift', 'harmed', 'crops', 'shown', 'hours', 'episodes'],
      ...pairs.flatMap((name) => [name, `${name}_referenced`])
    ],
    by_subject.map(({ subject, held_out, refused, reach, crops, shown, alarms, ...own }) => [
      ...[subject, held_out, refused, reach, harmed.includes(subject) ? 'yes' : 'no', crops, shown],
      ...[alarms?.hours ?? null, alarms?.episodes ?? null],
      ...pairs.flatMap((name): (number | null)[] =>
        name === 'false_alarms' || name === 'missed_episodes' ? (alarms?.[name] ?? [null, null]) : own[name]
      )
    ])
  )
}

/** As `painlens study train` writes it; names have to be found again, so they stay as they are. */
function predictions({ labels, judged }: JudgedData): string {
  return csv(
    ['crop', 'subject', 'label', 'fold', 'predicted', ...labels.map((label) => `p_${label}`)],
    judged.map(({ row, fold, predicted, probabilities }) => {
      return [row.crop, row.subject, row.label, fold, labels[predicted]!, ...probabilities]
    }),
    false
  )
}
