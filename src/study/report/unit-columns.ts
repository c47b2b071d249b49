/** Action units that the data themselves have, by FACS coders or OpenFace, beside what the model says. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import Papa from 'papaparse'
import { InputError } from '../../core/errors.js'
import { groupedBy } from '../../core/grouped.js'
import { printable } from '../../core/printable.js'
import { clusterBootstrap, fewestSubjects, signFlipTest, spearman } from '../../lib/statistics/index.js'
import { decoded } from '../csv.js'
import { numberOf, problemsLine } from '../dataset.js'
import type { Chance } from '../evaluate/figures.js'
import type { Judged } from '../evaluate/judged.js'
import { unitColumnOf } from '../unit-columns.js'
import type { PersonMean } from './gate.js'
import type { StudyRun } from './study-run.js'

export interface UnitCorrelation {
  /** The column of `index.csv`: `AU04`, `AU04_r`. */
  column: string
  /** Whose crops differ in the column and in the probability. */
  subjects: number
  /** Spearman's rank correlation with the alarm label's probability, within subjects, in the mean over subjects. */
  correlation: PersonMean
  /** For "the mean is zero", corrected for all columns that are tested; null where fewer than `fewestSubjects` subjects differ. */
  p: number | null
}

/** Of each column of action units that `index.csv` has; none where it has none. */
export async function unitCorrelationsOf({ dataset, judgement }: StudyRun, chance: Chance): Promise<UnitCorrelation[]> {
  const { columns, cellOf } = await unitsIn(dataset.folder)
  if (columns.length === 0) return []
  const alarm = judgement.labels.indexOf(judgement.alarmLabel)
  const named = judgement.judged.filter(({ row }) => row.subject !== '')
  const subjects = [...groupedBy(named, ({ row }) => row.subject).values()]
  const within = subjects.map((judged) => columns.map((column) => correlationIn(judged, alarm, column, cellOf)))
  const eachOf = columns.map((_, i) => within.flatMap((row) => (Number.isNaN(row[i]!) ? [] : [row[i]!])))
  const p = pOf(within, eachOf, chance)
  return columns.map((column, i) => {
    const each = eachOf[i]!
    const mean = (weights: ArrayLike<number>): number =>
      each.reduce((sum, one, s) => sum + weights[s]! * one, 0) / each.reduce((sum, _, s) => sum + weights[s]!, 0)
    const [interval = null] = clusterBootstrap({ ...chance, clusters: each.length }, (weights) => [mean(weights)])
    if (each.length === 0) return { column, subjects: 0, correlation: { value: null, interval: null }, p: null }
    const value = mean(each.map(() => 1))
    return { column, subjects: each.length, correlation: { value, interval }, p: p.get(i) ?? null }
  })
}

/**
 * By the place of a column. A column of few subjects has a huge |t| in many flips: of two, in every second one. Tested together with the
 * others it would lift every p to 0.5, and could itself never fall below 0.05.
 */
function pOf(
  within: readonly (readonly number[])[],
  eachOf: readonly (readonly number[])[],
  { repetitions, seed }: Chance
): Map<number, number | null> {
  const places = [...eachOf.keys()].filter((i) => eachOf[i]!.length >= fewestSubjects)
  const rows = within.map((row) => places.map((i) => row[i]!))
  const tested = signFlipTest(rows, { flips: repetitions, seed })
  return new Map(places.map((i, at) => [i, tested[at]!.p]))
}

type CellOf = (crop: string, column: string) => number | null

/** Columns by the names that prepare gives them. */
async function unitsIn(folder: string): Promise<{ columns: string[]; cellOf: CellOf }> {
  const file = join(folder, 'index.csv')
  const text = decoded(await readFile(file))
  const { data, meta } = Papa.parse<Record<string, string>>(text, {
    header: true,
    skipEmptyLines: 'greedy',
    transformHeader: (name) => unitColumnOf(name) ?? name.trim()
  })
  const columns = (meta.fields ?? []).filter((name) => unitColumnOf(name) !== undefined)
  const problems = data.flatMap((row, i) =>
    columns.flatMap((column) =>
      Number.isNaN(numberOf(row[column])) ? [`row ${i + 2}: ${column} is ${printable(row[column]!)}, no number`] : []
    )
  )
  if (problems.length > 0) throw new InputError('PL-STUDY-DATA', problemsLine(problems), printable(file))
  const rows = new Map(data.map((row) => [row.crop, row]))
  return { columns, cellOf: (crop, column) => numberOf(rows.get(crop)?.[column]) }
}

/** NaN where either is the same in all crops that have a value. */
function correlationIn(judged: readonly Judged[], alarm: number, column: string, cellOf: CellOf): number {
  const known = judged.flatMap(({ row, probabilities }) => {
    const value = cellOf(row.crop, column)
    return value === null ? [] : [[value, probabilities[alarm]!] as const]
  })
  const [values, outputs] = [known.map(([value]) => value), known.map(([, probability]) => probability)]
  return spearman(values, outputs) ?? Number.NaN
}
