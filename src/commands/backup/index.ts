/** `painlens backup FILE`: config, outbox with its pauses, alarm log and the model's hash in one file. */
import { createHash } from 'node:crypto'
import { createReadStream, statSync } from 'node:fs'
import { type FileHandle, lstat, open, readdir, stat } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import { type OpenedConfig, openConfig, readService } from '../../config/index.js'
import { readText } from '../../config/read-text.js'
import { placeholdersIn } from '../../config/substitute.js'
import { DiskError, InputError, messageOf, PainlensError, UsageError } from '../../core/errors.js'
import { writeWhole } from '../../core/file-names.js'
import { Secrets } from '../../core/secrets.js'
import { tarEnd, tarEntry } from '../../core/tar.js'
import { toStdout, type Write } from '../../core/terminal.js'
import { version } from '../../core/version.js'
import { askOutbox } from '../../daemon/control/client.js'
import { refuseHeld } from '../../daemon/control/holder.js'
import { encodeSaved } from '../../daemon/control/protocol.js'
import { controlSocket } from '../../daemon/control/socket.js'
import { loadManifest } from '../../lib/model/load-manifest.js'
import { readOutbox } from '../../stages/outbox/index.js'
import {
  type BackupHead,
  configName,
  headName,
  int8Name,
  logPattern,
  modelNames,
  mostBytesOf,
  outboxName,
  secretName,
  secretPlace
} from './form.js'

export interface BackupOptions {
  file: string
  config: string | undefined
  /** Whether files with passwords are saved, and a config that has them in its text. */
  secrets: boolean | undefined
  models: boolean | undefined
  force: boolean | undefined
}

/** A file of the backup. Large ones are read when they are written. */
interface Source {
  name: string
  size: number
  sha256: string
  content: Buffer | string
}

/**
 * Saves what a box holds. A running painlens is asked for its outbox; else the outbox is opened for a moment.
 * @returns 0
 * @throws UsageError, ConfigError, ControlError, DiskError, ModelError, InputError; no file is left then
 */
export async function backupCommand(
  { file, config: given, secrets = false, models = false, force = false }: BackupOptions,
  signal: AbortSignal,
  write: Write = toStdout
): Promise<number> {
  const path = resolve(file)
  if (!force && (await lstat(path).catch(() => null))) throw alreadyThere(path)
  const opened = await openConfig(given, { needsPasswords: secrets })
  const { config } = opened
  const text = await readText(opened.file)
  if (!secrets) refuseSecretsIn(text, opened)
  const saved = secrets ? await secretFiles(text, opened, write) : []
  const manifest = await loadManifest(config.model.manifest)
  const sources = [
    inMemory(configName, Buffer.from(text)),
    inMemory(outboxName, await outboxLines(opened, signal)),
    ...(await logFiles(config.alarm_log.path)),
    ...saved.map(({ content }, i) => inMemory(secretName(i), content)),
    ...(models
      ? [
          inMemory(modelNames.manifest, Buffer.from(await readText(manifest.path))),
          onDisk(modelNames.file, manifest.file, manifest.sha256),
          ...(manifest.int8 ? [onDisk(int8Name, manifest.int8.file, manifest.int8.sha256)] : [])
        ]
      : [])
  ]
  const head: BackupHead = {
    format: 1,
    painlens: version,
    device: config.device,
    created: new Date().toISOString(),
    model: { name: manifest.name, sha256: manifest.sha256, file: basename(manifest.file) },
    secrets: saved.map(({ placeholder }) => placeholder),
    files: sources.map(({ name, size, sha256 }) => ({ name, size, sha256 }))
  }
  const first = inMemory(headName, Buffer.from(JSON.stringify(head, null, 2)))
  await writeArchive(path, archive([first, ...sources]), force, signal)
  write(`${path}: ${sources.map(({ name }) => name).join(', ')}\n`)
  return 0
}

function inMemory(name: string, content: Buffer): Source {
  const most = mostBytesOf(name)
  if (most !== null && content.length > most)
    throw new InputError('PL-BACKUP-SOURCE', `it has more than the ${most} bytes that a backup takes`, name)
  return { name, size: content.length, sha256: createHash('sha256').update(content).digest('hex'), content }
}

const onDisk = (name: string, path: string, sha256: string): Source => ({
  name,
  size: statSync(path).size,
  sha256,
  content: path
})

/** @throws InputError where the config itself has a password in its text */
function refuseSecretsIn(text: string, { secrets: found, file }: OpenedConfig): void {
  const secrets = new Secrets()
  // A placeholder in a URL's password is no secret itself.
  const written = found.filter((value) => placeholdersIn(value).length === 0)
  for (const value of written) secrets.add(value)
  if (secrets.redact(text) !== text || written.some((value) => text.includes(value)))
    throw new InputError('PL-BACKUP-SECRETS', 'it has a password in its own text', file)
}

async function secretFiles(text: string, { file }: OpenedConfig, write: Write) {
  const credentials = readService()?.credentials ?? new Map<string, string>()
  const used = text.replace(/^[ \t]*#.*$/gm, '')
  const saved: { placeholder: string; content: Buffer }[] = []
  for (const placeholder of new Set(placeholdersIn(used))) {
    const place = secretPlace(placeholder, file, credentials)
    if (place === null) write(`${placeholder} is not saved: it is not below the config's folder\n`)
    else saved.push({ placeholder, content: Buffer.from(await sourceOf(place, readText)) })
  }
  return saved
}

async function sourceOf<T>(path: string, read: (path: string) => Promise<T>): Promise<T> {
  try {
    return await read(path)
  } catch (error) {
    throw new InputError('PL-BACKUP-SOURCE', `it cannot be read (${messageOf(error)})`, path, { cause: error })
  }
}

async function outboxLines({ config, secrets: found, env }: OpenedConfig, signal: AbortSignal): Promise<Buffer> {
  const { path } = config.outbox
  const asked = await askOutbox(controlSocket(path, env), signal)
  if (asked) return Buffer.from(asked.map((line) => `${line}\n`).join(''))
  await refuseHeld(path)
  const secrets = new Secrets()
  for (const value of found) secrets.add(value)
  const entries = await readOutbox(path)
  return Buffer.from(entries.map((entry) => `${encodeSaved(entry, secrets)}\n`).join(''))
}

const mostTries = 5

/** All files of the alarm log, as of one moment between two rotations. */
async function logFiles(folder: string): Promise<Source[]> {
  for (let tries = 0; tries < mostTries; tries++) {
    const sources = await logFilesNow(folder).catch((error: NodeJS.ErrnoException) => {
      // The daemon has rotated a file away meanwhile.
      if (error.code === 'ENOENT') return null
      if (error instanceof PainlensError) throw error
      throw new InputError('PL-BACKUP-SOURCE', `the alarm log cannot be read (${messageOf(error)})`, folder)
    })
    if (sources) return sources
  }
  throw new InputError('PL-BACKUP-SOURCE', 'the alarm log changes all the time', folder)
}

/** @returns null where files were rotated meanwhile. Once all are open, a rotation changes their names only. */
async function logFilesNow(folder: string): Promise<Source[] | null> {
  const names = await logNames(folder)
  const opened: { name: string; handle: FileHandle }[] = []
  try {
    for (const name of names) opened.push({ name, handle: await open(join(folder, name)) })
    const inodes = await Promise.all(opened.map(async ({ handle }) => (await handle.stat()).ino))
    const now = await Promise.all(names.map(async (name) => (await stat(join(folder, name))).ino))
    if (String(inodes) !== String(now) || String(names) !== String(await logNames(folder))) return null
    return await Promise.all(
      opened.map(async ({ name, handle }) => inMemory(name, wholeLines(await handle.readFile())))
    )
  } finally {
    for (const { handle } of opened) await handle.close()
  }
}

/** The daemon may be in the middle of a line. */
const wholeLines = (bytes: Buffer): Buffer => bytes.subarray(0, bytes.lastIndexOf(0x0a) + 1)

async function logNames(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw error
  })
  return names.filter((name) => logPattern.test(name)).sort()
}

async function* archive(sources: readonly Source[]): AsyncGenerator<Buffer> {
  for (const source of sources) yield* tarEntry(source, contentOf(source))
  yield tarEnd()
}

/** @throws InputError where a file is no longer what the head says of it */
async function* contentOf({ name, size, sha256, content }: Source): AsyncGenerator<Buffer> {
  if (typeof content !== 'string') return yield content
  const hash = createHash('sha256')
  let length = 0
  for await (const piece of createReadStream(content, { highWaterMark: 1 << 20 })) {
    hash.update(piece as Buffer)
    length += (piece as Buffer).length
    yield piece as Buffer
  }
  if (length !== size || hash.digest('hex') !== sha256)
    throw new InputError('PL-BACKUP-SOURCE', `${name} has changed while it was saved`, content)
}

/** @throws UsageError where there is a file already, DiskError; the signal's reason */
async function writeArchive(
  path: string,
  content: AsyncIterable<Buffer>,
  force: boolean,
  signal: AbortSignal
): Promise<void> {
  try {
    const fill = (file: FileHandle): Promise<void> => {
      const keep = async (zipped: AsyncIterable<Buffer>): Promise<void> => {
        for await (const piece of zipped) await file.writeFile(piece)
      }
      return pipeline(Readable.from(content), createGzip(), keep, { signal })
    }
    await writeWhole(path, fill, { replace: force, forCaller: true })
  } catch (error) {
    signal.throwIfAborted()
    if (error instanceof PainlensError) throw error
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EEXIST') throw alreadyThere(path)
    throw new DiskError('PL-BACKUP-UNWRITABLE', `it cannot be written (${messageOf(error)})`, path, { cause: error })
  }
}

const alreadyThere = (path: string): UsageError => new UsageError('PL-BACKUP-EXISTS', 'there is a file already', path)
