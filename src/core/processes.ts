import { readFileSync } from 'node:fs'

/**
 * Whether a process with that id is there, of whichever user. Ids are used again: a process that has to be told from a later one
 * needs more than its id.
 * @param pid as read from a file; false for numbers that cannot be a process id (kill(2) takes 0 and -1 for groups of processes)
 */
export function isRunning(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** The boot id and start tick of a process (proc(5), field 22 of stat), unique together with its id; null where that is not known. */
export function birthOf(pid: number): string | null {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return `${boot} ${stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]}`
  } catch {
    return null
  }
}
