/** Ranks and their correlation against naive ones. The values of scipy are in statistics.test. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ranksOf, spearman } from '../../../src/lib/statistics/correlation.js'

const values = fc.array(fc.integer({ min: -5, max: 5 }), { minLength: 2, maxLength: 30 })
const pairs = fc
  .integer({ min: 2, max: 30 })
  .chain((n) =>
    fc.tuple(...[0, 1].map(() => fc.array(fc.integer({ min: -5, max: 5 }), { minLength: n, maxLength: n })))
  )

/** From the definition: the number of smaller values, plus the mean rank among equal ones. */
const naiveRanks = (all: number[]): number[] =>
  all.map((value) => {
    const smaller = all.filter((other) => other < value).length
    const equal = all.filter((other) => other === value).length
    return smaller + (equal - 1) / 2
  })

const pearson = (a: number[], b: number[]): number => {
  const mean = (list: number[]) => list.reduce((x, y) => x + y, 0) / list.length
  const [ma, mb] = [mean(a), mean(b)]
  const product = (x: number[], y: number[], mx: number, my: number) =>
    x.reduce((sum, value, i) => sum + (value - mx) * (y[i]! - my), 0)
  return product(a, b, ma, mb) / Math.sqrt(product(a, a, ma, ma) * product(b, b, mb, mb))
}

describe('ranks', () => {
  it('equal the definition, with ties averaged', () => {
    expect([...ranksOf([10, 30, 20, 20])]).toEqual([0, 3, 1.5, 1.5])
    fc.assert(
      fc.property(values, (all) => {
        expect([...ranksOf(all)]).toEqual(naiveRanks(all))
      })
    )
  })
})

describe('rank correlation', () => {
  it("equals Pearson's correlation of the ranks", () => {
    fc.assert(
      fc.property(pairs, ([a, b]) => {
        fc.pre(new Set(a).size > 1 && new Set(b).size > 1)
        expect(spearman(a!, b!)).toBeCloseTo(pearson(naiveRanks(a!), naiveRanks(b!)), 10)
      })
    )
  })

  it('is unchanged by increasing functions and negated by decreasing ones', () => {
    fc.assert(
      fc.property(values, (all) => {
        fc.pre(new Set(all).size > 1)
        expect(
          spearman(
            all,
            all.map((value) => 3 * Math.exp(value) + 1)
          )
        ).toBeCloseTo(1, 10)
        expect(
          spearman(
            all,
            all.map((value) => -(value ** 3))
          )
        ).toBeCloseTo(-1, 10)
      })
    )
  })
})
