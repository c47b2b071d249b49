import { describe, expect, it } from 'vitest'
import { probe, RadialBasis, type RadialWeights } from '../../../src/lib/face/probes.js'
import { createRandom } from '../../../src/lib/random.js'
import { fitRadial } from '../../../tools/train/radial.js'
import { ridge, type Sample } from '../../../tools/train/ridge.js'

/** Two of the features say together which sign it is, and none of them alone. */
function crossed(seed: number, count: number): Sample[] {
  const random = createRandom(seed)
  return Array.from({ length: count }, () => {
    const [a, b] = [random.chance(0.5) ? 1 : -1, random.chance(0.5) ? 1 : -1]
    const features = Float32Array.from([a, b, 0.3, -0.3, 0].map((value) => value + random.normal(0, 0.2)))
    return { features, target: a * b }
  })
}

const right = (read: (features: Float32Array) => number, samples: readonly Sample[]): number =>
  samples.filter(({ features, target }) => read(features) * target > 0).length / samples.length

const options = { components: 3, centres: 40, penalty: 1, emphasis: (i: number) => (i < 2 ? 2 : 0.2) }
const reading = (fit: RadialWeights) => (features: Float32Array) =>
  probe(fit.weights, new RadialBasis(fit).features(features))

describe('a radial basis network that is fitted', () => {
  const unseen = crossed(2, 400)

  it('tells apart, on samples that it has not seen, what no weighted sum tells apart', () => {
    const weights = ridge(crossed(1, 400), 1)
    expect(right((features) => probe(weights, features), unseen)).toBeLessThan(0.7)
    expect(right(reading(fitRadial(crossed(1, 400), options, createRandom(3))), unseen)).toBeGreaterThan(0.97)
  })

  it('is the same for the same samples and the same random numbers', () => {
    const [one, other] = [0, 1].map(() => fitRadial(crossed(1, 100), options, createRandom(3)))
    expect(one).toEqual(other)
  })

  it('has components that lie across each other and show what varies most first', () => {
    const { components, scales } = fitRadial(crossed(1, 400), options, createRandom(3))
    const vector = (j: number): number[] =>
      Array.from(components.subarray(5 * j, 5 * j + 5), (value) => value * scales[j]!)
    const cosine = (a: number[], b: number[]): number =>
      a.reduce((sum, value, i) => sum + value * b[i]!, 0) / Math.hypot(...a) / Math.hypot(...b)
    expect(Math.abs(cosine(vector(0), vector(1)))).toBeLessThan(0.02)
    for (const j of [0, 1]) expect(Math.hypot(...vector(j).slice(0, 2)) / Math.hypot(...vector(j))).toBeGreaterThan(0.9)
  })
})
