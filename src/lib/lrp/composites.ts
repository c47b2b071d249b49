import { UsageError } from '../../core/errors.js'
import { type Bound, boundsAt } from './input-bounds.js'
import { isWeighted, type Layer, type LayerGraph } from './layers.js'
import { alphaBeta, bounded, epsilon, flat, gamma, type Rule, wSquare, z, zPlus } from './rules.js'

type Kind = 'any' | 'dense' | 'conv'

/**
 * Which layers a rule is for: `input` are those with weights that no other layer with weights comes before; `depth` those of a kind
 * that lie in a part of the net, from 0, the input, to 1: the k-th of n layers with weights lies at (k - 1) / n.
 */
export type Match =
  | Kind
  | 'input'
  | { untilIndex: number }
  | { depth: readonly [from: number, to: number]; kind: Kind }
  | ((layer: Layer) => boolean)

/** An ordered list; for each layer with weights the first match counts. */
export type Composite = readonly (readonly [Match, Rule])[]

export interface CompositeOptions {
  /** The rule for the first layers with weights: flat, or bounded by the lowest and highest possible input of the model. */
  inputLayerRule?: 'flat' | readonly [low: Bound, high: Bound]
  /** In place of 1e-7 for `lrp.epsilon`, 0.1 for the presets' dense layers and 1e-6 for those of `lrp.epsilon_gamma_box`. */
  epsilon?: number
  /**
   * In place of 0.25 for the composites with gamma. Several are by depth: the net is cut into as many parts with the same number of
   * layers with weights (as near as may be), and the first gamma is that of the part at the input.
   */
  gamma?: number | readonly number[]
  /** The flat rule for all layers up to this one, counted as Keras does: 0 is the input. */
  untilLayerIdx?: number
  /** For `lrp.alpha_beta`. */
  alpha?: number
  beta?: number
}

type Build = (options: CompositeOptions, bias: boolean) => Composite

/** Every layer alike, with iNNvestigate's bare rules. */
const everywhere =
  (rule: (options: CompositeOptions, bias: boolean) => Rule): Build =>
  (options, bias) => [['any', rule(options, bias)]]

/** Epsilon for dense layers, alpha-beta for convolutions (Kohlbrenner et al., "Towards best practice…", 2020). */
const sequential =
  (alpha: number, beta: number): Build =>
  (options, bias) => [
    ['dense', epsilon(options.epsilon ?? 0.1, bias)],
    ['conv', alphaBeta(alpha, beta, bias)]
  ]

const flatInput =
  (build: Build): Build =>
  (options, bias) => [['input', flat()], ...build(options, bias)]

/** Gamma for layers of a kind, by depth where there are several. */
function gammas(kind: Kind, { gamma: given = 0.25 }: CompositeOptions, bias: boolean): Composite {
  if (typeof given === 'number') return [[kind, gamma(given, bias)]]
  const parts = given.length
  return given.map((own, i) => [{ depth: [i / parts, (i + 1) / parts], kind }, gamma(own, bias)])
}

/** Bounds for the first layer, gamma for convolutions, epsilon for dense layers (zennit's EpsilonGammaBox). */
const epsilonGammaBox: Build = (options, bias) => [
  ['dense', epsilon(options.epsilon ?? 1e-6, bias)],
  ...gammas('conv', options, bias)
]

/** By iNNvestigate's names, and zennit's where iNNvestigate has none. Each of these, and of the next, is there without the bias, too, as NAME_IB. */
const withBias = {
  'lrp.z': everywhere((_, bias) => z(bias)),
  'lrp.epsilon': everywhere((options, bias) => epsilon(options.epsilon ?? 1e-7, bias)),
  'lrp.alpha_1_beta_0': everywhere((_, bias) => alphaBeta(1, 0, bias)),
  'lrp.alpha_2_beta_1': everywhere((_, bias) => alphaBeta(2, 1, bias)),
  'lrp.sequential_preset_a': sequential(1, 0),
  'lrp.sequential_preset_b': sequential(2, 1),
  'lrp.sequential_preset_a_flat': flatInput(sequential(1, 0)),
  'lrp.sequential_preset_b_flat': flatInput(sequential(2, 1)),
  'lrp.gamma': (options, bias) => gammas('any', options, bias),
  'lrp.epsilon_gamma_box': epsilonGammaBox
} satisfies Record<string, Build>

/** Those that say nothing without an option beside their name. */
const withOptions = {
  'lrp.alpha_beta': everywhere((options, bias) => ownAlphaBeta(options, bias)),
  'lrp.sequential_preset_a_flat_until_idx': sequential(1, 0),
  'lrp.sequential_preset_b_flat_until_idx': sequential(2, 1)
} satisfies Record<string, Build>

/** Those whose rules have no use for the bias. */
const withoutBias = {
  'lrp.w_square': everywhere(wSquare),
  'lrp.flat': everywhere(flat),
  'lrp.z_plus': everywhere(zPlus)
} satisfies Record<string, Build>

type OrWithoutBias<Name extends string> = Name | `${Name}_IB`
/** The composites that their name says all of. */
export type PlainCompositeName = OrWithoutBias<keyof typeof withBias> | keyof typeof withoutBias
export type CompositeName = PlainCompositeName | OrWithoutBias<keyof typeof withOptions>

const keysOf = <Name extends string>(table: Record<Name, Build>): Name[] => Object.keys(table) as Name[]
const bothOf = <Name extends string>(table: Record<Name, Build>): OrWithoutBias<Name>[] => [
  ...keysOf(table),
  ...keysOf(table).map((name) => `${name}_IB` as const)
]

/** The names that need no option beside them: what the config and `painlens explain` take. */
export const plainCompositeNames: readonly PlainCompositeName[] = [...bothOf(withBias), ...keysOf(withoutBias)]
/** All names that `compositeOf` knows; `_IB` ignores the bias. */
export const compositeNames: readonly CompositeName[] = [...plainCompositeNames, ...bothOf(withOptions)]

function buildOf(name: string): ((options: CompositeOptions) => Composite) | undefined {
  if (!(compositeNames as readonly string[]).includes(name)) return undefined
  const builds: Record<string, Build> = { ...withBias, ...withOptions, ...withoutBias }
  const build = builds[name.replace(/_IB$/, '')]!
  const bias = !name.endsWith('_IB') && !Object.hasOwn(withoutBias, name)
  return (options) => build(options, bias)
}

/** Options that only some composites have a use for; given to others they would say what is not so. */
const usedBy = {
  epsilon: /^lrp\.(epsilon|sequential)/,
  gamma: /^lrp\.(gamma|epsilon_gamma_box)/,
  alpha: /^lrp\.alpha_beta/,
  beta: /^lrp\.alpha_beta/
}

/** Whether a composite, by its name, has a use for `gamma`, and whether it needs bounds as `inputLayerRule`. */
export const usesGamma = (name: string): boolean => usedBy.gamma.test(name)
export const needsBounds = (name: string): boolean => name.startsWith('lrp.epsilon_gamma_box')

/**
 * The composite of that name, or one's own list, with the rules that the options put in front. UsageError for an unknown
 * name, and for options that make no sense or that the composite has no use for.
 */
export function compositeOf(composite: string | Composite, options: CompositeOptions = {}): Composite {
  const name = typeof composite === 'string' ? composite : "a list of one's own"
  const build = Array.isArray(composite) ? () => composite as Composite : buildOf(composite as string)
  if (build === undefined) {
    throw new UsageError('PL-LRP-COMPOSITE', `unknown composite "${composite}"`, 'composite', {
      fix: `Use one of ${compositeNames.join(', ')}.`
    })
  }
  checkOptions(name, options)
  return [...rulesInFront(options), ...build(options)]
}

/** The input layer's rule first of all, then the cut-off's. */
function rulesInFront({ inputLayerRule, untilLayerIdx }: CompositeOptions): Composite {
  const front: (readonly [Match, Rule])[] = []
  if (inputLayerRule !== undefined) {
    front.push(['input', inputLayerRule === 'flat' ? flat() : bounded(...inputLayerRule)])
  }
  if (untilLayerIdx !== undefined) front.push([{ untilIndex: untilLayerIdx }, flat()])
  return front
}

function checkOptions(name: string, options: CompositeOptions): void {
  const { untilLayerIdx, epsilon: value } = options
  for (const option of ['epsilon', 'gamma', 'alpha', 'beta'] as const) {
    if (options[option] === undefined || usedBy[option].test(name)) continue
    throw new UsageError('PL-LRP-COMPOSITE', `${name} has no use for ${option}`, 'composite', {
      fix: `Leave ${option} out, or take another composite.`
    })
  }
  if (value !== undefined && !(Number.isFinite(value) && value > 0)) {
    throw new UsageError('PL-LRP-COMPOSITE', `epsilon is ${value}`, 'composite', {
      fix: 'Use a number above 0, such as 1e-7 or 0.1.'
    })
  }
  if (name.includes('_until_idx') && untilLayerIdx === undefined) {
    throw new UsageError('PL-LRP-COMPOSITE', `"${name}" needs untilLayerIdx`, 'composite', {
      fix: 'Say up to which layer the flat rule holds.'
    })
  }
  if (untilLayerIdx !== undefined && !(Number.isInteger(untilLayerIdx) && untilLayerIdx >= 0)) {
    throw new UsageError('PL-LRP-COMPOSITE', `untilLayerIdx is ${untilLayerIdx}`, 'composite', {
      fix: 'Use a whole number from 0.'
    })
  }
  checkGamma(options)
  checkInputRule(name, options)
}

function checkGamma({ gamma: given }: CompositeOptions): void {
  const list = typeof given === 'object' ? given : [given ?? 0]
  if (list.length > 0 && list.every((value) => Number.isFinite(value) && value >= 0)) return
  throw new UsageError('PL-LRP-COMPOSITE', `gamma is ${JSON.stringify(given)}`, 'composite', {
    fix: 'Use a number from 0, such as 0.25, or several from the input to the output.'
  })
}

function checkInputRule(name: string, { inputLayerRule: given }: CompositeOptions): void {
  const bounds = given !== undefined && given !== 'flat' && isRange(given)
  if (!bounds && needsBounds(name)) {
    throw new UsageError('PL-LRP-COMPOSITE', `"${name}" needs bounds as inputLayerRule`, 'composite', {
      fix: 'Give the lowest and then the highest possible input, each a number or one per colour.'
    })
  }
  if (bounds || given === undefined || given === 'flat') return
  throw new UsageError('PL-LRP-COMPOSITE', `inputLayerRule is ${JSON.stringify(given)}`, 'composite', {
    fix: 'Use "flat", or give the lowest and then the highest possible input, each a number or one per colour.'
  })
}

function isRange(range: unknown): boolean {
  if (!Array.isArray(range) || range.length !== 2) return false
  const [low, high] = (range as Bound[]).map((bound) => (typeof bound === 'number' ? [bound] : [...bound]))
  const size = Math.max(low!.length, high!.length)
  if (![low!, high!].every((list) => list.every(Number.isFinite) && [1, size].includes(list.length))) return false
  return Array.from({ length: size }, (_, i) => i).every((i) => low![i % low!.length]! < high![i % high!.length]!)
}

function ownAlphaBeta({ alpha, beta }: CompositeOptions, bias: boolean): Rule {
  if (alpha === undefined || beta === undefined || beta < 0 || Math.abs(alpha - beta - 1) > 1e-9) {
    throw new UsageError('PL-LRP-COMPOSITE', `alpha is ${alpha}, beta is ${beta}`, 'composite lrp.alpha_beta', {
      fix: 'Give alpha and beta with alpha - beta = 1 and beta from 0.'
    })
  }
  return alphaBeta(alpha, beta, bias)
}

/** The rule of each layer with weights, by its place in the graph. UsageError if a composite leaves one out. */
export function rulesOf(graph: LayerGraph, composite: Composite): Map<number, Rule> {
  const first = firstWeighted(graph)
  const all = graph.layers.filter(isWeighted).length
  const rules = new Map<number, Rule>()
  graph.layers.forEach((layer, place) => {
    if (!isWeighted(layer)) return
    const at = { first: first.has(place), depth: rules.size / all }
    const entry = composite.find(([match]) => matches(match, layer, at))
    if (entry === undefined) {
      throw new UsageError('PL-LRP-COMPOSITE', `no rule is for ${layer.title}`, 'composite', {
        fix: "End the composite with ['any', a rule]."
      })
    }
    const [, rule] = entry
    rules.set(place, rule.bounds && at.first ? bounded(...boundsAt(graph, layer, rule.bounds)) : rule)
  })
  return rules
}

function matches(match: Match, layer: Layer, at: { first: boolean; depth: number }): boolean {
  if (typeof match === 'function') return match(layer)
  if (match === 'input') return at.first
  if (typeof match === 'string') return match === 'any' || match === layer.kind
  if ('untilIndex' in match) return layer.index <= match.untilIndex
  const [from, to] = match.depth
  return at.depth >= from && at.depth < to && matches(match.kind, layer, at)
}

function firstWeighted({ layers }: LayerGraph): Set<number> {
  const behind: boolean[] = []
  const first = new Set<number>()
  layers.forEach((layer, place) => {
    const before = layer.inputs.some((input) => behind[input])
    if (isWeighted(layer) && !before) first.add(place)
    behind.push(before || isWeighted(layer))
  })
  return first
}
