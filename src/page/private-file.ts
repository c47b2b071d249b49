/** Files of the page's state that are secret. */
import { mkdir, open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'

/**
 * Writes a file, 0600, under another name first, so that a power cut leaves a whole one or the one before. Makes its folder.
 * @throws the system's error
 */
export async function placePrivate(path: string, data: Buffer | string): Promise<void> {
  const making = `${path}.new`
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  await rm(making, { force: true })
  const file = await open(making, 'wx', 0o600)
  try {
    await file.writeFile(data)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(making, path)
}
