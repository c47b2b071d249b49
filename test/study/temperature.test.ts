import { describe, expect, it } from 'vitest'
import { createRandom } from '../../src/lib/random.js'
import { endOfTemperatures, fitTemperature } from '../../src/study/train/temperature.js'

/** Logits that are right as often as they say, and targets drawn by them. */
function calibrated(count: number): { logits: Float32Array; targets: Float32Array[] } {
  const random = createRandom(5)
  const logits = Float32Array.from({ length: 3 * count }, () => random.normal(0, 2))
  const targets = Array.from({ length: count }, (_, i) => {
    const weights = [0, 1, 2].map((k) => Math.exp(logits[3 * i + k]!))
    let left = random() * (weights[0]! + weights[1]! + weights[2]!)
    const drawn = weights.findIndex((weight) => {
      left -= weight
      return left < 0
    })
    return Float32Array.from([0, 1, 2], (k) => Number(k === drawn))
  })
  return { logits, targets }
}

const times = (values: Float32Array, factor: number): Float32Array => values.map((value) => factor * value)

/** Mean cross entropy, written out. */
function lossAt(logits: Float32Array, targets: readonly Float32Array[], temperature: number): number {
  return targets.reduce((sum, target, i) => {
    const row = [0, 1, 2].map((k) => logits[3 * i + k]! / temperature)
    const total = Math.log(row.reduce((all, value) => all + Math.exp(value), 0))
    return sum + row.reduce((loss, value, k) => loss - target[k]! * (value - total), 0)
  }, 0)
}

describe('a temperature', () => {
  const { logits, targets } = calibrated(1200)

  it('is about 1 for outputs that are right as often as they say, and as many times that as they are too large', () => {
    for (const factor of [0.5, 1, 3]) expect(fitTemperature(times(logits, factor), targets) / factor).toBeCloseTo(1, 1)
  })

  it('has the least loss of all that are tried one by one', () => {
    const large = times(logits, 1.7)
    const tried = Array.from({ length: 376 }, (_, i) => 0.25 + i / 100)
    const losses = tried.map((temperature) => lossAt(large, targets, temperature))
    const best = tried[losses.indexOf(Math.min(...losses))]!
    expect(Math.abs(fitTemperature(large, targets) - best)).toBeLessThan(0.006)
  })

  it('is 1 without samples', () => {
    expect(fitTemperature(new Float32Array(0), [])).toBe(1)
  })

  it('at the end of what is tried is told, and no other', () => {
    expect(endOfTemperatures(fitTemperature(times(logits, 6), targets))).toMatch(
      /is 4\.00, .* surer than they are right.* still that of guessing/
    )
    expect(endOfTemperatures(fitTemperature(times(logits, 0.1), targets))).toMatch(/is 0\.25, .* right more often/)
    for (const factor of [0.3, 1, 3.8])
      expect(endOfTemperatures(fitTemperature(times(logits, factor), targets))).toBeNull()
  })
})
