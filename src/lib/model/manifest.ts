import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { parse } from 'yaml'
import { z } from 'zod'
import { ModelError, messageOf } from '../../core/errors.js'

const share = z.number().min(0).max(1)

/** How a crop becomes the model's input: x = (value - mean) * scale, value 0..255, mean in the order of `colour`. */
const inputSchema = z.strictObject({
  layout: z.enum(['nchw', 'nhwc']),
  width: z.int().min(16).max(1024),
  height: z.int().min(16).max(1024),
  colour: z.enum(['bgr', 'rgb']),
  mean: z.tuple([z.number(), z.number(), z.number()]),
  scale: z.number().positive().default(1)
})

/** The model manifest of the design; the crop's alignment may be named by who trained on other crops. */
const manifestSchema = z.strictObject({
  name: z.string().min(1),
  labels: z.array(z.string().min(1)).min(2),
  alarm_label: z.string(),
  file: z.string().min(1),
  sha256: z.string().regex(/^[0-9a-f]{64}$/, 'must be 64 hexadecimal digits'),
  licence: z.string().min(1),
  input: inputSchema,
  alignment: z
    .strictObject({ eye_distance: share.default(0.38), eye_y: share.default(0.36) })
    .default({ eye_distance: 0.38, eye_y: 0.36 }),
  intended_use: z.string().min(1),
  metrics: z.record(z.string(), z.unknown()).optional(),
  temperature: z.number().positive().default(1)
})

export type ModelInput = z.infer<typeof inputSchema>

/** Reads a manifest's `input` alone. @throws ZodError where it is wrong */
export const parseInput = (value: unknown): ModelInput => inputSchema.parse(value)

export interface Manifest {
  name: string
  /** The manifest itself, absolute. */
  path: string
  /** The ONNX file, absolute. */
  file: string
  sha256: string
  labels: string[]
  alarmLabel: string
  /** Index of the alarm label. */
  alarmIndex: number
  licence: string
  input: ModelInput
  alignment: { eyeDistance: number; eyeY: number }
  intendedUse: string
  /** True for `intended_use: demonstration`; shown in every alarm. */
  demonstration: boolean
  temperature: number
  metrics: Record<string, unknown>
}

/**
 * Reads a manifest (models/*.yaml) and proves that the ONNX file beside it is the one it speaks of.
 * @throws ModelError when the manifest is missing or wrong, names an unknown alarm label, or the file's SHA-256 differs
 */
export async function loadManifest(path: string): Promise<Manifest> {
  const absolute = resolve(path)
  const raw = parseManifest(absolute, await readText(absolute))
  const alarmIndex = raw.labels.indexOf(raw.alarm_label)
  if (alarmIndex < 0)
    throw new ModelError(
      'PL-MODEL-ALARM-LABEL',
      `alarm_label is "${raw.alarm_label}", but the labels are ${raw.labels.join(', ')}`,
      absolute
    )
  if (new Set(raw.labels).size !== raw.labels.length)
    throw new ModelError('PL-MODEL-LABEL-TWICE', `labels name the same class twice: ${raw.labels.join(', ')}`, absolute)
  const file = resolve(dirname(absolute), raw.file)
  await checkHash(file, raw.sha256, absolute)
  return {
    name: raw.name,
    path: absolute,
    file,
    sha256: raw.sha256,
    labels: raw.labels,
    alarmLabel: raw.alarm_label,
    alarmIndex,
    licence: raw.licence,
    input: raw.input,
    alignment: { eyeDistance: raw.alignment.eye_distance, eyeY: raw.alignment.eye_y },
    intendedUse: raw.intended_use,
    demonstration: raw.intended_use === 'demonstration',
    temperature: raw.temperature,
    metrics: raw.metrics ?? {}
  }
}

/**
 * Holds a loaded model's shapes against its manifest.
 * @param inputDims  the model's input, symbolic dims as null
 * @param outputDims the model's first output, likewise
 * @throws ModelError when the input's size or the number of classes differ
 */
export function checkShapes(manifest: Manifest, inputDims: (number | null)[], outputDims: (number | null)[]): void {
  const { layout, width, height } = manifest.input
  const wanted = layout === 'nchw' ? [null, 3, height, width] : [null, height, width, 3]
  const fits =
    inputDims.length === 4 && wanted.every((dim, i) => dim === null || inputDims[i] === null || inputDims[i] === dim)
  if (!fits)
    throw new ModelError(
      'PL-MODEL-INPUT',
      `the manifest says input ${layout} [${wanted.map(shown).join(', ')}], the model takes [${inputDims.map(shown).join(', ')}]`,
      manifest.file,
      { fix: `Correct input in ${manifest.path}.` }
    )
  const classes = outputDims.at(-1)
  if (typeof classes === 'number' && classes !== manifest.labels.length)
    throw new ModelError(
      'PL-MODEL-LABELS',
      `the manifest has ${manifest.labels.length} labels (${manifest.labels.join(', ')}), the model ${classes} outputs`,
      manifest.file,
      { fix: `Correct labels in ${manifest.path}, in the order of the model's outputs.` }
    )
}

const shown = (dim: number | null): string => (dim === null ? 'batch' : String(dim))

async function readText(path: string): Promise<string> {
  const unreadable = (why: string): ModelError =>
    new ModelError('PL-MODEL-MANIFEST-UNREADABLE', `the model manifest cannot be read (${why})`, path)
  try {
    // A read that waits in a pipe would keep the process from ending, even after SIGTERM.
    if ((await stat(path)).isFile()) return await readFile(path, 'utf8')
  } catch (error) {
    throw unreadable(messageOf(error))
  }
  throw unreadable('it is no regular file')
}

function parseManifest(path: string, text: string): z.infer<typeof manifestSchema> {
  let document: unknown
  try {
    document = parse(text, { logLevel: 'error' })
  } catch (error) {
    throw new ModelError('PL-MODEL-MANIFEST', `the manifest is no YAML (${messageOf(error).split('\n')[0]})`, path)
  }
  const result = manifestSchema.safeParse(document)
  if (result.success) return result.data
  const problems = result.error.issues.map((issue) => `${issue.path.join('.') || 'manifest'}: ${issue.message}`)
  throw new ModelError('PL-MODEL-MANIFEST', `the manifest is wrong: ${problems.join('; ')}`, path)
}

/** @throws ModelError when the file is not the one that a manifest speaks of */
export async function checkHash(file: string, expected: string, manifest: string): Promise<void> {
  const found = await sha256Of(file)
  if (found !== expected)
    throw new ModelError('PL-MODEL-HASH', `its SHA-256 is ${found}, the manifest ${manifest} says ${expected}`, file)
}

/**
 * SHA-256 of a file in hexadecimal, read in pieces.
 * @throws ModelError when it cannot be read
 */
export async function sha256Of(file: string): Promise<string> {
  const hash = createHash('sha256')
  try {
    // A device or a pipe may have no end.
    if (!(await stat(file)).isFile()) throw unreadable(file, 'it is no file')
    for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20 })) hash.update(chunk as Buffer)
  } catch (error) {
    throw error instanceof ModelError ? error : unreadable(file, messageOf(error))
  }
  return hash.digest('hex')
}

const unreadable = (file: string, why: string): ModelError =>
  new ModelError('PL-MODEL-UNREADABLE', `the model cannot be read (${why})`, file)
