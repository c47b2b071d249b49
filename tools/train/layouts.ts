import { featureSize, type VggSpec, type VggWeights, weightedLayersOf } from '#painlens/lib/vgg/index.js'
import type { ChannelStatistics } from './batch-norm.js'

/** Numbers and how they are to be read. */
export interface Shaped {
  values: Float32Array
  dims: number[]
}

/**
 * A layer's numbers as tfjs wants them: a kernel HWIO, a dense matrix [in, out] whose input is, for the first dense
 * layer, an NHWC tensor laid out flat.
 */
export interface TfjsLayer {
  name: string
  weights: Shaped
  bias: Shaped
  last: boolean
}

/** From ONNX's layouts to tfjs's. */
export function toTfjs(spec: VggSpec, weights: VggWeights): TfjsLayer[] {
  return layouts(spec).map(({ name, outputs, onnxDims, onnxAxes, dims }, i, { length }) => {
    const found = weights.get(name)!
    return {
      name,
      weights: { values: permute(found.weights, onnxDims, onnxAxes), dims },
      bias: { values: found.bias, dims: [outputs] },
      last: i === length - 1
    }
  })
}

/** A trained layer: its numbers in tfjs's layouts, and the batch normalization behind it. */
export interface TrainedLayer {
  weights: Float32Array
  shift: Float32Array
  normalization: (ChannelStatistics & { gain: Float32Array }) | null
}

/** Back to ONNX's layouts, each normalization folded into weights and bias: in both, the outputs are tfjs's last axis. */
export function foldStatistics(spec: VggSpec, layers: readonly TrainedLayer[]): VggWeights {
  return new Map(
    layouts(spec).map(({ name, outputs, onnxDims, onnxAxes }, i) => {
      const { weights, shift, normalization } = layers[i]!
      const factors = Float64Array.from({ length: outputs }, (_, o) => {
        return normalization ? normalization.gain[o]! * normalization.inverse[o]! : 1
      })
      const bias = shift.map((value, o) => value - (normalization?.mean[o] ?? 0) * factors[o]!)
      const scaled = weights.map((value, at) => value * factors[at % outputs]!)
      const dims = onnxAxes.map((axis) => onnxDims[axis]!)
      const back = onnxAxes.map((_, axis) => onnxAxes.indexOf(axis))
      return [name, { weights: permute(scaled, dims, back), bias }]
    })
  )
}

/** `onnxAxes` lists the axes of ONNX's tensor in the order in which tfjs has them. */
interface Layout {
  name: string
  outputs: number
  onnxDims: number[]
  onnxAxes: number[]
  dims: number[]
}

function layouts(spec: VggSpec): Layout[] {
  const { width, height } = featureSize(spec)
  let first = true
  return weightedLayersOf(spec).map(({ kind, name, inputs, outputs }) => {
    if (kind === 'conv')
      return { name, outputs, onnxDims: [outputs, inputs, 3, 3], onnxAxes: [2, 3, 1, 0], dims: [3, 3, inputs, outputs] }
    const dims = [inputs, outputs]
    if (!first) return { name, outputs, onnxDims: [outputs, inputs], onnxAxes: [1, 0], dims }
    first = false
    const channels = inputs / (width * height)
    return { name, outputs, onnxDims: [outputs, channels, height, width], onnxAxes: [2, 3, 1, 0], dims }
  })
}

/** Axis i of the result is axis `axes[i]` of the input. */
function permute(values: Float32Array, dims: readonly number[], axes: readonly number[]): Float32Array {
  const steps = dims.map((_, axis) => dims.slice(axis + 1).reduce((product, size) => product * size, 1))
  const out = new Float32Array(values.length)
  let to = 0
  const walk = (axis: number, from: number): void => {
    if (axis === axes.length) {
      out[to++] = values[from]!
      return
    }
    for (let i = 0; i < dims[axes[axis]!]!; i++) walk(axis + 1, from + i * steps[axes[axis]!]!)
  }
  walk(0, 0)
  return out
}
