/** Fits a radial basis function network (src/lib/face/probes.ts): principal components, centres drawn of the samples, ridge. */
import { centreUnit, RadialBasis, type RadialWeights } from '#painlens/lib/face/probes.js'
import type { Random } from '#painlens/lib/random.js'
import { moments, ridge, type Sample } from './ridge.js'

export interface RadialOptions {
  components: number
  centres: number
  /** See `ridge`. */
  penalty: number
  /** How much more than by its spread each feature counts. */
  emphasis: (feature: number) => number
}

const rounds = 60
const mostByte = 127

/** The same samples and the same random numbers give the same weights. */
export function fitRadial(samples: readonly Sample[], options: RadialOptions, random: Random): RadialWeights {
  const size = samples[0]!.features.length
  const { mean, spread } = moments(samples, size)
  const basis = {
    mean: Float32Array.from(mean),
    spread: spread.map((value, i) => value / options.emphasis(i)),
    components: new Int8Array(options.components * size),
    scales: new Float32Array(options.components),
    centres: new Int8Array(0)
  }
  const frame = { ...basis, spread: Float32Array.from(basis.spread) }
  addComponents(frame, samples)
  const components = new RadialBasis(frame)
  const centres = new Int8Array(options.centres * options.components)
  for (let c = 0; c < options.centres; c++) {
    const place = components.features(drawn(samples, random).features)
    for (const [j, value] of place.entries()) centres[c * options.components + j] = toByte(value * centreUnit)
  }
  const whole = { ...frame, centres }
  const near = new RadialBasis(whole)
  const rows = samples.map((sample) => ({ ...sample, features: near.features(sample.features) }))
  return { ...whole, weights: ridge(rows, options.penalty) }
}

const toByte = (value: number): number => Math.max(-mostByte, Math.min(mostByte, Math.round(value)))

/** Rounded to bytes, and scaled so that the root mean square of a sample's distance from the middle is 1. */
function addComponents(
  { mean, spread, components, scales }: Omit<RadialWeights, 'weights'>,
  samples: readonly Sample[]
): void {
  const size = mean.length
  const rows = samples.map(({ features }) => features.map((value, i) => (value - mean[i]!) / spread[i]!))
  const vectors = principal(covariance(rows, size), size, scales.length)
  for (const [j, vector] of vectors.entries()) {
    const unit = vector.reduce((most, value) => Math.max(most, Math.abs(value)), 0) / mostByte
    scales[j] = unit
    for (let i = 0; i < size; i++) components[j * size + i] = toByte(vector[i]! / unit)
  }
  let squares = 0
  for (const row of rows)
    for (let j = 0; j < scales.length; j++) {
      let sum = 0
      for (let i = 0; i < size; i++) sum += components[j * size + i]! * row[i]!
      squares += (sum * scales[j]!) ** 2 / rows.length
    }
  for (let j = 0; j < scales.length; j++) scales[j]! /= Math.sqrt(squares)
}

/** A sample, the likelier the more it weighs among those of its sign, each sign as likely as the other. */
function drawn(samples: readonly Sample[], random: Random): Sample {
  const sign = random.chance(0.5) ? 1 : -1
  const own = samples.filter(({ target }) => target * sign > 0)
  let left = random() * own.reduce((sum, { weight = 1 }) => sum + weight, 0)
  const chosen = own.find(({ weight = 1 }) => {
    left -= weight
    return left < 0
  })
  return chosen ?? own.at(-1)!
}

function covariance(rows: readonly Float32Array[], size: number): Float64Array {
  const out = new Float64Array(size * size)
  for (const row of rows)
    for (let i = 0; i < size; i++) {
      const value = row[i]! / rows.length
      for (let j = 0; j <= i; j++) out[i * size + j]! += value * row[j]!
    }
  for (let i = 0; i < size; i++) for (let j = 0; j < i; j++) out[j * size + i] = out[i * size + j]!
  return out
}

/** The eigenvectors of the largest eigenvalues of a symmetric matrix, by orthogonal iteration (Golub and Van Loan, 8.2.4). */
function principal(matrix: Float64Array, size: number, count: number): Float64Array[] {
  let vectors = Array.from({ length: count }, (_, j) =>
    Float64Array.from({ length: size }, (_, i) => Math.cos(i * (j + 1)))
  )
  for (let round = 0; round < rounds; round++)
    vectors = orthonormal(
      vectors.map((vector) => {
        const out = new Float64Array(size)
        for (let i = 0; i < size; i++) for (let k = 0; k < size; k++) out[i]! += matrix[i * size + k]! * vector[k]!
        return out
      })
    )
  return vectors
}

/** Gram and Schmidt's, each vector against those before it. */
function orthonormal<Vector extends Float64Array>(vectors: Vector[]): Vector[] {
  const dot = (a: Float64Array, b: Float64Array): number => a.reduce((sum, value, i) => sum + value * b[i]!, 0)
  for (const [j, vector] of vectors.entries()) {
    for (const before of vectors.slice(0, j)) {
      const share = dot(vector, before)
      for (let i = 0; i < vector.length; i++) vector[i]! -= share * before[i]!
    }
    const length = Math.sqrt(dot(vector, vector))
    for (let i = 0; i < vector.length; i++) vector[i]! /= length
  }
  return vectors
}
