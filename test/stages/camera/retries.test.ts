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

  it('is longest after a refused password', () => {
    const backoff = new RetryDelay(defaultTiming, () => 0)
    expect(backoff.next('PL-CAMERA-LOGIN')).toBe(defaultTiming.unauthorizedMs)
    expect(defaultTiming.unauthorizedMs).toBeGreaterThan(defaultTiming.backoffMaxMs)
  })
})
