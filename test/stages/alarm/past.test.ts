import { expect, test } from 'vitest'
import { systemClock } from '../../../src/core/clock.js'
import { PastAlarms } from '../../../src/stages/alarm/past.js'

test('of the alarms that have ended the last ten thousand can be acknowledged, whatever comes', () => {
  const past = new PastAlarms(systemClock)
  const now = systemClock.now()
  for (let i = 0; i <= 10_000; i++) past.ended(`alarm-${i}`, now, null)
  expect(['alarm-0', 'alarm-1', 'alarm-10000'].map((id) => past.has(id, now))).toEqual([false, true, true])
})
