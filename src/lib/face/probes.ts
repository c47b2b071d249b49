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

/** What the readings are linear in: how near each centre is, 0..1, and then the components. */
export function radialFeatures(
  { mean, spread, components, scales, centres }: Omit<RadialWeights, 'weights'>,
  features: Float32Array
): Float32Array {
  const [count, size] = [scales.length, features.length]
  const standard = features.map((value, i) => (value - mean[i]!) / spread[i]!)
  const out = new Float32Array(centres.length / count + count)
  const own = out.subarray(centres.length / count)
  for (let j = 0; j < count; j++) {
    let sum = 0
    for (let i = 0; i < size; i++) sum += components[j * size + i]! * standard[i]!
    own[j] = sum * scales[j]!
  }
  for (let c = 0; c < centres.length / count; c++) {
    let distance = 0
    for (let j = 0; j < count; j++) distance += (own[j]! - centres[c * count + j]! / centreUnit) ** 2
    out[c] = Math.exp(-distance)
  }
  return out
}

/** How surely a face stands upright in the picture that the net saw, and is no face turned otherwise: about -1 to 1. */
export const uprightness = (feature: Float32Array): number => probe(upright, feature)

/** How surely something covers a part of a face that stands upright: about -1 to 1. @param features see `regionsOf` */
export const coverage = (features: Float32Array): number => probe(covered.weights, radialFeatures(covered, features))

const upright = floats(uprightWeights)
const covered: RadialWeights = {
  mean: floats(coveredText.mean),
  spread: floats(coveredText.spread),
  components: bytes(coveredText.components),
  scales: floats(coveredText.scales),
  centres: bytes(coveredText.centres),
  weights: floats(coveredText.weights)
}

function floats(text: string): Float32Array {
  const buffer = Buffer.from(text, 'base64')
  return Float32Array.from({ length: buffer.length / 4 }, (_, i) => buffer.readFloatLE(4 * i))
}

function bytes(text: string): Int8Array {
  return Int8Array.from(Buffer.from(text, 'base64'))
}
