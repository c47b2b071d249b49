import type { Head } from '../onnx/index.js'
import type { ConvGeometry, LayerGraph, Window } from './layers.js'
import type { Sign } from './rules.js'

/** `tfjs` computes with tfjs-node or wasm, `onnx` emits a graph that ONNX Runtime runs. */
export const engineNames = ['tfjs', 'onnx'] as const
export type EngineName = (typeof engineNames)[number]

/** A batch of pictures: `dims` is the model's input shape with the batch in front, `data` its values row by row. */
export interface Sample {
  data: Float32Array
  dims: readonly number[]
}

export interface EngineResult {
  /** [batch · class]. */
  logits: Float32Array
  /** As the sample's data. */
  relevance: Float32Array
}

/** One classifier under one composite, ready to explain. */
export interface Engine {
  /** For people: what computes, and with how many threads. */
  readonly name: string
  /** The model's input: the batch and other free dimensions as names. */
  readonly inputDims: readonly (number | string)[]
  readonly classes: number
  /** How the model's outputs are to be read; null where neither its graph nor the options say. */
  readonly head: Head | null
  /**
   * Whether the composite's rules may nearly divide by zero on this model, because contributions and a bias cancel: then rounding decides where
   * relevance goes, and two engines differ.
   */
  readonly cancels: boolean
  /** @param weights of each sample's outputs, [batch · class]; zeros stand for the sample's largest output */
  explain(sample: Sample, weights: Float32Array): Promise<EngineResult>
  /** The forward pass alone. @returns [batch · class]; where the engine was not opened to judge, for the price of an explanation */
  logits(sample: Sample): Promise<Float32Array>
  /** Frees memory and threads. */
  close(): Promise<void>
}

/** What an engine says of itself, as it can be sent between threads. */
export type EngineShape = Pick<Engine, 'name' | 'inputDims' | 'classes' | 'head' | 'cancels'>

export function engineShape({ name, inputDims, classes, head, cancels }: Engine): EngineShape {
  return { name, inputDims, classes, head, cancels }
}

/**
 * Reads the classifier. A function, so that the engine alone holds the graph and can let go of it: its weights may be half a
 * gigabyte, which are not needed once the engine is ready.
 */
export type LoadGraph = () => Promise<LayerGraph>

/**
 * The tensor operations in which LRP is written; an engine computes them (tfjs) or emits them as a graph's nodes (ONNX).
 * Shapes are ONNX's, the batch first and free, maps as [batch, channels, height, width]; an engine may store them
 * otherwise. Binary operations broadcast as NumPy does.
 */
export interface TensorOps<T> {
  /** A tensor that lives as long as the engine. */
  constant(data: Float32Array, dims: readonly number[]): T

  add(a: T, b: T): T
  sub(a: T, b: T): T
  mul(a: T, b: T): T
  div(a: T, b: T): T
  times(a: T, factor: number): T
  /** max(a, 0), which is ReLU. */
  positive(a: T): T
  /** min(a, 0). */
  negative(a: T): T
  /** max(low, min(high, a)); either may be infinite. */
  clip(a: T, low: number, high: number): T
  sigmoid(a: T): T
  tanh(a: T): T
  /** a + epsilon where a >= 0, a - epsilon elsewhere. */
  stabilized(a: T, epsilon: number): T
  /** `value` where a is exactly 0, a elsewhere. */
  nonZero(a: T, value: number): T
  /** `a` where `by` is above (or below) zero, 0 elsewhere; of the same shape. */
  where(a: T, by: T, sign: Sign): T
  /** [batch, channels, …] → [batch, 1, …]. */
  sumChannels(a: T): T

  /** Full dims; -1 once, for the batch. */
  reshape(a: T, dims: readonly number[]): T
  transpose(a: T, perm: readonly number[]): T
  /** [before, after] per axis, the batch included. */
  pad(a: T, pads: readonly (readonly [number, number])[], value: number): T
  /** Joins tensors along an axis, counted with the batch. */
  concat(parts: readonly T[], axis: number): T
  /** Takes off what `pad` put on; `dims` are the result's, without the batch. */
  crop(a: T, pads: readonly (readonly [number, number])[], dims: readonly number[]): T

  /** Weights for `conv`, from [out, in / groups, height, width]. */
  convKernel(weights: Float32Array, geometry: ConvGeometry): T
  conv(x: T, kernel: T, bias: T | null, geometry: ConvGeometry): T
  /** Weights for `convBackward`, from the same as for `convKernel`. */
  convBackwardKernel(weights: Float32Array, geometry: ConvGeometry): T
  /** The transposed map: what each input gets from the outputs `s` through the weights. */
  convBackward(s: T, kernel: T, geometry: ConvGeometry): T

  /** Weights for `dense` and `denseBackward`, from [out, in]. */
  denseKernel(weights: Float32Array, outSize: number, inSize: number): T
  /** [rows, in] → [rows, out]. */
  dense(x: T, kernel: T, bias: T | null): T
  /** [rows, out] → [rows, in]. */
  denseBackward(s: T, kernel: T): T

  /** `unpool` gives each window's relevance to its first largest input (row by row), once. */
  maxPool(x: T, window: Window, channels: number): { output: T; unpool(relevance: T): T }
  /** Sums over the window, padding as zeros. */
  sumPool(x: T, window: Window, channels: number): T
  sumPoolBackward(s: T, window: Window, channels: number): T

  /** Runs `body` and frees what it made except its result. */
  scope<R>(body: () => R): R
  /** Frees a tensor that nothing needs any more. */
  release(a: T): void
}
