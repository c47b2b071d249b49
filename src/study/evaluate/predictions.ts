import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { InputError } from '../../core/errors.js'
import { printable } from '../../core/printable.js'
import { softmax } from '../../lib/model/preprocess.js'
import { parsed, type Table } from '../csv.js'
import { type CropRow, type Dataset, neutral, problemsLine } from '../dataset.js'
import { isThere } from '../files.js'
import { yamlIn } from '../yaml-file.js'
import type { Judged, JudgedData } from './judged.js'

/** The entry for predictions in a fold's manifest. */
const foldSchema = z.looseObject({
  labels: z.array(z.string()),
  alarm_label: z.string(),
  temperature: z.number().positive().default(1)
})
type Fold = z.infer<typeof foldSchema>

/** Predictions are written with the digits of float32. */
const rounding = 1e-4

/**
 * Reads what the folds of a run have predicted, and holds it against the data set that it is said to be of.
 * @throws InputError for a file that is missing, was cut short or changed, or belongs to other data: every wrong row, up to ten
 */
export async function readPredictions(run: string, dataset: Dataset): Promise<JudgedData> {
  const file = join(run, 'predictions.csv')
  const text = await textOf(file)
  const table = tableIn(text, file)
  const labels = table.columns.filter((name) => name.startsWith('p_')).map((name) => name.slice(2))
  const missing = ['crop', 'subject', 'label', 'fold', 'predicted'].filter((name) => !table.columns.includes(name))
  if (missing.length > 0 || labels.length < 2)
    throw wrong(file, missing.length > 0 ? `it has no column ${missing.join(', ')}` : 'it has no columns p_LABEL')
  if (!text.endsWith('\n')) throw wrong(file, 'it was cut short: its last line has no end')
  const folds = await foldManifestsOf(
    run,
    table.rows.map(({ record }) => record),
    labels
  )
  const rows = new Map(dataset.rows.map((row) => [row.crop, row]))
  const heldOut = await foldBySubject(run)
  const problems = table.problems.map(({ number, message }) => `row ${number}: ${message}`)
  const found = new Map<string, Judged>()
  for (const { number, record } of table.rows) {
    const judged = judgedOf(record, { labels, rows, folds, heldOut, found })
    if (typeof judged === 'string') problems.push(`row ${number}: ${judged}`)
    else found.set(judged.row.crop, judged)
  }
  if (problems.length === 0) problems.push(...missingIn(dataset, found))
  if (problems.length > 0) throw wrong(file, problemsLine(problems))
  const judged = dataset.rows.flatMap(({ crop }) => found.get(crop) ?? [])
  const temperatures = [...folds.values()].map(({ temperature }) => temperature)
  return {
    dataset,
    labels,
    alarmLabel: [...folds.values()][0]!.alarm_label,
    judged,
    model: { name: `${folds.size} folds`, temperatures, crossValidated: true },
    resting: null,
    one: null,
    warnings: []
  }
}

interface Known {
  labels: readonly string[]
  rows: ReadonlyMap<string, CropRow>
  folds: ReadonlyMap<string, Fold>
  /** The fold by which each subject was not seen; null where the run does not say it. */
  heldOut: ReadonlyMap<string, string> | null
  found: ReadonlyMap<string, Judged>
}

/** @returns what is wrong where the row is not one that train has written for these data */
function judgedOf(record: Record<string, string>, { labels, rows, folds, heldOut, found }: Known): Judged | string {
  const { crop = '', subject = '', label = '', fold = '', predicted: said = '' } = record
  const [row, from] = [rows.get(crop), folds.get(fold)]
  if (!row) return `the data set has no crop ${printable(crop)}`
  if (found.has(crop)) return `${printable(crop)} is there twice`
  if (row.subject !== subject || row.label !== label)
    return `the data set says ${printable(`${row.subject} and ${row.label}`)} of it, not ${printable(`${subject} and ${label}`)}`
  if (!from) return `${printable(fold) || 'nothing'} is no fold`
  if (heldOut && heldOut.get(subject) !== fold)
    return `folds.csv says fold ${printable(heldOut.get(subject) ?? 'none')} of ${printable(subject)}, not ${fold}`
  const predicted = labels.indexOf(said)
  if (predicted < 0) return `predicted is ${printable(said) || 'empty'}, none of ${labels.map(printable).join(', ')}`
  const probabilities = Float64Array.from(labels, (name) => numberOf(record[`p_${name}`]))
  const sum = probabilities.reduce((all, one) => all + one, 0)
  // False for NaN, too.
  if (!probabilities.every((one) => one >= 0) || !(Math.abs(sum - 1) <= rounding))
    return 'the probabilities are not numbers from 0 that sum up to 1'
  if (probabilities[predicted]! < Math.max(...probabilities) - rounding)
    return `predicted is ${printable(said)}, but another label is likelier`
  const logits = probabilities.map((one) => Math.log(Math.max(one, 1e-45)) * from.temperature)
  return { row, fold: Number(fold), predicted, probabilities, uncalibrated: Float64Array.from(softmax(logits)) }
}

/** Crops that train would have judged: all but those of subjects that it left out, of which it had neutral crops only. */
function missingIn({ rows }: Dataset, found: ReadonlyMap<string, Judged>): string[] {
  const judgedSubjects = new Set([...found.values()].map(({ row }) => row.subject))
  const missing = rows.filter(
    ({ crop, subject, label }) => !found.has(crop) && (label !== neutral || judgedSubjects.has(subject))
  )
  if (missing.length === 0) return []
  return [`${missing.length} crops of the data set are not in it, ${printable(missing[0]!.crop)} the first of them`]
}

/** The manifest of each fold that occurs. @throws InputError */
async function foldManifestsOf(
  run: string,
  records: readonly Record<string, string>[],
  labels: readonly string[]
): Promise<Map<string, Fold>> {
  const names = [...new Set(records.map(({ fold = '' }) => fold))].filter((name) => /^[1-9]\d{0,3}$/.test(name))
  if (names.length === 0) throw wrong(join(run, 'predictions.csv'), 'it has no rows with a fold')
  const folds = new Map<string, Fold>()
  for (const name of names.sort((a, b) => Number(a) - Number(b))) {
    const manifest = join(run, `fold-${name}`, 'model.yaml')
    const fold = await yamlIn(manifest, foldSchema, (what) => wrong(manifest, what))
    const own = fold.labels
    if (own.length !== labels.length || own.some((label, i) => label !== labels[i])) {
      const what = `it has the labels ${own.map(printable).join(', ')}, predictions.csv ${labels.map(printable).join(', ')}`
      throw wrong(manifest, what)
    }
    if (!labels.includes(fold.alarm_label)) throw wrong(manifest, 'its alarm_label is not one of its labels')
    folds.set(name, fold)
  }
  return folds
}

/** The data set that a run was trained on, as `run.yaml` names it. @throws InputError */
export async function dataOf(run: string): Promise<string> {
  const file = join(run, 'run.yaml')
  const { data } = await yamlIn(
    file,
    z.looseObject({ data: z.string().min(1) }),
    (what) =>
      new InputError('PL-STUDY-PREDICTIONS', what, printable(file), {
        fix: 'Give the folder that painlens study train has written, or --data.'
      })
  )
  return data
}

/** What `folds.csv` says, by subject: a crop that another fold had judged was trained on there. */
export async function foldBySubject(run: string): Promise<Map<string, string> | null> {
  const file = join(run, 'folds.csv')
  if (!(await isThere(file))) return null
  const { rows, columns } = tableIn(await textOf(file), file)
  const missing = ['subject', 'fold'].filter((name) => !columns.includes(name))
  if (missing.length > 0) throw wrong(file, `it has no column ${missing.join(', ')}`)
  const folds = new Map<string, string>()
  for (const { number, record } of rows) {
    const { subject = '', fold = '' } = record
    if (!/^[1-9]\d*$/.test(fold)) throw wrong(file, `row ${number}: ${printable(fold) || 'nothing'} is no fold`)
    if (folds.has(subject)) throw wrong(file, `row ${number}: ${printable(subject)} is there twice`)
    folds.set(subject, fold)
  }
  return folds
}

/** With the names of its columns as they are: `p_Pain` is of the label `Pain`. */
const tableIn = (text: string, file: string): Table =>
  parsed(
    text,
    (what) => wrong(file, what),
    (header) => header
  )

const numberOf = (text: string | undefined): number =>
  text === undefined || text.trim() === '' ? Number.NaN : Number(text)

async function textOf(file: string): Promise<string> {
  return readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw wrong(file, `cannot be read (${error.code})`)
  })
}

const wrong = (file: string, what: string): InputError => new InputError('PL-STUDY-PREDICTIONS', what, printable(file))
