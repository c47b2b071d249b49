import { describe, expect, test } from 'vitest'
import { birthOf, isRunning } from '../../src/core/processes.js'

describe('a process id', () => {
  test('is that of a running process for this process and for one of another user', () => {
    expect(isRunning(process.pid)).toBe(true)
    expect(isRunning(1)).toBe(true)
  })

  test('is not that of a running process if it is unused or not valid', () => {
    // Beyond the largest that Linux gives away (proc(5), pid_max).
    for (const pid of [2 ** 22 + 1, 0, -1, -process.pid, 1.5, Number.NaN, Number.POSITIVE_INFINITY])
      expect(isRunning(pid), String(pid)).toBe(false)
  })
})

test('a birth is the same for the same process, another for another one, and unknown for one that is gone', () => {
  expect(birthOf(process.pid)).toMatch(/^[\da-f-]{36} \d+$/)
  expect(birthOf(process.pid)).toBe(birthOf(process.pid))
  expect(birthOf(1)).not.toBe(birthOf(process.pid))
  expect(birthOf(2 ** 22 + 1)).toBeNull()
})
