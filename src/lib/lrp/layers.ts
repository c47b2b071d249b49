import type { Head, OnnxNode } from '../onnx/index.js'

/**
 * A classifier as LRP sees it: layers in an order in which they can be run, each with one output. Dims leave the batch
 * out; maps are [channels, height, width] whatever layout the exporter chose.
 */
export interface LayerGraph {
  /** The graph input's name and full dims as declared, the batch first; free dimensions are names. */
  input: { name: string; dims: (number | string)[] }
  layers: Layer[]
  /** How the model's outputs are to be read; null where neither the graph nor the options say. */
  head: Head | null
  /** Index of the layer whose values are the logits: what the model gives before its last activation. */
  output: number
  /** Number of output neurons per sample. */
  classes: number
}

/** How a kernel moves over a map: sizes are [height, width], pads [top, left, bottom, right]. */
export interface Window {
  kernel: [number, number]
  strides: [number, number]
  dilations: [number, number]
  pads: [number, number, number, number]
  input: [number, number]
  output: [number, number]
}

export interface ConvGeometry extends Window {
  inChannels: number
  outChannels: number
  groups: number
}

interface LayerBase {
  /** How errors name it: the ONNX node's name and type. */
  title: string
  /** Indices of the layers it reads; all smaller than its own. */
  inputs: number[]
  /** Of its output, without the batch. */
  dims: number[]
  /** True where no output can be below zero, such as behind a ReLU. */
  nonNegative: boolean
  /** Its number as Keras counts layers: the input is 0; activations and layout changes are not layers of their own. */
  index: number
}

export interface InputLayer extends LayerBase {
  kind: 'input'
}

export interface ConvLayer extends LayerBase {
  kind: 'conv'
  inputs: [number]
  geometry: ConvGeometry
  /** [out, in / groups, height, width]. */
  weights: Float32Array
  bias: Float32Array | null
}

/** Works on the last axis; leading axes, if any, are handled one by one. */
export interface DenseLayer extends LayerBase {
  kind: 'dense'
  inputs: [number]
  inSize: number
  outSize: number
  /** [out, in]. */
  weights: Float32Array
  bias: Float32Array | null
}

/** x·factor + shift: a BatchNormalization, or a shift or scale that stands alone and that no layer could take in. */
export interface ScaleLayer extends LayerBase {
  kind: 'scale'
  inputs: [number]
  /** Of factor and shift, with as many axes as dims; broadcast onto these. */
  shape: number[]
  factor: Float32Array
  shift: Float32Array
  /**
   * Whether it is part of the input's preprocessing, before any weights: relevance is handed on as it is, as if the
   * picture had been preprocessed before the model.
   */
  handsOn: boolean
}

export interface PoolLayer extends LayerBase {
  kind: 'maxPool' | 'averagePool'
  inputs: [number]
  window: Window
  /** Whether an average counts padding as zeros (count_include_pad). */
  includePad: boolean
}

export interface PadLayer extends LayerBase {
  kind: 'pad'
  inputs: [number]
  /** [before, after] per axis, the batch (always [0, 0]) included. */
  pads: [number, number][]
  value: number
}

export interface TransposeLayer extends LayerBase {
  kind: 'transpose'
  inputs: [number]
  /** ONNX's perm, the batch included. */
  perm: number[]
}

/** Takes values off each axis' ends: a Slice, or a part of a Split. */
export interface CropLayer extends LayerBase {
  kind: 'crop'
  inputs: [number]
  /** How many values [before, after] go, per axis, the batch (always [0, 0]) included. */
  pads: [number, number][]
}

export interface ConcatLayer extends LayerBase {
  kind: 'concat'
  /** Counted with the batch. */
  axis: number
}

/** max(low, min(high, x)); ReLU6, and what quantised values saturate at. */
export interface ClipLayer extends LayerBase {
  kind: 'clip'
  inputs: [number]
  low: number
  high: number
}

/** x above zero, x·slope below: LeakyRelu and PRelu. */
export interface LeakyReluLayer extends LayerBase {
  kind: 'leakyRelu'
  inputs: [number]
  /** As a scale's. */
  shape: number[]
  slope: Float32Array
}

/** Layers that say everything by their kind and dims. A gate multiplies its first input, the signal, by its second. */
export interface PlainLayer extends LayerBase {
  kind: 'relu' | 'sigmoid' | 'tanh' | 'reshape' | 'add' | 'gate'
}

/** Layers that sum up weighted inputs, and so have an LRP rule. */
export type LinearLayer = ConvLayer | DenseLayer | ScaleLayer | (PoolLayer & { kind: 'averagePool' })
export type Layer =
  | InputLayer
  | ConvLayer
  | DenseLayer
  | ScaleLayer
  | PoolLayer
  | PadLayer
  | TransposeLayer
  | CropLayer
  | ConcatLayer
  | ClipLayer
  | LeakyReluLayer
  | PlainLayer

/** Convolution and dense layers: those to which a composite's rules apply. */
export function isWeighted(layer: Layer): layer is ConvLayer | DenseLayer {
  return layer.kind === 'conv' || layer.kind === 'dense'
}

export function isLinear(layer: Layer): layer is LinearLayer {
  return isWeighted(layer) || layer.kind === 'scale' || layer.kind === 'averagePool'
}

type Pair = [number, number]
type Pads = [number, number, number, number]

/** Integer attribute, or its default. */
export function intOf(node: OnnxNode, name: string, fallback: number): number {
  const attribute = node.attributes.get(name)
  return attribute?.type === 'int' ? attribute.value : fallback
}

export function intsOf(node: OnnxNode, name: string): number[] | null {
  const attribute = node.attributes.get(name)
  return attribute?.type === 'ints' ? attribute.value : null
}

export function floatOf(node: OnnxNode, name: string, fallback: number): number {
  const attribute = node.attributes.get(name)
  return attribute?.type === 'float' ? attribute.value : fallback
}

export function stringOf(node: OnnxNode, name: string, fallback: string): string {
  const attribute = node.attributes.get(name)
  return attribute?.type === 'string' ? attribute.value : fallback
}

/**
 * The window of a Conv or a pool, from ONNX's attributes kernel_shape, strides, dilations, pads, auto_pad and ceil_mode.
 * With ceil_mode the bottom and right pads grow until the last window fits. Null where the attributes make no sense.
 */
export function windowOf(node: OnnxNode, input: Pair, kernelOfWeights?: Pair): Window | null {
  const kernel = pairOf(intsOf(node, 'kernel_shape') ?? kernelOfWeights ?? null)
  const strides = pairOf(intsOf(node, 'strides') ?? [1, 1])
  const dilations = pairOf(intsOf(node, 'dilations') ?? [1, 1])
  const given = intsOf(node, 'pads') ?? [0, 0, 0, 0]
  if (!kernel || !strides || !dilations || given.length !== 4 || given.some((pad) => pad < 0)) return null
  const pads = padsOf(stringOf(node, 'auto_pad', 'NOTSET'), given as Pads, input, { kernel, strides, dilations })
  if (intOf(node, 'ceil_mode', 0) === 1) growPads(pads, input, { kernel, strides, dilations })
  const output = [0, 1].map((axis) => {
    const reach = dilations[axis]! * (kernel[axis]! - 1) + 1
    return Math.floor((input[axis]! + pads[axis]! + pads[axis + 2]! - reach) / strides[axis]!) + 1
  }) as Pair
  return output.every((size) => size > 0) ? { kernel, strides, dilations, pads, input, output } : null
}

type Steps = Pick<Window, 'kernel' | 'strides' | 'dilations'>

function pairOf(values: readonly number[] | null): Pair | null {
  return values?.length === 2 && values.every((value) => Number.isInteger(value) && value > 0)
    ? [values[0]!, values[1]!]
    : null
}

function padsOf(autoPad: string, given: Pads, input: Pair, { kernel, strides, dilations }: Steps): Pads {
  if (autoPad === 'VALID') return [0, 0, 0, 0]
  if (!autoPad.startsWith('SAME')) return [...given]
  const pads: Pads = [0, 0, 0, 0]
  for (const axis of [0, 1] as const) {
    const reach = dilations[axis] * (kernel[axis] - 1) + 1
    const outputs = Math.ceil(input[axis] / strides[axis])
    const total = Math.max(0, (outputs - 1) * strides[axis] + reach - input[axis])
    const small = Math.floor(total / 2)
    pads[axis] = autoPad === 'SAME_LOWER' ? total - small : small
    pads[axis === 0 ? 2 : 3] = total - pads[axis]
  }
  return pads
}

/** A last window that would start in the padding behind the input is left out, as ONNX Runtime does. */
function growPads(pads: Pads, input: Pair, { kernel, strides, dilations }: Steps): void {
  for (const axis of [0, 1] as const) {
    const end = axis === 0 ? 2 : 3
    const reach = dilations[axis] * (kernel[axis] - 1) + 1
    const missing = (input[axis] + pads[axis] + pads[end] - reach) % strides[axis]
    if (missing === 0) continue
    const start = input[axis] + pads[axis] + pads[end] - reach - missing + strides[axis]
    if (start < input[axis] + pads[axis]) pads[end] += strides[axis] - missing
  }
}

/** How many of the kernel's taps lie inside the input, per output row and column. */
export function tapsInside(window: Window, axis: 0 | 1): { first: number; count: number }[] {
  const { kernel, strides, dilations, pads, input, output } = window
  return Array.from({ length: output[axis] }, (_, at) => {
    const start = at * strides[axis] - pads[axis]
    const inside = Array.from({ length: kernel[axis] }, (_, tap) => start + tap * dilations[axis]).map(
      (row) => row >= 0 && row < input[axis]
    )
    return { first: Math.max(0, inside.indexOf(true)), count: inside.filter(Boolean).length }
  })
}
