import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { assign } from '../../../src/lib/face/assignment.js'

const most = 10

/** What an assignment costs: pairs as they are, rows without a column at `most`. */
function totalOf(costs: readonly (readonly number[])[], columns: readonly (number | null)[]): number {
  return columns.reduce<number>((total, column, row) => total + (column === null ? most : costs[row]![column]!), 0)
}

/** The least total of all assignments there are, tried one after the other. */
function leastTotal(costs: readonly (readonly number[])[], row = 0, used: ReadonlySet<number> = new Set()): number {
  if (row === costs.length) return 0
  const options = [most + leastTotal(costs, row + 1, used)]
  for (const [column, cost] of costs[row]!.entries())
    if (!used.has(column)) options.push(cost + leastTotal(costs, row + 1, new Set([...used, column])))
  return Math.min(...options)
}

const anyCost = fc.oneof(
  { weight: 6, arbitrary: fc.double({ min: -5, max: 25, noNaN: true }) },
  { weight: 3, arbitrary: fc.integer({ min: -2, max: 12 }) },
  { weight: 1, arbitrary: fc.constant(Number.POSITIVE_INFINITY) }
)
const anyCosts = fc
  .tuple(fc.nat(5), fc.nat(5))
  .chain(([rows, columns]) =>
    fc.array(fc.array(anyCost, { minLength: columns, maxLength: columns }), { minLength: rows, maxLength: rows })
  )

describe('the assignment', () => {
  it('costs no more than the best of all that can be tried', () => {
    fc.assert(
      fc.property(anyCosts, (costs) => {
        expect(totalOf(costs, assign(costs, most))).toBeCloseTo(leastTotal(costs), 9)
      }),
      { numRuns: 1000 }
    )
  })

  it('gives each row one column at most and no column to two rows, none at or above the limit', () => {
    fc.assert(
      fc.property(anyCosts, (costs) => {
        const columns = assign(costs, most)
        const taken = columns.filter((column) => column !== null)
        expect(columns).toHaveLength(costs.length)
        expect(new Set(taken).size).toBe(taken.length)
        for (const [row, column] of columns.entries())
          if (column !== null) expect(costs[row]![column]).toBeLessThan(most)
      })
    )
  })

  it('takes the second best for one row where the total is less then', () => {
    const greedyIsWorse = [
      [1, 2],
      [2, 9]
    ]
    expect(assign(greedyIsWorse, most)).toEqual([1, 0])
  })

  it('of no rows is empty, and of no columns leaves every row without one', () => {
    expect(assign([], most)).toEqual([])
    expect(assign([[], []], most)).toEqual([null, null])
  })

  it('leaves a row without a column where every pair is forbidden', () => {
    const never = Number.POSITIVE_INFINITY
    expect(assign([[never], [3]], most)).toEqual([null, 0])
  })

  it('of fifty rows and columns with random costs is a permutation whose total beats the order that they came in', () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(fc.double({ min: 0, max: 9, noNaN: true }), { minLength: 50, maxLength: 50 }), {
          minLength: 50,
          maxLength: 50
        }),
        (costs) => {
          const columns = assign(costs, most)
          expect(new Set(columns).size).toBe(50)
          expect(totalOf(costs, columns)).toBeLessThanOrEqual(totalOf(costs, [...costs.keys()]))
        }
      ),
      { numRuns: 20 }
    )
  })
})
