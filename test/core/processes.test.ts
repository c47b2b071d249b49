import { describe, expect, test } from 'vitest'
import { isRunning } from '../../src/core/processes.js'

describe('a process id', () => {
  test('of this process, and of one of another user, is of a running process', () => {
    expect(isRunning(process.pid)).toBe(true)
    expect(isRunning(1)).toBe(true)
  })

  test('that no process has, and a number that is no process id, is of none', () => {
    // Beyond the largest that Linux gives away (proc(5), pid_max).
    for (const pid of [2 ** 22 + 1, 0, -1, -process.pid, 1.5, Number.NaN, Number.POSITIVE_INFINITY])
      expect(isRunning(pid), String(pid)).toBe(false)
  })
})
