import { describe, expect, it } from 'vitest'
import { Perceptron, probe } from '../../../src/lib/face/probes.js'
import { createRandom } from '../../../src/lib/random.js'
import { fitPerceptron } from '../../../tools/train/perceptron.js'
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

const options = {
  hidden: 16,
  rounds: 60,
  batch: 16,
  learningRate: 0.03,
  weightDecay: 0.05,
  dropout: 0.1,
  noise: 0.1
}
const fitted = (samples: readonly Sample[]): Perceptron =>
  new Perceptron(fitPerceptron(samples, options, createRandom(3)))

describe('a perceptron that is fitted', () => {
  const unseen = crossed(2, 400)

  it('tells apart, on samples that it has not seen, what no weighted sum tells apart', () => {
    const weights = ridge(crossed(1, 400), 1)
    expect(right((features) => probe(weights, features), unseen)).toBeLessThan(0.7)
    const net = fitted(crossed(1, 400))
    expect(right((features) => net.read(features), unseen)).toBeGreaterThan(0.97)
  })

  it('is the same for the same samples and the same random numbers', () => {
    const [one, other] = [0, 1].map(() => fitPerceptron(crossed(1, 100), options, createRandom(3)))
    expect(one).toEqual(other)
  })

  it('gives both signs their say where one has few samples, and a sample as much as it weighs', () => {
    // All at the same place: what is read there is the logarithm of the odds of their weights alone.
    const at = (target: number, weight: number, count: number): Sample[] =>
      Array.from({ length: count }, () => ({ features: Float32Array.from([1, 0]), target, weight }))
    const odds = (samples: readonly Sample[]): number => fitted(samples).read(Float32Array.from([1, 0]))
    expect(Math.abs(odds([...at(1, 1, 20), ...at(-1, 1, 200)]))).toBeLessThan(0.5)
    const elsewhere: Sample[] = Array.from({ length: 30 }, () => ({ features: Float32Array.from([-1, 0]), target: 1 }))
    const few = [...elsewhere, ...at(1, 0.05, 30), ...at(-1, 1, 60)]
    const many = [...elsewhere, ...at(1, 20, 30), ...at(-1, 1, 60)]
    expect(odds(few)).toBeLessThan(-1)
    expect(odds(many)).toBeGreaterThan(odds(few) + 1)
  })
})
