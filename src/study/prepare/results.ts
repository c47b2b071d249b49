import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import Papa from 'papaparse'
import { stringify } from 'yaml'
import { InputError } from '../../core/errors.js'
import { groupedBy } from '../../core/grouped.js'
import { printable } from '../../core/printable.js'
import { version } from '../../core/version.js'
import { createRandom } from '../../lib/random.js'
import { writeStudyFile } from '../files.js'
import { trapText } from '../traps.js'
import type { Clip, Findings } from './clips.js'
import { type CropFile, type JobDone, journalFile } from './journal.js'
import type { PrepareJob } from './plan.js'
import type { Names } from './pseudonyms.js'
import type { UnitValues } from './unit-codes.js'

/** How many crops of a class are kept at most: a number, or as many as the smallest class has; all where undefined. */
export type Balance = number | 'smallest' | undefined

export interface Prepared {
  folder: string
  /** Differs where options or data do. */
  key: string
  /** For `dataset.yaml`: options by their names on the command line. */
  options: Record<string, unknown>
  size: { width: number; height: number }
  alignment: { eyeDistance: number; eyeY: number }
  jobs: readonly PrepareJob[]
  done: ReadonlyMap<number, JobDone>
  namesOf: (clip: Clip) => Names
  balance: Balance
  seed: number
  findings: Findings
}

/** A row of `index.csv`. */
interface Row {
  file: CropFile
  clip: Clip
  names: Names
  dense: boolean
  /** Action units of the moment, where the data have them. */
  units: UnitValues
}

const noUnits: UnitValues = new Map()

/**
 * Writes `index.csv`, then `dataset.yaml`, with which the data set is finished, and removes what it does not hold.
 * @returns lines that sum it up, warnings last
 * @throws InputError where there is no crop; DiskError
 */
export async function writeDataset(prepared: Prepared): Promise<string[]> {
  const { folder, findings, jobs, done, namesOf } = prepared
  const all = jobs.flatMap((job, i) =>
    (done.get(i)?.crops ?? []).map((file): Row => {
      const { clip, dense } = job
      return { file, clip, names: namesOf(clip), dense, units: clip.units?.at(file.timeS) ?? noUnits }
    })
  )
  const without = withoutCrop(prepared)
  if (all.length === 0) throw new InputError('PL-STUDY-EMPTY', whyEmpty(prepared, without), printable(folder))
  const kept = balanced(all, prepared.balance, prepared.seed)
  if (kept.length < all.length) findings.leave('more crops of a class than --balance keeps', all.length - kept.length)
  await writeStudyFile(join(folder, 'index.csv'), [indexOf(kept), '\n'])
  const document = datasetOf(prepared, kept, without)
  await writeStudyFile(join(folder, 'dataset.yaml'), [stringify(document)])
  await removeRest(folder, new Set(kept.map(({ file }) => file.crop)))
  return summaryOf(kept, without, prepared)
}

/** Pictures without a usable face, or none at all: stretches beside what the videos show, or between two moments that are taken. */
function whyEmpty(prepared: Prepared, without: ReadonlyMap<string, number>): string {
  if (without.size > 0)
    return `no picture shows a usable face (${[...without].map(([reason, count]) => `${reason}: ${count}`).join(', ')})`
  const [first] = troublesOf(prepared)
  const why = first ? ` (${printable(`${first.video}: ${first.why}`)})` : ''
  return `none of the ${prepared.jobs.length} clips has a picture in its stretch${why}: see --from, --to and --every`
}

const fields = 'crop,subject,label,source,video,time_s,intensity,roll_deg,detector_score'.split(',')

/** Columns of action units that a row has a value in, by number. */
const unitColumnsOf = (rows: readonly Row[]): string[] =>
  [...new Set(rows.flatMap(({ units }) => [...units.keys()]))].sort()

function indexOf(rows: readonly Row[]): string {
  const columns = unitColumnsOf(rows)
  const data = rows.map(({ file, clip, names, units }) => [
    ...[file.crop, names.subject, clip.label, clip.source, names.video],
    file.timeS === null ? '' : Number(file.timeS.toFixed(3)),
    clip.intensity ?? '',
    ...[file.roll, file.score],
    ...columns.map((column) => units.get(column) ?? '')
  ])
  return Papa.unparse({ fields: [...fields, ...columns], data }, { newline: '\n' })
}

/** At most so many of each class, from as many subjects as there are; by chance within a subject. Dense rows all stay. */
function balanced(rows: readonly Row[], balance: Balance, seed: number): Row[] {
  if (balance === undefined) return [...rows]
  const sparse = rows.filter(({ dense }) => !dense)
  const classes = groupedBy(sparse, ({ clip }) => clip.label)
  const most = balance === 'smallest' ? Math.min(...[...classes.values()].map(({ length }) => length)) : balance
  const kept = new Set<Row>()
  for (const [, own] of classes) for (const row of inTurns(own, seed).slice(0, most)) kept.add(row)
  return rows.filter((row) => row.dense || kept.has(row))
}

/** One crop of each subject, then a second of each, and so on; which one is chance. */
function inTurns(rows: readonly Row[], seed: number): Row[] {
  const random = createRandom(seed)
  const turns = new Map<string, number>()
  return rows
    .map((row) => ({ row, place: random() }))
    .sort((a, b) => a.place - b.place)
    .map(({ row, place }) => {
      const turn = turns.get(row.names.subject) ?? 0
      turns.set(row.names.subject, turn + 1)
      return { row, place, turn }
    })
    .sort((a, b) => a.turn - b.turn || a.place - b.place)
    .map(({ row }) => row)
}

/** Pictures that gave no crop, by reason: of one label, or of all. */
function withoutCrop({ jobs, done }: Prepared, label?: string): Map<string, number> {
  const counts = new Map<string, number>()
  for (const [i, { clip }] of jobs.entries()) {
    if (label !== undefined && clip.label !== label) continue
    for (const [why, count] of Object.entries(done.get(i)?.without ?? {}))
      counts.set(why, (counts.get(why) ?? 0) + count)
  }
  return new Map([...counts].sort(([a], [b]) => (a < b ? -1 : 1)))
}

function datasetOf(prepared: Prepared, kept: readonly Row[], without: ReadonlyMap<string, number>): unknown {
  const { size, alignment, findings, jobs, namesOf } = prepared
  const withCrop = new Set(kept.map(({ names }) => names.subject))
  const subjects = new Set(jobs.map(({ clip }) => namesOf(clip).subject))
  const labels = [...new Set(jobs.map(({ clip }) => clip.label))].sort()
  return {
    painlens: version,
    key: prepared.key,
    size,
    alignment: { eye_distance: alignment.eyeDistance, eye_y: alignment.eyeY },
    options: prepared.options,
    crops: kept.length,
    // The paper's first table, for these data.
    labels: groups(
      kept,
      ({ clip }) => clip.label,
      (rows) => ({
        crops: rows.length,
        subjects: distinct(rows, ({ names }) => names.subject),
        videos: distinct(rows, ({ names }) => names.video)
      })
    ),
    sources: groups(kept, ({ clip }) => clip.source, countsOfLabels),
    subjects: groups(kept, ({ names }) => names.subject, countsOfLabels),
    ...unitCounts(kept),
    left_out: {
      pictures: Object.fromEntries(without),
      by_label: Object.fromEntries(labels.map((label) => [label, Object.fromEntries(withoutCrop(prepared, label))])),
      rows: Object.fromEntries([...findings.leftOut, ...findings.problemCounts]),
      files: troublesOf(prepared),
      subjects_without_crop: [...subjects].filter((subject) => !withCrop.has(subject)).sort()
    },
    warnings: findings.warnings.map((trap) => ({ says: trapText(trap), ...trap }))
  }
}

/** Files that were not read wholly, each with why, and how many of its clips that is so of. */
function troublesOf({ jobs, done, namesOf }: Prepared): { video: string; why: string; clips: number }[] {
  const found = new Map<string, { video: string; why: string; clips: number }>()
  for (const [i, { clip }] of jobs.entries()) {
    const why = done.get(i)?.trouble
    if (why === undefined) continue
    const { video } = namesOf(clip)
    const key = JSON.stringify([video, why])
    found.set(key, { video, why, clips: (found.get(key)?.clips ?? 0) + 1 })
  }
  return [...found.values()]
}

/** How many crops have a value, by column of action units; nothing where the data have none. */
function unitCounts(rows: readonly Row[]): { action_units?: Record<string, number> } {
  const columns = unitColumnsOf(rows)
  if (columns.length === 0) return {}
  const counted = columns.map((column) => [column, rows.filter(({ units }) => units.has(column)).length])
  return { action_units: Object.fromEntries(counted) }
}

const distinct = (rows: readonly Row[], of: (row: Row) => string): number => new Set(rows.map(of)).size

const countsOfLabels = (rows: readonly Row[]): unknown =>
  groups(
    rows,
    ({ clip }) => clip.label,
    (own) => own.length
  )

function groups(
  rows: readonly Row[],
  of: (row: Row) => string,
  say: (rows: Row[]) => unknown
): Record<string, unknown> {
  return Object.fromEntries(
    [...groupedBy(rows, of)].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, own]) => [name, say(own)])
  )
}

/** Crops that are in no row, what a kill left half written, and the journal, which a finished data set has no use for. */
export async function removeRest(folder: string, crops: ReadonlySet<string>): Promise<void> {
  for (const name of await readdir(join(folder, 'crops')))
    if (!crops.has(`crops/${name}`)) await rm(join(folder, 'crops', name), { force: true })
  await rm(join(folder, journalFile), { force: true })
}

/** So many files that were not read wholly are named. */
const namedFiles = 10

function summaryOf(kept: readonly Row[], without: ReadonlyMap<string, number>, prepared: Prepared): string[] {
  const { leftOut, warnings } = prepared.findings
  const troubles = troublesOf(prepared)
  const more = troubles.length - namedFiles
  const labels = groups(
    kept,
    ({ clip }) => clip.label,
    (rows) => rows
  )
  return [
    `${kept.length} crops of ${distinct(kept, ({ names }) => names.subject)} subjects.`,
    ...Object.entries(labels).map(([label, rows]) => {
      const own = rows as Row[]
      return `  ${label}: ${own.length} crops of ${distinct(own, ({ names }) => names.subject)} subjects`
    }),
    ...[...without].map(([why, count]) => `  left out, ${why.replace('_', ' ')}: ${count} pictures`),
    ...[...leftOut].map(([why, count]) => `  left out, ${why}: ${count}`),
    ...troubles
      .slice(0, namedFiles)
      .map(({ video, why, clips }) => `  not read wholly, ${video}: ${why} (${clips} clips)`),
    ...(more > 0 ? [`  not read wholly: ${more} more, named in left_out.files of dataset.yaml`] : []),
    ...warnings.map((trap) => `Warning: ${trapText(trap)}`)
  ]
}
