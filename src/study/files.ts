import { type FileHandle, mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { DiskError, InputError } from '../core/errors.js'
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
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      await writeLock(lock)
      return { release: () => rm(lock, { force: true }) }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw studyDiskError(error, folder)
      const pid = await holderOf(lock)
      if (pid !== null) {
        const what = `painlens study is at work in it already (process ${pid})`
        throw new InputError('PL-STUDY-FOLDER', what, printable(folder))
      }
      await rm(lock, { force: true })
    }
  }
  throw new InputError('PL-STUDY-FOLDER', 'painlens study is at work in it already', printable(folder))
}

/** Its birth distinguishes this process from a later one with its id: in a container the next one often has the same. */
async function writeLock(lock: string): Promise<void> {
  const handle = await open(lock, 'wx')
  try {
    await writeAll(handle, Buffer.from([process.pid, birthOf(process.pid) ?? ''].join(' ').trimEnd()))
  } catch (error) {
    await rm(lock, { force: true })
    throw error
  } finally {
    await handle.close()
  }
}

/** The process that holds a lock; null if it is gone. A lock of an earlier version has its id alone. */
async function holderOf(lock: string): Promise<number | null> {
  const [, pid, birth] = /^(\d+)(?: (.+))?$/.exec(await readFile(lock, 'utf8').catch(() => '')) ?? []
  if (!isRunning(Number(pid))) return null
  return birth === undefined || birth === birthOf(Number(pid)) ? Number(pid) : null
}
