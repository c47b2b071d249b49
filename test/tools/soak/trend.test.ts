import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { rises, trendOf } from '../../../tools/soak/trend.js'

const minutes = Array.from({ length: 12 }, (_, i) => i)
const series = (values: number[], allowance = 1) => ({ name: 'x', unit: 'MB', allowance, values })

describe('a trend', () => {
  it('the slope of a line is found despite outliers', () => {
    const line = minutes.map((x) => 3 + 2 * x)
    expect(trendOf(minutes, line).slope).toBe(2)
    expect(trendOf(minutes, line.with(4, 900)).slope).toBeCloseTo(2, 0)
  })

  it('the probability of a trend is that of Mann and Kendall', () => {
    // n = 12, all pairs rise: S = 66, variance 12 * 11 * 29 / 18, z = 65 / 14.583 = 4.457.
    expect(trendOf(minutes, minutes).chance).toBeCloseTo(4.15e-6, 7)
    expect(trendOf(minutes, [...minutes].reverse()).chance).toBeCloseTo(1 - 4.15e-6, 7)
    expect(
      trendOf(
        minutes,
        minutes.map(() => 5)
      ).chance
    ).toBeCloseTo(0.5, 6)
  })

  it('a figure rises if the trend is significant and exceeds the allowance', () => {
    const leak = minutes.map((x) => 100 + x + (x % 2))
    expect(rises(series(leak), minutes)).toBe(true)
    expect(rises(series(leak, 20), minutes)).toBe(false)
    expect(rises(series([5, 9, 4, 8, 6, 9, 5, 7, 4, 9, 6, 5]), minutes)).toBe(false)
    expect(rises(series(leak.map((y) => -y)), minutes)).toBe(false)
  })

  it('negated values give the negated trend', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -50, max: 50 }), { minLength: 12, maxLength: 12 }), (values) => {
        const up = trendOf(minutes, values)
        const down = trendOf(
          minutes,
          values.map((y) => -y)
        )
        expect(up.chance + down.chance).toBeCloseTo(1, 6)
      })
    )
  })
})
