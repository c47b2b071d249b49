import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createRandom, type Random } from '../../../src/lib/random.js'
import { cycleValues, figures } from '../../../tools/soak/figures.js'
import { neighbourCorrelation, trendOf, type Verdict, varianceFactor, verdictOn } from '../../../tools/soak/trend.js'

const places = (count: number): number[] => Array.from({ length: count }, (_, i) => i)
const minutes = places(12)
const series = (values: number[], allowance = 1) => ({ name: 'x', unit: 'MB', allowance, values })

it('of two samples of a cycle, memory in RAM counts as their mean, and the heap as that of the last', () => {
  const sample = (value: number) => Object.fromEntries(figures.map(({ name }) => [name, value]))
  expect(cycleValues([sample(100), sample(104)])).toMatchObject({ 'memory in RAM': 102, 'JavaScript heap': 104 })
})

describe('a trend', () => {
  it('the slope of a line is found despite outliers', () => {
    const line = minutes.map((x) => 3 + 2 * x)
    expect(trendOf(minutes, line).slope).toBe(2)
    expect(trendOf(minutes, line.with(4, 900)).slope).toBeCloseTo(2, 0)
  })

  it('the chance of independent values in such an order is that of Mann and Kendall', () => {
    // n = 12, all pairs rise: S = 66, variance 12 * 11 * 29 / 18, z = 65 / 14.583 = 4.457.
    expect(trendOf(minutes, minutes).chance).toBeCloseTo(4.15e-6, 7)
    expect(trendOf(minutes, [...minutes].reverse()).chance).toBeCloseTo(1 - 4.15e-6, 7)
    const same = minutes.map(() => 5)
    expect(trendOf(minutes, same).chance).toBeCloseTo(0.5, 6)
  })

  it('the upper limit of the slope lies above it, and on it where all values lie on a line', () => {
    const line = minutes.map((x) => 3 + 2 * x)
    expect(trendOf(minutes, line).mostSlope).toBe(2)
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -50, max: 50 }), { minLength: 12, maxLength: 12 }), (values) => {
        const { slope, mostSlope } = trendOf(minutes, values)
        expect(mostSlope).toBeGreaterThanOrEqual(slope)
      })
    )
  })

  it('negated values give the negated trend', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -50, max: 50 }), { minLength: 12, maxLength: 12 }), (values) => {
        const up = trendOf(minutes, values)
        const down = trendOf(
          minutes,
          values.map((y) => -y)
        )
        expect(up.slope + down.slope).toBeCloseTo(0, 9)
        expect(up.chance + down.chance).toBeCloseTo(1, 6)
      })
    )
  })
})

describe('the correction for correlated values', () => {
  it('is none for independent values', () => {
    expect(varianceFactor(30, 0)).toBe(1)
    expect(neighbourCorrelation(places(30).map((i) => i % 2))).toBe(0)
    expect(neighbourCorrelation(places(30).map(() => 7))).toBe(0)
  })

  it('gives the variance of the score that the sum over all pairs of pairs has', () => {
    for (const [n, r] of [
      [8, 0.3],
      [15, 0.6],
      [20, 0.9]
    ] as const) {
      const ranks = (6 / Math.PI) * Math.asin(r / 2)
      const independent = (n * (n - 1) * (2 * n + 5)) / 18
      // Hamed and Rao take the ranks of all distances for powers of the neighbours', which is right to a few per cent.
      expect(varianceFactor(n, ranks) / (exactVariance(n, r) / independent)).toBeGreaterThan(0.9)
      expect(varianceFactor(n, ranks) / (exactVariance(n, r) / independent)).toBeLessThan(1.1)
    }
  })

  it('finds the correlation of a long series', () => {
    const values = swings(createRandom(5), { count: 1500, correlation: 0.8, deviation: 8 })
    expect(neighbourCorrelation(values)).toBeCloseTo(0.79, 1)
  })
})

/** The variance of the score of normal values whose correlation at distance d is r^d, by its definition. */
function exactVariance(n: number, r: number): number {
  const at = (i: number, j: number): number => r ** Math.abs(i - j)
  const pairs = places(n).flatMap((j) => places(j).map((i) => [i, j] as const))
  let sum = 0
  for (const [i, j] of pairs)
    for (const [k, l] of pairs) {
      const together = at(j, l) - at(i, l) - at(j, k) + at(i, k)
      sum += (2 / Math.PI) * Math.asin(Math.min(1, together / (2 * Math.sqrt((1 - at(i, j)) * (1 - at(k, l))))))
    }
  return sum
}

describe('a verdict', () => {
  const duration = 120
  const runs = 100
  const times = places(duration)

  /** The share of runs with each verdict, of figures that leak so many MB an hour. */
  const shares = (leak: number, swing: (random: Random) => number[]): Record<Verdict, number> => {
    const random = createRandom(11)
    const counts = { rises: 0, flat: 0, open: 0 }
    for (let run = 0; run < runs; run++) {
      const values = swing(random).map((value, i) => 350 + value + (leak * i) / 60)
      counts[verdictOn(series(values, 8), times)] += 1 / runs
    }
    return counts
  }
  const models = {
    noise: (random: Random) => swings(random, { count: duration, correlation: 0, deviation: 5 }),
    'swings of a few minutes': (random: Random) => swings(random, { count: duration, correlation: 0.5, deviation: 6 }),
    'slow swings': (random: Random) => swings(random, { count: duration, correlation: 0.9, deviation: 8 }),
    'steps up and down': (random: Random) => steps(random, duration),
    'a random walk within bounds': (random: Random) => boundedWalk(random, duration)
  }

  it('of figures that swing and do not grow is hardly ever that they rise', () => {
    for (const [name, model] of Object.entries(models)) expect(shares(0, model).rises, name).toBeLessThanOrEqual(0.08)
    expect(shares(0, models.noise).flat).toBeGreaterThanOrEqual(0.9)
  })

  it('of a leak of 10 MB an hour is that it rises under swings of minutes, and not that it is flat under any', () => {
    for (const [name, model] of Object.entries(models)) expect(shares(10, model).flat, name).toBeLessThanOrEqual(0.05)
    for (const name of ['noise', 'swings of a few minutes'] as const)
      expect(shares(10, models[name]).rises, name).toBeGreaterThanOrEqual(0.9)
  })

  it('allows a rise that is smaller than the allowance', () => {
    const leak = minutes.map((x) => 100 + x + (x % 2))
    expect(verdictOn(series(leak), minutes)).toBe('rises')
    expect(verdictOn(series(leak, 20), minutes)).toBe('flat')
    const falling = leak.map((y) => -y)
    expect(verdictOn(series(falling), minutes)).toBe('flat')
  })
})

/** Normal values; neighbours are correlated so, further ones by powers of it. */
function swings(random: Random, of: { count: number; correlation: number; deviation: number }): number[] {
  const fresh = Math.sqrt(1 - of.correlation ** 2)
  let value = random.normal(0, 1)
  return places(of.count).map(() => {
    value = of.correlation * value + fresh * random.normal(0, 1)
    return of.deviation * value
  })
}

/** 25 MB more for a quarter of an hour, again and again, as V8's pages do. */
function steps(random: Random, count: number): number[] {
  let isUp = random.chance(0.5)
  return places(count).map(() => {
    if (random.chance(1 / 12)) isUp = !isUp
    return (isUp ? 25 : 0) + random.normal(0, 2)
  })
}

/** Turns back at 0 and 40 MB. */
function boundedWalk(random: Random, count: number): number[] {
  let value = random.uniform(0, 40)
  return places(count).map(() => {
    value = Math.abs(value + random.normal(0, 4))
    value = 40 - Math.abs(40 - value)
    return value
  })
}
