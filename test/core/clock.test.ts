import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createClock, stamp, systemClock, timeOfDay } from '../../src/core/clock.js'
import { clockOf, moment } from '../support/moments.js'
import { SettableClock } from '../support/settable-clock.js'

const t0 = Date.UTC(2026, 0, 1)

describe('a clock', () => {
  test('the monotonic clock keeps its pace and the time of day is right when the box’s clock is set', () => {
    const set = fc.record({ passMs: fc.nat(100_000), setByMs: fc.integer({ min: -1e11, max: 1e11 }) })
    fc.assert(
      fc.property(fc.array(set), (sets) => {
        const world = new SettableClock(t0)
        const { clock } = world
        let passed = 0
        for (const { passMs, setByMs } of sets) {
          world.pass(passMs)
          world.set(setByMs)
          passed += passMs
          expect(clock.now()).toBe(t0 + passed)
          expect(Math.abs(timeOfDay(clock, clock.now()) - world.timeOfDay)).toBeLessThan(50)
        }
      })
    )
  })

  test('a moment keeps its time stamp while a time server slews the clock', () => {
    let wall = t0
    const clock = createClock({ timeOfDay: () => wall, monotonic: () => 0 })
    const moment = clock.now()
    const stamps = new Set<string>()
    for (let ms = -49; ms < 50; ms++) {
      wall = t0 + ms
      stamps.add(stamp(clock, moment))
    }
    expect([...stamps]).toEqual(['2026-01-01T00:00:00.000Z'])
  })

  test('the clock of the box gives the time of day of the box', () => {
    const before = Date.now()
    const told = timeOfDay(systemClock, systemClock.now())
    // A correction of less than 50 ms is not followed.
    expect(told).toBeGreaterThan(before - 50)
    expect(told).toBeLessThan(Date.now() + 50)
  })

  test('a manual clock works without a time of day', () => {
    expect(
      stamp(
        clockOf(() => t0),
        moment(t0 + 1)
      )
    ).toBe('2026-01-01T00:00:00.001Z')
  })
})
