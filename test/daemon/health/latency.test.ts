import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { LatencyWindow } from '../../../src/daemon/health/metrics.js'

const windowOf = (values: readonly number[], capacity?: number): LatencyWindow => {
  const window = new LatencyWindow(capacity)
  for (const value of values) window.add(value)
  return window
}
const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i + 1)

describe('a percentile', () => {
  it.each([
    [10, 0.5, 6],
    [7, 0.5, 4],
    [7, 0.95, 7],
    [100, 0.95, 96],
    [99, 0.95, 95],
    [3, 0, 1],
    [3, 1, 3],
    [1, 0.95, 1]
  ])('of the numbers from 1 to %i at the share %f is %i', (count, share, expected) => {
    expect(windowOf(upTo(count).reverse()).percentile(share)).toBe(expected)
  })

  it('is the smallest value with more than the given share of values at or below it, as counted one by one', () => {
    const sizes = { capacity: fc.integer({ min: 1, max: 12 }), values: fc.array(fc.nat(20), { minLength: 1 }) }
    fc.assert(
      fc.property(fc.record({ ...sizes, quarters: fc.nat(4) }), ({ capacity, values, quarters }) => {
        const share = quarters / 4
        const last = values.slice(-capacity)
        const counted = upTo(20)
          .concat(0)
          .sort((a, b) => a - b)
          .find((value) => last.filter((other) => other <= value).length > share * last.length)
        expect(windowOf(values, capacity).percentile(share)).toBe(counted ?? Math.max(...last))
      })
    )
  })

  it('is null without values, and covers the last thousand values', () => {
    expect(new LatencyWindow().percentile(0.5)).toBeNull()
    const window = windowOf([...upTo(1000).map(() => 7), ...upTo(999).map(() => 3)])
    expect(window.percentile(1)).toBe(7)
    expect(window.count).toBe(1999)
    window.add(3)
    expect(window.percentile(1)).toBe(3)
  })
})
