import type { InputPart, Pass, Rule, Term, WeightPart } from './rules.js'

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
