/** Readings of what the landmark net knows of a face beyond its points; tools/train/face-probes.ts fits them. */
import { covered as coveredText, uprightWeights } from './probe-weights.js'

/** One weight for each number, and the bias behind them. */
export function probe(weights: Float32Array, features: ArrayLike<number>): number {
  let sum = weights[features.length]!
  for (let i = 0; i < features.length; i++) sum += weights[i]! * features[i]!
  return sum
}

/** A perceptron with one hidden layer, whose numbers count where they are above 0. */
export interface PerceptronWeights {
  /** Of each feature. */
  mean: Float32Array
  /** Of each feature: what it is divided by. */
  spread: Float32Array
  /** One row of weights of the features for each hidden number, in units of `scales`. */
  rows: Int8Array
  scales: Float32Array
  /** Of each hidden number. */
  biases: Float32Array
  /** One for each hidden number, and the bias. */
  weights: Float32Array
}

/** With its bytes spread out once: a reading is taken of each face of each frame. */
export class Perceptron {
  readonly #size: number
  /** One row for each hidden number: what each feature counts, as it comes. */
  readonly #rows: Float32Array
  /** Of each hidden number, where every feature is 0. */
  readonly #offsets: Float32Array
  readonly #weights: Float32Array

  constructor({ mean, spread, rows, scales, biases, weights }: PerceptronWeights) {
    const size = mean.length
    this.#size = size
    this.#rows = Float32Array.from(rows, (value, at) => (value * scales[Math.floor(at / size)]!) / spread[at % size]!)
    this.#offsets = biases.map((bias, j) => bias - dot(this.#rows, j * size, mean))
    this.#weights = weights
  }

  /** @returns the logarithm of the odds */
  read(features: Float32Array): number {
    const hidden = this.#offsets.map((offset, j) => Math.max(0, offset + dot(this.#rows, j * this.#size, features)))
    return probe(this.#weights, hidden)
  }
}

/** Of a row that begins there, and the values, in float64. Four sums: each addition would wait for the one before. */
export function dot(rows: Float32Array, from: number, values: Float32Array): number {
  const whole = values.length & ~3
  let [a, b, c, d] = [0, 0, 0, 0]
  for (let i = 0; i < whole; i += 4) {
    a += rows[from + i]! * values[i]!
    b += rows[from + i + 1]! * values[i + 1]!
    c += rows[from + i + 2]! * values[i + 2]!
    d += rows[from + i + 3]! * values[i + 3]!
  }
  for (let i = whole; i < values.length; i++) a += rows[from + i]! * values[i]!
  return a + b + (c + d)
}

/** How surely a face stands upright in the picture that the net saw, and is no face turned otherwise: about -1 to 1. */
export const uprightness = (feature: Float32Array): number => probe(upright, feature)

/**
 * How surely something covers a part of a face that stands upright.
 * @param features see `regionsOf`
 * @returns the logarithm of the odds, as if half of all faces were covered
 */
export const coverage = (features: Float32Array): number => covered.read(features)

const upright = floats(uprightWeights)
const covered = new Perceptron({
  mean: floats(coveredText.mean),
  spread: floats(coveredText.spread),
  rows: bytes(coveredText.rows),
  scales: floats(coveredText.scales),
  biases: floats(coveredText.biases),
  weights: floats(coveredText.weights)
})

function floats(text: string): Float32Array {
  const buffer = Buffer.from(text, 'base64')
  return Float32Array.from({ length: buffer.length / 4 }, (_, i) => buffer.readFloatLE(4 * i))
}

function bytes(text: string): Int8Array {
  return Int8Array.from(Buffer.from(text, 'base64'))
}
