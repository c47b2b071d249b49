import { readdirSync, readFileSync } from 'node:fs'

/** Process ids of a process's children, as Linux tells them in /proc by the thread that started each. */
export function childrenOf(pid: number): number[] {
  return readdirSync(`/proc/${pid}/task`).flatMap((task) => {
    try {
      return readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').split(' ').filter(Boolean).map(Number)
    } catch {
      // The thread ended meanwhile.
      return []
    }
  })
}
