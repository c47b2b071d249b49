import { elementCount, type OnnxNode, type OnnxTensor, tensorOf } from '../../onnx/index.js'
import { floatOf, intOf, intsOf, stringOf } from '../layers.js'
import type { GraphReader } from './reader.js'
import { batch } from './sizes.js'

/* The operators that only move values about. */

export function flatten(node: OnnxNode, reader: GraphReader): void {
  const dims = reader.dimsOf(node)
  const axis = intOf(node, 'axis', 1)
  if (axis !== 1 && axis !== -dims.length) throw reader.unsupported(node, `it flattens from axis ${axis}, not from 1`)
  reader.push(node, { kind: 'reshape', inputs: [reader.place(node, 0)], dims: [elementCount(dims)] })
}

export function reshape(node: OnnxNode, reader: GraphReader): void {
  const from = [1, ...reader.dimsOf(node)]
  // The batch counts as 1 here: then its place in the new shape is 1 too, or it gets mixed with other axes.
  const given = reader.sizes(node, 1)
  const wanted = given.map((size, axis) => (size === batch ? 1 : size === 0 ? (from[axis] ?? 0) : size))
  const known = wanted.filter((dim) => dim !== -1).reduce((product, dim) => product * dim, 1)
  const to = wanted.map((dim) => (dim === -1 ? elementCount(from) / known : dim))
  if (to[0] !== 1 || elementCount(to) !== elementCount(from) || given.lastIndexOf(batch) > 0) {
    const shown = given.map((size) => (size === batch ? 'batch' : size))
    throw reader.unsupported(node, `the shape [${shown.join(', ')}] does not keep the batch apart`)
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

export function unsqueeze(node: OnnxNode, reader: GraphReader): void {
  const dims = reader.dimsOf(node)
  const given = reader.has(node, 1) ? reader.integers(node, 1) : (intsOf(node, 'axes') ?? [])
  const rank = dims.length + 1 + given.length
  const axes = given.map((axis) => (axis < 0 ? axis + rank : axis))
  if (axes.length === 0 || axes.some((axis) => axis < 1 || axis >= rank))
    throw reader.unsupported(node, 'its axes have to lie behind the batch')
  const left = [...dims]
  const to = Array.from({ length: rank - 1 }, (_, i) => (axes.includes(i + 1) ? 1 : left.shift()!))
  reader.push(node, { kind: 'reshape', inputs: [reader.place(node, 0)], dims: to })
}

export function transpose(node: OnnxNode, reader: GraphReader): void {
  if (reader.addTurned(node)) return
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

/** `value` in any of its forms; a scalar has no dims. */
export function constant(node: OnnxNode, reader: GraphReader): void {
  const tensor = constantOf(node)
  if (tensor === null) throw reader.unsupported(node, 'it holds no numbers')
  reader.addConstant(node.outputs[0]!, tensor)
}

function constantOf({ attributes, name }: OnnxNode): OnnxTensor | null {
  for (const [key, attribute] of attributes) {
    if (key === 'value' && attribute.type === 'tensor') return attribute.value
    if (attribute.type === 'float') return tensorOf(name, Float32Array.of(attribute.value), [])
    if (attribute.type === 'floats') return tensorOf(name, Float32Array.from(attribute.value), [attribute.value.length])
    if (attribute.type === 'int') return tensorOf(name, BigInt64Array.of(BigInt(attribute.value)), [])
    if (attribute.type === 'ints')
      return tensorOf(name, BigInt64Array.from(attribute.value, BigInt), [attribute.value.length])
  }
  return null
}

/** A gate as large as its signal (`expand_as`): a product does that by itself. */
export function expand(node: OnnxNode, reader: GraphReader): void {
  if (reader.readersOf(node).some((operator) => operator !== 'Mul'))
    throw reader.unsupported(node, 'only a factor of a product (Mul) can be expanded')
  reader.alias(node)
}

export function concat(node: OnnxNode, reader: GraphReader): void {
  const inputs = node.inputs.map((_, position) => reader.place(node, position))
  const all = inputs.map((input) => reader.layers[input]!.dims)
  const axis = axisOf(node, reader, intOf(node, 'axis', 1), all[0]!)
  const others = all.map((dims) => dims.filter((_, at) => at !== axis - 1).join())
  if (new Set(others).size !== 1) throw reader.unsupported(node, 'its branches differ in shape')
  const dims = all[0]!.map((dim, at) => (at === axis - 1 ? all.reduce((sum, own) => sum + own[at]!, 0) : dim))
  reader.push(node, { kind: 'concat', inputs, dims, axis })
}

/** An axis counted with the batch, from the end where it is negative. */
function axisOf(node: OnnxNode, reader: GraphReader, given: number, dims: readonly number[]): number {
  const axis = given < 0 ? given + dims.length + 1 : given
  if (axis >= 1 && axis <= dims.length) return axis
  throw reader.unsupported(node, `its axis ${given} is none behind the batch`)
}

/** Equal parts, or those of `split`, which is an attribute before opset 13. */
export function split(node: OnnxNode, reader: GraphReader): void {
  const dims = reader.dimsOf(node)
  const axis = axisOf(node, reader, intOf(node, 'axis', 0), dims)
  const total = dims[axis - 1]!
  const each = Math.ceil(total / node.outputs.length)
  const given = reader.has(node, 1) ? reader.integers(node, 1) : intsOf(node, 'split')
  let start = 0
  node.outputs.forEach((output, i) => {
    const end = Math.min(total, start + (given?.[i] ?? each))
    pushCrop(node, reader, { axis, start, end, output })
    start = end
  })
}

interface Cut {
  axis: number
  start: number
  end: number
  output?: string
}

function pushCrop(node: OnnxNode, reader: GraphReader, { axis, start, end, output }: Cut, from?: number): number {
  const place = from ?? reader.place(node, 0)
  const { dims } = reader.layers[place]!
  if (start >= end) throw reader.unsupported(node, 'a part of it is empty')
  const pads = [0, ...dims].map((dim, at): [number, number] => (at === axis ? [start, dim - end] : [0, 0]))
  const to = dims.map((dim, at) => (at === axis - 1 ? end - start : dim))
  return reader.push(node, { kind: 'crop', inputs: [place], dims: to, pads }, output ?? node.outputs[0]!)
}

/** Starts, ends, axes and steps are attributes before opset 10. Backwards, it exchanges colours. */
export function slice(node: OnnxNode, reader: GraphReader): void {
  const list = (position: number, name: string): number[] | null =>
    reader.has(node, position) ? reader.integers(node, position) : intsOf(node, name)
  const starts = list(1, 'starts') ?? []
  const [ends, axes] = [list(2, 'ends') ?? [], list(3, 'axes') ?? [...starts.keys()]]
  const steps = list(4, 'steps') ?? starts.map(() => 1)
  let place = reader.place(node, 0)
  axes.forEach((given, i) => {
    const { dims } = reader.layers[place]!
    const whole = given === 0 && starts[i] === 0 && steps[i] === 1 && ends[i]! > 1e6
    if (whole) return
    const axis = axisOf(node, reader, given, dims)
    const size = dims[axis - 1]!
    const indices = indicesOf(starts[i]!, ends[i]!, steps[i]!, size)
    place = pushChoice(node, reader, place, axis, indices)
  })
  if (place === reader.place(node, 0)) reader.alias(node)
}

/** As NumPy does: bounds from the end where negative, and none beyond the axis. */
function indicesOf(start: number, end: number, step: number, size: number): number[] {
  const clamp = (at: number, low: number, high: number): number =>
    Math.min(high, Math.max(low, at < 0 ? Math.max(at + size, low) : at))
  const [from, to] =
    step > 0 ? [clamp(start, 0, size), clamp(end, 0, size)] : [clamp(start, 0, size - 1), clamp(end, -1, size - 1)]
  const indices: number[] = []
  for (let at = from; step > 0 ? at < to : at > to; at += step) indices.push(at)
  return indices
}

/** Constant indices along an axis: the order of colours, or one of several values. */
export function gather(node: OnnxNode, reader: GraphReader): void {
  const dims = reader.dimsOf(node)
  const axis = axisOf(node, reader, intOf(node, 'axis', 0), dims)
  const size = dims[axis - 1]!
  const indices = reader.integers(node, 1).map((at) => (at < 0 ? at + size : at))
  const chosen = pushChoice(node, reader, reader.place(node, 0), axis, indices)
  if (reader.constant(node, 1).dims.length > 0) return
  reader.push(node, { kind: 'reshape', inputs: [chosen], dims: dims.filter((_, at) => at !== axis - 1) })
}

/** More runs of values than that are no order of colours. */
const mostRuns = 64

/** Values at `indices` along an axis: crops of the runs that rise by one, joined. */
function pushChoice(
  node: OnnxNode,
  reader: GraphReader,
  place: number,
  axis: number,
  indices: readonly number[]
): number {
  const runs: [start: number, end: number][] = []
  for (const at of indices) {
    const last = runs.at(-1)
    if (last && last[1] === at) last[1]++
    else runs.push([at, at + 1])
  }
  if (runs.length === 0 || runs.length > mostRuns)
    throw reader.unsupported(node, `it takes values from ${runs.length} places; 1 to ${mostRuns} are supported`)
  const parts = runs.map(([start, end]) => pushCrop(node, reader, { axis, start, end }, place))
  if (parts.length === 1) return parts[0]!
  const { dims } = reader.layers[place]!
  const to = dims.map((dim, at) => (at === axis - 1 ? indices.length : dim))
  return reader.push(node, { kind: 'concat', inputs: parts, dims: to, axis })
}
