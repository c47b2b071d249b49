import { describe, expect, it } from 'vitest'
import { createRandom } from '../../src/lib/random.js'

const draws = (seed: number, count: number): number[] => {
  const random = createRandom(seed)
  return Array.from({ length: count }, () => random())
}

describe('createRandom', () => {
  it('a seed repeats its sequence, and neighbouring seeds share nothing', () => {
    expect(draws(7, 20)).toEqual(draws(7, 20))
    expect(draws(7, 20).filter((value) => draws(8, 20).includes(value))).toEqual([])
  })

  it('first draws of many seeds, and many draws of one seed, are uniform', () => {
    for (const values of [draws(3, 4000), Array.from({ length: 4000 }, (_, seed) => draws(seed, 1)[0]!)]) {
      const tenths = Array.from({ length: 10 }, (_, i) => values.filter((v) => Math.floor(v * 10) === i).length)
      expect(Math.min(...tenths)).toBeGreaterThan(320)
      expect(Math.max(...tenths)).toBeLessThan(480)
    }
  })

  it('normal numbers have the requested mean and deviation', () => {
    const random = createRandom(1)
    const values = Array.from({ length: 20_000 }, () => random.normal(5, 2))
    const mean = values.reduce((sum, v) => sum + v, 0) / values.length
    const deviation = Math.sqrt(values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / values.length)
    expect(mean).toBeCloseTo(5, 1)
    expect(deviation).toBeCloseTo(2, 1)
  })

  it('every choice is picked, and chances occur as often as requested', () => {
    const random = createRandom(2)
    const picks = new Set(Array.from({ length: 200 }, () => random.pick(['a', 'b', 'c'])))
    expect([...picks].sort()).toEqual(['a', 'b', 'c'])
    const hits = Array.from({ length: 5000 }, () => random.chance(0.2)).filter(Boolean).length
    expect(hits / 5000).toBeCloseTo(0.2, 1)
    expect(random.chance(0)).toBe(false)
    expect(random.uniform(3, 4)).toBeGreaterThanOrEqual(3)
  })
})
