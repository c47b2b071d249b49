/** What references change: the same crops, and the same replay, without and with each subject's own resting face. */
import { Ranking } from '../../lib/statistics/index.js'
import type { ReferenceRules } from '../../stages/reference/measurement.js'
import { type Compared, type Counted, compared, type Pair, type PairedFigure, rateOf } from './compared.js'
import type { Chance } from './figures.js'
import type { Judged, JudgedData, OneModel } from './judged.js'
import { type ReferencedSubject, referencedSubjects } from './references.js'
import { type AlarmSettings, type Replay, replay, type SubjectAlarms } from './replay.js'

/** One subject's row of `reference.csv`. */
export interface SubjectWorth extends Pick<ReferencedSubject, 'subject' | 'refused' | 'reach'> {
  held_out: number
  /** What is left, and how many of these show the alarm's label. */
  crops: number
  shown: number
  /** Crops at the onset threshold and above that do not show it, and crops below that do. */
  false_positives: Pair
  missed_crops: Pair
  roc_area: Pair<number | null>
  /** Null where alarms are not measurable with this subject's videos. */
  alarms: { hours: number; episodes: number; false_alarms: Pair; missed_episodes: Pair } | null
}

/** With references at the highest onset threshold at which no more is missed than without them at the daemon's. */
export interface AtEqualMissed {
  onset_threshold: number
  missed: Compared
  false_rate: Compared
}

/** `reference` of `evaluation.json`. */
export interface ReferenceWorth {
  max_shift: number
  always_alarm: number
  onset_threshold: number
  subjects: number
  referenced: number
  /** How many subjects were judged without, by the code with which the daemon refuses them. */
  refused: Record<string, number>
  /** Neutral crops, and the fewest and most of a subject that has a reference. */
  held_out: { crops: number; fewest: number | null; most: number | null }
  /** Of so many crops the figures are. */
  crops: number
  /** The alarm's label against everything else. */
  roc_area: Compared
  /** Crop by crop, at the onset threshold: of those that do not show the alarm's label, and of those that do. */
  false_positive_rate: Compared
  missed_crops: Compared
  crops_at_equal_missed: AtEqualMissed | null
  /** By the daemon's alarm stage, in hours without the alarm's label; null where too little is left to measure them. */
  alarms: { false_alarms_per_hour: Compared; missed_episodes: Compared; at_equal_missed: AtEqualMissed | null } | null
  /** Why alarms are null. */
  alarms_reason: string | null
  /** Subjects whose pain, or other alarm label, is missed more often with their reference, by crops or by episodes. */
  harmed: string[]
  by_subject: SubjectWorth[]
}

export interface WorthOptions {
  alarm: AlarmSettings
  rules: ReferenceRules
  chance: Chance
}

/**
 * Holds out each subject's reference, and judges the rest without and with it.
 * @param one of a model whose manifest has `resting`
 */
export function worthOf(judgement: JudgedData, one: OneModel, { alarm, rules, chance }: WorthOptions): ReferenceWorth {
  const subjects = referencedSubjects(judgement.judged, one, rules)
  const sides = new Sides(judgement, subjects, alarm)
  const rows = sides.rows()
  const refusals = subjects.flatMap(({ refused }) => refused ?? [])
  const heldOut = subjects.filter(({ refused }) => refused === null).map((own) => own.heldOut)
  return {
    max_shift: rules.maxShift,
    always_alarm: rules.alwaysAlarm,
    onset_threshold: sides.onset,
    subjects: subjects.length,
    referenced: heldOut.length,
    refused: Object.fromEntries(
      [...new Set(refusals)].sort().map((code) => [code, refusals.filter((own) => own === code).length])
    ),
    held_out: {
      crops: subjects.reduce((sum, own) => sum + own.heldOut, 0),
      fewest: heldOut.length === 0 ? null : Math.min(...heldOut),
      most: heldOut.length === 0 ? null : Math.max(...heldOut)
    },
    crops: rows.reduce((sum, { crops }) => sum + crops, 0),
    ...comparisonOf(sides, rows, chance),
    alarms_reason: sides.reason,
    harmed: rows.filter(isHarmed).map(({ subject }) => subject),
    by_subject: rows
  }
}

const isHarmed = ({ missed_crops: [before, after], alarms }: SubjectWorth): boolean =>
  after > before || (alarms !== null && alarms.missed_episodes[1] > alarms.missed_episodes[0])

/** The same crops, scored without and with references. */
class Sides {
  /** Of all subjects, what is not held out. */
  readonly all: readonly Judged[]
  readonly onset: number
  readonly #label: number
  /** Why alarms cannot be measured with what is left; null where they can. */
  readonly reason: string | null
  readonly #without: SubjectAlarms[] | null

  constructor(
    private readonly judgement: JudgedData,
    readonly subjects: readonly ReferencedSubject[],
    readonly alarm: AlarmSettings
  ) {
    this.all = subjects.flatMap(({ judged }) => judged)
    this.onset = alarm.rules.onsetThreshold
    this.#label = judgement.labels.indexOf(judgement.alarmLabel)
    const without = this.#replayed(
      this.all.map((own) => ({ ...own, lowered: undefined })),
      this.onset
    )
    this.#without = without.measurable ? without.subjects : null
    this.reason = without.measurable ? null : without.reason
  }

  isShown = ({ row }: Judged): boolean => row.label === this.judgement.alarmLabel
  unreferenced = ({ probabilities }: Judged): number => probabilities[this.#label]!
  score = (one: Judged): number => one.lowered ?? this.unreferenced(one)

  /** With references at that threshold, and at the daemon's without. */
  rows(onset = this.onset): SubjectWorth[] {
    const replayed = this.#replayed(this.all, onset)
    const raised = replayed.measurable ? replayed.subjects : null
    return this.subjects.map(({ subject, refused, reach, heldOut, judged }) => {
      const [before, after] = [this.#without, raised].map((side) => side?.find((own) => own.subject === subject))
      const { hours, episodes } = before ?? { hours: 0, episodes: 0 }
      return {
        ...{ subject, refused, reach, held_out: heldOut, crops: judged.length },
        ...this.#crops(judged, onset),
        alarms:
          before && after
            ? {
                ...{ hours, episodes },
                false_alarms: [before.false_alarms, after.false_alarms],
                missed_episodes: [before.missed_episodes, after.missed_episodes]
              }
            : null
      }
    })
  }

  #replayed(judged: readonly Judged[], onsetThreshold: number): Replay {
    const { rules, priorities } = this.alarm
    return replay({ ...this.judgement, judged }, { rules: { ...rules, onsetThreshold }, priorities })
  }

  #crops(
    judged: readonly Judged[],
    onset: number
  ): Pick<SubjectWorth, 'shown' | 'false_positives' | 'missed_crops' | 'roc_area'> {
    const [shown, others] = [judged.filter(this.isShown), judged.filter((one) => !this.isShown(one))]
    const above = (crops: readonly Judged[]): Pair => [
      crops.filter((one) => this.unreferenced(one) >= this.onset).length,
      crops.filter((one) => this.score(one) >= onset).length
    ]
    const [found, foundWith] = above(shown)
    const areas = shown.length > 0 && others.length > 0 ? areasOf(judged, this, () => 0)([1]) : null
    return {
      shown: shown.length,
      false_positives: above(others),
      missed_crops: [shown.length - found, shown.length - foundWith],
      roc_area: areas ?? [null, null]
    }
  }
}

function areasOf(judged: readonly Judged[], sides: Sides, subjectOf: (crop: number) => number): PairedFigure {
  const positive = judged.map(sides.isShown)
  const [without, changed] = [sides.unreferenced, sides.score].map((score) => new Ranking(judged.map(score), positive))
  return (weights) => {
    const weight = (crop: number): number => weights[subjectOf(crop)]!
    return [without!.areas(weight).roc, changed!.areas(weight).roc]
  }
}

/** What is counted of a subject, and by what it is divided. */
const counts = {
  falsePositives: (row) => [row.false_positives, row.crops - row.shown],
  missedCrops: (row) => [row.missed_crops, row.shown],
  falseAlarms: ({ alarms }) => [alarms?.false_alarms ?? [0, 0], alarms?.hours ?? 0],
  missedEpisodes: ({ alarms }) => [alarms?.missed_episodes ?? [0, 0], alarms?.episodes ?? 0]
} satisfies Record<string, (row: SubjectWorth) => Counted>
type Rate = keyof typeof counts

function comparisonOf(
  sides: Sides,
  rows: readonly SubjectWorth[],
  chance: Chance
): Pick<ReferenceWorth, 'roc_area' | 'false_positive_rate' | 'missed_crops' | 'crops_at_equal_missed' | 'alarms'> {
  const subjectOf = sides.subjects.flatMap(({ judged }, i) => judged.map(() => i))
  const compare = (measure: PairedFigure): Compared => compared(measure, rows.length, chance)
  const rate = (of: Rate, own = rows): Compared => compare(rateOf(own.map(counts[of])))
  const atEqual = (onset_threshold: number | null, missed: Rate, wrong: Rate): AtEqualMissed | null => {
    if (onset_threshold === null) return null
    const lower = sides.rows(onset_threshold)
    return { onset_threshold, missed: rate(missed, lower), false_rate: rate(wrong, lower) }
  }
  return {
    roc_area: compare(areasOf(sides.all, sides, (crop) => subjectOf[crop]!)),
    false_positive_rate: rate('falsePositives'),
    missed_crops: rate('missedCrops'),
    crops_at_equal_missed: atEqual(cropThreshold(sides, rows), 'missedCrops', 'falsePositives'),
    alarms: rows.every(({ alarms }) => alarms === null)
      ? null
      : {
          false_alarms_per_hour: rate('falseAlarms'),
          missed_episodes: rate('missedEpisodes'),
          at_equal_missed: atEqual(alarmThreshold(sides, rows), 'missedEpisodes', 'falseAlarms')
        }
  }
}

const sumOf = (rows: readonly SubjectWorth[], rate: Rate, side: 0 | 1): number =>
  rows.reduce((sum, row) => sum + counts[rate](row)[0][side], 0)

/** As many crops as are missed without references may lie below it. */
function cropThreshold(sides: Sides, rows: readonly SubjectWorth[]): number | null {
  const scores = sides.all.filter(sides.isShown).map(sides.score)
  if (scores.length === 0) return null
  const least = scores.toSorted((a, b) => a - b)[sumOf(rows, 'missedCrops', 0)]
  return least === undefined ? sides.onset : Math.min(sides.onset, least)
}

const thresholdStep = 0.01

/** Searched downwards from the daemon's, as long as it lies above the threshold that ends alarms; null where none will do. */
function alarmThreshold(sides: Sides, rows: readonly SubjectWorth[]): number | null {
  const { clearThreshold } = sides.alarm.rules
  if (rows.every(({ alarms }) => !alarms?.episodes)) return null
  for (let step = 0; ; step++) {
    const onset = Number((sides.onset - step * thresholdStep).toFixed(4))
    if (onset <= clearThreshold) return null
    if (sumOf(sides.rows(onset), 'missedEpisodes', 1) <= sumOf(rows, 'missedEpisodes', 0)) return onset
  }
}
