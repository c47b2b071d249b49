/** How files get to their names so that a reader, or the next start after a power cut, never meets half of one. */
import { closeSync, fsyncSync, openSync } from 'node:fs'
import { link, open, rename } from 'node:fs/promises'

/**
 * Gives a whole file its name, in the same folder, where that is free.
 * @throws the system's error, EEXIST where there is a file already
 */
export async function placeNew(part: string, path: string): Promise<void> {
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
