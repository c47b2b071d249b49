import { lstat, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { DiskError, UsageError } from '../../core/errors.js'
import { writeWhole } from '../../core/file-names.js'
import { printable } from '../../core/printable.js'
import type { FrameHead } from '../../daemon/control/protocol.js'
import { localTime } from './describe.js'

/** `room-312-2026-11-28T10-41-03.png`, in the time of this machine. */
export const nameOf = ({ camera, at }: FrameHead): string =>
  `${camera}-${localTime(at).slice(0, 19).replace(' ', 'T').replaceAll(':', '-')}.png`

/**
 * Where a picture goes: the file or the folder that was named, else a file of its own name in the working folder.
 * @param own the name that painlens gives it
 */
export async function fileFor(out: string | undefined, own: string): Promise<string> {
  const path = resolve(out ?? own)
  return (await isFolder(path)) ? join(path, own) : path
}

/** Before a picture is taken in vain. @throws UsageError */
export async function refuseExisting(out: string | undefined): Promise<void> {
  const stats = out === undefined ? null : await lstat(out).catch(() => null)
  if (stats && !(await isFolder(out!))) throw alreadyThere(out!)
}

const alreadyThere = (path: string): UsageError =>
  new UsageError('PL-SNAPSHOT-EXISTS', 'there is a file already', printable(path))

const isFolder = (path: string): Promise<boolean> =>
  stat(path).then(
    (stats) => stats.isDirectory(),
    () => false
  )

/**
 * Writes a picture of a resident's room, readable by the calling user only. The file appears complete or not at all.
 * @param force whether an existing file is replaced
 * @throws UsageError where a file is there, DiskError
 */
export async function writePrivate(path: string, bytes: Uint8Array, force: boolean): Promise<void> {
  try {
    await writeWhole(path, (file) => file.writeFile(bytes), { replace: force, forCaller: true })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EEXIST') throw alreadyThere(path)
    throw new DiskError('PL-SNAPSHOT-UNWRITABLE', `cannot be written (${code})`, printable(path), { cause: error })
  }
}
