import { mkdir, open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { ClassicLevel } from 'classic-level'
import { ClosedError, DiskError, type ErrorCode, errorFields, messageOf, PainlensError } from '../../core/errors.js'
import type { Log } from '../../core/log.js'

/** Bytes that must be free before a retry: LevelDB writes a log and a manifest when it is opened. */
const probeBytes = 256 * 1024

export type Operation = { type: 'put'; key: string; value: string } | { type: 'del'; key: string }
export type KeyRange = { gte: string } | { lt: string }

/**
 * The outbox's LevelDB. After a failed write it is not written any more: a full disk leaves half a record in its log, and
 * later records, though synced, would be lost at the next start. `recover` reopens it once the disk accepts writes; until
 * then `works` is false.
 */
export class Store {
  readonly #path: string
  readonly #log: Log
  #database: Database | null = null
  #works = true
  #trouble: PainlensError | null = null

  constructor(path: string, log: Log) {
    this.#path = path
    this.#log = log
  }

  get works(): boolean {
    return this.#works
  }

  /** Why it does not work. */
  get trouble(): PainlensError | null {
    return this.#trouble
  }

  /**
   * Also resolves on a full or read-only disk, as one may become after a power cut; `works` is false then.
   * @throws {DiskError} if the folder is locked, damaged or belongs to another user
   */
  async open(): Promise<void> {
    try {
      this.#database = await openDatabase(this.#path, this.#log)
    } catch (error) {
      if (!mayPass(error)) throw error
      this.#failed(error)
    }
  }

  /** The entries on disk within a range of keys, in order. */
  async *entries(range: KeyRange): AsyncIterable<[key: string, value: string]> {
    if (this.#database) yield* this.#database.iterator(range)
  }

  /** Writes all or none of them, synced. @returns false if the disk refuses */
  async write(operations: readonly Operation[]): Promise<boolean> {
    return this.#write((database) => database.batch([...operations], { sync: true }))
  }

  /** Not synced: subscribers recognise repetitions after a power cut. @returns false if the disk refuses */
  async del(key: string): Promise<boolean> {
    return this.#write((database) => database.del(key))
  }

  /** @throws if reading fails; the database is then reopened, which may help */
  async get(key: string): Promise<string | undefined> {
    try {
      if (!this.#database) throw new ClosedError('PL-OUTBOX-CLOSED', 'the outbox is closed', this.#path)
      return await this.#database.get(key)
    } catch (error) {
      this.#failed(error)
      throw error
    }
  }

  /** Reopens the database if the disk accepts writes. @returns whether it works */
  async recover(): Promise<boolean> {
    try {
      await this.#probe()
      await this.#database?.close()
      this.#database = null
      this.#database = await openDatabase(this.#path, this.#log)
      this.#works = true
      this.#trouble = null
      this.#log.info({ path: this.#path }, 'the outbox works again')
    } catch (error) {
      this.#failed(error)
    }
    return this.#works
  }

  async close(): Promise<void> {
    this.#works = false
    await this.#database?.close()
    this.#database = null
  }

  async #write(act: (database: Database) => Promise<unknown>): Promise<boolean> {
    if (!this.#works || !this.#database) return false
    try {
      await act(this.#database)
      return true
    } catch (error) {
      this.#failed(error)
      return false
    }
  }

  async #probe(): Promise<void> {
    const file = join(this.#path, 'probe')
    // It is not there yet where the disk has refused since the start.
    await mkdir(this.#path, { recursive: true, mode: 0o700 })
    try {
      const handle = await open(file, 'w', 0o600)
      try {
        await handle.writeFile(Buffer.alloc(probeBytes, 1))
        await handle.sync()
      } finally {
        await handle.close()
      }
    } finally {
      await rm(file, { force: true })
    }
  }

  /** Logs the failure once. */
  #failed(error: unknown): void {
    if (!this.#works) return
    this.#works = false
    const told = error instanceof PainlensError ? error : outboxError(this.#path, error)
    this.#trouble = told
    this.#log.error(errorFields(told), 'the outbox does not work; alarms wait in memory')
  }
}

export type Database = ClassicLevel<string, string>

/**
 * Opens the LevelDB in a folder that only this process may use; creates the folder if missing. A damaged one (power cut,
 * bad card) is repaired once, since painlens does not start without its outbox.
 * @throws {DiskError} if the folder is locked, unwritable, or beyond repair
 */
async function openDatabase(path: string, log: Log): Promise<Database> {
  try {
    await mkdir(path, { recursive: true, mode: 0o700 })
  } catch (error) {
    throw outboxError(path, error)
  }
  try {
    return await openLevel(path)
  } catch (error) {
    if (systemCodeOf(error) !== 'LEVEL_CORRUPTION') throw outboxError(path, error)
    log.warn({ path }, 'the outbox is damaged; repairing it')
  }
  try {
    await ClassicLevel.repair(path)
    return await openLevel(path)
  } catch (error) {
    throw outboxError(path, error)
  }
}

async function openLevel(path: string): Promise<Database> {
  const database: Database = new ClassicLevel(path, { keyEncoding: 'utf8', valueEncoding: 'utf8' })
  await database.open()
  return database
}

const troubles: Record<string, { code: ErrorCode; what: string }> = {
  LEVEL_LOCKED: { code: 'PL-OUTBOX-LOCKED', what: 'the outbox is in use by another process' },
  LEVEL_CORRUPTION: { code: 'PL-OUTBOX-DAMAGED', what: 'the outbox is damaged and could not be repaired' },
  EACCES: { code: 'PL-OUTBOX-PERMISSION', what: 'no permission to use the outbox' },
  EROFS: { code: 'PL-OUTBOX-READ-ONLY', what: 'the outbox lies on a read-only file system' },
  ENOSPC: { code: 'PL-OUTBOX-NO-SPACE', what: 'no space left for the outbox' },
  EEXIST: { code: 'PL-OUTBOX-FILE', what: 'a file is where the outbox folder should be' },
  ENOTDIR: { code: 'PL-OUTBOX-FILE', what: 'a part of the path is a file' }
}

/** The user's view of a LevelDB or file system error. */
export function outboxError(path: string, error: unknown): DiskError {
  const text = messageOf((error as { cause?: unknown } | null)?.cause ?? error)
  const known = troubles[systemCodeOf(error) ?? ''] ?? troubles[codeIn(text)]
  const { code, what } = known ?? { code: 'PL-OUTBOX-OTHER', what: `the outbox cannot be used (${text})` }
  return new DiskError(code, what, path, { cause: error })
}

/** What the disk refuses for now, and may take later: it is full or read-only. */
const passing: ReadonlySet<string | undefined> = new Set(['ENOSPC', 'EROFS'])

function mayPass(error: unknown): boolean {
  const source = error instanceof DiskError ? error.cause : error
  const text = messageOf((source as { cause?: unknown } | null)?.cause ?? source)
  return passing.has(systemCodeOf(source)) || passing.has(codeIn(text))
}

/** The cause of an abstract-level error, which itself says only that the database is not open. */
function systemCodeOf(error: unknown): string | undefined {
  const { cause, code } = error as { cause?: { code?: string }; code?: string }
  return cause?.code ?? code
}

/** LevelDB passes the system's message on without its number. */
function codeIn(text: string): string {
  if (/permission denied/i.test(text)) return 'EACCES'
  if (/no space left/i.test(text)) return 'ENOSPC'
  if (/read-only file system/i.test(text)) return 'EROFS'
  return ''
}
