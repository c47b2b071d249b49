/** `painlens restore FILE`: puts back what `painlens backup` has saved, all of it or nothing. */
import { createReadStream } from 'node:fs'
import { copyFile, lstat, mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import type { Environment } from '../../config/find.js'
import {
  type Config,
  configToWrite,
  findConfig,
  isConfigOf,
  loadConfig,
  parseConfig,
  readService
} from '../../config/index.js'
import { readText } from '../../config/read-text.js'
import { ConfigError, DiskError, InputError, messageOf, PainlensError, UsageError } from '../../core/errors.js'
import { exchangeAll, finishExchange, restoreJournal } from '../../core/exchange.js'
import { isRunning } from '../../core/processes.js'
import { toStdout, type Write } from '../../core/terminal.js'
import { askCameras } from '../../daemon/control/client.js'
import { refuseHeld } from '../../daemon/control/holder.js'
import { controlSocket } from '../../daemon/control/socket.js'
import { referencesOptions } from '../../daemon/wiring/mapping.js'
import { loadManifest } from '../../lib/model/load-manifest.js'
import { sha256Of } from '../../lib/model/manifest.js'
import { holdOutbox, isOutboxFolder, parseSaved, type SavedEntry, writeOutbox } from '../../stages/outbox/index.js'
import { noReferences, readReferences } from '../../stages/reference/index.js'
import {
  type BackupHead,
  configName,
  int8Name,
  logPattern,
  modelNames,
  outboxName,
  secretName,
  secretPlace
} from './form.js'
import { Staging } from './places.js'
import { unpackBackup } from './unpack.js'

export interface RestoreOptions {
  /** Left out, a restore that was interrupted is completed. */
  file: string | undefined
  config: string | undefined
}

/** What the box has that a restore goes by. */
interface Box {
  configFile: string
  env: Environment
  credentials: ReadonlyMap<string, string>
}

interface Restoring {
  box: Box
  /** With the backup's files, unpacked and checked. */
  folder: string
  head: BackupHead
  config: Config
  archive: string
}

/**
 * Replaces config, outbox, alarm log and the saved passwords by those of a backup; brings its model where there is none.
 * @returns 0
 * @throws InputError, UsageError, ControlError, DiskError, ModelError; what was there is in place then
 */
export async function restoreCommand(
  { file, config: given }: RestoreOptions,
  signal: AbortSignal,
  write: Write = toStdout
): Promise<number> {
  const box = boxOf(given)
  const journal = restoreJournal(box.configFile)
  if (finishExchange(journal)) write('a restore that was interrupted is completed\n')
  else if (file === undefined)
    throw new UsageError('PL-RESTORE-UNREADABLE', 'none is named, and no restore was interrupted', 'the backup')
  if (file === undefined) return 0
  const archive = resolve(file)
  await removeAbandoned(dirname(box.configFile))
  const folder = await mkdtemp(join(dirname(box.configFile), `${unpackedPrefix}${process.pid}-`)).catch(
    (error: unknown) => {
      throw diskError(error, dirname(box.configFile))
    }
  )
  try {
    const head = await unpackBackup(archive, folder, signal)
    const config = await configIn(folder, head, box, archive)
    const done = await replace({ box, folder, head, config, archive }, journal, signal)
    const { path: references } = referencesOptions(config)
    for (const target of done) write(`${target}${target === references ? emptied : ''}\n`)
    write(`restored from the backup of ${head.device} of ${head.created}\n`)
    return 0
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

const emptied = ': emptied, since its resting faces are of the beds of another box; take those of this box anew'

const unpackedPrefix = '.painlens-restoring-'
/** Its folder, and the draft of its journal, with its process's id. */
const unfinished = /^\.painlens-restor(?:ing-(\d+)-|e\.(\d+)$)/

/** What a restore that was killed has unpacked holds passwords. That of one which is still at work stays. */
async function removeAbandoned(folder: string): Promise<void> {
  for (const name of await readdir(folder).catch(() => [])) {
    const [, unpackedBy, draftedBy] = unfinished.exec(name) ?? []
    const pid = unpackedBy ?? draftedBy
    if (pid !== undefined && !isRunning(Number(pid))) await rm(join(folder, name), { recursive: true, force: true })
  }
}

function boxOf(given: string | undefined): Box {
  const configFile = foundOrNew(given)
  const service = readService()
  const own = isConfigOf(service, configFile) ? service : null
  return { configFile, env: { ...own?.folders, ...process.env }, credentials: own?.credentials ?? new Map() }
}

function foundOrNew(given: string | undefined): string {
  try {
    return findConfig(given).file
  } catch (error) {
    if (error instanceof UsageError) return configToWrite(given)
    throw error
  }
}

const diskError = (error: unknown, path: string): PainlensError =>
  error instanceof PainlensError
    ? error
    : new DiskError('PL-RESTORE-DISK', `the disk refuses (${messageOf(error)})`, path, { cause: error })

/** The config of the backup, as if it lay in its place already. */
async function configIn(folder: string, head: BackupHead, box: Box, archive: string): Promise<Config> {
  const { configFile, env, credentials } = box
  const saved = new Map(
    head.secrets.map((placeholder, i) => [secretPlace(placeholder, configFile, credentials), secretName(i)])
  )
  const readSaved = (path: string): Promise<string> => {
    const name = saved.get(path)
    return readText(name === undefined ? path : join(folder, name))
  }
  try {
    const text = await readText(join(folder, configName))
    const options = { env, credentials, readFile: readSaved, needsPasswords: false }
    return (await parseConfig(text, configFile, options)).config
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    throw new InputError('PL-RESTORE-CONFIG', `its config is refused: ${error.problems[0]}`, archive)
  }
}

/** Holds the outboxes while files are exchanged, so that no painlens starts in between. */
async function replace(restoring: Restoring, journal: string, signal: AbortSignal): Promise<string[]> {
  const { box, config } = restoring
  const before = await loadConfig(box.configFile, { env: box.env, needsPasswords: false }).catch(() => null)
  const outboxes = new Set([config.outbox.path, ...(before ? [before.config.outbox.path] : [])])
  for (const path of outboxes) {
    if (await askCameras(controlSocket(path, box.env), signal))
      throw new InputError('PL-RESTORE-RUNNING', 'painlens runs', path)
    await refuseHeld(path)
  }
  const held: (() => Promise<void>)[] = []
  const staging = new Staging([dirname(box.configFile), ...(box.env.STATE_DIRECTORY?.split(':').slice(0, 1) ?? [])])
  try {
    for (const path of outboxes) held.push(await holdOutbox(path))
    await stage(restoring, staging)
    if (before?.config.device !== config.device) await stageNoReferences(restoring, staging)
    signal.throwIfAborted()
    exchangeAll(journal, staging.moves)
    return staging.moves.map(({ target }) => target)
  } catch (error) {
    signal.throwIfAborted()
    throw diskError(error, box.configFile)
  } finally {
    staging.discard()
    for (const release of held) await release()
  }
}

/** All that can be wrong is found here, before anything is replaced. */
async function stage(restoring: Restoring, staging: Staging): Promise<void> {
  const { box, folder, head, config, archive } = restoring
  await stageModel(restoring, staging)
  const entries = await savedEntries(join(folder, outboxName), archive)
  await staging.folder(config.outbox.path, isOutboxFolder, (to) => writeOutbox(to, entries))
  const logs = head.files.map(({ name }) => name).filter((name) => logPattern.test(name))
  const isLog = (names: readonly string[]): boolean => names.every((name) => logPattern.test(name))
  await staging.folder(config.alarm_log.path, isLog, async (to) => {
    for (const name of logs) await copyFile(join(folder, name), join(to, name))
  })
  const text = await readText(join(folder, configName))
  for (const [i, placeholder] of head.secrets.entries()) {
    const place = secretPlace(placeholder, box.configFile, box.credentials)
    if (place === null || !text.includes(placeholder)) {
      const what = `${placeholder.slice(0, 200)} is not in its config, or not below the config's folder`
      throw new InputError('PL-RESTORE-PLACE', what, archive)
    }
    staging.file(join(folder, secretName(i)), place, 0o600)
  }
  // With root's right to write and the service's group to read, as install.sh has it.
  staging.file(join(folder, configName), box.configFile, process.getuid?.() === 0 ? 0o640 : 0o600)
}

/** Resting faces of the beds that another box's cameras of the same names show would hide pain. */
async function stageNoReferences({ folder, config }: Restoring, staging: Staging): Promise<void> {
  const { path } = referencesOptions(config)
  // Of a file that is not painlens's nothing is used, and nothing is to be taken away.
  const kept = await readReferences(path).catch(() => [])
  if (kept.length === 0) return
  const none = join(folder, 'no-references')
  await writeFile(none, noReferences)
  staging.stateFile(none, path, 0o600)
}

async function savedEntries(file: string, archive: string): Promise<SavedEntry[]> {
  const entries: SavedEntry[] = []
  for await (const line of createInterface({ input: createReadStream(file), crlfDelay: Number.POSITIVE_INFINITY })) {
    const entry = parseSaved(line)
    if (!entry) throw new InputError('PL-RESTORE-DAMAGED', `line ${entries.length + 1} of its outbox is none`, archive)
    entries.push(entry)
  }
  return entries
}

/** The model that is there has to be the backup's; only where there is none, that of the backup is brought. */
async function stageModel({ folder, head, config, archive }: Restoring, staging: Staging): Promise<void> {
  const target = config.model.manifest
  const wanted = `the backup is of the model ${JSON.stringify(head.model.name)}, SHA-256 ${head.model.sha256}`
  const differs = (path: string, sha256: string): InputError =>
    new InputError('PL-RESTORE-MODEL', `${wanted}; here it is ${sha256}`, path)
  if (await isThere(target)) {
    const { sha256 } = await loadManifest(target)
    if (sha256 !== head.model.sha256) throw differs(target, sha256)
    return
  }
  if (!head.files.some(({ name }) => name === modelNames.file))
    throw new InputError('PL-RESTORE-MODEL', `${wanted}; here is none`, target)
  const own = join(folder, 'model')
  await mkdir(own)
  await rename(join(folder, modelNames.manifest), join(own, modelNames.manifest))
  const from = join(own, head.model.file === modelNames.manifest ? 'none' : head.model.file)
  await rename(join(folder, modelNames.file), from)
  const { file, sha256, int8 } = await loadManifest(join(own, modelNames.manifest))
  if (file !== from || sha256 !== head.model.sha256)
    throw new InputError('PL-RESTORE-DAMAGED', 'its model is not the one that its head names', archive)
  const place = join(dirname(target), basename(file))
  if (await isThere(place)) {
    const there = await sha256Of(place)
    if (there !== sha256) throw differs(place, there)
  } else staging.file(file, place, 0o644)
  if (int8 && head.files.some(({ name }) => name === int8Name)) {
    const quick = join(dirname(target), basename(int8.file))
    // Where there is another one, painlens finds that out at start, and judges in float32.
    if (!(await isThere(quick))) staging.file(join(folder, int8Name), quick, 0o644)
  }
  staging.file(join(own, modelNames.manifest), target, 0o644)
}

const isThere = (path: string): Promise<boolean> =>
  lstat(path).then(
    () => true,
    () => false
  )
