import type { Crop } from '../../core/types.js'
import type { ModelInput } from './manifest.js'

/**
 * A crop as the model's input: x = (value - mean) * scale in the manifest's layout and colour order. VGG-Face: BGR,
 * mean 93.594, 104.7624, 129.1863 (Parkhi, Vedaldi and Zisserman 2015).
 * @param out   where to write (for a batch: a part of it); made when absent
 * @returns 3*height*width floats
 */
export function preprocess(
  crop: Pick<Crop, 'width' | 'height' | 'data'>,
  input: ModelInput,
  out?: Float32Array
): Float32Array {
  const { width, height, layout, colour, mean, scale } = input
  if (crop.width !== width || crop.height !== height)
    throw new RangeError(`a crop of ${crop.width}x${crop.height} for an input of ${width}x${height}`)
  const pixels = width * height
  const result = out ?? new Float32Array(3 * pixels)
  const [pixelStep, channelStep] = layout === 'nchw' ? [1, pixels] : [3, 1]
  for (let channel = 0; channel < 3; channel++) {
    const source = colour === 'bgr' ? 2 - channel : channel
    const offset = mean[channel]!
    for (let pixel = 0, from = source, to = channel * channelStep; pixel < pixels; pixel++, from += 3, to += pixelStep)
      result[to] = (crop.data[from]! - offset) * scale
  }
  return result
}

/** The dims of a batch of `count` crops. */
export function batchDims(input: ModelInput, count: number): number[] {
  return input.layout === 'nchw' ? [count, 3, input.height, input.width] : [count, input.height, input.width, 3]
}

/** Probabilities of logits after temperature scaling (Guo et al. 2017), numerically safe. */
export function softmax(logits: ArrayLike<number>, temperature = 1): Float32Array {
  const scaled = Float64Array.from(logits, (logit) => logit / temperature)
  const top = Math.max(...scaled)
  const powers = scaled.map((logit) => Math.exp(logit - top))
  const sum = powers.reduce((a, b) => a + b, 0)
  return Float32Array.from(powers, (power) => power / sum)
}
