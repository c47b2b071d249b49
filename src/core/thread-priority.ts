import { readlinkSync } from 'node:fs'
import { getPriority, setPriority } from 'node:os'

/**
 * Lowers the priority of the calling thread, and of the threads that it will start. Linux has a nice
 * value for each thread (setpriority(2), "C library/kernel differences"); elsewhere nothing happens.
 * @param nice 1 (a little less) to 19 (last of all); a thread that is below that already stays there
 * @returns whether it worked
 */
export function lowerThreadPriority(nice: number): boolean {
  try {
    // `<pid>/task/<tid>`; read at once, so by this thread and not by one of the pool.
    const tid = Number(readlinkSync('/proc/thread-self').split('/').at(-1))
    setPriority(tid, Math.max(getPriority(tid), nice))
    return true
  } catch {
    return false
  }
}
