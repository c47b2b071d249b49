import { UsageError } from '../../core/errors.js'
import { isWeighted, type Layer, type LayerGraph } from './layers.js'
import { alphaBeta, bounded, epsilon, flat, type Rule, wSquare, z, zPlus } from './rules.js'

/** Which layers a rule is for: `input` are those with weights that no other layer with weights comes before. */
export type Match = 'any' | 'dense' | 'conv' | 'input' | { untilIndex: number } | ((layer: Layer) => boolean)

/** An ordered list; for each layer with weights the first match counts. */
export type Composite = readonly (readonly [Match, Rule])[]

export interface CompositeOptions {
  /** The rule for the first layers with weights: flat, or bounded by the lowest and highest possible input. */
  inputLayerRule?: 'flat' | readonly [low: number, high: number]
  /** In place of 1e-7 for `lrp.epsilon` and 0.1 for the presets' dense layers. */
  epsilon?: number
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

/** By iNNvestigate's names. Each of these, and of the next, is there without the bias, too, as NAME_IB. */
const withBias = {
  'lrp.z': everywhere((_, bias) => z(bias)),
  'lrp.epsilon': everywhere((options, bias) => epsilon(options.epsilon ?? 1e-7, bias)),
  'lrp.alpha_1_beta_0': everywhere((_, bias) => alphaBeta(1, 0, bias)),
  'lrp.alpha_2_beta_1': everywhere((_, bias) => alphaBeta(2, 1, bias)),
  'lrp.sequential_preset_a': sequential(1, 0),
  'lrp.sequential_preset_b': sequential(2, 1),
  'lrp.sequential_preset_a_flat': flatInput(sequential(1, 0)),
  'lrp.sequential_preset_b_flat': flatInput(sequential(2, 1))
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
const usedBy = { epsilon: /^lrp\.(epsilon|sequential)/, alpha: /^lrp\.alpha_beta/, beta: /^lrp\.alpha_beta/ }

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
    front.push(['input', inputLayerRule === 'flat' ? flat() : bounded(inputLayerRule[0], inputLayerRule[1])])
  }
  if (untilLayerIdx !== undefined) front.push([{ untilIndex: untilLayerIdx }, flat()])
  return front
}

function checkOptions(name: string, options: CompositeOptions): void {
  const { inputLayerRule, untilLayerIdx, epsilon: value } = options
  for (const option of ['epsilon', 'alpha', 'beta'] as const) {
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
  if (inputLayerRule !== undefined && inputLayerRule !== 'flat' && !isRange(inputLayerRule)) {
    throw new UsageError('PL-LRP-COMPOSITE', `inputLayerRule is ${JSON.stringify(inputLayerRule)}`, 'composite', {
      fix: 'Use "flat", or give the lowest and then the highest possible input.'
    })
  }
}

function isRange(range: readonly unknown[]): boolean {
  const [low, high] = range as number[]
  return Array.isArray(range) && range.length === 2 && range.every(Number.isFinite) && low! < high!
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
  const rules = new Map<number, Rule>()
  graph.layers.forEach((layer, place) => {
    if (!isWeighted(layer)) return
    const entry = composite.find(([match]) => matches(match, layer, first.has(place)))
    if (entry === undefined) {
      throw new UsageError('PL-LRP-COMPOSITE', `no rule is for ${layer.title}`, 'composite', {
        fix: "End the composite with ['any', a rule]."
      })
    }
    rules.set(place, entry[1])
  })
  return rules
}

function matches(match: Match, layer: Layer, first: boolean): boolean {
  if (typeof match === 'function') return match(layer)
  if (typeof match === 'object') return layer.index <= match.untilIndex
  return match === 'any' || (match === 'input' ? first : match === layer.kind)
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
