import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createRandom } from '../../../src/lib/random.js'
import {
  classReport,
  clusterBootstrap,
  confusionOf,
  median,
  poissonInterval,
  properScores,
  quantile,
  Ranking,
  reliabilityOf,
  signFlipTest,
  spearman,
  wilsonInterval
} from '../../../src/lib/statistics/index.js'

const close = (value: number, digits = 9) => expect.closeTo(value, digits)
const orNaN = (value: number) => (Number.isNaN(value) ? value : close(value))

describe("Wilson's interval", () => {
  it.each([
    [0, 10, 0, 0.27753279986288926],
    [3, 10, 0.10779126740630102, 0.6032218525388546],
    [10, 10, 0.7224672001371109, 1],
    [421, 700, 0.5647001484326896, 0.6370498312259752]
  ])('of %i of %i is that of scipy 1.10.1', (successes, trials, low, high) => {
    expect(wilsonInterval(successes, trials)).toEqual({ low: close(low), high: close(high) })
  })

  it('is undefined without trials, and otherwise lies around the share within 0 and 1', () => {
    expect(wilsonInterval(0, 0)).toBeNull()
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1e6 }), fc.double({ min: 0, max: 1, noNaN: true }), (trials, share) => {
        const successes = Math.round(share * trials)
        const { low, high } = wilsonInterval(successes, trials)!
        return low >= 0 && low <= successes / trials && successes / trials <= high && high <= 1
      })
    )
  })
})

describe('the interval of a rate', () => {
  it.each([
    [0, 0, 3.6888794541139354],
    [5, 1.6234863901184207, 11.66833207932267],
    [1000, 938.9730184076952, 1063.952136016302]
  ])('of %i events is that of the chi-squared distribution of scipy 1.10.1', (count, low, high) => {
    expect(poissonInterval(count)).toEqual({ low: close(low, 6), high: close(high, 6) })
  })
})

it('a quantile lies between its neighbours in proportion', () => {
  expect([0, 0.25, 0.5, 1].map((share) => quantile([1, 2, 4, 8, 16], share))).toEqual([1, 2, 4, 16])
  expect(quantile([1, 2], 0.1)).toBeCloseTo(1.1, 12)
})

it('a median of as many numbers above as below is the mean of the two in the middle', () => {
  expect([[3], [9, 1], [5, 1, 9], [4, 1, 9, 2]].map(median)).toEqual([3, 5, 5, 3])
})

describe('the bootstrap by cluster', () => {
  const options = { clusters: 20, repetitions: 1000, seed: 1 }
  const values = Array.from({ length: 20 }, (_, i) => i)
  const mean = (weights: ArrayLike<number>): number[] => [
    values.reduce((sum, value, i) => sum + weights[i]! * value, 0) / 20
  ]

  it('of a mean is as wide as its standard error says', () => {
    const [interval] = clusterBootstrap(options, mean)
    const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - 9.5) ** 2, 0) / 20 / 20)
    expect(interval!.low).toBeCloseTo(9.5 - 1.96 * deviation, 0)
    expect(interval!.high).toBeCloseTo(9.5 + 1.96 * deviation, 0)
  })

  it('draws as many clusters as there are, and the same ones for the same seed', () => {
    const drawn: number[] = []
    const note = (weights: Uint32Array): number[] => {
      drawn.push(weights.reduce((sum, one) => sum + one, 0))
      return mean(weights)
    }
    expect(clusterBootstrap(options, note)).toEqual(clusterBootstrap(options, mean))
    expect(clusterBootstrap({ ...options, seed: 2 }, mean)).not.toEqual(clusterBootstrap(options, mean))
    expect(new Set(drawn)).toEqual(new Set([20]))
  })

  it('is wider by subject than by picture where pictures of a subject are alike', () => {
    const [bySubject] = clusterBootstrap({ ...options, clusters: 10 }, (weights) => [
      Array.from(weights).reduce((sum, weight, i) => sum + weight * (i % 2), 0) / 10
    ])
    const byPicture = wilsonInterval(500, 1000)!
    expect(bySubject!.high - bySubject!.low).toBeGreaterThan(5 * (byPicture.high - byPicture.low))
  })

  it('is undefined with one cluster, and for a number that most samples do not have', () => {
    expect(clusterBootstrap({ ...options, clusters: 1 }, () => [1, 2])).toEqual([null, null])
    expect(clusterBootstrap(options, () => [Number.NaN, 3])).toEqual([null, { low: 3, high: 3 }])
  })
})

describe('a ranking', () => {
  const samples = fc.array(fc.record({ score: fc.integer({ min: 0, max: 6 }), positive: fc.boolean() }), {
    minLength: 2,
    maxLength: 40
  })
  const rankingOf = (all: readonly { score: number; positive: boolean }[]) =>
    new Ranking(
      all.map(({ score }) => score),
      all.map(({ positive }) => positive)
    )

  it('has the ROC area of comparing each positive with each negative', () => {
    fc.assert(
      fc.property(samples, (all) => {
        const side = (wanted: boolean) => all.filter(({ positive }) => positive === wanted).map(({ score }) => score)
        const pairs = side(true).flatMap((a) => side(false).map((b) => (Math.sign(a - b) + 1) / 2))
        const area = rankingOf(all).areas().roc
        expect(area).toEqual(orNaN(pairs.reduce((sum, one) => sum + one, 0) / pairs.length))
      })
    )
  })

  it('has the area below its own curve, and points that rise', () => {
    fc.assert(
      fc.property(samples, (all) => {
        const roc = rankingOf(all).roc()
        if (!all.some(({ positive }) => positive) || all.every(({ positive }) => positive)) return
        let area = 0
        for (const [i, point] of roc.slice(1).entries()) {
          const before = roc[i]!
          expect(point.threshold).toBeLessThan(before.threshold)
          area +=
            ((point.falsePositiveRate - before.falsePositiveRate) *
              (point.truePositiveRate + before.truePositiveRate)) /
            2
        }
        expect(area).toBeCloseTo(rankingOf(all).areas().roc, 9)
      })
    )
  })

  it('weights a sample as if it were there so many times', () => {
    const weighted = fc.array(
      fc.record({ score: fc.integer({ min: 0, max: 6 }), positive: fc.boolean(), times: fc.nat({ max: 3 }) })
    )
    fc.assert(
      fc.property(weighted, (all) => {
        const repeated = rankingOf(all.flatMap((one) => Array.from({ length: one.times }, () => one)))
        const ranking = rankingOf(all)
        const weight = (sample: number): number => all[sample]!.times
        expect(ranking.areas(weight).roc).toEqual(orNaN(repeated.areas().roc))
        expect(ranking.areas(weight).averagePrecision).toEqual(orNaN(repeated.areas().averagePrecision))
      })
    )
  })

  it('refuses scores that are not one for each sample', () => {
    expect(() => new Ranking([1], [true, false])).toThrow(RangeError)
  })
})

describe('precision, recall and F1', () => {
  it('are undefined for what is not called, not shown, or neither', () => {
    const { classes, macro, accuracy } = classReport(
      confusionOf(3, [
        [0, 0],
        [0, 1]
      ] as const)
    )
    expect(classes).toEqual([
      { precision: 1, recall: 0.5, f1: close(2 / 3), support: 2 },
      { precision: 0, recall: null, f1: 0, support: 0 },
      { precision: null, recall: null, f1: null, support: 0 }
    ])
    // Of what is shown.
    expect(macro).toEqual({ precision: 1, recall: 0.5, f1: close(2 / 3), support: 2 })
    expect(accuracy).toBe(0.5)
    expect(classReport([[0]]).accuracy).toBeNull()
  })
})

describe('reliability', () => {
  it('of a model that is right as often as it is sure has no error, and one that is too sure has', () => {
    const random = createRandom(3)
    const confidence = Array.from({ length: 20_000 }, () => random.uniform(0.3, 1))
    const hits = confidence.map((one) => random.chance(one))
    expect(reliabilityOf(confidence, hits).expectedError).toBeLessThan(0.02)
    const sure = confidence.map((one) => Math.min(1, one + 0.15))
    expect(reliabilityOf(sure, hits).expectedError).toBeGreaterThan(0.1)
  })

  it('puts each sample into the bin that ends at or above it', () => {
    const { bins, expectedError } = reliabilityOf([0, 0.1, 0.11, 1], [false, true, false, true], 10)
    expect(bins.map(({ samples }) => samples)).toEqual([2, 1, 0, 0, 0, 0, 0, 0, 0, 1])
    expect(bins[0]).toMatchObject({ low: 0, high: 0.1, confidence: 0.05, hits: 0.5 })
    expect(bins[5]).toMatchObject({ confidence: null, hits: null })
    expect(expectedError).toBeCloseTo((2 * 0.45 + 0.11) / 4, 12)
    expect(reliabilityOf([], []).expectedError).toBeNull()
  })

  it('has finite scores for probabilities of zero', () => {
    expect(properScores([[0, 1]], [0])).toEqual({ brier: 2, logLoss: close(-Math.log(1e-15)) })
    expect(properScores([], [])).toEqual({ brier: null, logLoss: null })
  })
})

describe('the sign-flip test', () => {
  const options = { flips: 2000, seed: 4 }
  /** All flips, by recursion. */
  function exactP(values: readonly number[]): number {
    const t = (sample: readonly number[]): number => {
      const mean = sample.reduce((a, b) => a + b, 0) / sample.length
      const spread = sample.reduce((sum, one) => sum + (one - mean) ** 2, 0) / (sample.length - 1)
      return Math.abs(mean) / Math.sqrt(spread / sample.length)
    }
    const flipped = (rest: readonly number[]): number[][] =>
      rest.length === 0
        ? [[]]
        : flipped(rest.slice(1)).flatMap((more) => [
            [rest[0]!, ...more],
            [-rest[0]!, ...more]
          ])
    const all = flipped(values)
    return all.filter((sample) => t(sample) >= t(values) - 1e-9).length / all.length
  }

  it('of one measure and few subjects counts all flips', () => {
    const values = [0.4, 0.1, 0.5, -0.2, 0.3, 0.25, 0.7]
    const [found] = signFlipTest(
      values.map((one) => [one]),
      options
    )
    expect(found).toEqual({ mean: close(2.05 / 7), subjects: 7, p: close(exactP(values)) })
  })

  it('of many subjects draws flips, and comes close to counting all', () => {
    const random = createRandom(8)
    const values = Array.from({ length: 13 }, () => random.normal(0.4, 1))
    const [drawn] = signFlipTest(
      values.map((one) => [one]),
      options
    )
    expect(drawn!.p).toBeCloseTo(exactP(values), 1)
  })

  it('finds a difference in a few measures of noise hardly ever, whichever of them is the largest', () => {
    const random = createRandom(12)
    const found = Array.from({ length: 200 }, (_, seed) =>
      signFlipTest(
        Array.from({ length: 15 }, () => Array.from({ length: 5 }, () => random.normal(0, 1))),
        { flips: 199, seed }
      ).some(({ p }) => p! <= 0.05)
    ).filter(Boolean).length
    // 10 of 200 are to be expected; without the correction it were 45.
    expect(found).toBeLessThan(24)
  })

  it('leaves subjects out of measures that they do not have', () => {
    const [first, second, third] = signFlipTest(
      [
        [1, Number.NaN, 0],
        [1, 2, 0],
        [1, Number.NaN, 0]
      ],
      options
    )
    expect(first).toEqual({ mean: 1, subjects: 3, p: 0.25 })
    expect(second).toEqual({ mean: 2, subjects: 1, p: null })
    expect(third).toEqual({ mean: 0, subjects: 3, p: 1 })
    expect(signFlipTest([], options)).toEqual([])
  })
})

describe('the rank correlation', () => {
  it('with ties is that of scipy 1.10.1', () => {
    expect(spearman([1, 2, 2, 3, 5, 4, 7], [2, 1, 4, 4, 6, 9, 8])).toBeCloseTo(0.8090909090909091, 12)
  })

  it('is 1 for what rises together in whichever way, and undefined for what does not change', () => {
    expect(spearman([1, 2, 3], [1, 10, 100])).toBeCloseTo(1, 12)
    expect(spearman([1, 2, 3], [5, 5, 5])).toBeNull()
    expect(spearman([], [])).toBeNull()
    expect(() => spearman([1], [])).toThrow(RangeError)
  })
})
