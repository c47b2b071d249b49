import { readlinkSync } from 'node:fs'
import { constants, getPriority, setPriority } from 'node:os'

/**
 * Lets the calling thread, and the threads that it will start, have what others leave of the cores. Linux has a nice
 * value for each thread (setpriority(2), "C library/kernel differences"); elsewhere nothing happens.
 * @param by  what is added to the nice value: 1 (a little less) to 19 (last of all, which is the end of the scale anyway)
 * @returns whether it worked
 */
export function lowerThreadPriority(by: number): boolean {
  try {
    // `<pid>/task/<tid>`; read at once, so by this thread and not by one of the pool.
    const tid = Number(readlinkSync('/proc/thread-self').split('/').at(-1))
    setPriority(tid, Math.min(constants.priority.PRIORITY_LOW, getPriority(tid) + by))
    return true
  } catch {
    return false
  }
}
