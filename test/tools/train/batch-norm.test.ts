import { describe, expect, it } from 'vitest'
import { createRandom } from '../../../src/lib/random.js'
import { channelStatistics, normalizeRelu, normalizeReluGradients } from '../../../tools/train/batch-norm.js'

const random = createRandom(8)
const channels = 3
const x = Float32Array.from({ length: 8 * channels }, () => random.normal(1, 2))
const gain = Float32Array.of(0.7, 1.5, -0.8)
const shift = Float32Array.of(0.2, -0.1, 0.4)
const weigh = Float32Array.from(x, () => random.normal(0, 1))

const answer = (x: Float32Array, gain: Float32Array, shift: Float32Array) =>
  normalizeRelu(x, channelStatistics(x, channels), gain, shift)
const loss = (x: Float32Array, gain: Float32Array, shift: Float32Array) =>
  answer(x, gain, shift).reduce((sum, value, i) => sum + value * weigh[i]!, 0)

describe('batch normalization with ReLU', () => {
  it('batch normalization gives each channel mean 0 and deviation 1 before gain and shift', () => {
    const ones = new Float32Array(channels).fill(1)
    const lifted = answer(x, ones, new Float32Array(channels).fill(10))
    for (let c = 0; c < channels; c++) {
      const own = lifted.filter((_, i) => i % channels === c).map((value) => value - 10)
      expect(own.reduce((sum, value) => sum + value, 0) / own.length).toBeCloseTo(0, 4)
      expect(own.reduce((sum, value) => sum + value * value, 0) / own.length).toBeCloseTo(1, 3)
    }
  })

  it('the ReLU after batch normalization removes negative values', () => {
    expect(Math.min(...answer(x, gain, shift))).toBe(0)
    expect(Math.max(...answer(x, gain, shift))).toBeGreaterThan(0)
  })

  it('the gradients of batch normalization equal finite differences', () => {
    const statistics = channelStatistics(x, channels)
    const gradients = normalizeReluGradients(x, normalizeRelu(x, statistics, gain, shift), weigh, statistics, gain)
    const slope = (values: Float32Array, i: number) => {
      const h = 2e-3
      const held = values[i]!
      values[i] = held + h
      const above = loss(x, gain, shift)
      values[i] = held - h
      const below = loss(x, gain, shift)
      values[i] = held
      return (above - below) / (2 * h)
    }
    for (const [values, found] of [
      [x, gradients.x],
      [gain, gradients.gain],
      [shift, gradients.shift]
    ] as const)
      for (const i of values.keys()) expect(found[i]).toBeCloseTo(slope(values, i), 2)
  })
})
