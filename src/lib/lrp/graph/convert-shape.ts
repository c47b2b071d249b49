import { elementCount, type OnnxNode } from '../../onnx/index.js'
import { floatOf, intOf, intsOf, stringOf, windowOf } from '../layers.js'
import type { GraphReader } from './reader.js'

/* Pools, and the operators that only move values about. */

export function pool(kind: 'maxPool' | 'averagePool', node: OnnxNode, reader: GraphReader): void {
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

export function globalAveragePool(node: OnnxNode, reader: GraphReader): void {
  const [channels, ...input] = reader.mapDims(node)
  reader.push(node, {
    kind: 'averagePool',
    inputs: [reader.place(node, 0)],
    dims: [channels, 1, 1],
    window: { kernel: input, strides: [1, 1], dilations: [1, 1], pads: [0, 0, 0, 0], input, output: [1, 1] },
    includePad: false
  })
}

export function flatten(node: OnnxNode, reader: GraphReader): void {
  const dims = reader.dimsOf(node)
  const axis = intOf(node, 'axis', 1)
  if (axis !== 1 && axis !== -dims.length) throw reader.unsupported(node, `it flattens from axis ${axis}, not from 1`)
  reader.push(node, { kind: 'reshape', inputs: [reader.place(node, 0)], dims: [elementCount(dims)] })
}

export function reshape(node: OnnxNode, reader: GraphReader): void {
  const from = [1, ...reader.dimsOf(node)]
  // The batch counts as 1 here: then its place in the new shape is 1 too, or it gets mixed with other axes.
  const wanted = reader.integers(node, 1).map((dim, axis) => (dim === 0 ? (from[axis] ?? 0) : dim))
  const known = wanted.filter((dim) => dim !== -1).reduce((product, dim) => product * dim, 1)
  const to = wanted.map((dim) => (dim === -1 ? elementCount(from) / known : dim))
  if (to[0] !== 1 || elementCount(to) !== elementCount(from)) {
    throw reader.unsupported(node, `the shape [${wanted.join(', ')}] does not keep the batch apart`)
  }
  reader.push(node, { kind: 'reshape', inputs: [reader.place(node, 0)], dims: to.slice(1) })
}

/** tf2onnx writes one behind a GlobalAveragePool. */
export function squeeze(node: OnnxNode, reader: GraphReader): void {
  const dims = reader.dimsOf(node)
  const rank = dims.length + 1
  const given = reader.has(node, 1) ? reader.integers(node, 1) : intsOf(node, 'axes')
  const axes = given?.map((axis) => (axis < 0 ? axis + rank : axis))
  if (axes === undefined || axes.some((axis) => axis < 1 || dims[axis - 1] !== 1)) {
    throw reader.unsupported(node, 'its axes have to be named, have size 1 and leave the batch alone')
  }
  const kept = dims.filter((_, axis) => !axes.includes(axis + 1))
  reader.push(node, { kind: 'reshape', inputs: [reader.place(node, 0)], dims: kept })
}

export function transpose(node: OnnxNode, reader: GraphReader): void {
  const dims = reader.dimsOf(node)
  const perm = intsOf(node, 'perm') ?? [...dims.keys(), dims.length].reverse()
  const valid = [...perm].sort((a, b) => a - b).every((axis, i) => axis === i) && perm.length === dims.length + 1
  if (perm[0] !== 0 || !valid) throw reader.unsupported(node, `perm [${perm.join(', ')}] does not keep the batch first`)
  reader.push(node, {
    kind: 'transpose',
    inputs: [reader.place(node, 0)],
    dims: perm.slice(1).map((axis) => dims[axis - 1]!),
    perm
  })
}

export function pad(node: OnnxNode, reader: GraphReader): void {
  const dims = reader.dimsOf(node)
  const flat = intsOf(node, 'pads') ?? reader.integers(node, 1)
  const value = reader.has(node, 2) ? reader.floats(node, 2)[0]! : floatOf(node, 'value', 0)
  const rank = dims.length + 1
  const pads = Array.from({ length: rank }, (_, axis): [number, number] => [flat[axis] ?? -1, flat[axis + rank] ?? -1])
  const sane = flat.length === 2 * rank && flat.every((size) => size >= 0) && pads[0]!.join() === '0,0'
  if (stringOf(node, 'mode', 'constant') !== 'constant' || !sane || reader.has(node, 3)) {
    throw reader.unsupported(node, 'only constant padding of all axes but the batch is')
  }
  const place = reader.place(node, 0)
  reader.push(node, {
    kind: 'pad',
    inputs: [place],
    dims: dims.map((dim, axis) => dim + pads[axis + 1]![0] + pads[axis + 1]![1]),
    pads,
    value,
    nonNegative: reader.layers[place]!.nonNegative && value >= 0
  })
}

export function constant(node: OnnxNode, reader: GraphReader): void {
  const value = node.attributes.get('value')
  if (value?.type !== 'tensor') throw reader.unsupported(node, 'it holds no tensor')
  reader.addConstant(node.outputs[0]!, value.value)
}

export function relu(node: OnnxNode, reader: GraphReader): void {
  reader.push(node, {
    kind: 'relu',
    inputs: [reader.place(node, 0)],
    dims: reader.dimsOf(node),
    nonNegative: true
  })
}
