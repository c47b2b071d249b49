import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type RegionShare, regionNames } from '../../../src/core/types.js'
import { disagreement, spreadOfViews, uncertaintyOf, type ViewsSaid } from '../../../src/stages/explain/explain-crop.js'

const labels = ['pain', 'disgust', 'happiness']

const brows = (positive: number): RegionShare[] =>
  regionNames.map((region) => {
    const own = region === 'brows' ? positive : region === 'mouth' ? 1 - positive : 0
    return { region, positive: own, negative: 0, balance: own }
  })

const view = (pain: number, map: readonly number[], share: number) => ({
  probabilities: [pain, 1 - pain, 0],
  relevance: Float32Array.from(map),
  shares: brows(share)
})

function said(all: readonly ReturnType<typeof view>[]): ViewsSaid {
  return {
    labels,
    target: 0,
    probabilities: all.map(({ probabilities }) => probabilities),
    relevance: all.map(({ relevance }) => relevance),
    shares: all.map(({ shares }) => shares)
  }
}

describe('the uncertainty of an explanation', () => {
  it('is 0 if all views agree, even on an undecided result', () => {
    const same = view(0.4, [1, -2, 0], 0.3)
    const { classes, regions, views } = uncertaintyOf(said([same, same, same]))
    expect(classes).toEqual({ pain: 0, disgust: 0, happiness: 0 })
    expect(regions).toEqual(Object.fromEntries(regionNames.map((name) => [name, 0])))
    expect(views).toBe(3)
    const nothing = view(0.4, [0, 0, 0], 0)
    expect(uncertaintyOf(said([nothing, nothing])).classes.pain).toBe(0)
  })

  it('is empty for one view', () => {
    expect(uncertaintyOf(said([view(0.5, [1], 0.5)]))).toEqual({ classes: {}, regions: {}, views: 1 })
  })

  it('equals its formula in a case computed by hand', () => {
    const { classes, regions } = uncertaintyOf(said([view(0.9, [3, 1, 0], 0.75), view(0.5, [1, 1, -2], 0.25)]))
    // Spread 2 * 0.2; maps apart by (2 + 0 + 2) of (4 + 4).
    expect(classes).toEqual({ pain: 45, disgust: 40, happiness: 0 })
    expect(regions).toMatchObject({ brows: 50, mouth: 50, eyes: 0 })
  })

  it('is 100 if views have opposite probabilities and opposite maps', () => {
    const { classes, regions } = uncertaintyOf(said([view(1, [1, -1], 1), view(0, [-1, 1], 0)]))
    expect(classes).toMatchObject({ pain: 100, disgust: 100 })
    expect(regions).toMatchObject({ brows: 100, mouth: 100 })
  })

  it('grows with the differences of the views in probability, map and share', () => {
    const steps = [0, 0.1, 0.2, 0.3, 0.4]
    const of = (other: (t: number) => ReturnType<typeof view>) =>
      steps.map((t) => uncertaintyOf(said([view(0.5, [1, 0], 0.5), other(t)])))
    const increases = (values: (number | undefined)[]) =>
      expect(values.every((value, i) => i === 0 || value! > values[i - 1]!)).toBe(true)
    increases(of((t) => view(0.5 + t, [1, 0], 0.5)).map(({ classes }) => classes.pain))
    increases(of((t) => view(0.5, [1 - t, t], 0.5)).map(({ classes }) => classes.pain))
    increases(of((t) => view(0.5, [1, 0], 0.5 + t)).map(({ regions }) => regions.brows))
  })

  it('stays within 0 and 100 and does not depend on the order of the other views', () => {
    const probability = fc.double({ min: 0, max: 1, noNaN: true })
    const map = fc.array(fc.float({ min: -1e6, max: 1e6, noNaN: true }), { minLength: 4, maxLength: 4 })
    const one = fc.tuple(probability, map, probability).map(([p, values, share]) => view(p, values, share))
    fc.assert(
      fc.property(one, fc.array(one, { minLength: 1, maxLength: 6 }), (first, others) => {
        const found = uncertaintyOf(said([first, ...others]))
        const values = [...Object.values(found.classes), ...Object.values(found.regions)]
        expect(values).toHaveLength(labels.length + regionNames.length)
        for (const value of values) expect(value >= 0 && value <= 100).toBe(true)
        const turned = uncertaintyOf(said([first, ...others.toReversed()]))
        for (const label of labels) expect(turned.classes[label]).toBeCloseTo(found.classes[label]!, 0)
      })
    )
  })
})

describe('a part of the uncertainty', () => {
  it('the spread is twice the standard deviation', () => {
    expect(spreadOfViews([0.3, 0.3, 0.3])).toBeCloseTo(0, 12)
    expect(spreadOfViews([0, 1])).toBe(1)
    expect(spreadOfViews([0.1, 0.2, 0.3])).toBeCloseTo(2 * Math.sqrt(0.02 / 3), 12)
  })

  it('the disagreement is 0 for one map, 1 for disjoint maps, 1/3 for a map and its double', () => {
    expect(disagreement([Float32Array.of(1, 2)])).toBe(0)
    expect(disagreement([Float32Array.of(1, 0), Float32Array.of(0, 5)])).toBe(1)
    expect(disagreement([Float32Array.of(1, -2), Float32Array.of(2, -4)])).toBeCloseTo(1 / 3, 12)
  })
})
