/** Linear readings of what the landmark net knows of a face beyond its points; tools/train/face-probes.ts fits them. */
import type { Marks } from './networks.js'
import { coveredWeights, uprightWeights } from './probe-weights.js'
import { regionsOf } from './regions.js'

/** One weight for each number, and the bias behind them. */
export function probe(weights: Float32Array, features: Float32Array): number {
  let sum = weights[features.length]!
  for (let i = 0; i < features.length; i++) sum += weights[i]! * features[i]!
  return sum
}

/** How surely a face stands upright in the picture that the net saw, and is no face turned otherwise: about -1 to 1. */
export const uprightness = (feature: Float32Array): number => probe(upright, feature)

/** How surely something covers a part of a face that stands upright: about -1 to 1. @param side of the net's picture */
export const coverage = (marks: Marks, side: number): number => probe(covered, regionsOf(marks, side))

const upright = fromBase64(uprightWeights)
const covered = fromBase64(coveredWeights)

function fromBase64(text: string): Float32Array {
  const bytes = Buffer.from(text, 'base64')
  return Float32Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readFloatLE(4 * i))
}
