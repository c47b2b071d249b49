import { groupedBy } from '../../core/grouped.js'
import {
  type ClassFigures,
  classReport,
  clusterBootstrap,
  confusionOf,
  type Interval,
  signFlipTest,
  spearman,
  wilsonInterval
} from '../../lib/statistics/index.js'
import { neutral, noUsableFace } from '../dataset.js'
import type { Judged, JudgedData } from './judged.js'

/** How chance is drawn: the same seed gives the same intervals. */
export interface Chance {
  seed: number
  /** Samples of a bootstrap, and flips of a test. */
  repetitions: number
}

/** A figure with its intervals of 95 %. */
export interface Estimate {
  value: number | null
  /** Wilson's, which takes crops for independent: too narrow where subjects have many. */
  wilson: Interval | null
  /** By drawing subjects; null where there are fewer than two. */
  subjects: Interval | null
}

/** Right answers among the crops of a fold, a subject, an intensity or a source. */
export interface Group {
  name: string
  crops: number
  accuracy: number | null
  wilson: Interval | null
  /** By label; null where the group does not have it. */
  recall: Record<string, number | null>
}

/** Of crops that show one of the model's labels; neutral ones cannot be called right. */
export interface Figures {
  crops: number
  subjects: number
  classes: Record<string, ClassFigures & { recall_interval: Interval | null }>
  macro: ClassFigures
  weighted: ClassFigures
  accuracy: Estimate
  balanced_accuracy: Estimate
  /** Accuracy of always predicting the most frequent label. */
  most_frequent: number | null
  /** The confusion matrix: a row for each true label (neutral last, if there is any), a column for each predicted one. */
  confusion: { columns: string[]; rows: Record<string, (number | null)[]> }
  /** Pictures without a usable face, of all labels; null where that is not known. */
  unusable: number | null
  folds: Group[]
  by_subject: Group[]
  by_source: Group[]
  by_intensity: (Group & { label: string; intensity: [low: number, high: number] })[]
  /** Spearman's rank correlation of intensity and the alarm label's probability within subjects, in the mean over subjects. */
  intensity_correlation: (Estimate & { subjects_with_it: number }) | null
  /** Tests over subjects; null where fewer than two subjects show every label. */
  tests: Tests | null
}

interface Tests {
  subjects: number
  /** Mean recall less that of guessing, 1 / labels. */
  better_than_guessing: { difference: number; p: number | null }
  /** Differences of the labels' recalls; p corrected for all pairs. */
  recall_differences: { label: string; other: string; difference: number; p: number | null }[]
}

export function figuresOf(judgement: JudgedData, chance: Chance): Figures {
  const { labels, judged, dataset } = judgement
  const shown = judged.filter(({ row }) => labels.includes(row.label))
  const confusion = confusionIn(shown, labels)
  const report = classReport(confusion)
  const subjects = groupedBy(shown, ({ row }) => row.subject)
  const known = subjects.has('') ? new Map<string, Judged[]>() : subjects
  const estimates = estimatesOf([...known.values()], labels, confusion, chance)
  const groupsBy = (key: (one: Judged) => string) => groupsIn(groupedBy(shown, key), labels)
  return {
    crops: shown.length,
    subjects: known.size,
    classes: Object.fromEntries(
      report.classes.map((one, i) => [labels[i]!, { ...one, recall_interval: estimates.recalls[i]! }])
    ),
    macro: report.macro,
    weighted: report.weighted,
    accuracy: estimates.accuracy,
    balanced_accuracy: estimates.balanced,
    most_frequent: shown.length === 0 ? null : Math.max(...report.classes.map(({ support }) => support)) / shown.length,
    confusion: withUnusable(judgement, confusion),
    unusable: dataset.unusable.all,
    folds: shown.some(({ fold }) => fold === null) ? [] : groupsBy(({ fold }) => String(fold)),
    by_subject: known.size === 0 ? [] : groupsBy(({ row }) => row.subject),
    by_source: groupsBy(({ row }) => row.source),
    by_intensity: intensitiesOf(shown, labels),
    intensity_correlation: correlationOf(judgement, [...known.values()], chance),
    tests: testsOf([...known.values()], labels, chance)
  }
}

const confusionIn = (judged: readonly Judged[], labels: readonly string[]): number[][] =>
  confusionOf(
    labels.length,
    judged.map(({ row, predicted }) => [labels.indexOf(row.label), predicted] as const)
  )

/** By name, numbers in names by their size. */
function groupsIn(groups: ReadonlyMap<string, readonly Judged[]>, labels: readonly string[]): Group[] {
  return [...groups]
    .map(([name, judged]) => groupOf(name, judged, labels))
    .sort((a, b) => a.name.localeCompare(b.name, 'en', { numeric: true }))
}

function groupOf(name: string, judged: readonly Judged[], labels: readonly string[]): Group {
  const confusion = confusionIn(judged, labels)
  const { accuracy, classes } = classReport(confusion)
  const hits = confusion.reduce((sum, row, i) => sum + row[i]!, 0)
  return {
    name,
    crops: judged.length,
    accuracy,
    wilson: wilsonInterval(hits, judged.length),
    recall: Object.fromEntries(labels.map((label, i) => [label, classes[i]!.recall]))
  }
}

function estimatesOf(
  subjects: readonly (readonly Judged[])[],
  labels: readonly string[],
  confusion: readonly (readonly number[])[],
  { seed, repetitions }: Chance
) {
  const own = subjects.map((judged) => confusionIn(judged, labels))
  const summed = labels.map(() => labels.map(() => 0))
  const intervals = clusterBootstrap({ clusters: subjects.length, seed, repetitions }, (weights) => {
    for (const [i, row] of summed.entries())
      for (let j = 0; j < row.length; j++) row[j] = own.reduce((sum, one, s) => sum + weights[s]! * one[i]![j]!, 0)
    const { accuracy, macro, classes } = classReport(summed)
    return [accuracy, macro.recall, ...classes.map(({ recall }) => recall)].map((one) => one ?? Number.NaN)
  })
  const { accuracy, macro, classes } = classReport(confusion)
  const hits = confusion.reduce((sum, row, i) => sum + row[i]!, 0)
  const asked = classes.reduce((sum, { support }) => sum + support, 0)
  const [ofAccuracy = null, ofBalanced = null, ...recalls] = intervals
  return {
    accuracy: { value: accuracy, wilson: wilsonInterval(hits, asked), subjects: ofAccuracy },
    balanced: { value: macro.recall, wilson: null, subjects: ofBalanced },
    recalls
  }
}

function withUnusable(
  { labels, judged, dataset }: JudgedData,
  confusion: readonly (readonly number[])[]
): Figures['confusion'] {
  const unusable = dataset.unusable.byLabel
  const rows: [string, number[]][] = labels.map((label, i) => [label, [...confusion[i]!]])
  const resting = judged.filter(({ row }) => row.label === neutral)
  if (resting.length > 0)
    rows.push([neutral, labels.map((_, i) => resting.filter(({ predicted }) => predicted === i).length)])
  return {
    columns: [...labels, noUsableFace],
    rows: Object.fromEntries(
      rows.map(([label, row]) => [label, [...row, unusable ? (unusable.get(label) ?? 0) : null]])
    )
  }
}

/** More values than these are put together into ranges. */
const mostIntensities = 10
const ranges = 5

function intensitiesOf(shown: readonly Judged[], labels: readonly string[]): Figures['by_intensity'] {
  return labels.flatMap((label) => {
    const own = shown.filter(({ row }) => row.label === label && row.intensity !== null)
    const values = [...new Set(own.map(({ row }) => row.intensity!))].sort((a, b) => a - b)
    return rangesOf(values).map(([low, high], i, all) => {
      const isLast = i === all.length - 1
      const within = own.filter(
        ({ row }) =>
          row.intensity! >= low && (row.intensity! < high || isLast || (low === high && row.intensity === low))
      )
      const name = low === high ? `${label} ${low}` : `${label} ${low.toFixed(2)} to ${high.toFixed(2)}`
      return { ...groupOf(name, within, labels), label, intensity: [low, high] as [number, number] }
    })
  })
}

/** Each value alone, or ranges of the same width, the upper end excluded but in the last. */
function rangesOf(values: readonly number[]): [low: number, high: number][] {
  if (values.length <= mostIntensities) return values.map((value) => [value, value])
  const [low, high] = [values[0]!, values.at(-1)!]
  const edge = (i: number): number => (i === ranges ? high : low + ((high - low) * i) / ranges)
  return Array.from({ length: ranges }, (_, i) => [edge(i), edge(i + 1)])
}

function correlationOf(
  { labels, alarmLabel }: JudgedData,
  subjects: readonly (readonly Judged[])[],
  { seed, repetitions }: Chance
): Figures['intensity_correlation'] {
  const alarm = labels.indexOf(alarmLabel)
  const each = subjects.flatMap((judged) => {
    const own = judged.filter(({ row }) => row.label === alarmLabel && row.intensity !== null)
    return (
      spearman(
        own.map(({ row }) => row.intensity!),
        own.map(({ probabilities }) => probabilities[alarm]!)
      ) ?? []
    )
  })
  if (each.length === 0) return null
  const meanBy = (weights: ArrayLike<number>): number =>
    each.reduce((sum, one, i) => sum + weights[i]! * one, 0) / each.reduce((sum, _, i) => sum + weights[i]!, 0)
  const [interval = null] = clusterBootstrap({ clusters: each.length, seed, repetitions }, (weights) => [
    meanBy(weights)
  ])
  return { value: meanBy(each.map(() => 1)), wilson: null, subjects: interval, subjects_with_it: each.length }
}

function testsOf(
  subjects: readonly (readonly Judged[])[],
  labels: readonly string[],
  { seed, repetitions }: Chance
): Tests | null {
  // Guessing has a balanced accuracy of 1 / labels only if all labels occur.
  const recalls = subjects
    .map((judged) => classReport(confusionIn(judged, labels)).classes.map(({ recall }) => recall))
    .filter((row): row is number[] => row.every((recall) => recall !== null))
  if (recalls.length < 2) return null
  const options = { flips: repetitions, seed }
  const pairs = labels.flatMap((_, i) => labels.slice(i + 1).map((_, j) => [i, i + 1 + j] as const))
  const mean = (row: readonly number[]): number => row.reduce((sum, one) => sum + one, 0) / row.length
  const [guessing] = signFlipTest(
    recalls.map((row) => [mean(row) - 1 / labels.length]),
    options
  )
  const between = signFlipTest(
    recalls.map((row) => pairs.map(([i, j]) => row[i]! - row[j]!)),
    options
  )
  return {
    subjects: recalls.length,
    better_than_guessing: { difference: guessing!.mean, p: guessing!.p },
    recall_differences: pairs.map(([i, j], which) => {
      return { label: labels[i]!, other: labels[j]!, difference: between[which]!.mean, p: between[which]!.p }
    })
  }
}
