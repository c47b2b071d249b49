/** Which composites show what is known to be true of rendered faces; and what a unit does to the output, beside what relevance says. */
import { clusterBootstrap, type Interval, spearman } from '../../lib/statistics/index.js'
import type { UnitName } from '../../show/render/index.js'
import type { Chance } from '../evaluate/figures.js'
import type { SwitchEffect } from './relevance-pass.js'
import { type Switch, switches } from './rendered-faces.js'

/** A mean over persons, and its interval by drawing persons. */
export interface PersonMean {
  value: number | null
  interval: Interval | null
}

export interface GateFinding {
  composite: string
  persons: number
  /**
   * Where a unit that is switched on raises the output, relevance has to rise in the pixels that it moved, and the other way round: Spearman's
   * rank correlation over units within a person, -1..1.
   */
  follows: PersonMean
  /**
   * What relevance changes has to lie in the pixels that moved: their share of the absolute change, by their share of the crop, each unit by
   * how far it moves the output. 1 is what chance gives.
   */
  lies: PersonMean
  /** Both intervals lie above what chance gives. */
  passed: boolean
}

export function gateOf(effects: ReadonlyMap<string, readonly SwitchEffect[]>, chance: Chance): GateFinding[] {
  return [...effects].map(([composite, own]) => {
    const persons = [...new Set(own.map(({ person }) => person))].map((person) =>
      own.filter((one) => one.person === person)
    )
    const follows = personMean(persons.map(followsIn), chance)
    const lies = personMean(persons.map(liesIn), chance)
    const passed = (follows.interval?.low ?? 0) > 0 && (lies.interval?.low ?? 0) > 1
    return { composite, persons: persons.length, follows, lies, passed }
  })
}

/** Those that pass: only these are put into words. */
export const trustedOf = (gate: readonly GateFinding[]): string[] =>
  gate.filter(({ passed }) => passed).map(({ composite }) => composite)

/** Of the composites that pass the one whose relevance follows the output best; null where none passes. */
export function mostTrusted(gate: readonly GateFinding[]): string | null {
  const passed = gate.filter((one) => one.passed)
  const [first] = [...passed].sort((a, b) => (b.follows.value ?? 0) - (a.follows.value ?? 0))
  return first?.composite ?? null
}

const followsIn = (effects: readonly SwitchEffect[]): number | null =>
  spearman(
    effects.map(({ output }) => output.on - output.off),
    effects.map(({ inside }) => inside)
  )

function liesIn(effects: readonly SwitchEffect[]): number | null {
  let [sum, weights] = [0, 0]
  for (const { output, concentration, area } of effects) {
    if (area === 0) continue
    const weight = Math.abs(output.on - output.off)
    sum += (weight * concentration) / area
    weights += weight
  }
  return weights > 0 ? sum / weights : null
}

function personMean(values: readonly (number | null)[], chance: Chance): PersonMean {
  const known = values.filter((value) => value !== null)
  if (known.length === 0) return { value: null, interval: null }
  const mean = (weights: ArrayLike<number>): number => {
    const all = known.reduce((sum, _, i) => sum + weights[i]!, 0)
    return known.reduce((sum, value, i) => sum + weights[i]! * value, 0) / all
  }
  const [interval = null] = clusterBootstrap({ ...chance, clusters: known.length }, (weights) => [mean(weights)])
  return { value: mean(known.map(() => 1)), interval }
}

/** What switching a unit on does, over the rendered persons. */
export interface UnitEffect {
  unit: UnitName
  base: Switch['base']
  /** Of the alarm label's output before the softmax, and of its probability. */
  output: PersonMean
  probability: PersonMean
  /** Change of relevance in the pixels that moved, as a share of all relevance, by composite. */
  relevance: Record<string, PersonMean>
}

export function unitEffectsOf(effects: ReadonlyMap<string, readonly SwitchEffect[]>, chance: Chance): UnitEffect[] {
  return switches.map(({ unit, base }, which) => {
    const own = [...effects].map(([composite, list]) => [composite, list.filter((one) => one.which === which)] as const)
    const first = own[0]?.[1] ?? []
    return {
      unit,
      base,
      output: personMean(
        first.map(({ output }) => output.on - output.off),
        chance
      ),
      probability: personMean(
        first.map(({ probability }) => probability.on - probability.off),
        chance
      ),
      relevance: Object.fromEntries(
        own.map(([composite, list]) => [
          composite,
          personMean(
            list.map(({ inside }) => inside),
            chance
          )
        ])
      )
    }
  })
}
