import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { parse } from 'yaml'
import { z } from 'zod'
import { ModelError, messageOf } from '../../core/errors.js'
import { type Head, heads, type InputType } from '../onnx/index.js'

const share = z.number().min(0).max(1)
const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'must be 64 hexadecimal digits')

/** How a crop becomes the model's input: x = (value - mean) * scale, value 0..255, mean in the order of `colour`. */
const inputSchema = z.strictObject({
  layout: z.enum(['nchw', 'nhwc']),
  width: z.int().min(16).max(1024),
  height: z.int().min(16).max(1024),
  colour: z.enum(['bgr', 'rgb']),
  mean: z.tuple([z.number(), z.number(), z.number()]),
  scale: z.number().positive().default(1)
})

/** The model manifest of the design; the crop's alignment is given by models that were trained on other crops. */
const manifestSchema = z.strictObject({
  name: z.string().min(1),
  labels: z.array(z.string().min(1)).min(2),
  alarm_label: z.string(),
  file: z.string().min(1),
  sha256,
  licence: z.string().min(1),
  input: inputSchema,
  alignment: z
    .strictObject({ eye_distance: share.default(0.38), eye_y: share.default(0.36) })
    .default({ eye_distance: 0.38, eye_y: 0.36 }),
  intended_use: z.string().min(1),
  head: z.enum(['auto', ...heads]).default('auto'),
  output: z.string().min(1).optional(),
  int8: z.strictObject({ file: z.string().min(1), sha256 }).optional(),
  metrics: z.record(z.string(), z.unknown()).optional(),
  temperature: z.number().positive().default(1),
  resting: z.record(z.string(), z.tuple([z.number(), z.number().min(0)])).optional()
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
  /** How the outputs are to be read, where the graph does not say. */
  head: Head | 'auto'
  /** The output that holds the scores, where the model has several. */
  output?: string
  /** Its twin in 8 bits, if there is one; absolute. Whether it is the file with that SHA-256, who opens it checks. */
  int8?: { file: string; sha256: string }
  intendedUse: string
  /** True for `intended_use: demonstration`; shown in every alarm. */
  demonstration: boolean
  temperature: number
  /**
   * Median and spread of each label's output on neutral faces, float32, before softmax and temperature; null where that was not
   * measured. A spread is 1.4826 times the median absolute deviation: of normal numbers the standard deviation.
   */
  resting: Record<string, [median: number, spread: number]> | null
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
  checkResting(raw, absolute)
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
    head: raw.head,
    ...(raw.output !== undefined && { output: raw.output }),
    ...(raw.int8 && { int8: { ...raw.int8, file: resolve(dirname(absolute), raw.int8.file) } }),
    intendedUse: raw.intended_use,
    demonstration: raw.intended_use === 'demonstration',
    temperature: raw.temperature,
    resting: raw.resting ?? null,
    metrics: raw.metrics ?? {}
  }
}

function checkResting({ labels, resting }: z.infer<typeof manifestSchema>, path: string): void {
  if (resting === undefined) return
  const named = Object.keys(resting)
  if (named.length === labels.length && labels.every((label) => named.includes(label))) return
  const what = `the manifest is wrong: resting names ${named.join(', ')}, but the labels are ${labels.join(', ')}`
  throw new ModelError('PL-MODEL-MANIFEST', what, path)
}

/**
 * Holds a loaded model's shapes against its manifest.
 * @param inputDims the model's input, symbolic dims as null
 * @param outputs   how many scores it gives for each crop; null where that is not known
 * @throws ModelError when the input's size or the number of classes differ
 */
export function checkShapes(manifest: Manifest, inputDims: readonly (number | null)[], outputs: number | null): void {
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
  if (outputs !== null) checkLabels(manifest, outputs)
}

/** @throws ModelError where the model takes pixels as they are, and the manifest says that they are shifted or scaled */
export function checkInputType({ input, file, path }: Manifest, type: InputType): void {
  if (type !== 'uint8' || (input.scale === 1 && input.mean.every((each) => each === 0))) return
  throw new ModelError('PL-MODEL-INPUT', 'its input is uint8, which holds no shifted or scaled pixels', file, {
    fix: `Set mean to [0, 0, 0] and scale to 1 in ${path}, if the model shifts and scales by itself; else export it with a float32 input.`
  })
}

/** A single output is the score of the first of two labels, and that one is the alarm's. */
function checkLabels({ labels, alarmIndex, file, path }: Manifest, outputs: number): void {
  const single = outputs === 1 && labels.length === 2
  if (single ? alarmIndex === 0 : outputs === labels.length) return
  throw new ModelError(
    'PL-MODEL-LABELS',
    `the manifest has ${labels.length} labels (${labels.join(', ')}), the model ${outputs} output${outputs === 1 ? '' : 's'}`,
    file,
    {
      fix:
        outputs === 1
          ? `Give two labels in ${path}, the alarm label first: the single output is taken for its score.`
          : `Correct labels in ${path}, in the order of the model's outputs.`
    }
  )
}

/** Dims as a model declares them, its free ones as null. */
export function declaredDims(dims: readonly (number | string)[]): (number | null)[] {
  return dims.map((dim) => (typeof dim === 'number' && dim > 0 ? dim : null))
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
