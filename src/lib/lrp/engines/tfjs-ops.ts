import type * as tfjs from '@tensorflow/tfjs-core'
import type { TensorOps } from '../engine.js'
import type { ConvGeometry, Window } from '../layers.js'
import type { Sign } from '../rules.js'
import { flippedGeometry, flippedKernel, spacedGeometry, spacedKernel } from '../weights.js'
import {
  denseBackwardOnHost,
  HostMemory,
  maxPoolOnHost,
  nonZeroOnHost,
  sumPoolBackwardOnHost,
  sumPoolOnHost,
  unpoolOnHost
} from './host.js'
import { asMap, cropped, spreadMap } from './tfjs-maps.js'

type Tensor = tfjs.Tensor
type Pair = [number, number]
/** What stores a map's logical axes [batch, channels, height, width] as [batch, height, width, channels], and back. */
const toChannelsLast = [0, 2, 3, 1]
const toChannelsFirst = [0, 3, 1, 2]

/** Above this many weights a dense layer is not packed for its way back: packing would double its memory. */
const largestPacked = 4_000_000

/**
 * TensorOps on tfjs tensors. Tensors of rank 4 are stored channels last, because tfjs has fast convolutions for that
 * layout alone; all others as they are. Only kernels that are right on the wasm backend are used.
 */
export class TfjsOps implements TensorOps<Tensor> {
  readonly #constants: Tensor[] = []
  readonly #memory: HostMemory

  constructor(
    private readonly tf: typeof tfjs,
    /** Whether it is the wasm backend: weights get packed on first use and stay so, and its heap can be seen. */
    private readonly wasm: boolean
  ) {
    this.#memory = new HostMemory(tf, wasm)
  }

  /** Frees all constants and kernels. */
  dispose(): void {
    for (const tensor of this.#constants) tensor.dispose()
    this.#constants.length = 0
  }

  /** A tensor from values in ONNX's order. */
  tensor(data: Float32Array, dims: readonly number[]): Tensor {
    const literal = this.tf.tensor(data, [...dims])
    return dims.length === 4 ? this.#moved(literal, toChannelsLast) : literal
  }

  /** A tensor's values in ONNX's order. */
  values(tensor: Tensor): Float32Array {
    return this.scope(() => this.#literal(tensor).dataSync() as Float32Array)
  }

  constant(data: Float32Array, dims: readonly number[]): Tensor {
    return this.#kept(() => this.tensor(data, dims))
  }

  add(a: Tensor, b: Tensor): Tensor {
    return this.tf.add(a, b)
  }

  sub(a: Tensor, b: Tensor): Tensor {
    return this.tf.sub(a, b)
  }

  mul(a: Tensor, b: Tensor): Tensor {
    return this.tf.mul(a, b)
  }

  div(a: Tensor, b: Tensor): Tensor {
    return this.tf.div(a, b)
  }

  times(a: Tensor, factor: number): Tensor {
    return this.tf.mul(a, factor)
  }

  positive(a: Tensor): Tensor {
    return this.tf.relu(a)
  }

  negative(a: Tensor): Tensor {
    return this.tf.minimum(a, 0)
  }

  clip(a: Tensor, low: number, high: number): Tensor {
    return this.tf.clipByValue(a, low, high)
  }

  sigmoid(a: Tensor): Tensor {
    return this.tf.sigmoid(a)
  }

  tanh(a: Tensor): Tensor {
    return this.tf.tanh(a)
  }

  stabilized(a: Tensor, epsilon: number): Tensor {
    const { tf } = this
    const sign = tf.sub(tf.mul(tf.cast(tf.greaterEqual(a, 0), 'float32'), 2 * epsilon), epsilon)
    return tf.add(a, sign)
  }

  nonZero(a: Tensor, value: number): Tensor {
    return this.#memory.make(a.shape, [a], (to, from) => nonZeroOnHost(to, from, value))
  }

  where(a: Tensor, by: Tensor, sign: Sign): Tensor {
    const { tf } = this
    return tf.mul(a, tf.cast(sign === 'positive' ? tf.greater(by, 0) : tf.less(by, 0), 'float32'))
  }

  sumChannels(a: Tensor): Tensor {
    return this.tf.sum(a, a.rank === 4 ? 3 : 1, true)
  }

  reshape(a: Tensor, dims: readonly number[]): Tensor {
    const reshaped = this.tf.reshape(this.#literal(a), [...dims])
    return dims.length === 4 ? this.#moved(reshaped, toChannelsLast) : reshaped
  }

  transpose(a: Tensor, perm: readonly number[]): Tensor {
    if (a.rank !== 4) return this.tf.transpose(a, [...perm])
    return this.#moved(
      a,
      toChannelsLast.map((axis) => toChannelsLast.indexOf(perm[axis]!))
    )
  }

  pad(a: Tensor, pads: readonly (readonly [number, number])[], value: number): Tensor {
    const stored = this.#axes(a).map((axis): [number, number] => [...pads[axis]!])
    return this.tf.pad(a, stored, value)
  }

  concat(parts: readonly Tensor[], axis: number): Tensor {
    return this.tf.concat([...parts], this.#axes(parts[0]!).indexOf(axis))
  }

  crop(a: Tensor, pads: readonly (readonly [number, number])[], dims: readonly number[]): Tensor {
    const axes = this.#axes(a)
    const full = [a.shape[0]!, ...dims]
    return this.tf.slice(
      a,
      axes.map((axis) => pads[axis]![0]),
      axes.map((axis) => full[axis]!)
    )
  }

  convKernel(weights: Float32Array, geometry: ConvGeometry): Tensor {
    const { outChannels, inChannels, groups, kernel } = spacedGeometry(geometry)
    return this.#kept(() => {
      const literal = this.tf.tensor(spacedKernel(weights, geometry), [outChannels, inChannels / groups, ...kernel])
      return this.#moved(literal, [2, 3, 1, 0])
    })
  }

  conv(x: Tensor, kernel: Tensor, bias: Tensor | null, geometry: ConvGeometry): Tensor {
    const { tf } = this
    const { groups, strides, pads, inChannels, outChannels } = geometry
    const [top, left, bottom, right] = pads.map((pad) => Math.max(0, pad)) as typeof pads
    const pad: [Pair, Pair, Pair, Pair] = [
      [0, 0],
      [top, bottom],
      [left, right],
      [0, 0]
    ]
    const run = (input: Tensor, filter: Tensor, shift: Tensor | null): Tensor =>
      tf.fused.conv2d({
        x: input as tfjs.Tensor4D,
        filter: filter as tfjs.Tensor4D,
        ...(shift && { bias: shift }),
        strides,
        pad
      })
    const map = cropped(tf, x, pads)
    if (groups === 1) return run(map, kernel, bias)
    const groupByGroup = (): Tensor => {
      const filters = tf.split(kernel, groups, 3)
      const sums = tf.split(map, groups, 3).map((part, group) => run(part, filters[group]!, null))
      return tf.concat(sums, 3)
    }
    const few = inChannels / groups <= groups
    const sum = few ? this.#depthwise(tf.pad(map, pad), kernel, geometry) : groupByGroup()
    return bias ? tf.add(sum, tf.reshape(bias, [1, 1, 1, outChannels])) : sum
  }

  /**
   * Where each group is one channel, tfjs has a kernel for all of them at once; a convolution for each takes many times as long. Groups of
   * a few channels are the sum of that over their first channels, their second ones, and so on.
   */
  #depthwise(x: Tensor, kernel: Tensor, { groups, inChannels, outChannels, strides }: ConvGeometry): Tensor {
    const { tf } = this
    const [batch, rows, columns] = x.shape as [number, number, number]
    const [height, width] = kernel.shape as [number, number]
    const own = inChannels / groups
    const grouped = tf.reshape(x, [batch * rows * columns, groups, own]) as tfjs.Tensor3D
    const sumOf = (channel: number): Tensor => {
      const filter = tf.slice(kernel, [0, 0, channel, 0], [height, width, 1, outChannels])
      const part = own === 1 ? x : tf.slice(grouped, [0, 0, channel], [batch * rows * columns, groups, 1])
      return tf.depthwiseConv2d(
        tf.reshape(part, [batch, rows, columns, groups]) as tfjs.Tensor4D,
        tf.reshape(filter, [height, width, groups, outChannels / groups]) as tfjs.Tensor4D,
        strides,
        'valid'
      )
    }
    let sum = sumOf(0)
    for (let channel = 1; channel < own; channel++) sum = tf.add(sum, sumOf(channel))
    return sum
  }

  convBackwardKernel(weights: Float32Array, geometry: ConvGeometry): Tensor {
    return this.convKernel(flippedKernel(weights, geometry), flippedGeometry(geometry))
  }

  convBackward(s: Tensor, kernel: Tensor, geometry: ConvGeometry): Tensor {
    return this.conv(spreadMap(this.tf, s, geometry.strides), kernel, null, flippedGeometry(geometry))
  }

  denseKernel(weights: Float32Array, outSize: number, inSize: number): Tensor {
    return this.#kept(() => this.tf.tensor2d(weights, [outSize, inSize]))
  }

  /** Weights come first in the product: the backend packs the second factor, and that has to be the small one. */
  dense(x: Tensor, kernel: Tensor, bias: Tensor | null): Tensor {
    const { tf } = this
    const columns = tf.matMul(kernel as tfjs.Tensor2D, this.#turned(x))
    const rows = this.#turned(columns)
    return bias ? tf.add(rows, bias) : rows
  }

  denseBackward(s: Tensor, kernel: Tensor): Tensor {
    if (!this.wasm || kernel.size <= largestPacked) return this.tf.matMul(s as tfjs.Tensor2D, kernel as tfjs.Tensor2D)
    const [outSize, inSize] = kernel.shape as [number, number]
    return this.#memory.make([s.shape[0]!, inSize], [s, kernel], (to, from, weights) =>
      denseBackwardOnHost(to, from, weights, { outSize, inSize })
    )
  }

  maxPool(x: Tensor, window: Window): { output: Tensor; unpool(relevance: Tensor): Tensor } {
    const { shape, map } = asMap(x)
    let winners: Int32Array
    const output = this.#memory.make([map.batch, ...window.output, map.channels], [x], (to, from) => {
      winners = maxPoolOnHost(to, from, map, window)
    })
    const unpool = (relevance: Tensor): Tensor =>
      this.#memory.make(shape, [relevance], (to, from) => unpoolOnHost(to, from, winners))
    return { output, unpool }
  }

  sumPool(x: Tensor, window: Window): Tensor {
    const { map } = asMap(x)
    const shape = [map.batch, ...window.output, map.channels]
    return this.#memory.make(shape, [x], (to, from) => sumPoolOnHost(to, from, map, window))
  }

  sumPoolBackward(s: Tensor, window: Window): Tensor {
    const { map } = asMap(s)
    const shape = [map.batch, ...window.input, map.channels]
    return this.#memory.make(shape, [s], (to, from) => sumPoolBackwardOnHost(to, from, map, window))
  }

  scope<R>(body: () => R): R {
    return this.tf.tidy(body as () => tfjs.TensorContainer) as R
  }

  release(a: Tensor): void {
    a.dispose()
  }

  #kept(make: () => Tensor): Tensor {
    const tensor = this.tf.keep(this.scope(make))
    this.#constants.push(tensor)
    return tensor
  }

  /** The logical axis of each stored one. */
  #axes(a: Tensor): number[] {
    return a.rank === 4 ? toChannelsLast : [...a.shape.keys()]
  }

  #literal(a: Tensor): Tensor {
    return a.rank === 4 ? this.#moved(a, toChannelsFirst) : a
  }

  #moved(a: Tensor, perm: readonly number[]): Tensor {
    return this.tf.transpose(a, [...perm])
  }

  /** [rows, columns] → [columns, rows]; a single row or column needs no move. */
  #turned(a: Tensor): tfjs.Tensor2D {
    const [rows, columns] = a.shape as [number, number]
    if (rows === 1 || columns === 1) return this.tf.reshape(a, [columns, rows]) as tfjs.Tensor2D
    return this.tf.transpose(a) as tfjs.Tensor2D
  }
}
