import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { defaultTiming, RetryDelay } from '../../../src/stages/camera/retries.js'

describe('the wait before the next try', () => {
  it('grows from half a second or more to half a minute or more, at most 1 s and 60 s, and starts anew after a reset', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0, max: 0.999999, noNaN: true }), { minLength: 1, maxLength: 40 }),
        (dice) => {
          let turn = 0
          const backoff = new RetryDelay(defaultTiming, () => dice[turn++ % dice.length]!)
          for (let attempt = 0; attempt < 30; attempt++) {
            const full = Math.min(60_000, 1000 * 2 ** attempt)
            const wait = backoff.next('PL-CAMERA-REFUSED')
            expect(wait).toBeGreaterThanOrEqual(full / 2)
            expect(wait).toBeLessThanOrEqual(full)
          }
          backoff.reset()
          expect(backoff.next('PL-CAMERA-REFUSED')).toBeLessThanOrEqual(1000)
        }
      )
    )
  })

  it('is between five minutes and seven and a half after a refused password, from the first one on', () => {
    const waits = (dice: number) => {
      const backoff = new RetryDelay(defaultTiming, () => dice)
      return Array.from({ length: 20 }, () => backoff.next('PL-CAMERA-LOGIN'))
    }
    expect(new Set(waits(0))).toEqual(new Set([300_000]))
    expect(new Set(waits(0.5))).toEqual(new Set([375_000]))
  })
})
