import type { InputPart, Mixture, Pass, Rule, Term, WeightPart } from './rules.js'
import type { Weights } from './weights.js'

/** A rule as it is carried out on one layer: terms that are always zero are gone, and each response has its cheapest way. */
export interface Plan {
  passes: PlannedPass[]
}

export interface PlannedPass extends Pick<Pass, 'factor' | 'epsilon' | 'outputs'> {
  terms: PlannedTerm[]
  /** The version of the layer's bias in the denominator; null for none. */
  bias: Weights | null
  /**
   * `output`: the layer's own output, which the forward pass has made. `rest`: that output less the response of the
   * pass before, because W⁺x = Wx - W⁻x. `computed`: the terms' own forward passes.
   */
  response: 'output' | 'rest' | 'computed'
  /** Whether each output that has relevance has a response above zero, or one of zero to which no input contributes. */
  positive: boolean
}

/** Terms that share an input are one, with a mixture of weights. */
export interface PlannedTerm {
  input: InputPart
  weights: Weights
  coefficient: number
}

/** What is known beforehand of the values at a layer. */
export interface KnownValues {
  /** Its input has no value below zero: it comes from a ReLU. */
  nonNegative: boolean
  /** Only outputs above zero ever have relevance: behind them is a ReLU, and what it cut to zero contributed nothing. */
  positiveOutputs: boolean
}

/** Plans a rule for a layer. */
export function rulePlan(rule: Rule, { nonNegative, positiveOutputs }: KnownValues): Plan {
  const passes = rule.passes
    .filter(({ outputs }) => !(positiveOutputs && outputs === 'negative'))
    .map(({ terms, bias, ...pass }) => ({
      ...pass,
      terms: mixed(nonNegative ? terms.filter(({ input }) => input !== 'negative').map(wholeInput) : terms),
      bias: typeof bias === 'object' ? bias : bias ? ('all' as const) : null
    }))
  return {
    passes: passes.map((pass, i) => ({
      ...pass,
      response: responseOf(pass, passes[i - 1]),
      positive: isPositive(pass, { nonNegative, positiveOutputs })
    }))
  }
}

function wholeInput(term: Term): Term {
  return term.input === 'positive' ? { ...term, input: 'all' } : term
}

function mixed(terms: readonly Term[]): PlannedTerm[] {
  const inputs = [...new Set(terms.map(({ input }) => input))]
  return inputs.map((input) => {
    const own = terms.filter((term) => term.input === input)
    const [{ weights, coefficient = 1 }, ...others] = own as [Term, ...Term[]]
    if (others.length === 0) return { input, weights, coefficient }
    const mixture: Partial<Record<WeightPart, number>> = {}
    for (const { weights: part, coefficient: times = 1 } of own) mixture[part] = (mixture[part] ?? 0) + times
    return { input, weights: mixture satisfies Mixture, coefficient: 1 }
  })
}

type Unanswered = Omit<PlannedPass, 'response' | 'positive'>

/** Where an output has relevance, it is above zero; and what activates it, with its bias, is no less than the output itself. */
function isPositive(pass: Unanswered, { nonNegative, positiveOutputs }: KnownValues): boolean {
  const activating = pass.terms.every(
    ({ input, weights, coefficient }) =>
      coefficient === 1 &&
      (input === 'all' ? nonNegative && weights === 'positive' : typeof input === 'string' && input === weights)
  )
  if (pass.bias === null) return activating
  return pass.bias === 'all' && positiveOutputs && (activating || isOnly(pass, 'all', 'all'))
}

function responseOf(pass: Unanswered, before: Unanswered | undefined): PlannedPass['response'] {
  // Without the bias it is worked out anew: taking the bias off again would cost float32 its last digits.
  if (pass.bias !== 'all') return 'computed'
  if (isOnly(pass, 'all', 'all')) return 'output'
  // Not W⁻x as Wx - W⁺x: an output with relevance is above zero, so there its small inhibiting response would be the difference
  // of two large numbers, while its activating response is a sum of two numbers above zero.
  const complement = isOnly(pass, 'all', 'positive') && before !== undefined && isOnly(before, 'all', 'negative')
  return complement && before.bias === 'all' ? 'rest' : 'computed'
}

function isOnly({ terms }: Unanswered, input: InputPart, weights: WeightPart): boolean {
  const [term] = terms
  return terms.length === 1 && term!.input === input && term!.weights === weights && term!.coefficient === 1
}

/**
 * Whether a denominator may be close to zero where its output is not: contributions and a bias of opposite signs cancel. A layer's own output
 * may be small as well, but then its relevance is.
 */
export function mayCancel({ passes }: Plan): boolean {
  return passes.some(
    ({ response, positive, bias, epsilon, outputs }) =>
      response === 'computed' && !positive && bias !== null && epsilon === undefined && outputs === undefined
  )
}

/** Whether carrying out the plan needs the layer's own output. */
export function needsOutput({ passes }: Plan): boolean {
  return passes.some(({ response, outputs }) => response !== 'computed' || outputs !== undefined)
}

/** Whether it needs the layer's input. */
export function needsInput({ passes }: Plan): boolean {
  return passes.some(({ terms }) => terms.some(({ input }) => !isGiven(input)))
}

/** Whether each input gets relevance in proportion to its value, so that an input of zero gets none. */
export function isProportional({ passes }: Rule): boolean {
  return passes.every(({ terms }) => terms.every(({ input }) => !isGiven(input)))
}

type Given = number | readonly number[]

/** Whether it stands in place of a layer's input. */
export function isGiven(input: InputPart): input is Given {
  return typeof input !== 'string'
}

/** The numbers of an input part that has one per channel; null for the others. */
export function listOf(input: InputPart): readonly number[] | null {
  return typeof input === 'object' ? input : null
}
