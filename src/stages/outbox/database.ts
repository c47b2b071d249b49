import { mkdir } from 'node:fs/promises'
import { ClassicLevel } from 'classic-level'
import { DiskError, type ErrorCode, messageOf } from '../../core/errors.js'
import type { Log } from '../../core/log.js'

export type Database = ClassicLevel<string, string>

/**
 * Opens the LevelDB in a folder that only this process may use; makes the folder where it is missing. A damaged one
 * (power cut, bad card) is repaired once, because an outbox that cannot be opened would keep painlens from starting.
 * @throws {DiskError} if the folder is locked, unwritable, or beyond repair
 */
export async function openDatabase(path: string, log: Log): Promise<Database> {
  try {
    await mkdir(path, { recursive: true, mode: 0o700 })
  } catch (error) {
    throw diskError(path, error)
  }
  try {
    return await open(path)
  } catch (error) {
    if (codeOf(error) !== 'LEVEL_CORRUPTION') throw diskError(path, error)
    log.warn({ path }, 'the outbox is damaged; repairing it')
  }
  try {
    await ClassicLevel.repair(path)
    return await open(path)
  } catch (error) {
    throw diskError(path, error)
  }
}

async function open(path: string): Promise<Database> {
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
export function diskError(path: string, error: unknown): DiskError {
  const text = messageOf((error as { cause?: unknown } | null)?.cause ?? error)
  const known = troubles[codeOf(error) ?? ''] ?? troubles[codeIn(text)]
  const { code, what } = known ?? { code: 'PL-OUTBOX-OTHER', what: `the outbox cannot be used (${text})` }
  return new DiskError(code, what, path, { cause: error })
}

/** Whether it is want of space that keeps the outbox from working. */
export function isDiskFull(error: unknown): boolean {
  const source = error instanceof DiskError ? error.cause : error
  const text = messageOf((source as { cause?: unknown } | null)?.cause ?? source)
  return codeOf(source) === 'ENOSPC' || codeIn(text) === 'ENOSPC'
}

/** abstract-level wraps what went wrong in an error that only says that the database is not open. */
function codeOf(error: unknown): string | undefined {
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
