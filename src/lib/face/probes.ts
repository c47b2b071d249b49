/** Readings of what the landmark net knows of a face beyond its points; tools/train/face-probes.ts fits them. */
import { covered as coveredText, uprightWeights } from './probe-weights.js'

/** One weight for each number, and the bias behind them. */
export function probe(weights: Float32Array, features: ArrayLike<number>): number {
  let sum = weights[features.length]!
  for (let i = 0; i < features.length; i++) sum += weights[i]! * features[i]!
  return sum
}

/**
 * A radial basis function network (Broomhead and Lowe 1988) on principal components: what lies near to faces that it has
 * seen is read as they are, so that covers which have nothing in common need no common direction.
 */
export interface RadialWeights {
  /** Of each feature. */
  mean: Float32Array
  /** Of each feature: what it is divided by. */
  spread: Float32Array
  /** One row of weights of the features for each component, in units of `scales`. */
  components: Int8Array
  scales: Float32Array
  /** Places among the components, in units of 1 / `centreUnit`. */
  centres: Int8Array
  /** One for each centre, then for each component, and the bias. */
  weights: Float32Array
}

export const centreUnit = 64

/** A network without its last, linear layer, with its bytes spread out once: a reading is taken of each face of each frame. */
export class RadialBasis {
  readonly #size: number
  /** One row for each component: what each feature counts, as it comes. */
  readonly #rows: Float32Array
  /** Of each component, where every feature is at its mean. */
  readonly #offsets: Float32Array
  readonly #centres: Float32Array

  constructor({ mean, spread, components, scales, centres }: Omit<RadialWeights, 'weights'>) {
    const size = mean.length
    this.#size = size
    this.#rows = Float32Array.from(
      components,
      (value, at) => (value * scales[Math.floor(at / size)]!) / spread[at % size]!
    )
    this.#offsets = scales.map((_, j) => -dot(this.#rows, j * size, mean))
    this.#centres = Float32Array.from(centres, (value) => value / centreUnit)
  }

  /** What the readings are linear in: how near each centre is, 0..1, and then the components. */
  features(of: Float32Array): Float32Array {
    const count = this.#offsets.length
    const places = this.#centres.length / count
    const out = new Float32Array(places + count)
    for (let j = 0; j < count; j++) out[places + j] = this.#offsets[j]! + dot(this.#rows, j * this.#size, of)
    for (let c = 0; c < places; c++) {
      let distance = 0
      for (let j = 0; j < count; j++) {
        const off = out[places + j]! - this.#centres[c * count + j]!
        distance += off * off
      }
      out[c] = Math.exp(-distance)
    }
    return out
  }
}

/** Of a row that begins there, and the values. Four sums: each addition would wait for the one before. */
function dot(rows: Float32Array, from: number, values: Float32Array): number {
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

/** How surely something covers a part of a face that stands upright: about -1 to 1. @param features see `regionsOf` */
export const coverage = (features: Float32Array): number => probe(covered.weights, coveredBasis.features(features))

const upright = floats(uprightWeights)
const covered: RadialWeights = {
  mean: floats(coveredText.mean),
  spread: floats(coveredText.spread),
  components: bytes(coveredText.components),
  scales: floats(coveredText.scales),
  centres: bytes(coveredText.centres),
  weights: floats(coveredText.weights)
}
const coveredBasis = new RadialBasis(covered)

function floats(text: string): Float32Array {
  const buffer = Buffer.from(text, 'base64')
  return Float32Array.from({ length: buffer.length / 4 }, (_, i) => buffer.readFloatLE(4 * i))
}

function bytes(text: string): Int8Array {
  return Int8Array.from(Buffer.from(text, 'base64'))
}
