/** Action units that the data themselves have, by FACS coders or OpenFace, beside what the model says. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import Papa from 'papaparse'
import { groupedBy } from '../../core/grouped.js'
import { clusterBootstrap, spearman } from '../../lib/statistics/index.js'
import type { Chance } from '../evaluate/figures.js'
import type { PersonMean } from './gate.js'
import type { StudyRun } from './study-run.js'

export interface UnitCorrelation {
  /** The column of `index.csv`: `AU04`, `AU04_r`. */
  column: string
  subjects: number
  /** Spearman's rank correlation with the alarm label's probability, within subjects, in the mean over subjects. */
  correlation: PersonMean
}

/** OpenFace's intensities (`AU04_r`) and presences (`AU04_c`), and plain FACS intensities. */
const unitColumn = /^AU\d{1,2}(_[rc])?$/i

/** Of each column of action units that `index.csv` has beside those that prepare writes; none where it has none. */
export async function unitCorrelationsOf({ dataset, judgement }: StudyRun, chance: Chance): Promise<UnitCorrelation[]> {
  const text = await readFile(join(dataset.folder, 'index.csv'), 'utf8')
  const { data, meta } = Papa.parse<Record<string, string>>(text, {
    header: true,
    skipEmptyLines: 'greedy',
    transformHeader: (name) => name.trim()
  })
  const columns = (meta.fields ?? []).filter((name) => unitColumn.test(name))
  if (columns.length === 0) return []
  const rows = new Map(data.map((row) => [row.crop, row]))
  const alarm = judgement.labels.indexOf(judgement.alarmLabel)
  const named = judgement.judged.filter(({ row }) => row.subject !== '')
  const bySubject = groupedBy(named, ({ row }) => row.subject)
  return columns.map((column) => {
    const each = [...bySubject.values()].flatMap((judged) => {
      const known = judged.flatMap(({ row, probabilities }) => {
        const value = numberOf(rows.get(row.crop)?.[column])
        return value === null ? [] : [[value, probabilities[alarm]!] as const]
      })
      return (
        spearman(
          known.map(([value]) => value),
          known.map(([, probability]) => probability)
        ) ?? []
      )
    })
    const mean = (weights: ArrayLike<number>): number =>
      each.reduce((sum, one, i) => sum + weights[i]! * one, 0) / each.reduce((sum, _, i) => sum + weights[i]!, 0)
    const [interval = null] = clusterBootstrap({ ...chance, clusters: each.length }, (weights) => [mean(weights)])
    const value = each.length === 0 ? null : mean(each.map(() => 1))
    return { column, subjects: each.length, correlation: { value, interval: each.length === 0 ? null : interval } }
  })
}

function numberOf(text: string | undefined): number | null {
  const value = text === undefined || text.trim() === '' ? Number.NaN : Number(text)
  return Number.isFinite(value) ? value : null
}
