import type { Crop } from '../../core/types.js'
import { type Head, halfOf, type InputType, numberOfHalf } from '../onnx/index.js'
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

/** The lowest and the highest input that a pixel can give, by channel of the input. */
export function boundsOf({ mean, scale }: ModelInput): [low: number[], high: number[]] {
  const of = (value: number): number[] => mean.map((offset) => (value - offset) * scale)
  return scale < 0 ? [of(255), of(0)] : [of(0), of(255)]
}

/** The dims of a batch of `count` crops. */
export function batchDims(input: ModelInput, count: number): number[] {
  return input.layout === 'nchw' ? [count, 3, input.height, input.width] : [count, input.height, input.width, 3]
}

/** Values of an input as the model's own type has them; float32 is the same array. */
export function asInputType(
  values: Float32Array,
  type: InputType
): Float32Array | Float64Array | Uint16Array | Uint8Array {
  if (type === 'float32') return values
  if (type === 'float64') return Float64Array.from(values)
  return type === 'float16' ? Uint16Array.from(values, halfOf) : Uint8Array.from(values)
}

/** A runtime's output as float32; where it is that already, the same array. */
export function asFloats({ type, data }: { type: string; data: unknown }): Float32Array {
  if (data instanceof Float32Array) return data
  const isHalves = type === 'float16' && data instanceof Uint16Array
  return Float32Array.from(data as ArrayLike<number>, isHalves ? numberOfHalf : Number)
}

/** The least probability that a logarithm is taken of: a softmax in float32 or uint8 may give 0. */
const leastProbability = 1e-30
/** The largest probability of which float32 can tell the logit. */
const mostProbability = 1 - 2 ** -24

const logarithm = (p: number): number => Math.log(Math.max(p, leastProbability))
const logit = (p: number): number => {
  const inside = Math.min(Math.max(p, leastProbability), mostProbability)
  return Math.log(inside / (1 - inside))
}

/** What each head's outputs were before its activation; of a softmax up to a constant for each crop, which changes nothing. */
const beforeActivation: Readonly<Record<Head, (output: number) => number>> = {
  logits: (output) => output,
  log_softmax: (output) => output,
  softmax: logarithm,
  sigmoid: logit
}

/**
 * One logit for each label from what a model gives for one crop. A single output is that of the first of two labels, and
 * its opposite that of the second.
 */
export function logitsOf(outputs: ArrayLike<number>, head: Head): Float32Array {
  return byLabel(Float32Array.from(outputs, beforeActivation[head]))
}

/** Logits by output as logits by label, of which there are two where there is a single output. */
export function byLabel(logits: Float32Array): Float32Array {
  return logits.length === 1 ? Float32Array.of(logits[0]!, -logits[0]!) : logits
}

/** Whether each label's probability is its own, or all sum up to 1. A single output is read by a sigmoid. */
export type Reading = 'softmax' | 'sigmoid'

export function readingOf(head: Head, outputs: number): Reading {
  return head === 'sigmoid' || outputs === 1 ? 'sigmoid' : 'softmax'
}

/** Probabilities of a crop's logits, by label. */
export function probabilitiesOf(logits: ArrayLike<number>, reading: Reading, temperature = 1): Float32Array {
  if (reading === 'softmax') return softmax(logits, temperature)
  return Float32Array.from(logits, (each) => 1 / (1 + Math.exp(-each / temperature)))
}

/**
 * Why outputs cannot be what their head says, or null. Quantised probabilities need not sum up to 1 exactly.
 * @param outputs of one crop
 */
export function contradiction(outputs: ArrayLike<number>, head: Head): string | null {
  const values = Array.from(outputs, head === 'log_softmax' ? Math.exp : Number)
  if (head === 'logits') return null
  const outside = values.find((value) => value < -0.01 || value > 1.01)
  if (outside !== undefined) return `${outside.toPrecision(4)} is no probability`
  const sum = values.reduce((a, b) => a + b, 0)
  const off = head !== 'sigmoid' && Math.abs(sum - 1) > 0.01 * values.length
  return off ? `they sum up to ${sum.toPrecision(4)}` : null
}

/** Probabilities of logits after temperature scaling (Guo et al. 2017), numerically safe. */
export function softmax(logits: ArrayLike<number>, temperature = 1): Float32Array {
  const scaled = Float64Array.from(logits, (logit) => logit / temperature)
  const top = Math.max(...scaled)
  const powers = scaled.map((logit) => Math.exp(logit - top))
  const sum = powers.reduce((a, b) => a + b, 0)
  return Float32Array.from(powers, (power) => power / sum)
}
