/** Reads model manifests. Apart from what a manifest is, since the workers get one that was read and load no parser. */
import { readFile, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { parse } from 'yaml'
import { z } from 'zod'
import { ModelError, messageOf } from '../../core/errors.js'
import { readShape } from '../../core/shapes.js'
import { heads } from '../onnx/index.js'
import { checkHash, type Manifest, type ModelInput } from './manifest.js'

const share = z.number().min(0).max(1)
const sha256 = z
  .string()
  .regex(/^[0-9a-f]{64}$/)
  .meta({ allowed: '64 hexadecimal digits' })

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

/** Reads a manifest's `input` alone. */
export const readInput = (value: unknown): { value: ModelInput } | { problem: string } => readShape(inputSchema, value)

/**
 * Reads a manifest (models/*.yaml) and proves that the ONNX file beside it is the one it speaks of.
 * @throws ModelError when the manifest is missing or wrong, names an unknown alarm label, or the file's SHA-256 differs
 */
export async function loadManifest(path: string): Promise<Manifest> {
  const absolute = resolve(path)
  const raw = parseManifest(absolute, await manifestText(absolute))
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

async function manifestText(path: string): Promise<string> {
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
  const read = readShape(manifestSchema, document)
  if ('value' in read) return read.value
  throw new ModelError('PL-MODEL-MANIFEST', `the manifest is wrong: ${read.problem}`, path)
}
