import type { TensorOps } from './engine.js'
import type { ConvLayer, DenseLayer, LinearLayer, PoolLayer, ScaleLayer } from './layers.js'
import { isGiven, listOf, type Plan } from './plan.js'
import { constantResponse, poolCounts, type Weights, weightsOf } from './weights.js'

/** A layer's weighted sums and their transposes, for each version of its weights that a rule asks for. */
export interface LinearMap<T> {
  /** As it is broadcast onto an output; null where the layer has none. */
  readonly bias: T | null
  forward(x: T, weights: Weights, bias: Weights | null): T
  /** What each input gets from the outputs `s`. */
  backward(s: T, weights: Weights): T
  /** What the layer answers to an input of ones, or of these numbers, without its bias; broadcasts over the batch. */
  constant(weights: Weights, values: readonly number[] | null): T
  /** One number per input channel (per input, for a dense layer); broadcasts over the batch. */
  values(list: readonly number[]): T
}

/**
 * Puts a layer's weights, in the versions that `plan` needs, where the engine wants them. Everything is made here, so
 * that explaining prepares nothing and the model's own arrays can be let go.
 */
export function linearMapOf<T>(ops: TensorOps<T>, layer: LinearLayer, plan: Plan): LinearMap<T> {
  const map = create(ops, layer)
  map.prepare('all', 'forward')
  map.prepareBias('all')
  for (const { terms, response, bias } of plan.passes) {
    for (const { input, weights } of terms) {
      map.prepare(weights, 'backward')
      const list = listOf(input)
      if (list !== null) map.prepareValues(list)
      if (response === 'computed') map.prepare(weights, isGiven(input) ? 'constant' : 'forward', list)
    }
    if (response === 'computed' && bias !== null) map.prepareBias(bias)
  }
  map.seal()
  return map
}

type Use = 'forward' | 'backward' | 'constant'

function nameOf(weights: Weights): string {
  if (typeof weights === 'string') return weights
  return Object.entries(weights)
    .map(([part, coefficient]) => `${coefficient} ${part}`)
    .join(' + ')
}

function create<T>(ops: TensorOps<T>, layer: LinearLayer): Prepared<T> {
  switch (layer.kind) {
    case 'conv':
      return new ConvMap(ops, layer)
    case 'dense':
      return new DenseMap(ops, layer)
    case 'scale':
      return new ScaleMap(ops, layer)
    case 'averagePool':
      return new AveragePoolMap(ops, layer)
  }
}

/** Keeps one tensor per version of the weights and use. */
abstract class Prepared<T> implements LinearMap<T> {
  abstract readonly bias: T | null
  readonly #tensors = new Map<string, T>()
  /** Lists of a rule's numbers, which may be as long as the picture; their place here stands for them. */
  readonly #lists: (readonly number[])[] = []

  constructor(protected readonly ops: TensorOps<T>) {}

  abstract forward(x: T, weights: Weights, bias: Weights | null): T
  abstract backward(s: T, weights: Weights): T
  protected abstract make(weights: Weights, use: Use, list: readonly number[] | null): T
  /** A version of the bias, as `forward` takes it. */
  protected abstract makeBias(version: Weights): T | null
  /** The axes that a list of one number per input channel has, without the batch. */
  protected abstract valueDims(length: number): readonly number[]
  /** Lets the model's arrays go. */
  abstract seal(): void

  prepare(weights: Weights, use: Use, list: readonly number[] | null = null): void {
    this.#once(this.keyOf(weights, use, list), () => this.make(weights, use, list))
  }

  prepareBias(version: Weights): void {
    const made = this.makeBias(version)
    if (made !== null) this.#once(`bias ${nameOf(version)}`, () => made)
  }

  prepareValues(list: readonly number[]): void {
    this.#once(`values ${this.#numberOf(list)}`, () =>
      this.ops.constant(Float32Array.from(list), [1, ...this.valueDims(list.length)])
    )
  }

  constant(weights: Weights, list: readonly number[] | null): T {
    return this.tensor(weights, 'constant', list)
  }

  values(list: readonly number[]): T {
    return this.#tensors.get(`values ${this.#numberOf(list)}`)!
  }

  protected tensor(weights: Weights, use: Use, list: readonly number[] | null = null): T {
    return this.#tensors.get(this.keyOf(weights, use, list))!
  }

  protected biasOf(version: Weights | null): T | null {
    return version === null ? null : (this.#tensors.get(`bias ${nameOf(version)}`) ?? null)
  }

  protected keyOf(weights: Weights, use: Use, list: readonly number[] | null): string {
    return `${nameOf(weights)} ${use} ${list === null ? '' : this.#numberOf(list)}`
  }

  #numberOf(list: readonly number[]): number {
    const known = this.#lists.indexOf(list)
    return known >= 0 ? known : this.#lists.push(list) - 1
  }

  #once(key: string, make: () => T): void {
    if (!this.#tensors.has(key)) this.#tensors.set(key, make())
  }
}

class ConvMap<T> extends Prepared<T> {
  readonly bias: T | null
  readonly #geometry: ConvLayer['geometry']
  #weights: Float32Array | null
  #bias: Float32Array | null
  /** Ones, one per input channel, for broadcasting. */
  #channels: T | null = null

  constructor(ops: TensorOps<T>, layer: ConvLayer) {
    super(ops)
    this.#geometry = layer.geometry
    this.#weights = layer.weights
    this.#bias = layer.bias
    this.bias = layer.bias && ops.constant(layer.bias, [1, layer.bias.length, 1, 1])
  }

  forward(x: T, weights: Weights, bias: Weights | null): T {
    return this.ops.conv(x, this.tensor(weights, 'forward'), this.biasOf(bias), this.#geometry)
  }

  /** All-ones weights treat all channels alike, so there one channel is worked out and handed to each. */
  backward(s: T, weights: Weights): T {
    const kernel = this.tensor(weights, 'backward')
    if (!this.#oneChannel(weights)) return this.ops.convBackward(s, kernel, this.#geometry)
    const single = this.ops.convBackward(this.ops.sumChannels(s), kernel, this.#single())
    return this.ops.mul(single, this.#channels!)
  }

  seal(): void {
    this.#weights = null
    this.#bias = null
  }

  protected make(version: Weights, use: Use, list: readonly number[] | null): T {
    const geometry = this.#geometry
    if (use === 'backward' && this.#oneChannel(version)) return this.#makeSingle()
    const weights = weightsOf(this.#weights!, version)
    if (use === 'forward') return this.ops.convKernel(weights, geometry)
    if (use === 'backward') return this.ops.convBackwardKernel(weights, geometry)
    return this.ops.constant(constantResponse(weights, geometry, list), [1, geometry.outChannels, ...geometry.output])
  }

  protected makeBias(version: Weights): T | null {
    return this.#bias && this.ops.constant(weightsOf(this.#bias, version), [this.#bias.length])
  }

  protected valueDims(length: number): readonly number[] {
    const { inChannels, input } = this.#geometry
    return length === inChannels ? [inChannels, 1, 1] : [inChannels, ...input]
  }

  #makeSingle(): T {
    const { inChannels } = this.#geometry
    const single = this.#single()
    this.#channels = this.ops.constant(new Float32Array(inChannels).fill(1), [1, inChannels, 1, 1])
    return this.ops.convBackwardKernel(new Float32Array(single.kernel[0] * single.kernel[1]).fill(1), single)
  }

  #oneChannel(weights: Weights): boolean {
    return weights === 'ones' && this.#geometry.groups === 1
  }

  #single(): ConvLayer['geometry'] {
    return { ...this.#geometry, inChannels: 1, outChannels: 1 }
  }
}

class DenseMap<T> extends Prepared<T> {
  readonly bias: T | null
  readonly #layer: Pick<DenseLayer, 'inSize' | 'outSize' | 'dims'>
  #weights: Float32Array | null
  #bias: Float32Array | null

  constructor(ops: TensorOps<T>, { inSize, outSize, dims, weights, bias }: DenseLayer) {
    super(ops)
    this.#layer = { inSize, outSize, dims }
    this.#weights = weights
    this.#bias = bias
    this.bias = bias && ops.constant(bias, this.#broadcastDims(outSize))
  }

  forward(x: T, weights: Weights, bias: Weights | null): T {
    const kernel = this.tensor(weights, 'forward')
    const vector = this.biasOf(bias)
    return this.#rows(x, this.#layer.inSize, this.#layer.outSize, (rows) => this.ops.dense(rows, kernel, vector))
  }

  backward(s: T, weights: Weights): T {
    const kernel = this.tensor(weights, 'backward')
    return this.#rows(s, this.#layer.outSize, this.#layer.inSize, (rows) => this.ops.denseBackward(rows, kernel))
  }

  seal(): void {
    this.#weights = null
    this.#bias = null
  }

  protected make(version: Weights, use: Use, list: readonly number[] | null): T {
    const { inSize, outSize } = this.#layer
    const weights = weightsOf(this.#weights!, version)
    if (use !== 'constant') return this.ops.denseKernel(weights, outSize, inSize)
    const sums = Float32Array.from({ length: outSize }, (_, out) => {
      let sum = 0
      for (let i = 0; i < inSize; i++) sum += weights[out * inSize + i]! * (list === null ? 1 : list[i]!)
      return sum
    })
    return this.ops.constant(sums, this.#broadcastDims(outSize))
  }

  protected makeBias(version: Weights): T | null {
    return this.#bias && this.ops.constant(weightsOf(this.#bias, version), [this.#bias.length])
  }

  protected valueDims(length: number): readonly number[] {
    return this.#broadcastDims(length).slice(1)
  }

  #broadcastDims(size: number): number[] {
    return [1, ...this.#layer.dims.map((_, axis, { length }) => (axis === length - 1 ? size : 1))]
  }

  /** One kernel serves both ways. */
  protected override keyOf(weights: Weights, use: Use, list: readonly number[] | null): string {
    return use === 'constant' ? super.keyOf(weights, use, list) : nameOf(weights)
  }

  /** Brings leading axes, if there are any, into the batch and back. */
  #rows(x: T, from: number, to: number, work: (rows: T) => T): T {
    const leading = this.#layer.dims.slice(0, -1)
    if (leading.length === 0) return work(x)
    return this.ops.reshape(work(this.ops.reshape(x, [-1, from])), [-1, ...leading, to])
  }
}

class ScaleMap<T> extends Prepared<T> {
  readonly bias: T
  readonly #factor: T

  constructor(ops: TensorOps<T>, { factor, shift, shape }: ScaleLayer) {
    super(ops)
    this.#factor = ops.constant(factor, [1, ...shape])
    this.bias = ops.constant(shift, [1, ...shape])
  }

  forward(x: T, _: Weights, bias: Weights | null): T {
    const product = this.ops.mul(x, this.#factor)
    return bias === null ? product : this.ops.add(product, this.bias)
  }

  backward(s: T): T {
    return this.ops.mul(s, this.#factor)
  }

  seal(): void {}

  protected make(): T {
    return this.#factor
  }

  protected makeBias(): T {
    return this.bias
  }

  protected valueDims(): readonly number[] {
    return []
  }
}

class AveragePoolMap<T> extends Prepared<T> {
  readonly bias = null
  readonly #window: PoolLayer['window']
  readonly #channels: number
  readonly #counts: T

  constructor(ops: TensorOps<T>, { window, includePad, dims }: PoolLayer) {
    super(ops)
    this.#channels = dims[0]!
    this.#window = window
    this.#counts = ops.constant(poolCounts(window, includePad), [1, 1, ...window.output])
  }

  forward(x: T): T {
    return this.ops.div(this.ops.sumPool(x, this.#window, this.#channels), this.#counts)
  }

  backward(s: T): T {
    return this.ops.sumPoolBackward(this.ops.div(s, this.#counts), this.#window, this.#channels)
  }

  seal(): void {}

  protected make(): T {
    return this.#counts
  }

  protected makeBias(): null {
    return null
  }

  protected valueDims(): readonly number[] {
    return []
  }
}
