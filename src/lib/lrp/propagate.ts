import type { LinearMap } from './linear.js'
import type { TensorOps } from './ops.js'
import type { Plan, PlannedPass } from './plan.js'
import { type InputPart, safeDenominator } from './rules.js'

/** What a rule sees of a layer: its map, its input, and its output before any activation. */
export interface LayerValues<T> {
  map: LinearMap<T>
  input: T
  output: T
}

/** Sends a layer's relevance back to its inputs, as rules.ts says. */
export function propagate<T>(ops: TensorOps<T>, plan: Plan, values: LayerValues<T>, relevance: T): T {
  // Σ_j w'_ij·s_j gathered per kind of input, so that each kind is multiplied once.
  const shares = new Map<InputPart, T>()
  let before: T | null = null
  for (const pass of plan.passes) {
    const response: T = responseOf(ops, pass, values, before)
    const ratio = ops.div(relevance, denominatorOf(ops, pass, response))
    for (const { input, weights, sign = 1 } of pass.terms) {
      const share = scaled(ops, values.map.backward(ratio, weights), pass.factor * sign)
      const sum = shares.get(input)
      shares.set(input, sum === undefined ? share : ops.add(sum, share))
    }
    before = response
  }
  const parts = [...shares].map(([input, share]) => weighted(ops, input, values.input, share))
  return parts.reduce((sum, part) => ops.add(sum, part))
}

function denominatorOf<T>(ops: TensorOps<T>, pass: PlannedPass, response: T): T {
  return pass.epsilon === undefined ? ops.nonZero(response, safeDenominator) : ops.stabilized(response, pass.epsilon)
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
  const terms = pass.terms.map((term) => {
    if (typeof term.input === 'number') return scaled(ops, map.ones(term.weights), term.input * (term.sign ?? 1))
    // The bias goes in once, with the first term that has a forward pass of its own.
    const response = map.forward(inputPart(ops, term.input, input), term.weights, bias)
    bias = false
    return scaled(ops, response, term.sign ?? 1)
  })
  return terms.reduce((sum, term) => ops.add(sum, term))
}

function inputPart<T>(ops: TensorOps<T>, part: InputPart, input: T): T {
  if (part === 'positive') return ops.positive(input)
  return part === 'negative' ? ops.negative(input) : input
}

function weighted<T>(ops: TensorOps<T>, part: InputPart, input: T, share: T): T {
  return typeof part === 'number' ? scaled(ops, share, part) : ops.mul(inputPart(ops, part, input), share)
}

function scaled<T>(ops: TensorOps<T>, tensor: T, factor: number): T {
  return factor === 1 ? tensor : ops.times(tensor, factor)
}
