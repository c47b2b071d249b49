import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { RateMeter } from '../../../src/stages/camera/frames.js'
import { defaultTiming, RetryDelay } from '../../../src/stages/camera/retries.js'

describe('RetryDelay', () => {
  it('grows from half to one second up to half to one minute, and starts anew after a reset', () => {
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

  it('is slower after a refused password', () => {
    const backoff = new RetryDelay(defaultTiming, () => 0)
    expect(backoff.next('PL-CAMERA-LOGIN')).toBe(defaultTiming.unauthorizedMs)
    expect(defaultTiming.unauthorizedMs).toBeGreaterThan(defaultTiming.backoffMaxMs)
  })
})

describe('RateMeter', () => {
  it.each([1, 5, 25])('measures %i pictures per second from the start, and in the long run', (fps) => {
    const meter = new RateMeter()
    let now = 1e6
    for (let index = 0; index < fps * 20; index++, now += 1000 / fps) {
      meter.add(now)
      if (index >= 2 * fps) expect(meter.rate(now)).toBeCloseTo(fps, 0)
    }
  })

  it('falls to zero when nothing comes', () => {
    const meter = new RateMeter()
    for (let now = 0; now < 5000; now += 100) meter.add(now)
    expect(meter.rate(7400)).toBeGreaterThan(3)
    expect(meter.rate(7400)).toBeLessThan(7)
    expect(meter.rate(60_000)).toBe(0)
  })
})
