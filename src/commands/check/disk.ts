import { mkdtemp, rmdir, stat, statfs } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type CheckContext, type Finding, fail, type Lamp, ok, warn } from './finding.js'

const megabyte = 1e6
/** Below, the outbox of a day without a broker may not fit; and far below, nothing does. */
const wantedMb = 500
const neededMb = 50

/** Room for the outbox and the alarm log and the right to write there; the same for heatmaps where they are saved. */
export async function checkDisk({ config }: CheckContext): Promise<Finding[]> {
  const { save_heatmaps_to: heatmaps } = config.privacy
  return [
    await checkFolder('disk', config.outbox.path, 'outbox.path'),
    await checkFolder('disk (alarms)', config.alarm_log.path, 'alarm_log.path'),
    ...(heatmaps ? [await checkFolder('disk (heatmaps)', heatmaps, 'privacy.save_heatmaps_to')] : [])
  ]
}

/**
 * Does not make the folder: `check` is often run by root, and the daemon could not write into root's folder.
 * @param key of the config, for the fix
 */
async function checkFolder(what: Lamp, path: string, key: string): Promise<Finding> {
  const there = await nearestFolder(path)
  const found = there === path ? path : `${path} (will be made in ${there})`
  try {
    await rmdir(await mkdtemp(join(there, '.painlens-check-')))
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    return fail(
      'PL-DISK-UNWRITABLE',
      what,
      `${found}: cannot be written to (${code ?? 'unknown reason'})`,
      fixes[code ?? ''] ?? otherFix(key)
    )
  }
  const { bavail, bsize } = await statfs(there)
  const freeMb = Math.floor((bavail * bsize) / megabyte)
  const space = `${found}, writable${asWhom()}, ${freeMb} MB free`
  if (freeMb < neededMb)
    return fail('PL-DISK-FULL', what, space, `Free at least ${wantedMb} MB, or set ${key} to another disk.`)
  return freeMb < wantedMb ? warn('PL-DISK-LOW', what, space, `Free at least ${wantedMb} MB.`) : ok(what, space)
}

const fixes: Record<string, string> = {
  ENOSPC: 'Free some space on that disk.',
  ENOTDIR: 'Remove the file that is in the way.'
}
const otherFix = (key: string): string =>
  `Give painlens's user the right to write there, or set ${key} to another folder.`

const asWhom = (): string => (process.getuid?.() === 0 ? ' by root (run check as the service does)' : '')

/** The folder, or the nearest one above it that exists. */
async function nearestFolder(path: string): Promise<string> {
  const isThere = await stat(path).then(
    () => true,
    () => false
  )
  return isThere || dirname(path) === path ? path : nearestFolder(dirname(path))
}
