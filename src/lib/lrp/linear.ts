import type { TensorOps } from './engine.js'
import type { ConvLayer, DenseLayer, LinearLayer, PoolLayer, ScaleLayer } from './layers.js'
import type { InputPart, Pass, Rule, Term, WeightPart } from './rules.js'
import { onesResponse, poolCounts, weightPart } from './weights.js'

/** A layer's weighted sums and their transposes, for each version of its weights that a rule asks for. */
export interface LinearMap<T> {
  /** As it is broadcast onto an output; null where the layer has none. */
  readonly bias: T | null
  forward(x: T, weights: WeightPart, withBias: boolean): T
  /** What each input gets from the outputs `s`. */
  backward(s: T, weights: WeightPart): T
  /** What the layer answers to an input of ones, without its bias; broadcasts over the batch. */
  ones(weights: WeightPart): T
}

/**
 * Puts a layer's weights, in the versions that `plan` needs, where the engine wants them. Everything is made here, so
 * that explaining prepares nothing and the model's own arrays can be let go.
 */
export function linearMapOf<T>(ops: TensorOps<T>, layer: LinearLayer, plan: Plan): LinearMap<T> {
  const map = create(ops, layer)
  map.prepare('all', 'forward')
  for (const { terms, response } of plan.passes) {
    for (const { input, weights } of terms) {
      map.prepare(weights, 'backward')
      if (response === 'computed') map.prepare(weights, typeof input === 'number' ? 'ones' : 'forward')
    }
  }
  map.seal()
  return map
}

type Use = 'forward' | 'backward' | 'ones'

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

  constructor(protected readonly ops: TensorOps<T>) {}

  abstract forward(x: T, weights: WeightPart, withBias: boolean): T
  abstract backward(s: T, weights: WeightPart): T
  protected abstract make(weights: WeightPart, use: Use): T
  /** Lets the model's arrays go. */
  abstract seal(): void

  prepare(weights: WeightPart, use: Use): void {
    const key = this.keyOf(weights, use)
    if (!this.#tensors.has(key)) this.#tensors.set(key, this.make(weights, use))
  }

  ones(weights: WeightPart): T {
    return this.tensor(weights, 'ones')
  }

  protected tensor(weights: WeightPart, use: Use): T {
    return this.#tensors.get(this.keyOf(weights, use))!
  }

  protected keyOf(weights: WeightPart, use: Use): string {
    return `${weights} ${use}`
  }
}

class ConvMap<T> extends Prepared<T> {
  readonly bias: T | null
  readonly #vector: T | null
  readonly #geometry: ConvLayer['geometry']
  #weights: Float32Array | null
  /** Ones, one per input channel, for broadcasting. */
  #channels: T | null = null

  constructor(ops: TensorOps<T>, layer: ConvLayer) {
    super(ops)
    this.#geometry = layer.geometry
    this.#weights = layer.weights
    this.bias = layer.bias && ops.constant(layer.bias, [1, layer.bias.length, 1, 1])
    this.#vector = layer.bias && ops.constant(layer.bias, [layer.bias.length])
  }

  forward(x: T, weights: WeightPart, withBias: boolean): T {
    return this.ops.conv(x, this.tensor(weights, 'forward'), withBias ? this.#vector : null, this.#geometry)
  }

  /** All-ones weights treat all channels alike, so there one channel is worked out and handed to each. */
  backward(s: T, weights: WeightPart): T {
    const kernel = this.tensor(weights, 'backward')
    if (!this.#oneChannel(weights)) return this.ops.convBackward(s, kernel, this.#geometry)
    const single = this.ops.convBackward(this.ops.sumChannels(s), kernel, this.#single())
    return this.ops.mul(single, this.#channels!)
  }

  seal(): void {
    this.#weights = null
  }

  protected make(part: WeightPart, use: Use): T {
    const geometry = this.#geometry
    if (use === 'backward' && this.#oneChannel(part)) return this.#makeSingle()
    const weights = weightPart(this.#weights!, part)
    if (use === 'forward') return this.ops.convKernel(weights, geometry)
    if (use === 'backward') return this.ops.convBackwardKernel(weights, geometry)
    return this.ops.constant(onesResponse(weights, geometry), [1, geometry.outChannels, ...geometry.output])
  }

  #makeSingle(): T {
    const { inChannels } = this.#geometry
    const single = this.#single()
    this.#channels = this.ops.constant(new Float32Array(inChannels).fill(1), [1, inChannels, 1, 1])
    return this.ops.convBackwardKernel(new Float32Array(single.kernel[0] * single.kernel[1]).fill(1), single)
  }

  #oneChannel(weights: WeightPart): boolean {
    return weights === 'ones' && this.#geometry.groups === 1
  }

  #single(): ConvLayer['geometry'] {
    return { ...this.#geometry, inChannels: 1, outChannels: 1 }
  }
}

class DenseMap<T> extends Prepared<T> {
  readonly bias: T | null
  readonly #vector: T | null
  readonly #layer: Pick<DenseLayer, 'inSize' | 'outSize' | 'dims'>
  #weights: Float32Array | null

  constructor(ops: TensorOps<T>, { inSize, outSize, dims, weights, bias }: DenseLayer) {
    super(ops)
    this.#layer = { inSize, outSize, dims }
    this.#weights = weights
    this.bias = bias && ops.constant(bias, this.#broadcastDims())
    this.#vector = bias && ops.constant(bias, [outSize])
  }

  forward(x: T, weights: WeightPart, withBias: boolean): T {
    const kernel = this.tensor(weights, 'forward')
    const bias = withBias ? this.#vector : null
    return this.#rows(x, this.#layer.inSize, this.#layer.outSize, (rows) => this.ops.dense(rows, kernel, bias))
  }

  backward(s: T, weights: WeightPart): T {
    const kernel = this.tensor(weights, 'backward')
    return this.#rows(s, this.#layer.outSize, this.#layer.inSize, (rows) => this.ops.denseBackward(rows, kernel))
  }

  seal(): void {
    this.#weights = null
  }

  protected make(part: WeightPart, use: Use): T {
    const { inSize, outSize } = this.#layer
    const weights = weightPart(this.#weights!, part)
    if (use !== 'ones') return this.ops.denseKernel(weights, outSize, inSize)
    const sums = Float32Array.from({ length: outSize }, (_, out) => {
      let sum = 0
      for (let i = out * inSize; i < (out + 1) * inSize; i++) sum += weights[i]!
      return sum
    })
    return this.ops.constant(sums, this.#broadcastDims())
  }

  #broadcastDims(): number[] {
    return [1, ...this.#layer.dims.map((dim, axis, { length }) => (axis === length - 1 ? dim : 1))]
  }

  /** One kernel serves both ways. */
  protected override keyOf(weights: WeightPart, use: Use): string {
    return use === 'ones' ? super.keyOf(weights, use) : weights
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

  forward(x: T, _: WeightPart, withBias: boolean): T {
    const product = this.ops.mul(x, this.#factor)
    return withBias ? this.ops.add(product, this.bias) : product
  }

  backward(s: T): T {
    return this.ops.mul(s, this.#factor)
  }

  seal(): void {}

  protected make(): T {
    return this.#factor
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
}

/** A rule as it is carried out on one layer: terms that are always zero are gone, and each response has its cheapest way. */
export interface Plan {
  passes: PlannedPass[]
}

export interface PlannedPass extends Pass {
  /**
   * `output`: the layer's own output, which the forward pass has made. `rest`: that output less the response of the
   * pass before, because W⁻x = Wx - W⁺x. `computed`: the terms' own forward passes.
   */
  response: 'output' | 'rest' | 'computed'
}

/** Plans a rule for a layer; `nonNegative` says that its input has no value below zero (it comes from a ReLU). */
export function planOf(rule: Rule, nonNegative: boolean): Plan {
  const passes = rule.passes.map((pass) => ({
    ...pass,
    terms: nonNegative ? pass.terms.filter(({ input }) => input !== 'negative').map(wholeInput) : pass.terms
  }))
  return { passes: passes.map((pass, i) => ({ ...pass, response: responseOf(pass, passes[i - 1]) })) }
}

function wholeInput(term: Term): Term {
  return term.input === 'positive' ? { ...term, input: 'all' } : term
}

function responseOf(pass: Pass, before: Pass | undefined): PlannedPass['response'] {
  // Without the bias it is worked out anew: taking the bias off again would cost float32 its last digits.
  if (!pass.bias) return 'computed'
  if (isOnly(pass, 'all', 'all')) return 'output'
  const complement = isOnly(pass, 'all', 'negative') && before !== undefined && isOnly(before, 'all', 'positive')
  return complement && before.bias ? 'rest' : 'computed'
}

function isOnly({ terms }: Pass, input: InputPart, weights: WeightPart): boolean {
  const [term] = terms
  return terms.length === 1 && term!.input === input && term!.weights === weights && term!.sign !== -1
}

/** Whether carrying out the plan needs the layer's own output. */
export function needsOutput({ passes }: Plan): boolean {
  return passes.some(({ response }) => response !== 'computed')
}

/** Whether it needs the layer's input. */
export function needsInput({ passes }: Plan): boolean {
  return passes.some(({ terms }) => terms.some(({ input }) => typeof input !== 'number'))
}
