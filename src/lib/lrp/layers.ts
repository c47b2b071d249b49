/**
 * A classifier as LRP sees it: layers in an order in which they can be run, each with one output. Dims leave the batch
 * out; maps are [channels, height, width] whatever layout the exporter chose.
 */
export interface LayerGraph {
  /** The graph input's name and full dims as declared, the batch first; free dimensions are names. */
  input: { name: string; dims: (number | string)[] }
  layers: Layer[]
  /** Index of the layer whose values are the logits: what the model gives before a trailing Softmax. */
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
  /** True where no output can be below zero, because it comes from a ReLU. */
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

/** x·factor + shift along one axis: a BatchNormalization or a bias that stands alone and that no layer could take in. */
export interface ScaleLayer extends LayerBase {
  kind: 'scale'
  inputs: [number]
  /** Counted without the batch. */
  axis: number
  factor: Float32Array
  shift: Float32Array
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

/** Layers that say everything by their kind and dims. */
export interface PlainLayer extends LayerBase {
  kind: 'relu' | 'reshape' | 'add'
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
  | PlainLayer

/** Convolution and dense layers: those to which a composite's rules apply. */
export function isWeighted(layer: Layer): layer is ConvLayer | DenseLayer {
  return layer.kind === 'conv' || layer.kind === 'dense'
}

export function isLinear(layer: Layer): layer is LinearLayer {
  return isWeighted(layer) || layer.kind === 'scale' || layer.kind === 'averagePool'
}
