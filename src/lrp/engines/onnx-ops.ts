import { elementCount, type GraphBuilder } from '../../onnx/index.js'
import type { ConvGeometry, Window } from '../layers.js'
import type { TensorOps } from '../ops.js'
import { flippedGeometry, flippedKernel } from '../weights.js'

/**
 * TensorOps that emit an ONNX graph: a tensor is the name of a value, an operation adds a node. Only operators of ONNX's
 * own set (version 17) are used, so that any runtime can run the graph on any of its providers.
 */
export class OnnxOps implements TensorOps<string> {
  readonly #builder: GraphBuilder
  readonly #scalars = new Map<number, string>()
  /** One initializer per array, so that weights that are used both ways are stored once. */
  readonly #initializers = new Map<Float32Array, string>()

  constructor(builder: GraphBuilder) {
    this.#builder = builder
  }

  constant(data: Float32Array, dims: readonly number[]): string {
    return this.#builder.constant('constant', data, dims)
  }

  add(a: string, b: string): string {
    return this.#node('Add', [a, b])
  }

  sub(a: string, b: string): string {
    return this.#node('Sub', [a, b])
  }

  mul(a: string, b: string): string {
    return this.#node('Mul', [a, b])
  }

  div(a: string, b: string): string {
    return this.#node('Div', [a, b])
  }

  times(a: string, factor: number): string {
    return this.#node('Mul', [a, this.#scalar(factor)])
  }

  positive(a: string): string {
    return this.#node('Relu', [a])
  }

  negative(a: string): string {
    return this.#node('Min', [a, this.#scalar(0)])
  }

  stabilized(a: string, epsilon: number): string {
    const above = this.#node('GreaterOrEqual', [a, this.#scalar(0)])
    return this.#node('Add', [a, this.#node('Where', [above, this.#scalar(epsilon), this.#scalar(-epsilon)])])
  }

  nonZero(a: string, value: number): string {
    return this.#node('Where', [this.#node('Equal', [a, this.#scalar(0)]), this.#scalar(value), a])
  }

  sumChannels(a: string): string {
    return this.#node('ReduceSum', [a, this.#integers([1])], { keepdims: 1 })
  }

  reshape(a: string, dims: readonly number[]): string {
    return this.#node('Reshape', [a, this.#integers(dims)])
  }

  transpose(a: string, perm: readonly number[]): string {
    return this.#node('Transpose', [a], { perm })
  }

  pad(a: string, pads: readonly (readonly [number, number])[], value: number): string {
    const amounts = this.#integers([...pads.map(([before]) => before), ...pads.map(([, after]) => after)])
    return this.#node('Pad', [a, amounts, this.#scalar(value)], { mode: 'constant' })
  }

  crop(a: string, pads: readonly (readonly [number, number])[], dims: readonly number[]): string {
    const starts = dims.map((_, axis) => pads[axis + 1]![0])
    const ends = dims.map((dim, axis) => starts[axis]! + dim)
    const axes = dims.map((_, axis) => axis + 1)
    return this.#node('Slice', [a, this.#integers(starts), this.#integers(ends), this.#integers(axes)])
  }

  convKernel(weights: Float32Array, geometry: ConvGeometry): string {
    const { outChannels, inChannels, groups, kernel } = geometry
    return this.#initializer(weights, [outChannels, inChannels / groups, ...kernel])
  }

  conv(x: string, kernel: string, bias: string | null, geometry: ConvGeometry): string {
    const { groups, pads } = geometry
    return this.#node('Conv', bias === null ? [x, kernel] : [x, kernel, bias], {
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
    const { groups, pads } = geometry
    const output_padding = [0, 1].map((axis) => rest(geometry, axis as 0 | 1))
    return this.#node('ConvTranspose', [s, kernel], { ...steps(geometry), pads, group: groups, output_padding })
  }

  denseKernel(weights: Float32Array, outSize: number, inSize: number): string {
    return this.#initializer(weights, [outSize, inSize])
  }

  dense(x: string, kernel: string, bias: string | null): string {
    return this.#node('Gemm', bias === null ? [x, kernel] : [x, kernel, bias], { transB: 1 })
  }

  denseBackward(s: string, kernel: string): string {
    return this.#node('Gemm', [s, kernel])
  }

  maxPool(x: string, window: Window, channels: number): { output: string; unpool(relevance: string): string } {
    const [output, winners] = this.#builder.node(
      'MaxPool',
      [x],
      { ...steps(window), pads: window.pads },
      { outputs: 2 }
    ) as [string, string]
    return { output, unpool: (relevance) => this.#unpool(x, relevance, winners, channels, window) }
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

  /**
   * MaxUnpool sets its targets instead of adding to them, so it is right only where no input can win twice; ScatterElements
   * adds. Winners are counted through the whole tensor, the batch included.
   */
  #unpool(x: string, relevance: string, winners: string, channels: number, window: Window): string {
    const { kernel, strides, pads, dilations } = window
    const apart = kernel[0] <= strides[0] && kernel[1] <= strides[1] && pads.every((pad) => pad === 0)
    if (apart && dilations.every((dilation) => dilation === 1)) {
      const shape = this.#node('Shape', [x])
      return this.#node('MaxUnpool', [relevance, winners, shape], { kernel_shape: kernel, strides })
    }
    const flat = this.#integers([-1])
    const zeros = this.#node('ConstantOfShape', [this.#node('Shape', [this.#node('Reshape', [x, flat])])])
    const updates = [this.#node('Reshape', [winners, flat]), this.#node('Reshape', [relevance, flat])]
    const scattered = this.#node('ScatterElements', [zeros, ...updates], { axis: 0, reduction: 'add' })
    return this.reshape(scattered, [-1, channels, ...window.input])
  }

  #node(
    opType: string,
    inputs: readonly string[],
    attributes: Record<string, number | readonly number[] | string> = {}
  ): string {
    return this.#builder.node(opType, inputs, attributes)
  }

  #scalar(value: number): string {
    const known = this.#scalars.get(value)
    if (known !== undefined) return known
    const name = this.#builder.constant('scalar', Float32Array.of(value), [])
    this.#scalars.set(value, name)
    return name
  }

  #integers(values: readonly number[]): string {
    return this.#builder.constant('integers', BigInt64Array.from(values, BigInt), [values.length])
  }

  #initializer(weights: Float32Array, dims: readonly number[]): string {
    const known = this.#initializers.get(weights)
    if (known !== undefined) return known
    const name = this.#builder.constant('weights', weights, dims)
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
