import { printable } from '../../core/printable.js'
import type { Interval } from '../../lib/statistics/index.js'
import { noUsableFace } from '../dataset.js'
import { curveArea, curveAreas, percent, span, tableOf, three, two } from './columns.js'
import type { Evaluation } from './evaluation.js'
import type { Estimate, Group } from './figures.js'
import type { AlarmFigures } from './replay.js'
import type { Separation } from './scores.js'
import { worthText } from './worth-text.js'

/** The figures for people: on the terminal, and as `evaluation.txt`. */
export function textOf(evaluation: Evaluation): string {
  const parts = [
    head(evaluation),
    classTable(evaluation),
    accuracy(evaluation),
    confusion(evaluation),
    ...groupTables(evaluation),
    tests(evaluation),
    calibration(evaluation),
    atRest(evaluation),
    separation(evaluation),
    alarms(evaluation),
    evaluation.reference ? worthText(evaluation.reference, printable(evaluation.alarm_label)) : ''
  ]
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`
}

function head({
  judged_by: by,
  data,
  crops,
  subjects,
  cross_validated,
  confusion: { rows },
  warnings
}: Evaluation): string {
  const neutral = Object.values(rows.neutral ?? []).slice(0, -1)
  const resting = neutral.reduce<number>((sum, count) => sum + (count ?? 0), 0)
  const lines = [
    `${printable(by.run ?? by.name)} on ${printable(data)}`,
    `${crops} crops of ${subjects === 0 ? 'unknown subjects' : `${subjects} subjects`}${resting === 0 ? '' : `, and ${resting} of neutral faces`}; ${
      cross_validated ? 'each judged by a model that never saw its subject' : 'all judged by this model'
    }`,
    ...warnings.map((warning) => `WARNING: ${printable(warning)}`)
  ]
  return lines.join('\n')
}

function classTable({ classes, macro, weighted }: Evaluation): string {
  const rows = Object.entries(classes).map(([label, { precision, recall, f1, support, recall_interval }]) => {
    return [printable(label), two(precision), two(recall), span(recall_interval), two(f1), String(support)]
  })
  const means = (
    [
      ['mean', macro],
      ['by images', weighted]
    ] as const
  ).map(([name, { precision, recall, f1, support }]) => {
    return [name, two(precision), two(recall), '', two(f1), String(support)]
  })
  return tableOf(['', 'precision', 'recall', '95 % by subjects', 'F1', 'images'], [...rows, ...means])
}

function accuracy({ accuracy: all, balanced_accuracy: balanced, most_frequent }: Evaluation): string {
  return [
    `Accuracy ${two(all.value)}${intervals(all)}; mean of the recalls ${two(balanced.value)}${intervals(balanced)}.`,
    `Calling everything what is most frequent would be right in ${two(most_frequent)}.`
  ].join('\n')
}

/** The interval by subjects is the one that holds: crops of one subject resemble each other. */
function intervals({ wilson, subjects }: Estimate): string {
  const parts = [
    ...(subjects ? [`${span(subjects)} by subjects`] : []),
    ...(wilson ? [`${span(wilson)} if crops were independent`] : [])
  ]
  return parts.length === 0 ? '' : ` (95 %: ${parts.join(', ')})`
}

function confusion({ confusion: { columns, rows }, unusable }: Evaluation): string {
  const isUnknown = Object.values(rows).every((counts) => counts.at(-1) === null)
  const shown = isUnknown ? columns.slice(0, -1) : columns
  const names = shown.map((name) => (name === noUsableFace ? 'no usable face' : printable(name)))
  const body = Object.entries(rows).map(([label, counts]) => [
    printable(label),
    ...shown.map((_, i) => String(counts[i] ?? '-'))
  ])
  const note = !isUnknown
    ? ''
    : unusable === null
      ? '\nHow many pictures had no usable face is not known.'
      : `\n${unusable} pictures of all labels had no usable face.`
  return `What was shown (rows), and what it was called (columns)\n${tableOf(['', ...names], body)}${note}`
}

/** Of more subjects only the ends are shown. */
const mostSubjects = 12

function groupTables({ labels, folds, by_source, by_intensity, by_subject }: Evaluation): string[] {
  const one = (title: string, groups: readonly Group[]): string =>
    groups.length < 2 ? '' : groupTable(title, groups, labels)
  const worst = [...by_subject].sort((a, b) => (a.accuracy ?? 0) - (b.accuracy ?? 0))
  const subjects =
    worst.length <= mostSubjects
      ? one('By subject', worst)
      : `${one('By subject, the six worst', worst.slice(0, 6))}\n\n${one('By subject, the six best', worst.slice(-6))}`
  return [one('By fold', folds), one('By source', by_source), one('By intensity', by_intensity), subjects]
}

function groupTable(title: string, groups: readonly Group[], labels: readonly string[]): string {
  const rows = groups.map(({ name, crops, accuracy: right, wilson, recall }) => [
    printable(name) || '(none)',
    String(crops),
    two(right),
    span(wilson),
    ...labels.map((label) => two(recall[label] ?? null))
  ])
  return tableOf(
    [title, 'crops', 'accuracy', '95 % (Wilson)', ...labels.map((label) => `recall of ${printable(label)}`)],
    rows
  )
}

function tests({ tests: found, alarm_label, intensity_correlation: correlation }: Evaluation): string {
  const lines: string[] = []
  if (found) {
    const { difference, p } = found.better_than_guessing
    lines.push(
      `Over ${found.subjects} subjects, the mean recall is ${points(Math.abs(difference))} ${difference < 0 ? 'below' : 'above'} guessing ` +
        `(p ${pOf(p)})${p !== null && p < 0.05 ? '' : ', which may be chance'}.`
    )
    const certain = found.recall_differences.filter((one) => one.p !== null && one.p < 0.05)
    for (const { label, other, difference: more, p: ofPair } of certain) {
      const [better, worse] = more >= 0 ? [label, other] : [other, label]
      lines.push(
        `${printable(better)} is recognised ${points(Math.abs(more))} more often than ${printable(worse)} (p ${pOf(ofPair)}).`
      )
    }
    if (certain.length === 0)
      lines.push('That a label is recognised more often than another may be chance (p 0.05 or more).')
  }
  if (correlation)
    lines.push(
      `Within subjects, the probability of ${printable(alarm_label)} and its intensity have the rank correlation ` +
        `${two(correlation.value)}${intervals(correlation)}.`
    )
  return lines.join('\n')
}

function calibration({ calibration: { temperatures, before, after }, alarm_label }: Evaluation): string {
  const label = printable(alarm_label)
  const rows = (
    [
      ['error of the likeliest label', ({ likeliest }) => likeliest.expected_error],
      [`error of ${label}`, ({ alarm_label: own }) => own.expected_error],
      ['Brier score', ({ brier }) => brier],
      ['log loss', ({ log_loss }) => log_loss]
    ] satisfies [string, (of: typeof before) => number | null][]
  ).map(([name, of]) => [name, three(of(before)), three(of(after))])
  const used = temperatures.map((one) => one.toFixed(2)).join(', ')
  return tableOf([`Calibration (temperature ${used})`, 'before', 'after'], rows)
}

function atRest({ resting }: Evaluation): string {
  if (!resting) return ''
  const outputs = Object.entries(resting).map(
    ([label, [median, spread]]) => `${printable(label)} ${two(median)} (${two(spread)})`
  )
  return `Outputs on neutral faces before softmax and temperature, median (spread): ${outputs.join(', ')}`
}

function separation({ separation: { from_other_labels, from_everything }, alarm_label }: Evaluation): string {
  const label = printable(alarm_label)
  const sides: [string, Separation | null][] = [
    [`${label} against the other labels`, from_other_labels],
    [`${label} against the rest, neutral too`, from_everything]
  ]
  const lines = sides.flatMap(([name, found]) => {
    if (!found) return []
    if (found.roc_area === null) return [`${name}: not measurable with these data: there is only one of both`]
    const { threshold, sensitivity, specificity } = found.at_threshold
    return [
      `${name}, crop by crop: ROC area ${curveArea(found.roc_area)}${within(found.roc_area_interval)}, ` +
        `average precision ${curveArea(found.average_precision)}${within(found.average_precision_interval)};`,
      `  at the daemon's threshold of ${threshold}: ${percent(sensitivity)} of ${label} found, ${percent(specificity)} of the rest left alone`
    ]
  })
  return lines.join('\n')
}

function alarms({ alarms: found, alarm_label }: Evaluation): string {
  const title = 'False alarms an hour, and missed pain:'
  return found.measurable ? ward(found, printable(alarm_label)) : `${title} ${found.reason}.`
}

function ward({ videos, hours, neutral, other_labels, episodes }: AlarmFigures, label: string): string {
  const lines = [`As the daemon would raise alarms, in ${videos} videos of ${hours.toFixed(1)} hours:`]
  for (const [name, rate] of [
    ['neutral faces', neutral],
    ['other labels', other_labels]
  ] as const)
    if (rate) {
      const { false_alarms, hours: own, per_hour, per_hour_interval } = rate
      const bounds = `95 %: ${span(per_hour_interval)}`
      lines.push(
        `  false alarms of ${name}: ${two(per_hour)} an hour (${bounds}), ${false_alarms} in ${own.toFixed(2)} hours`
      )
    }
  if (!episodes) lines.push(`  missed ${label}: not measurable with these data: no such video shows ${label}`)
  else {
    const { shown, missed, missed_share, missed_share_interval, delay_s, shortest_meant_s } = episodes
    const { shown: meant, missed: missedMeant } = episodes.missed_of_those_meant
    lines.push(
      `  missed ${label}: ${missed} of ${shown} episodes, ${percent(missed_share)} (95 %: ${percent(missed_share_interval?.low ?? null)} to ${percent(missed_share_interval?.high ?? null)});`
    )
    lines.push(`    of the ${meant} that last ${shortest_meant_s} s, as an alarm needs, ${missedMeant} were missed`)
    if (delay_s !== null) lines.push(`  raised ${delay_s.toFixed(1)} s after the episode began, in the median`)
  }
  return lines.join('\n')
}

const points = (value: number): string => `${(100 * value).toFixed(1)} percentage points`
const pOf = (p: number | null): string => (p === null ? 'unknown' : p < 0.001 ? 'below 0.001' : p.toFixed(3))
const within = (interval: Interval | null): string => (interval === null ? '' : ` (95 %: ${curveAreas(interval)})`)
