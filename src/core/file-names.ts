/** How files get to their names so that a reader, or the next start after a power cut, never meets half of one. */
import { randomBytes } from 'node:crypto'
import { closeSync, fsyncSync, openSync } from 'node:fs'
import { type FileHandle, link, open, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'

export interface WholeFileOptions {
  /** Who may read it; its owner alone (0600) unless given. */
  mode?: number
  /** A file that is there is replaced; else it is refused. */
  replace?: boolean
  /** The calling user asked for it: under sudo it belongs to the user who called sudo. */
  forCaller?: boolean
}

/**
 * Writes a file that appears under its name when `fill` has ended, on the disk, or not at all.
 * @throws what `fill` throws; the system's error, EEXIST where there is a file already
 */
export async function writeWhole(
  path: string,
  fill: (file: FileHandle) => Promise<void>,
  { mode = 0o600, replace = false, forCaller = false }: WholeFileOptions = {}
): Promise<void> {
  const part = join(dirname(path), `.${basename(path).slice(0, 100)}.${randomBytes(4).toString('hex')}`)
  try {
    const file = await open(part, 'wx', mode)
    try {
      if (forCaller) await handOver(file)
      await fill(file)
      await file.sync()
    } finally {
      await file.close()
    }
    if (replace) await rename(part, path)
    else await placeNew(part, path)
    try {
      syncFolder(dirname(path))
    } catch {
      // The file is in its place; some network file systems cannot sync a folder.
    }
  } finally {
    await rm(part, { force: true }).catch(() => undefined)
  }
}

/** Under sudo the file belongs to the user who called sudo, or that user could not read it. */
async function handOver(file: FileHandle): Promise<void> {
  const { SUDO_UID, SUDO_GID } = process.env
  if (process.getuid?.() !== 0 || !SUDO_UID || !SUDO_GID) return
  // FAT, as on USB sticks, has no owners.
  await file.chown(Number(SUDO_UID), Number(SUDO_GID)).catch(() => undefined)
}

/**
 * Gives a whole file its name, in the same folder, where that is free.
 * @throws the system's error, EEXIST where there is a file already
 */
async function placeNew(part: string, path: string): Promise<void> {
  try {
    await link(part, path)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    // Some file systems of USB sticks know no links. There, the name is taken first.
    if (code !== 'EPERM' && code !== 'ENOTSUP' && code !== 'ENOSYS') throw error
    await (await open(path, 'wx', 0o600)).close()
    await rename(part, path)
  }
}

/** Puts a folder's names on the disk. @throws the system's error */
export function syncFolder(folder: string): void {
  const handle = openSync(folder, 'r')
  try {
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
}
