/** The form of a backup: a gzipped tar of plain files without folders, of which the first says what the others are. */
import { dirname, join, resolve, sep } from 'node:path'
import { z } from 'zod'
import { InputError } from '../../core/errors.js'
import { version } from '../../core/version.js'

export const headName = 'painlens-backup.json'
export const outboxName = 'outbox.jsonl'
export const configName = 'config.yaml'
export const modelNames = { manifest: 'model.yaml', file: 'model.onnx' }
/** Beside the model, where its manifest names such a file. */
export const int8Name = 'model-int8.onnx'
export const secretName = (i: number): string => `secret-${i}`
/** As the alarm log names its files. */
export const logPattern = /^alarms(\.\d{1,4})?\.jsonl$/
export const mostHeadBytes = 1 << 20

const mebibyte = 2 ** 20
/** The most bytes of each file; unpacked, whatever a backup claims. */
const limits: readonly (readonly [pattern: RegExp, bytes: number])[] = [
  [/^config\.yaml$/, mebibyte],
  [/^secret-\d{1,4}$/, mebibyte],
  [/^outbox\.jsonl$/, 256 * mebibyte],
  [logPattern, 1024 * mebibyte],
  [/^model\.yaml$/, mebibyte],
  [/^model(-int8)?\.onnx$/, 4096 * mebibyte]
]

/** @returns null for a name that a backup has no use for */
export const mostBytesOf = (name: string): number | null => limits.find(([pattern]) => pattern.test(name))?.[1] ?? null

const sha256 = z.string().regex(/^[0-9a-f]{64}$/)
const headSchema = z.strictObject({
  format: z.literal(1),
  /** The painlens that made it. */
  painlens: z.string(),
  device: z.string(),
  created: z.iso.datetime(),
  /** The classifier's name, hash and file name; its files are there where a backup was made with --models. */
  model: z.strictObject({ name: z.string(), sha256, file: z.string().regex(/^[A-Za-z0-9][\w.+-]*$/) }),
  /** What each `secret-N` stands for in the config, such as `${file:secrets/camera}`. */
  secrets: z.array(z.string()),
  files: z
    .array(z.strictObject({ name: z.string(), size: z.int().min(0), sha256 }))
    .min(2)
    .max(2000)
})
export type BackupHead = z.infer<typeof headSchema>

/** @throws InputError where it is none, or one of another version */
export function parseHead(text: string, archive: string): BackupHead {
  const value = jsonOf(text)
  const format = z.looseObject({ format: z.unknown(), painlens: z.string() }).safeParse(value).data
  if (format && format.format !== 1)
    throw new InputError(
      'PL-RESTORE-FORMAT',
      `it was made by painlens ${format.painlens.slice(0, 40)}, in another form than that of ${version}`,
      archive
    )
  const result = headSchema.safeParse(value)
  if (!result.success) throw new InputError('PL-RESTORE-FORMAT', `its ${headName} is not that of a backup`, archive)
  const head = result.data
  const names = head.files.map(({ name }) => name)
  const odd = head.files.find(({ name, size }) => size > (mostBytesOf(name) ?? -1))
  if (odd)
    throw new InputError(
      'PL-RESTORE-FORMAT',
      `it holds ${JSON.stringify(odd.name.slice(0, 80))} of ${odd.size} bytes, which no backup has`,
      archive
    )
  const missing = [configName, outboxName, ...head.secrets.map((_, i) => secretName(i))].filter(
    (name) => !names.includes(name)
  )
  const models = Object.values(modelNames).filter((name) => names.includes(name))
  if (missing.length > 0 || models.length === 1 || new Set(names).size !== names.length)
    throw new InputError(
      'PL-RESTORE-FORMAT',
      `its ${headName} names files twice, or not all that a backup has`,
      archive
    )
  return head
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

/** Whether a path is below a folder. */
export const isBelow = (path: string, folder: string): boolean => path.startsWith(`${resolve(folder)}${sep}`)

/**
 * The file of a `${file:…}` or `${credential:…}`, where it is below the config's folder: only such are saved and restored.
 * @returns null for another one
 */
export function secretPlace(
  placeholder: string,
  configFile: string,
  credentials: ReadonlyMap<string, string>
): string | null {
  const [, kind, name = ''] = /^\$\{(file|credential):(.+)\}$/s.exec(placeholder) ?? []
  const folder = dirname(configFile)
  const path =
    kind === 'file'
      ? resolve(folder, name)
      : kind === 'credential'
        ? (credentials.get(name) ?? join(folder, 'secrets', name))
        : ''
  return isBelow(path, folder) ? path : null
}
