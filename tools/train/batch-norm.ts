/** Mean and 1/deviation of each channel over a batch. */
export interface ChannelStatistics {
  mean: Float64Array
  /** 1 / √(variance + epsilon). */
  inverse: Float64Array
}

const epsilon = 1e-5

/** Over all values of a tensor whose last axis is the channels. */
export function channelStatistics(x: Float32Array, channels: number): ChannelStatistics {
  const [mean, inverse] = [new Float64Array(channels), new Float64Array(channels)]
  const count = x.length / channels
  for (let c = 0; c < channels; c++) {
    let sum = 0
    let squares = 0
    for (let i = c; i < x.length; i += channels) {
      const value = x[i]!
      sum += value
      squares += value * value
    }
    mean[c] = sum / count
    inverse[c] = 1 / Math.sqrt(Math.max(0, squares / count - mean[c]! ** 2) + epsilon)
  }
  return { mean, inverse }
}

/**
 * Batch normalization (Ioffe and Szegedy 2015) and ReLU in one: relu(gain * (x - mean) / deviation + shift). As a loop
 * it costs less than the six tensor operations that it takes the place of, and one channel after the other keeps the
 * channel's numbers in registers.
 */
export function normalizeRelu(
  x: Float32Array,
  { mean, inverse }: ChannelStatistics,
  gain: Float32Array,
  shift: Float32Array
): Float32Array {
  const channels = mean.length
  const y = new Float32Array(x.length)
  for (let c = 0; c < channels; c++) {
    const scale = inverse[c]! * gain[c]!
    const offset = shift[c]! - scale * mean[c]!
    for (let i = c; i < x.length; i += channels) y[i] = Math.max(0, x[i]! * scale + offset)
  }
  return y
}

export interface NormalizeGradients {
  x: Float32Array
  gain: Float32Array
  shift: Float32Array
}

/** The gradients of `normalizeRelu`, the statistics' dependence on x included. `y` is what it answered, `dy` its gradient. */
export function normalizeReluGradients(
  x: Float32Array,
  y: Float32Array,
  dy: Float32Array,
  statistics: ChannelStatistics,
  gain: Float32Array
): NormalizeGradients {
  const channels = gain.length
  const count = x.length / channels
  const gradients = {
    x: new Float32Array(x.length),
    gain: new Float32Array(channels),
    shift: new Float32Array(channels)
  }
  for (let c = 0; c < channels; c++) {
    const [mean, inverse] = [statistics.mean[c]!, statistics.inverse[c]!]
    let sum = 0
    let product = 0
    for (let i = c; i < x.length; i += channels) {
      if (y[i]! <= 0) continue
      sum += dy[i]!
      product += dy[i]! * (x[i]! - mean)
    }
    gradients.shift[c] = sum
    gradients.gain[c] = product * inverse
    const factor = gain[c]! * inverse
    const level = sum / count
    const slope = (product * inverse * inverse) / count
    for (let i = c; i < x.length; i += channels) {
      const own = y[i]! > 0 ? dy[i]! : 0
      gradients.x[i] = factor * (own - level - (x[i]! - mean) * slope)
    }
  }
  return gradients
}
