/** Ridge regression (Hoerl and Kennard 1970) by its normal equations. */
export interface Sample {
  features: Float32Array
  target: number
  /** How many samples it stands for; 1 unless given. */
  weight?: number
}

/** Beside it a feature's spread counts as none. */
const leastSpread = 0.01

/**
 * Least squares with a penalty on the weights of the standardised features; both signs of the target weigh alike, however
 * many samples each has.
 * @returns one weight for each feature as it comes, and the bias behind them
 */
export function ridge(samples: readonly Sample[], penalty: number): Float32Array {
  const count = samples[0]!.features.length
  const { mean, spread } = moments(samples, count)
  const size = count + 1
  const matrix = new Float64Array(size * size)
  const right = new Float64Array(size)
  const share = shares(samples)
  for (const [at, { features, target }] of samples.entries()) {
    const row = Float64Array.from({ length: size }, (_, i) =>
      i === count ? 1 : (features[i]! - mean[i]!) / spread[i]!
    )
    for (let i = 0; i < size; i++) {
      right[i]! += share[at]! * row[i]! * target
      for (let j = 0; j <= i; j++) matrix[i * size + j]! += share[at]! * row[i]! * row[j]!
    }
  }
  for (let i = 0; i < count; i++) matrix[i * size + i]! += penalty
  const solved = solve(matrix, right)
  const weights = new Float32Array(size)
  let bias = solved[count]!
  for (let i = 0; i < count; i++) {
    weights[i] = solved[i]! / spread[i]!
    bias -= (solved[i]! * mean[i]!) / spread[i]!
  }
  weights[count] = bias
  return weights
}

/** What each sample counts, so that both signs of the target do alike. */
export function shares(samples: readonly Sample[]): Float64Array {
  const weigh = (some: readonly Sample[]): number => some.reduce((sum, { weight = 1 }) => sum + weight, 0)
  const all = weigh(samples)
  const positive = weigh(samples.filter(({ target }) => target > 0))
  return Float64Array.from(
    samples,
    ({ target, weight = 1 }) => (weight * all) / 2 / (target > 0 ? positive : all - positive)
  )
}

/** Of each feature: its mean, and its standard deviation with a little added, so that one that never changes can be divided. */
export function moments(samples: readonly Sample[], count: number): { mean: Float64Array; spread: Float64Array } {
  const mean = new Float64Array(count)
  const spread = new Float64Array(count)
  for (const { features } of samples) for (let i = 0; i < count; i++) mean[i]! += features[i]! / samples.length
  for (const { features } of samples)
    for (let i = 0; i < count; i++) spread[i]! += (features[i]! - mean[i]!) ** 2 / samples.length
  for (let i = 0; i < count; i++) spread[i] = Math.sqrt(spread[i]!) + leastSpread
  return { mean, spread }
}

/** Cholesky's factorisation of a positive definite matrix, of which the lower triangle is given and overwritten. */
function solve(matrix: Float64Array, right: Float64Array): Float64Array {
  const n = right.length
  const x = Float64Array.from(right)
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = matrix[i * n + j]!
      for (let k = 0; k < j; k++) sum -= matrix[i * n + k]! * matrix[j * n + k]!
      matrix[i * n + j] = i === j ? Math.sqrt(sum) : sum / matrix[j * n + j]!
    }
    for (let k = 0; k < i; k++) x[i]! -= matrix[i * n + k]! * x[k]!
    x[i]! /= matrix[i * n + i]!
  }
  for (let i = n - 1; i >= 0; i--) {
    for (let k = i + 1; k < n; k++) x[i]! -= matrix[k * n + i]! * x[k]!
    x[i]! /= matrix[i * n + i]!
  }
  return x
}
