import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createRandom } from '../../../src/lib/random.js'
import {
  type ActionUnits,
  blendUnits,
  type Expression,
  expressions,
  expressionUnits,
  type UnitName
} from '../../../src/show/render/index.js'

const unit = fc.double({ min: 0, max: 1, noNaN: true })
const seed = fc.integer({ min: 0, max: 1_000_000 })
const expression = fc.constantFrom(...expressions)

const mean = (shown: Expression, name: UnitName): number => {
  const values = Array.from({ length: 300 }, (_, i) => expressionUnits(shown, 1, createRandom(i))[name] ?? 0)
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

describe('expressionUnits', () => {
  it('expression units are within 0..1 and repeat for a seed', () => {
    fc.assert(
      fc.property(expression, unit, seed, (shown, intensity, s) => {
        const units = expressionUnits(shown, intensity, createRandom(s))
        for (const value of Object.values(units)) {
          expect(value).toBeGreaterThanOrEqual(0)
          expect(value).toBeLessThanOrEqual(1)
        }
        expect(expressionUnits(shown, intensity, createRandom(s))).toEqual(units)
      })
    )
  })

  it('expression units at intensity 0 do not depend on the expression', () => {
    fc.assert(
      fc.property(expression, seed, (shown, s) => {
        const neutral = expressionUnits('neutral', 1, createRandom(s))
        expect(blendUnits({}, expressionUnits(shown, 0, createRandom(s)), 1)).toEqual(blendUnits({}, neutral, 1))
      })
    )
  })

  it('every expression unit grows with the intensity', () => {
    fc.assert(
      fc.property(expression, unit, unit, seed, (shown, a, b, s) => {
        const weak = expressionUnits(shown, Math.min(a, b), createRandom(s))
        const strong = expressionUnits(shown, Math.max(a, b), createRandom(s))
        for (const name of Object.keys(weak) as UnitName[]) {
          // A drowsy face's lids open as an expression comes.
          if (name !== 'AU43') expect(strong[name]! + 1e-9).toBeGreaterThanOrEqual(weak[name]!)
        }
      })
    )
  })

  it('pain, disgust and happiness use the action units of FACS', () => {
    const clear: [Expression, UnitName[], UnitName[]][] = [
      ['pain', ['AU4', 'AU6', 'AU7', 'AU43'], ['AU12', 'AU15', 'AU17']],
      ['disgust', ['AU9', 'AU10'], ['AU12', 'AU43', 'AU27']],
      ['happiness', ['AU12', 'AU6'], ['AU4', 'AU9', 'AU15', 'AU43']]
    ]
    for (const [shown, present, absent] of clear) {
      for (const name of present) expect(mean(shown, name), `${name} of ${shown}`).toBeGreaterThan(0.55)
      for (const name of absent) expect(mean(shown, name), `${name} of ${shown}`).toBeLessThan(0.25)
    }
    expect(mean('disgust', 'AU15') + mean('disgust', 'AU17')).toBeGreaterThan(0.7)
  })
})

describe('blendUnits', () => {
  it('blending units interpolates linearly', () => {
    const from: ActionUnits = { AU4: 0.8, AU12: 0.2 }
    const to: ActionUnits = { AU12: 1 }
    expect(blendUnits(from, to, 0)).toEqual(from)
    expect(blendUnits(from, to, 1)).toEqual(to)
    expect(blendUnits(from, to, 0.5).AU4).toBeCloseTo(0.4)
    expect(blendUnits(from, to, 0.5).AU12).toBeCloseTo(0.6)
    expect(blendUnits(from, to, 7)).toEqual(to)
  })
})
