import { elementCount, type GraphBuilder } from '../../onnx/index.js'
import type { TensorOps } from '../engine.js'
import type { ConvGeometry, Window } from '../layers.js'
import type { Sign } from '../rules.js'
import { flippedGeometry, flippedKernel } from '../weights.js'
import { Emitter, type MaxPool, maxPools, type UnpoolForm } from './onnx-emitter.js'

/**
 * TensorOps that emit an ONNX graph: a tensor is the name of a value, an operation adds a node. Only operators of ONNX's
 * own set (version 17) are used, so that any runtime can run the graph on any of its providers.
 */
export class OnnxOps implements TensorOps<string> {
  readonly #emit: Emitter
  readonly #form: UnpoolForm
  /** One initializer per array, so that weights that are used both ways are stored once. */
  readonly #initializers = new Map<Float32Array, string>()

  constructor(builder: GraphBuilder, form: UnpoolForm) {
    this.#emit = new Emitter(builder)
    this.#form = form
  }

  constant(data: Float32Array, dims: readonly number[]): string {
    return this.#emit.builder.constant('constant', data, dims)
  }

  add(a: string, b: string): string {
    return this.#emit.node('Add', [a, b])
  }

  sub(a: string, b: string): string {
    return this.#emit.node('Sub', [a, b])
  }

  mul(a: string, b: string): string {
    return this.#emit.node('Mul', [a, b])
  }

  div(a: string, b: string): string {
    return this.#emit.node('Div', [a, b])
  }

  times(a: string, factor: number): string {
    return this.#emit.node('Mul', [a, this.#emit.scalar(factor)])
  }

  positive(a: string): string {
    return this.#emit.node('Relu', [a])
  }

  negative(a: string): string {
    return this.#emit.node('Min', [a, this.#emit.scalar(0)])
  }

  clip(a: string, low: number, high: number): string {
    const [least, most] = [low, high].map((bound) => (Number.isFinite(bound) ? this.#emit.scalar(bound) : ''))
    return this.#emit.node('Clip', most === '' ? [a, least!] : [a, least!, most!])
  }

  sigmoid(a: string): string {
    return this.#emit.node('Sigmoid', [a])
  }

  tanh(a: string): string {
    return this.#emit.node('Tanh', [a])
  }

  stabilized(a: string, epsilon: number): string {
    const above = this.#emit.node('GreaterOrEqual', [a, this.#emit.scalar(0)])
    return this.#emit.node('Add', [
      a,
      this.#emit.node('Where', [above, this.#emit.scalar(epsilon), this.#emit.scalar(-epsilon)])
    ])
  }

  nonZero(a: string, value: number): string {
    return this.#emit.node('Where', [this.#emit.node('Equal', [a, this.#emit.scalar(0)]), this.#emit.scalar(value), a])
  }

  where(a: string, by: string, sign: Sign): string {
    const zero = this.#emit.scalar(0)
    const pair = sign === 'positive' ? [zero, by] : [by, zero]
    return this.#emit.node('Where', [this.#emit.node('Less', pair), a, zero])
  }

  sumChannels(a: string): string {
    return this.#emit.node('ReduceSum', [a, this.#emit.integers([1])], { keepdims: 1 })
  }

  reshape(a: string, dims: readonly number[]): string {
    return this.#emit.node('Reshape', [a, this.#emit.integers(dims)])
  }

  transpose(a: string, perm: readonly number[]): string {
    return this.#emit.node('Transpose', [a], { perm })
  }

  pad(a: string, pads: readonly (readonly [number, number])[], value: number): string {
    const amounts = this.#emit.integers([...pads.map(([before]) => before), ...pads.map(([, after]) => after)])
    return this.#emit.node('Pad', [a, amounts, this.#emit.scalar(value)], { mode: 'constant' })
  }

  concat(parts: readonly string[], axis: number): string {
    return this.#emit.node('Concat', parts, { axis })
  }

  crop(a: string, pads: readonly (readonly [number, number])[], dims: readonly number[]): string {
    const starts = dims.map((_, axis) => pads[axis + 1]![0])
    const ends = dims.map((dim, axis) => starts[axis]! + dim)
    const axes = dims.map((_, axis) => axis + 1)
    return this.#emit.node('Slice', [
      a,
      this.#emit.integers(starts),
      this.#emit.integers(ends),
      this.#emit.integers(axes)
    ])
  }

  convKernel(weights: Float32Array, geometry: ConvGeometry): string {
    const { outChannels, inChannels, groups, kernel } = geometry
    return this.#initializer(weights, [outChannels, inChannels / groups, ...kernel])
  }

  conv(x: string, kernel: string, bias: string | null, geometry: ConvGeometry): string {
    const { groups, pads } = geometry
    return this.#emit.node('Conv', bias === null ? [x, kernel] : [x, kernel, bias], {
      ...steps(geometry),
      pads,
      group: groups
    })
  }

  /** ConvTranspose takes the weights as they are. */
  convBackwardKernel(weights: Float32Array, geometry: ConvGeometry): string {
    if (!hasFlip(geometry)) return this.convKernel(weights, geometry)
    return this.convKernel(flippedKernel(weights, geometry), flippedGeometry(geometry))
  }

  /** A convolution with the kernel flipped where that is enough: every provider has a fast path for it. */
  convBackward(s: string, kernel: string, geometry: ConvGeometry): string {
    if (hasFlip(geometry)) return this.conv(s, kernel, null, flippedGeometry(geometry))
    const { groups, pads, input } = geometry
    const output_padding = [0, 1].map((axis) => rest(geometry, axis as 0 | 1))
    const transpose = (cut: readonly number[]): string =>
      this.#emit.node('ConvTranspose', [s, kernel], { ...steps(geometry), pads: cut, group: groups, output_padding })
    const [top, left, bottom, right] = pads
    if (top === bottom && left === right) return transpose(pads)
    // CUDA has no ConvTranspose that cuts off more on one side than on the other.
    return this.#emit.cut(transpose([0, 0, 0, 0]), [top, left], input)
  }

  denseKernel(weights: Float32Array, outSize: number, inSize: number): string {
    return this.#initializer(weights, [outSize, inSize])
  }

  dense(x: string, kernel: string, bias: string | null): string {
    return this.#emit.node('Gemm', bias === null ? [x, kernel] : [x, kernel, bias], { transB: 1 })
  }

  denseBackward(s: string, kernel: string): string {
    return this.#emit.node('Gemm', [s, kernel])
  }

  maxPool(x: string, window: Window, channels: number): MaxPool {
    return maxPools[this.#form](this.#emit, x, window, channels)
  }

  sumPool(x: string, window: Window, channels: number): string {
    const single = this.reshape(x, [-1, 1, ...window.input])
    const sums = this.conv(single, this.#ones(window), null, singleChannel(window))
    return this.reshape(sums, [-1, channels, ...window.output])
  }

  sumPoolBackward(s: string, window: Window, channels: number): string {
    const single = this.reshape(s, [-1, 1, ...window.output])
    // A kernel of ones is its own flip.
    const sums = this.convBackward(single, this.#ones(window), singleChannel(window))
    return this.reshape(sums, [-1, channels, ...window.input])
  }

  /** The graph's runtime frees what is no longer needed. */
  scope<R>(body: () => R): R {
    return body()
  }

  release(): void {}

  #initializer(weights: Float32Array, dims: readonly number[]): string {
    const known = this.#initializers.get(weights)
    if (known !== undefined) return known
    const name = this.#emit.builder.constant('weights', weights, dims)
    this.#initializers.set(weights, name)
    return name
  }

  #ones({ kernel }: Window): string {
    return this.constant(new Float32Array(elementCount(kernel)).fill(1), [1, 1, ...kernel])
  }
}

function steps({ kernel, strides, dilations }: Window): { [name: string]: readonly number[] } {
  return { kernel_shape: kernel, strides, dilations }
}

function singleChannel(window: Window): ConvGeometry {
  return { ...window, inChannels: 1, outChannels: 1, groups: 1 }
}

function hasFlip(geometry: ConvGeometry): boolean {
  return geometry.strides.every((stride) => stride === 1) && flippedGeometry(geometry).pads.every((pad) => pad >= 0)
}

/** The rows (or columns) at the end of the padded input that no window reaches. */
function rest({ kernel, strides, dilations, pads, input }: Window, axis: 0 | 1): number {
  return (
    (input[axis] + pads[axis] + pads[axis === 0 ? 2 : 3] - dilations[axis] * (kernel[axis] - 1) - 1) % strides[axis]
  )
}
