import { dataTypes, elementCount, type OnnxNode } from '../../onnx/index.js'
import { floatOf, type Layer } from '../layers.js'
import type { GraphReader } from './reader.js'

/* Sums, products and activations, value by value. */

type Operator = 'Add' | 'Sub' | 'Mul' | 'Div'

/** A shift or a scale by a constant, a sum of two branches, or a signal and its gate. */
export function arithmetic(operator: Operator, node: OnnxNode, reader: GraphReader): void {
  if (reader.isConstant(node, 1)) scale(node, reader, { value: 0, constant: 1, ...byConstant[operator] })
  else if (reader.isConstant(node, 0) && operator !== 'Div')
    scale(node, reader, { value: 1, constant: 0, ...(operator === 'Sub' ? fromConstant : byConstant[operator]) })
  else branches[operator](node, reader)
}

interface Form {
  factor: (constant: number) => number
  shift: (constant: number) => number
}

const none = (): number => 0
const one = (): number => 1
const byConstant: Record<Operator, Form> = {
  Add: { factor: one, shift: (c) => c },
  Sub: { factor: one, shift: (c) => -c },
  Mul: { factor: (c) => c, shift: none },
  Div: { factor: (c) => 1 / c, shift: none }
}
/** c - x. */
const fromConstant: Form = { factor: () => -1, shift: (c) => c }

interface ScaleForm extends Form {
  /** Which input of the node is the value, and which the constant. */
  value: number
  constant: number
}

function scale(node: OnnxNode, reader: GraphReader, { value, constant, factor, shift }: ScaleForm): void {
  const values = reader.floats(node, constant)
  const shape = shapeOnto(node, reader, constant, reader.dimsOf(node, value))
  pushScale(node, reader, reader.place(node, value), {
    shape,
    factor: values.map(factor),
    shift: values.map(shift)
  })
}

/** The shape of a constant that is broadcast onto dims, the batch left out. */
function shapeOnto(node: OnnxNode, reader: GraphReader, position: number, dims: readonly number[]): number[] {
  const given = reader.constant(node, position).dims
  const full = [...new Array<number>(Math.max(0, dims.length + 1 - given.length)).fill(1), ...given]
  const [first, ...shape] = full
  const fits =
    full.length === dims.length + 1 && first === 1 && shape.every((size, i) => size === 1 || size === dims[i])
  if (fits) return shape
  throw reader.unsupported(node, `the constant [${given.join(', ')}] does not fit [${['batch', ...dims].join(', ')}]`)
}

function pushScale(
  node: OnnxNode,
  reader: GraphReader,
  place: number,
  { shape, factor, shift }: { shape: number[]; factor: Float32Array; shift: Float32Array }
): number {
  const { dims, nonNegative } = reader.layers[place]!
  const keepsSign = factor.every((each) => each >= 0) && shift.every((each) => each >= 0)
  return reader.push(node, {
    kind: 'scale',
    inputs: [place],
    dims,
    shape,
    factor,
    shift,
    handsOn: false,
    nonNegative: nonNegative && keepsSign
  })
}

/** x·factor + shift with one number each. */
function pushUniform(node: OnnxNode, reader: GraphReader, place: number, factor: number, shift = 0): number {
  const shape = reader.layers[place]!.dims.map(() => 1)
  return pushScale(node, reader, place, { shape, factor: Float32Array.of(factor), shift: Float32Array.of(shift) })
}

export function negation(node: OnnxNode, reader: GraphReader): void {
  pushUniform(node, reader, reader.place(node, 0), -1)
}

const branches: Record<Operator, (node: OnnxNode, reader: GraphReader) => unknown> = {
  Add: (node: OnnxNode, reader: GraphReader) => sum(node, reader, reader.place(node, 0), reader.place(node, 1)),
  /** a + (-1)·b. */
  Sub: (node: OnnxNode, reader: GraphReader) => {
    const negative = pushUniform(node, reader, reader.place(node, 1), -1)
    sum(node, reader, reader.place(node, 0), negative)
  },
  Mul: gate,
  Div: (node: OnnxNode, reader: GraphReader) => {
    throw reader.unsupported(node, 'it divides by something else than a constant')
  }
}

/** Of two branches or more. */
export function sumOfAll(node: OnnxNode, reader: GraphReader): void {
  const places = node.inputs.map((_, position) => reader.place(node, position))
  if (places.length === 1) reader.alias(node)
  else places.reduce((before, place) => sum(node, reader, before, place))
}

function sum(node: OnnxNode, reader: GraphReader, a: number, b: number): number {
  const { dims } = reader.layers[a]!
  if (dims.join() !== reader.layers[b]!.dims.join()) throw reader.unsupported(node, 'its two branches differ in shape')
  return reader.push(node, { kind: 'add', inputs: [a, b], dims })
}

/**
 * The signal takes all relevance. The gate is the branch that says how much goes through: one value for a whole channel,
 * or bounded by a sigmoid, or by a clip.
 */
function gate(node: OnnxNode, reader: GraphReader): void {
  const [a, b] = [reader.place(node, 0), reader.place(node, 1)]
  const [first, second] = [a, b].map((place) => gateRank(reader.layers, place)) as [number, number]
  const [rankA, rankB] = [first + Number(isSmaller(reader, a, b)), second + Number(isSmaller(reader, b, a))]
  if (Math.max(first, second) === 0 || rankA === rankB)
    throw reader.unsupported(node, 'of its two branches not exactly one is a gate (Sigmoid, HardSigmoid, Clip)')
  const [signal, own] = rankA > rankB ? [b, a] : [a, b]
  const [{ dims }, { dims: gateDims }] = [reader.layers[signal]!, reader.layers[own]!]
  const fits = dims.length === gateDims.length && gateDims.every((size, i) => size === 1 || size === dims[i])
  if (!fits) throw reader.unsupported(node, 'its gate does not fit its signal')
  reader.push(node, { kind: 'gate', inputs: [signal, own], dims })
}

/** 4 behind a sigmoid, 2 behind a clip to two bounds, else 0. */
function gateRank(layers: readonly Layer[], place: number): 0 | 2 | 4 {
  const layer = layers[place]!
  // A hard swish is often x · Clip(x + 3, 0, 6) / 6.
  if (layer.kind === 'reshape' || layer.kind === 'transpose' || layer.kind === 'scale')
    return gateRank(layers, layer.inputs[0]!)
  if (layer.kind === 'sigmoid') return 4
  return layer.kind === 'clip' && Number.isFinite(layer.high - layer.low) ? 2 : 0
}

const isSmaller = ({ layers }: GraphReader, a: number, b: number): boolean =>
  elementCount(layers[a]!.dims) < elementCount(layers[b]!.dims)

export function activation(kind: 'relu' | 'sigmoid' | 'tanh', node: OnnxNode, reader: GraphReader): void {
  const place = reader.place(node, 0)
  reader.push(node, { kind, inputs: [place], dims: reader.dimsOf(node), nonNegative: kind !== 'tanh' })
}

function pushClip(node: OnnxNode, reader: GraphReader, place: number, low: number, high: number): number {
  const { dims, nonNegative } = reader.layers[place]!
  const own = { inputs: [place] as [number], dims, nonNegative: low >= 0 || (nonNegative && high >= 0) }
  if (low === 0 && high === Number.POSITIVE_INFINITY) return reader.push(node, { kind: 'relu', ...own })
  return reader.push(node, { kind: 'clip', low, high, ...own })
}

/** Its bounds are attributes before opset 11, inputs since then. */
export function clip(node: OnnxNode, reader: GraphReader): void {
  const low = reader.has(node, 1) ? reader.scalar(node, 1) : floatOf(node, 'min', Number.NEGATIVE_INFINITY)
  const high = reader.has(node, 2) ? reader.scalar(node, 2) : floatOf(node, 'max', Number.POSITIVE_INFINITY)
  pushClip(node, reader, reader.place(node, 0), low, high)
}

/** Max and Min with a constant; `Max(x, 0)` is a ReLU. */
export function bound(side: 'low' | 'high', node: OnnxNode, reader: GraphReader): void {
  const constant = [0, 1].find((position) => reader.isConstant(node, position))
  if (constant === undefined || node.inputs.length !== 2)
    throw reader.unsupported(node, 'it compares branches instead of a value and a constant')
  const value = reader.scalar(node, constant)
  const bounds = side === 'low' ? [value, Number.POSITIVE_INFINITY] : [Number.NEGATIVE_INFINITY, value]
  pushClip(node, reader, reader.place(node, 1 - constant), bounds[0]!, bounds[1]!)
}

/** max(0, min(1, α·x + β)). */
export function hardSigmoid(node: OnnxNode, reader: GraphReader): void {
  const place = reader.place(node, 0)
  const line = pushUniform(node, reader, place, floatOf(node, 'alpha', 0.2), floatOf(node, 'beta', 0.5))
  pushClip(node, reader, line, 0, 1)
}

/** x · max(0, min(1, x/6 + 1/2)). */
export function hardSwish(node: OnnxNode, reader: GraphReader): void {
  const place = reader.place(node, 0)
  const own = pushClip(node, reader, pushUniform(node, reader, place, 1 / 6, 0.5), 0, 1)
  reader.push(node, { kind: 'gate', inputs: [place, own], dims: reader.layers[place]!.dims })
}

export function leakyRelu(node: OnnxNode, reader: GraphReader): void {
  const dims = reader.dimsOf(node)
  const slope = Float32Array.of(floatOf(node, 'alpha', 0.01))
  const shape = dims.map(() => 1)
  reader.push(node, { kind: 'leakyRelu', inputs: [reader.place(node, 0)], dims, shape, slope, nonNegative: false })
}

export function pRelu(node: OnnxNode, reader: GraphReader): void {
  const dims = reader.dimsOf(node)
  const slope = reader.floats(node, 1)
  // An exporter may leave the slope's batch out, or even its places: [C] beside [C, height, width].
  const channels = reader.constant(node, 1).dims
  const perChannel = channels.length === 1 && dims.length > 1 && channels[0] === dims[0] && channels[0] !== dims.at(-1)
  const shape = perChannel ? dims.map((dim, axis) => (axis === 0 ? dim : 1)) : shapeOnto(node, reader, 1, dims)
  reader.push(node, { kind: 'leakyRelu', inputs: [reader.place(node, 0)], dims, shape, slope, nonNegative: false })
}

/** What a quantised value saturates at; its rounding is left out, as if the model had not been quantised. */
export function quantize(node: OnnxNode, reader: GraphReader): void {
  const type = reader.has(node, 2) ? reader.constant(node, 2).type : 'uint8'
  if (elementCount(reader.constant(node, 1).dims) !== 1 || (type !== 'uint8' && type !== 'int8'))
    throw reader.unsupported(node, 'only values in uint8 or int8 with one scale are')
  const step = reader.scalar(node, 1)
  const zero = reader.has(node, 2) ? reader.integers(node, 2)[0]! : 0
  const least = type === 'int8' ? -(2 ** (8 * dataTypes[type].bytes - 1)) : 0
  pushClip(node, reader, reader.place(node, 0), (least - zero) * step, (least + 255 - zero) * step)
}
