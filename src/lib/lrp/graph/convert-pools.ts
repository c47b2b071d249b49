import { elementCount, type OnnxNode } from '../../onnx/index.js'
import { intOf, intsOf, type Window, windowOf } from '../layers.js'
import type { GraphReader } from './reader.js'

/* Pools over windows, over whole maps, and the reductions that are pools. */

type PoolKind = 'maxPool' | 'averagePool'

export function pool(kind: PoolKind, node: OnnxNode, reader: GraphReader): void {
  const [channels, ...input] = reader.mapDims(node)
  const window = windowOf(node, input)
  const includePad = intOf(node, 'count_include_pad', 0) === 1
  if (window === null) throw reader.unsupported(node, 'its attributes do not fit its input')
  if (includePad && intOf(node, 'ceil_mode', 0) === 1) {
    throw reader.unsupported(node, 'count_include_pad together with ceil_mode')
  }
  reader.push(node, {
    kind,
    inputs: [reader.place(node, 0)],
    dims: [channels, ...window.output],
    window,
    includePad
  })
}

export function globalPool(kind: PoolKind, node: OnnxNode, reader: GraphReader): void {
  pushGlobal(kind, node, reader, reader.place(node, 0))
}

/** Over the whole map [channels, height, width]. */
function pushGlobal(kind: PoolKind, node: OnnxNode, reader: GraphReader, place: number): number {
  const { dims } = reader.layers[place]!
  if (dims.length !== 3)
    throw reader.unsupported(node, `it works on [${['batch', ...dims].join(', ')}] instead of a map`)
  const [channels, ...input] = dims as [number, number, number]
  const window: Window = {
    kernel: input,
    strides: [1, 1],
    dilations: [1, 1],
    pads: [0, 0, 0, 0],
    input,
    output: [1, 1]
  }
  return reader.push(node, { kind, inputs: [place], dims: [channels, 1, 1], window, includePad: false })
}

/**
 * ReduceMean and ReduceMax over neighbouring axes, such as height and width: a pool over a map of what lies before them, they
 * themselves, and what lies behind. Axes are an attribute before opset 18.
 */
export function convertReduce(kind: PoolKind, node: OnnxNode, reader: GraphReader): void {
  const dims = reader.dimsOf(node)
  const given = reader.has(node, 1) ? reader.integers(node, 1) : (intsOf(node, 'axes') ?? [])
  const axes = given.map((axis) => (axis < 0 ? axis + dims.length : axis - 1)).sort((a, b) => a - b)
  const [first] = axes
  if (first === undefined || first < 0 || axes.some((axis, i) => axis !== first + i || axis >= dims.length))
    throw reader.unsupported(node, 'only axes behind the batch that lie side by side can be reduced')
  const keptAxis = intOf(node, 'keepdims', 1) === 1
  const to = dims.flatMap((dim, axis) => (axes.includes(axis) ? (keptAxis ? [1] : []) : [dim]))
  const [before, own, behind] = [
    dims.slice(0, first),
    dims.slice(first, first + axes.length),
    dims.slice(first + axes.length)
  ]
  const map = [before, own, behind].map(elementCount) as [number, number, number]
  pushReduction(kind, node, reader, { place: reader.place(node, 0), map, to })
}

interface Reduction {
  place: number
  /** The value as a map whose height is reduced. */
  map: [before: number, own: number, behind: number]
  to: readonly number[]
}

/** The largest, or the mean, along the middle of a value that is taken for three axes. */
function pushReduction(kind: PoolKind, node: OnnxNode, reader: GraphReader, { place, map, to }: Reduction): void {
  const [before, own, behind] = map
  const stacked = reader.push(node, { kind: 'reshape', inputs: [place], dims: map })
  const window: Window = {
    kernel: [own, 1],
    strides: [1, 1],
    dilations: [1, 1],
    pads: [0, 0, 0, 0],
    input: [own, behind],
    output: [1, behind]
  }
  const dims = [before, 1, behind]
  const pooled = reader.push(node, { kind, inputs: [stacked], dims, window, includePad: false })
  reader.push(node, { kind: 'reshape', inputs: [pooled], dims: [...to] })
}

/** The largest of branches, value by value (maxout; LightCNN's max-feature-map): a pool over them, side by side. */
export function maxOfBranches(node: OnnxNode, reader: GraphReader): void {
  const inputs = node.inputs.map((_, position) => reader.place(node, position))
  const { dims } = reader.layers[inputs[0]!]!
  if (inputs.some((input) => reader.layers[input]!.dims.join() !== dims.join()))
    throw reader.unsupported(node, 'its branches differ in shape')
  const joined = [inputs.length * dims[0]!, ...dims.slice(1)]
  const place = reader.push(node, { kind: 'concat', inputs, dims: joined, axis: 1 })
  pushReduction('maxPool', node, reader, { place, map: [1, inputs.length, elementCount(dims)], to: dims })
}
