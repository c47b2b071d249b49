import { createHash, type Hash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { InputError } from '../core/errors.js'
import { printable } from '../core/printable.js'
import { decoded, parsed } from './csv.js'
import { type DataWarning, dataWarningOf, dataWarningSchema, labelsOfOneSource, type Trap, trapText } from './traps.js'
import { yamlIn } from './yaml-file.js'

/** A label of crops that show no expression: never an output of a model. */
export const neutral = 'neutral'

/** What the confusion matrix calls faces of which the model was not asked: never a label. */
export const noUsableFace = 'no_usable_face'

/** A row of `index.csv`. */
export interface CropRow {
  /** The picture, relative to the data set's folder. */
  crop: string
  subject: string
  label: string
  source: string
  video: string
  timeS: number | null
  intensity: number | null
}

const reasons = z.record(z.string(), z.int().min(0))

/** The part of `dataset.yaml` that a reader of the crops needs. */
const datasetSchema = z.looseObject({
  size: z.object({ width: z.int().min(16).max(1024), height: z.int().min(16).max(1024) }),
  alignment: z.object({ eye_distance: z.number().min(0).max(1), eye_y: z.number().min(0).max(1) }),
  /** Of options and files that it was made of, as prepare writes it; sets that were made otherwise may lack it. */
  key: z.string().optional(),
  left_out: z
    .looseObject({
      /** Pictures without a usable face, by reason. */
      pictures: reasons.optional(),
      /** The same, by label. */
      by_label: z.record(z.string(), reasons).optional()
    })
    .optional(),
  /** What prepare has found that makes figures better than a model is. */
  warnings: z.array(dataWarningSchema).optional()
})

export interface Dataset {
  /** As it was given. */
  folder: string
  size: { width: number; height: number }
  alignment: { eyeDistance: number; eyeY: number }
  /** Differs as soon as rows, size, alignment or prepare's key do: of a set that was made again in the same place, too. */
  digest: string
  rows: CropRow[]
  /** How many pictures have no usable face, in all and by label; null where that is not known. */
  unusable: { all: number | null; byLabel: ReadonlyMap<string, number> | null }
  /** Properties of the data that make a model's figures too good; null where they were not looked for. */
  warnings: DataWarning[] | null
}

const rowSchema = z.object({
  crop: z.string().min(1, 'crop is empty'),
  subject: z.string().default(''),
  label: z
    .string()
    .min(1, 'label is empty')
    .refine((label) => label !== noUsableFace, `${noUsableFace} is a column of the results, and no label`),
  source: z.string().default(''),
  video: z.string().default(''),
  time_s: z.string().optional(),
  intensity: z.string().optional(),
  roll_deg: z.string().optional(),
  detector_score: z.string().optional()
})

/** So many wrong rows are named; a file that is wrong throughout would fill the screen. */
const namedProblems = 10

/**
 * Reads a data set that `painlens study prepare` has made.
 * @throws InputError where one of its files is missing or wrong: every wrong row, up to ten
 */
export async function readDataset(folder: string): Promise<Dataset> {
  const file = join(folder, 'dataset.yaml')
  const said = await yamlIn(file, datasetSchema, (what) => new InputError('PL-STUDY-DATA', what, printable(file)))
  const { size, alignment, key = null } = said
  const hash = createHash('sha256').update(JSON.stringify([size, alignment, key]))
  const rows = rowsOf(await textOf(join(folder, 'index.csv')), folder, hash)
  return {
    folder,
    size,
    alignment: { eyeDistance: alignment.eye_distance, eyeY: alignment.eye_y },
    unusable: unusableIn(said.left_out),
    warnings: said.warnings?.map(dataWarningOf) ?? null,
    rows,
    digest: hash.digest('hex')
  }
}

/** What prepare warns of; of data that were made in another way, what their rows say. */
export function warningsOf({ warnings, rows }: Dataset): DataWarning[] {
  const labels = labelsOfOneSource(rows).filter(({ label }) => label !== neutral)
  const found: Trap[] = [
    ...(labels.length > 0 ? [{ trap: 'one_source', labels } as const] : []),
    ...(rows.every(({ subject }) => subject === '') ? [{ trap: 'no_subjects' } as const] : [])
  ]
  return warnings ?? found.map((trap) => ({ says: trapText(trap), trap }))
}

function unusableIn(leftOut: z.infer<typeof datasetSchema>['left_out']): Dataset['unusable'] {
  const sum = (counts: Record<string, number>): number => Object.values(counts).reduce((all, one) => all + one, 0)
  const { pictures, by_label: labels } = leftOut ?? {}
  const byLabel = labels ? new Map(Object.entries(labels).map(([label, counts]) => [label, sum(counts)])) : null
  const known = pictures ?? (byLabel ? Object.fromEntries(byLabel) : null)
  return { all: known ? sum(known) : null, byLabel }
}

/** @param hash takes each row, and what the detector said of its crop, which tells whether that is another one under the same name */
function rowsOf(text: string, folder: string, hash: Hash): CropRow[] {
  const where = printable(join(folder, 'index.csv'))
  const table = parsed(text, (what) => new InputError('PL-STUDY-DATA', what, where))
  const problems = table.problems.map(({ number, message }) => `row ${number}: ${message}`)
  const rows: CropRow[] = []
  const seen = new Set<string>()
  for (const { number, record } of table.rows) {
    const found = rowSchema.safeParse(record)
    if (!found.success) {
      problems.push(`row ${number}: ${found.error.issues.map(({ message }) => message).join('; ')}`)
      continue
    }
    const { time_s, intensity, roll_deg, detector_score, ...texts } = found.data
    if (seen.has(texts.crop)) problems.push(`row ${number}: ${printable(texts.crop)} is there twice`)
    for (const [column, text] of Object.entries({ time_s, intensity }))
      if (Number.isNaN(numberOf(text))) problems.push(`row ${number}: ${column} is ${printable(text!)}, no number`)
    seen.add(texts.crop)
    const row = { ...texts, timeS: numberOf(time_s), intensity: numberOf(intensity) }
    hash.update(JSON.stringify([row, numberOf(roll_deg), numberOf(detector_score)]))
    rows.push(row)
  }
  if (problems.length === 0 && rows.length > 0) return rows
  const what = rows.length === 0 && problems.length === 0 ? 'it has no rows' : problemsLine(problems)
  throw new InputError('PL-STUDY-DATA', what, where)
}

/** Problems in one line: the first ten, and how many more there are. */
export function problemsLine(problems: readonly string[]): string {
  const rest = problems.length > namedProblems ? `; and ${problems.length - namedProblems} more` : ''
  return problems.slice(0, namedProblems).join('; ') + rest
}

/** @returns null for an empty cell; NaN for one that is no finite number, such as `0,5` */
export function numberOf(text: string | undefined): number | null {
  if (text === undefined || text.trim() === '') return null
  const value = Number(text)
  return Number.isFinite(value) ? value : Number.NaN
}

async function textOf(file: string): Promise<string> {
  const bytes = await readFile(file).catch((error: NodeJS.ErrnoException) => {
    throw new InputError('PL-STUDY-DATA', `cannot be read (${error.code})`, printable(file), { cause: error })
  })
  return decoded(bytes)
}
