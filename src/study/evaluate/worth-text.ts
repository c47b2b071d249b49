import type { ErrorCode } from '../../core/errors.js'
import { printable } from '../../core/printable.js'
import { leastFrames } from '../../stages/reference/measurement.js'
import { percent, span, tableOf, three, two } from './columns.js'
import type { Compared } from './compared.js'
import type { AtEqualMissed, ReferenceWorth } from './worth.js'

/** What references change, for people. @param alarmLabel as it may be printed */
export function worthText(worth: ReferenceWorth, alarmLabel: string): string {
  return [
    ...heading(worth),
    comparison(worth, alarmLabel),
    ...(worth.alarms_reason === null
      ? []
      : [`Alarms without and with references: not measurable without the held-out crops: ${worth.alarms_reason}.`]),
    ...equalMissed(worth, alarmLabel),
    harm(worth, alarmLabel)
  ].join('\n')
}

/** What a code of the daemon comes of here, where its own words would mislead: each crop shows a face. */
const meansHere: Partial<Record<string, string>> = {
  'PL-REFERENCE-NO-FACE': ` (fewer than ${leastFrames} neutral crops)`
} satisfies Partial<Record<ErrorCode, string>>

function heading({
  subjects,
  referenced,
  refused,
  held_out,
  max_shift,
  always_alarm,
  crops
}: ReferenceWorth): string[] {
  const { fewest, most } = held_out
  const range = fewest === most ? `${most}` : `${fewest} to ${most}`
  const each = fewest === null ? '' : `, ${range} of each subject that has one`
  const refusals = Object.entries(refused).map(([code, count]) => `${count} ${code}${meansHere[code] ?? ''}`)
  return [
    `With each subject's own resting face (max_shift ${max_shift}, always_alarm ${always_alarm}): ${referenced} of ${subjects} subjects have one`,
    ...(refusals.length === 0 ? [] : [`  refused, and judged without: ${refusals.join(', ')}`]),
    `  ${held_out.crops} neutral crops are held out for them${each}; the figures are of the other ${crops}`
  ]
}

function comparison(worth: ReferenceWorth, label: string): string {
  const { roc_area, false_positive_rate, missed_crops, alarms, onset_threshold } = worth
  const row = (name: string, compared: Compared, figure: (value: number | null) => string): string[] => {
    const { without, difference, difference_interval: interval } = compared
    return [
      name,
      figure(without),
      figure(compared.with),
      signed(difference),
      interval === null ? '-' : bounds(compared)
    ]
  }
  return tableOf(
    [`At the threshold of ${onset_threshold}`, 'without', 'with', 'difference', '95 % by subjects'],
    [
      row(`ROC area of ${label} against the rest`, roc_area, three),
      row('false positives, share of crops', false_positive_rate, three),
      row(`missed ${label}, share of crops`, missed_crops, three),
      ...(alarms
        ? [
            row('false alarms an hour', alarms.false_alarms_per_hour, two),
            row(`missed ${label}, share of episodes`, alarms.missed_episodes, three)
          ]
        : [])
    ]
  )
}

const signed = (value: number | null): string => (value === null ? '-' : `${value > 0 ? '+' : ''}${value.toFixed(3)}`)
const bounds = ({ difference_interval: interval }: Compared): string =>
  interval === null ? '-' : `${signed(interval.low)} to ${signed(interval.high)}`

function equalMissed(
  { crops_at_equal_missed: byCrops, alarms, onset_threshold }: ReferenceWorth,
  label: string
): string[] {
  const line = (at: AtEqualMissed | null, what: string, figure: (value: number | null) => string): string[] => {
    if (at === null) return []
    const { onset_threshold: own, missed, false_rate: rate } = at
    const interval = rate.difference_interval && ` (difference 95 %: ${span(rate.difference_interval)})`
    return [
      `  ${what}: ${figure(rate.with)} at ${Number(own.toFixed(4))}, where ${percent(missed.with)} of ${label} is missed; ` +
        `without, ${figure(rate.without)} at ${onset_threshold}, where ${percent(missed.without)} is${interval ?? ''}`
    ]
  }
  const lines = [
    ...line(byCrops, 'false positives, share of crops', three),
    ...line(alarms?.at_equal_missed ?? null, 'false alarms an hour', two)
  ]
  return lines.length === 0 ? [] : [`Where no more ${label} is missed with references than without:`, ...lines]
}

function harm({ harmed, by_subject }: ReferenceWorth, label: string): string {
  if (harmed.length === 0) return `No subject's ${label} is missed more often with the reference.`
  const named = by_subject
    .filter(({ subject }) => harmed.includes(subject))
    .map(
      ({ subject, missed_crops: [before, after], shown }) =>
        `${printable(subject)} (${before} to ${after} of ${shown} crops)`
    )
  return `HARMED: more ${label} is missed with the reference of ${named.join(', ')}.`
}
