import { InvariantError } from '../../core/errors.js'
import { type Composite, rulesOf } from './composites.js'
import type { TensorOps } from './engine.js'
import { isLinear, type Layer, type LayerGraph } from './layers.js'
import { type LinearMap, linearMapOf } from './linear.js'
import { isGiven, listOf, mayCancel, needsInput, needsOutput, type Plan, type PlannedPass, rulePlan } from './plan.js'
import { type InputPart, leastDenominator, safeDenominator, z } from './rules.js'
import { positiveOutputsOf } from './vanishing.js'

/** A layer ready to run: linear layers have their map and plan, of which those that hand relevance on lack the plan. */
interface Stage<T> {
  layer: SlimLayer
  map: LinearMap<T> | null
  plan: Plan | null
  /** Of a leakyRelu. */
  slope: T | null
}

/** A layer without its weights, which have gone to the engine. */
type SlimLayer =
  | Exclude<Layer, { weights: Float32Array } | { factor: Float32Array }>
  | { kind: 'conv' | 'dense' | 'scale'; inputs: number[]; dims: number[] }

/** What a forward pass leaves for the way back. */
export interface Tape<T> {
  /** Each layer's output; null where nothing needs it any more. */
  values: (T | null)[]
  unpools: Map<number, (relevance: T) => T>
}

/** One classifier under one composite, its weights prepared for one engine. Layers run in order, and back again. */
export class Walk<T> {
  readonly #ops: TensorOps<T>
  readonly #stages: Stage<T>[]
  readonly #output: number
  /** Whether the way back needs a layer's output: as a rule's input, or as its denominator. */
  readonly #kept: boolean[]

  /** Prepares all weights; the graph's own arrays can go afterwards. UsageError if a layer is left without a rule. */
  constructor(ops: TensorOps<T>, graph: LayerGraph, composite: Composite) {
    const plans = plansOf(graph, composite)
    this.#ops = ops
    this.#output = graph.output
    this.#stages = graph.layers.map((layer, place) => {
      if (!isLinear(layer)) return { layer, map: null, plan: null, slope: slopeOf(ops, layer) }
      const plan = plans.get(place)!
      const handsOn = layer.kind === 'scale' && layer.handsOn
      const map = linearMapOf(ops, layer, plan)
      return { layer: slim(layer), map, plan: handsOn ? null : plan, slope: null }
    })
    this.#kept = this.#stages.map((_, place) => place === graph.output)
    this.#stages.forEach(({ layer, plan }, place) => {
      if (plan ? needsOutput(plan) : layer.kind === 'add') this.#kept[place] = true
      if (plan ? needsInput(plan) : layer.kind === 'add') for (const input of layer.inputs) this.#kept[input] = true
    })
  }

  /** The logits' shape without the batch. */
  get outputDims(): readonly number[] {
    return this.#stages[this.#output]!.layer.dims
  }

  /** Runs the classifier, up to a layer that is not its last one if `upTo` says so. */
  forward(input: T, upTo = this.#output): { output: T; tape: Tape<T> } {
    const stages = this.#stages.slice(0, upTo + 1)
    const tape: Tape<T> = { values: [], unpools: new Map() }
    const left = this.#stages.map(() => 0)
    for (const { layer } of this.#stages) for (const place of layer.inputs) left[place]!++
    stages.forEach((stage, place) => {
      const { inputs } = stage.layer
      tape.values[place] = inputs.length === 0 ? input : this.#run(stage, place, tape)
      for (const read of inputs) if (--left[read]! === 0 && !this.#kept[read]) this.#forget(tape, read)
    })
    return { output: tape.values[upTo]!, tape }
  }

  /**
   * Sends relevance back to the input. Uses the tape up.
   * @param relevance shaped as the output of layer `from`, the last one unless given
   * @param to the layer at whose output the way ends, the input unless given; all of it has to pass there (`middleLayerOf`)
   */
  backward(tape: Tape<T>, relevance: T, { from = this.#output, to = 0 }: { from?: number; to?: number } = {}): T {
    const at: (T | undefined)[] = []
    at[from] = relevance
    for (let place = from; place > to; place--) {
      const arriving = at[place]
      const { inputs } = this.#stages[place]!.layer
      if (arriving !== undefined) {
        const parts = this.#ops.scope(() => this.#back(place, tape, arriving))
        parts.forEach((part, i) => {
          if (part === null) return
          const sum = at[inputs[i]!]
          at[inputs[i]!] = sum === undefined ? part : this.#ops.add(sum, part)
        })
        if (!parts.includes(arriving)) this.#ops.release(arriving)
      }
      this.#forget(tape, place)
      tape.unpools.delete(place)
    }
    return at[to]!
  }

  #run({ layer, map, slope }: Stage<T>, place: number, tape: Tape<T>): T {
    const ops = this.#ops
    const inputs = layer.inputs.map((input) => tape.values[input]!)
    const [x, y] = inputs as [T, T]
    if (map) return map.forward(x, 'all', 'all')
    switch (layer.kind) {
      case 'relu':
        return ops.positive(x)
      case 'sigmoid':
        return ops.sigmoid(x)
      case 'tanh':
        return ops.tanh(x)
      case 'clip':
        return ops.clip(x, layer.low, layer.high)
      case 'leakyRelu':
        return ops.scope(() => ops.add(ops.positive(x), ops.mul(ops.negative(x), slope!)))
      case 'gate':
        return ops.mul(x, y)
      case 'concat':
        return ops.concat(inputs, layer.axis)
      case 'crop':
        return ops.crop(x, layer.pads, layer.dims)
      case 'maxPool': {
        const { output, unpool } = ops.maxPool(x, layer.window, layer.dims[0]!)
        tape.unpools.set(place, unpool)
        return output
      }
      case 'reshape':
        return ops.reshape(x, [-1, ...layer.dims])
      case 'transpose':
        return ops.transpose(x, layer.perm)
      case 'pad':
        return ops.pad(x, layer.pads, layer.value)
      case 'add':
        return ops.add(x, y)
      default:
        throw new InvariantError(`no way to run a layer of kind ${layer.kind}`, 'LRP')
    }
  }

  /**
   * The relevance of each of a layer's inputs. Activations and moves hand it on (Bach et al. 2015, section "LRP in networks";
   * zennit's Pass), pools give it to their winners, and a gate's goes to its signal alone, since the gate only says how
   * much of that goes through (Arras et al., "Explaining recurrent neural network predictions in sentiment analysis", 2017).
   */
  #back(place: number, tape: Tape<T>, relevance: T): (T | null)[] {
    const ops = this.#ops
    const { layer, map, plan } = this.#stages[place]!
    const dims = layer.inputs.map((input) => this.#stages[input]!.layer.dims)
    if (map && plan) {
      const [input, output] = [tape.values[layer.inputs[0]!]!, tape.values[place]!]
      return [propagate(ops, plan, { map, input, output }, relevance)]
    }
    switch (layer.kind) {
      case 'relu':
      case 'sigmoid':
      case 'tanh':
      case 'clip':
      case 'leakyRelu':
      case 'scale':
        return [relevance]
      case 'gate':
        return [relevance, null]
      case 'concat':
        return partsOf(layer.axis, dims).map((pads, i) => ops.crop(relevance, pads, dims[i]!))
      case 'crop':
        return [ops.pad(relevance, layer.pads, 0)]
      case 'maxPool':
        return [tape.unpools.get(place)!(relevance)]
      case 'reshape':
        return [ops.reshape(relevance, [-1, ...dims[0]!])]
      case 'transpose':
        return [ops.transpose(relevance, inverse(layer.perm))]
      case 'pad':
        return [ops.crop(relevance, layer.pads, dims[0]!)]
      case 'add': {
        // The Z rule with weights of one.
        const ratio = ops.div(relevance, ops.nonZero(tape.values[place]!, safeDenominator))
        return layer.inputs.map((input) => ops.mul(tape.values[input]!, ratio))
      }
      default:
        throw new InvariantError(`no way back through a layer of kind ${layer.kind}`, 'LRP')
    }
  }

  #forget(tape: Tape<T>, place: number): void {
    const value = tape.values[place]
    if (value != null && place !== 0) this.#ops.release(value)
    tape.values[place] = null
  }
}

function slim(layer: Layer): SlimLayer {
  return { kind: layer.kind, inputs: layer.inputs, dims: layer.dims } as SlimLayer
}

function slopeOf<T>(ops: TensorOps<T>, layer: Layer): T | null {
  return layer.kind === 'leakyRelu' ? ops.constant(layer.slope, [1, ...layer.shape]) : null
}

/** What has to go around each part of a concatenation along `axis`, as `crop` takes it. */
function partsOf(axis: number, dims: readonly (readonly number[])[]): [number, number][][] {
  const sizes = dims.map((own) => own[axis - 1]!)
  const total = sizes.reduce((sum, size) => sum + size, 0)
  let start = 0
  return dims.map((own, i) => {
    const before = start
    start += sizes[i]!
    return [0, ...own].map((_, at): [number, number] => (at === axis ? [before, total - start] : [0, 0]))
  })
}

function inverse(perm: readonly number[]): number[] {
  return perm.map((_, axis) => perm.indexOf(axis))
}

/** What a rule sees of a layer: its map, its input, and its output before any activation. */
export interface LayerValues<T> {
  map: LinearMap<T>
  input: T
  output: T
}

/** Sends a layer's relevance back to its inputs, as rules.ts says. */
function propagate<T>(ops: TensorOps<T>, plan: Plan, values: LayerValues<T>, relevance: T): T {
  // Σ_j w'_ij·s_j gathered per kind of input, so that each kind is multiplied once.
  const shares = new Map<InputPart, T>()
  let before: T | null = null
  for (const pass of plan.passes) {
    const response: T = responseOf(ops, pass, values, before)
    const sent = pass.outputs === undefined ? relevance : ops.where(relevance, values.output, pass.outputs)
    const ratio = ops.div(sent, denominatorOf(ops, pass, response))
    for (const { input, weights, coefficient } of pass.terms) {
      const share = scaled(ops, values.map.backward(ratio, weights), pass.factor * coefficient)
      const sum = shares.get(input)
      shares.set(input, sum === undefined ? share : ops.add(sum, share))
    }
    before = response
  }
  const parts = [...shares].map(([input, share]) => weighted(ops, input, values, share))
  return parts.reduce((sum, part) => ops.add(sum, part))
}

function denominatorOf<T>(ops: TensorOps<T>, pass: PlannedPass, response: T): T {
  if (pass.epsilon !== undefined) return ops.stabilized(response, pass.epsilon)
  return pass.positive
    ? ops.clip(response, leastDenominator, Number.POSITIVE_INFINITY)
    : ops.nonZero(response, safeDenominator)
}

function responseOf<T>(
  ops: TensorOps<T>,
  pass: PlannedPass,
  { map, input, output }: LayerValues<T>,
  before: T | null
): T {
  if (pass.response === 'computed') return computed(ops, pass, map, input)
  if (pass.response === 'output') return output
  // Both hold the bias, so the difference does not.
  const rest = ops.sub(output, before!)
  return map.bias === null ? rest : ops.add(rest, map.bias)
}

function computed<T>(ops: TensorOps<T>, pass: PlannedPass, map: LinearMap<T>, input: T): T {
  let bias = pass.bias
  const terms = pass.terms.map(({ input: part, weights, coefficient }) => {
    if (isGiven(part)) {
      const factor = typeof part === 'number' ? part * coefficient : coefficient
      return scaled(ops, map.constant(weights, listOf(part)), factor)
    }
    // The bias goes in once, with the first term that has a forward pass of its own.
    const response = map.forward(inputPart(ops, part, input), weights, bias)
    bias = null
    return scaled(ops, response, coefficient)
  })
  return terms.reduce((sum, term) => ops.add(sum, term))
}

function inputPart<T>(ops: TensorOps<T>, part: InputPart, input: T): T {
  if (part === 'positive') return ops.positive(input)
  return part === 'negative' ? ops.negative(input) : input
}

function weighted<T>(ops: TensorOps<T>, part: InputPart, { map, input }: LayerValues<T>, share: T): T {
  if (typeof part === 'number') return scaled(ops, share, part)
  return ops.mul(isGiven(part) ? map.values(part) : inputPart(ops, part, input), share)
}

function scaled<T>(ops: TensorOps<T>, tensor: T, factor: number): T {
  return factor === 1 ? tensor : ops.times(tensor, factor)
}

/** How each linear layer's rule is carried out, by its place; Z where the composite has none to give. */
export function plansOf(graph: LayerGraph, composite: Composite): Map<number, Plan> {
  const rules = rulesOf(graph, composite)
  const positive = positiveOutputsOf(graph, rules)
  const plans = new Map<number, Plan>()
  graph.layers.forEach((layer, place) => {
    if (!isLinear(layer)) return
    const { nonNegative } = graph.layers[layer.inputs[0]!]!
    plans.set(place, rulePlan(rules.get(place) ?? z(), { nonNegative, positiveOutputs: positive[place]! }))
  })
  return plans
}

/** Whether relevance under the composite may be ill-conditioned on this model: `Engine.cancels`. */
export function cancelsUnder(graph: LayerGraph, composite: Composite): boolean {
  return [...plansOf(graph, composite)].some(([place, plan]) => hasBias(graph.layers[place]!) && mayCancel(plan))
}

function hasBias(layer: Layer): boolean {
  return (layer.kind === 'conv' || layer.kind === 'dense') && (layer.bias?.some((value) => value !== 0) ?? false)
}
