import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { expressions, unitNames } from '../../../src/show/render/index.js'
import {
  type Day,
  daySeconds,
  defaultDay,
  stretchAt,
  transitionSeconds,
  unitsAt
} from '../../../src/show/simulate/day.js'

const stretch = fc.record({
  expression: fc.constantFrom(...expressions),
  intensity: fc.double({ min: 0, max: 1, noNaN: true }),
  seconds: fc.integer({ min: 2, max: 30 })
})
const days = fc.record({
  stretches: fc.array(stretch, { minLength: 1, maxLength: 6 }),
  loop: fc.boolean(),
  seed: fc.integer({ min: 0, max: 1000 })
})
const time = fc.double({ min: 0, max: 600, noNaN: true })

describe('stretchAt', () => {
  it('the stretch at a time is the one that a walk through the table finds', () => {
    fc.assert(
      fc.property(days, time, (day, seconds) => {
        let [left, index] = [seconds, 0]
        for (;;) {
          const { seconds: length } = day.stretches[index % day.stretches.length]!
          if (left < length || (!day.loop && index === day.stretches.length - 1)) break
          left -= length
          index++
        }
        const found = stretchAt(day, seconds)
        expect(found.index).toBe(index)
        expect(found.stretch).toBe(day.stretches[index % day.stretches.length])
        expect(found.from).toBeCloseTo(seconds - left, 6)
      })
    )
  })

  it('a day without stretches is refused', () => {
    expect(() => stretchAt({ stretches: [], loop: true, seed: 1 }, 0)).toThrow(RangeError)
  })
})

describe('unitsAt', () => {
  it('action units depend on time only, with strengths within 0..1', () => {
    fc.assert(
      fc.property(days, time, (day, seconds) => {
        const units = unitsAt(day, seconds)
        expect(unitsAt(day, seconds)).toEqual(units)
        for (const strength of Object.values(units)) {
          expect(strength).toBeGreaterThanOrEqual(0)
          expect(strength).toBeLessThanOrEqual(1)
        }
      })
    )
  })

  it('action units never jump: in 10 ms none changes by more than a blink does', () => {
    fc.assert(
      fc.property(days, time, (day, seconds) => {
        const [before, after] = [unitsAt(day, seconds), unitsAt(day, seconds + 0.01)]
        for (const name of unitNames) expect(Math.abs((after[name] ?? 0) - (before[name] ?? 0))).toBeLessThan(0.1)
      }),
      {
        numRuns: 300,
        // One unit fewer is active from 600 s on.
        examples: [
          [
            { stretches: [{ expression: 'pain', intensity: 3.4e-320, seconds: 4 }], loop: true, seed: 891 },
            599.9999995585478
          ]
        ]
      }
    )
  })

  it('the resident blinks briefly throughout the day', () => {
    const shut = Array.from({ length: 2000 }, (_, i) => (unitsAt(defaultDay, i / 20).AU45 ?? 0) > 0.5)
    const blinks = shut.filter((is, i) => is && !shut[i - 1]).length
    expect(blinks).toBeGreaterThan(15)
    expect(blinks).toBeLessThan(30)
    expect(shut.filter(Boolean).length / shut.length).toBeLessThan(0.08)
  })

  it('rounds of the simulated day differ', () => {
    const pain: Day = { stretches: [{ expression: 'pain', intensity: 1, seconds: 10 }], loop: true, seed: 3 }
    const mouths = [5, 15, 25, 35, 45].map((seconds) => unitsAt(pain, seconds).AU25?.toFixed(2))
    expect(new Set(mouths).size).toBeGreaterThan(2)
  })
})

describe('the default day', () => {
  const times = Array.from({ length: Math.floor(daySeconds(defaultDay) * 10) }, (_, i) => i / 10)
  const settled = times.filter((seconds) => seconds - stretchAt(defaultDay, seconds).from > transitionSeconds)

  it('the default day lasts some 90 s, and each of its pains starts and ends an alarm with onset 2 s and clear 3 s', () => {
    expect(daySeconds(defaultDay)).toBe(90)
    const { stretches } = defaultDay
    const pains = stretches.flatMap(({ expression }, i) => (expression === 'pain' ? [i] : []))
    expect(pains).toHaveLength(2)
    for (const i of pains) {
      expect(stretches[i]!.seconds).toBeGreaterThan(transitionSeconds + 2 + 5)
      expect(stretches[(i + 1) % stretches.length]!.seconds).toBeGreaterThan(transitionSeconds + 3 + 5)
      expect(stretches[(i + 1) % stretches.length]!.expression).not.toBe('pain')
    }
    expect(stretches.map(({ expression }) => expression)).toEqual(expect.arrayContaining([...expressions]))
  })

  it('each stretch of the default day shows its expression in ten rounds, and neutral ones none', () => {
    type Units = ReturnType<typeof unitsAt>
    const sum = (units: Units, names: readonly (keyof Units)[]): number =>
      names.reduce((total, name) => total + (units[name] ?? 0), 0)
    const strongest = (units: Units): number =>
      Math.max(...unitNames.filter((name) => name !== 'AU45').map((name) => units[name] ?? 0))
    const holds = {
      neutral: (units: Units) => strongest(units) < 0.25,
      pain: (units: Units) => sum(units, ['AU4', 'AU7']) > 0.7,
      happiness: (units: Units) => sum(units, ['AU12']) > 0.4,
      disgust: (units: Units) => sum(units, ['AU9']) > 0.3
    }
    const wrong = Array.from({ length: 10 }, (_, round) => settled.map((seconds) => seconds + 90 * round))
      .flat()
      .filter((seconds) => !holds[stretchAt(defaultDay, seconds).stretch.expression](unitsAt(defaultDay, seconds)))
    expect(wrong).toEqual([])
  })
})
