import { UsageError } from '../../core/errors.js'
import { elementCount } from '../onnx/index.js'
import type { ConvLayer, DenseLayer, LayerGraph, PadLayer, ScaleLayer } from './layers.js'

/** The lowest or highest possible input: a number, or one per colour of the model's input. */
export type Bound = number | readonly number[]

/**
 * Bounds of a model's input as they reach its first layer with weights, behind the preprocessing that the graph holds (a mean that is
 * taken off, a scale, another order of colours).
 * @returns numbers, one per input channel of a convolution, or one per input
 * @throws UsageError where they do not fit the input
 */
export function boundsAt(
  graph: LayerGraph,
  layer: ConvLayer | DenseLayer,
  bounds: readonly [low: Bound, high: Bound]
): [low: Bound, high: Bound] {
  const plain = layer.inputs[0] === 0 && bounds.every((bound) => typeof bound === 'number')
  if (plain) return [bounds[0], bounds[1]]
  const [a, b] = bounds.map((bound) => valuesAt(graph, layer.inputs[0], pictureOf(bound, graph.layers[0]!.dims)))
  // A factor below zero makes the highest the lowest.
  const low = a!.map((value, i) => Math.min(value, b![i]!))
  const high = a!.map((value, i) => Math.max(value, b![i]!))
  return [perInput(layer, low), perInput(layer, high)]
}

function pictureOf(bound: Bound, dims: readonly number[]): Float32Array {
  const size = elementCount(dims)
  if (typeof bound === 'number') return new Float32Array(size).fill(bound)
  const first = dims[0] === bound.length
  if (!first && dims.at(-1) !== bound.length) {
    throw refused(`${bound.length} bounds are given for an input of [${dims.join(', ')}]`, 'Give one per colour.')
  }
  const perValue = size / bound.length
  return Float32Array.from({ length: size }, (_, i) => bound[first ? Math.floor(i / perValue) : i % bound.length]!)
}

function perInput(layer: ConvLayer | DenseLayer, values: Float32Array): number[] {
  if (layer.kind === 'dense') return [...values]
  const { inChannels } = layer.geometry
  const plane = values.length / inChannels
  const same = values.every((value, i) => value === values[Math.floor(i / plane) * plane])
  return same ? Array.from({ length: inChannels }, (_, channel) => values[channel * plane]!) : [...values]
}

/** One sample's values behind a layer of the preprocessing. */
function valuesAt(graph: LayerGraph, place: number, picture: Float32Array): Float32Array {
  const layer = graph.layers[place]!
  if (layer.kind === 'input') return picture
  const inputs = layer.inputs.map((input) => valuesAt(graph, input, picture))
  const dims = layer.inputs.map((input) => graph.layers[input]!.dims)
  const [from] = inputs as [Float32Array]
  switch (layer.kind) {
    case 'scale':
      return scaled(layer, from)
    case 'reshape':
      return from
    case 'transpose':
      return moved(layer.dims, (at) => [from, dims[0]!, axesBefore(layer.perm, at)])
    case 'crop':
      return moved(layer.dims, (at) => [from, dims[0]!, at.map((index, axis) => index + layer.pads[axis + 1]![0])])
    case 'concat':
      return moved(layer.dims, (at) => partAt(layer.axis - 1, at, inputs, dims))
    case 'pad':
      return moved(layer.dims, (at) => padSource(layer, at, from, dims[0]!))
    case 'relu':
      return from.map((value) => Math.max(value, 0))
    case 'clip':
      return from.map((value) => Math.min(Math.max(value, layer.low), layer.high))
    default:
      throw refused(`${layer.title} lies in front of the first weights`, 'Take a composite without bounds.')
  }
}

function scaled({ factor, shift, shape, dims }: ScaleLayer, from: Float32Array): Float32Array {
  return from.map((value, i) => {
    const at = placesOf(i, dims).map((index, axis) => (shape[axis] === 1 ? 0 : index))
    const own = offsetOf(at, shape)
    return value * factor[own]! + shift[own]!
  })
}

type Source = [values: Float32Array, dims: readonly number[], at: readonly number[]]

function moved(dims: readonly number[], source: (at: readonly number[]) => Source): Float32Array {
  return Float32Array.from({ length: elementCount(dims) }, (_, i) => {
    const [values, own, at] = source(placesOf(i, dims))
    return values[offsetOf(at, own)]!
  })
}

function axesBefore(perm: readonly number[], at: readonly number[]): number[] {
  const before = at.map(() => 0)
  for (const [axis, index] of at.entries()) before[perm[axis + 1]! - 1] = index
  return before
}

function partAt(
  axis: number,
  at: readonly number[],
  inputs: Float32Array[],
  dims: readonly (readonly number[])[]
): Source {
  let [part, index] = [0, at[axis]!]
  while (index >= dims[part]![axis]!) index -= dims[part++]![axis]!
  return [inputs[part]!, dims[part]!, at.map((own, own_axis) => (own_axis === axis ? index : own))]
}

function padSource(
  { pads, value }: PadLayer,
  at: readonly number[],
  from: Float32Array,
  dims: readonly number[]
): Source {
  const inside = at.map((index, axis) => index - pads[axis + 1]![0])
  if (inside.every((index, axis) => index >= 0 && index < dims[axis]!)) return [from, dims, inside]
  return [Float32Array.of(value), [], []]
}

function placesOf(offset: number, dims: readonly number[]): number[] {
  const at = new Array<number>(dims.length)
  for (let axis = dims.length - 1, rest = offset; axis >= 0; axis--) {
    at[axis] = rest % dims[axis]!
    rest = Math.floor(rest / dims[axis]!)
  }
  return at
}

function offsetOf(at: readonly number[], dims: readonly number[]): number {
  return at.reduce((offset, index, axis) => offset * dims[axis]! + index, 0)
}

function refused(what: string, fix: string): UsageError {
  return new UsageError('PL-LRP-COMPOSITE', what, 'composite', { fix })
}
