import { createHash } from 'node:crypto'
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs'
import { type FileHandle, mkdir, open, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { DiskError, InputError, PainlensError } from '../core/errors.js'
import { printable } from '../core/printable.js'
import { birthOf, isRunning } from '../core/processes.js'

/** Whether a file, folder or link of that name exists. */
export const isThere = (file: string): Promise<boolean> =>
  stat(file).then(
    () => true,
    () => false
  )

/** The mode of files that show or name people. */
export const privately = 0o600
/** The mode of files for others: a model that the daemon's user runs. */
export const openly = 0o666

/**
 * Writes a file whole or not at all, however the process ends.
 * @param pieces written one after the other, straight from their own memory
 * @param mode   who may read it; only its owner unless given, since results show, name or count people
 * @throws DiskError
 */
export async function writeStudyFile(
  file: string,
  pieces: Iterable<string | Uint8Array>,
  mode = privately
): Promise<void> {
  const temporary = `${file}.tmp`
  try {
    const handle = await open(temporary, 'w', mode)
    try {
      for (const piece of pieces) await writeAll(handle, typeof piece === 'string' ? Buffer.from(piece) : piece)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(temporary, file)
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined)
    throw studyDiskError(error, file)
  }
}

/** Writes all bytes: one write may take only a part of them. */
export async function writeAll(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.byteLength; ) {
    const { bytesWritten } = await handle.write(bytes, at, Math.min(2 ** 30, bytes.byteLength - at))
    at += bytesWritten
  }
}

export function studyDiskError(error: unknown, file: string): DiskError {
  const { code = 'unknown' } = error as NodeJS.ErrnoException
  return new DiskError('PL-STUDY-DISK', `cannot be written (${code})`, printable(file), { cause: error })
}

/** A folder that this process alone writes into, until `release`. */
export interface Claim {
  release(): Promise<void>
}

/**
 * Makes a folder for results (0700), and keeps other runs out of it while this process lives.
 * @throws InputError where another run is at work in it; DiskError
 */
export async function claimFolder(folder: string): Promise<Claim> {
  const lock = join(folder, '.running')
  await mkdir(folder, { recursive: true, mode: 0o700 }).catch((error: unknown) => {
    throw studyDiskError(error, folder)
  })
  await takeLock(lock, folder)
  return { release: () => rm(lock, { force: true }) }
}

/**
 * Makes a lock, in the place of one whose process is gone. Of several runs that find such a lock, the one that holds the lock of its
 * removal removes it: else a slower one would remove what a faster one has made meanwhile.
 * @param folder that it is of
 */
async function takeLock(lock: string, folder: string): Promise<void> {
  try {
    while (!(await isMade(lock))) {
      const said = await wordsOf(lock)
      const pid = holderOf(said)
      if (pid !== null) {
        const what = `painlens study is at work in it already (process ${pid})`
        throw new InputError('PL-STUDY-FOLDER', what, printable(folder))
      }
      const removal = `${lock}-${createHash('sha256').update(said).digest('hex').slice(0, 16)}`
      await takeLock(removal, folder)
      if (readWords(lock) === said) await rm(lock, { force: true })
      await rm(removal, { force: true })
    }
  } catch (error) {
    throw error instanceof PainlensError ? error : studyDiskError(error, folder)
  }
}

/**
 * Makes a lock unless it is there. Its birth distinguishes this process from a later one with its id: in a container the next one often has
 * the same.
 */
async function isMade(lock: string): Promise<boolean> {
  const own = [process.pid, birthOf(process.pid) ?? ''].join(' ').trimEnd()
  try {
    // At once: another run takes a lock without a word for one that a kill cut short.
    const file = openSync(lock, 'wx')
    try {
      writeSync(file, own)
    } finally {
      closeSync(file)
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    await rm(lock, { force: true })
    throw error
  }
  return readWords(lock) === own
}

/** In ms, for a run that has made a lock to write into it. */
const wordless = { stepMs: 50, steps: 20 }

/** What a lock says. Empty where a kill cut it short, or it is gone. */
async function wordsOf(lock: string): Promise<string> {
  for (let step = 0; step < wordless.steps; step++) {
    const said = readWords(lock)
    if (said !== '') return said
    await sleep(wordless.stepMs)
  }
  return readWords(lock)
}

function readWords(lock: string): string {
  try {
    return readFileSync(lock, 'utf8')
  } catch {
    return ''
  }
}

/** The process that holds a lock; null if it is gone. A lock of an earlier version has its id alone. */
function holderOf(said: string): number | null {
  const [, pid, birth] = /^(\d+)(?: (.+))?$/.exec(said) ?? []
  if (!isRunning(Number(pid))) return null
  return birth === undefined || birth === birthOf(Number(pid)) ? Number(pid) : null
}
