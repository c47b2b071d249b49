/**
 * With PAINLENS_TEST_COSTS=FILE: appends to it a line for each test file with the processor seconds of its process and of the processes
 * that it has started and seen end; for a unit test file, those of the thread that it shares with others, from its start on. Times on the
 * clock say little while three files run at once.
 */
import { appendFileSync, readFileSync } from 'node:fs'
import { isMainThread } from 'node:worker_threads'
import { afterAll, expect } from 'vitest'

/** proc_pid_stat(5): utime, stime, cutime and cstime are the fields 14 to 17, in hundredths of a second. */
function processorSeconds(): { own: number; children: number } {
  const stat = readFileSync(isMainThread ? '/proc/self/stat' : '/proc/thread-self/stat', 'utf8')
  const fields = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number)
  const [user, system, ofChildren, systemOfChildren] = fields.slice(11, 15) as [number, number, number, number]
  // Children are the whole process's, and a unit test has none.
  return { own: (user + system) / 100, children: isMainThread ? (ofChildren + systemOfChildren) / 100 : 0 }
}

const before = isMainThread ? 0 : processorSeconds().own

// Of a setup file, so it is the last to run.
afterAll(() => {
  const { own: until, children } = processorSeconds()
  const own = until - before
  const file = expect.getState().testPath?.replace(/^.*\/test\//, 'test/')
  appendFileSync(process.env.PAINLENS_TEST_COSTS!, `${own + children}\t${own}\t${children}\t${file}\n`)
})
