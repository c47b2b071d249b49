/**
 * The model-parameter randomisation test of Adebayo, Gilmer, Muelly, Goodfellow, Hardt and Kim, "Sanity checks for
 * saliency maps" (NeurIPS 2018): with the model's weights shuffled layer by layer from the output down, an explanation
 * of that model has to become another one. One that stays the same does not explain the model.
 */
import { rankCorrelation } from './ranks.js'

/** How alike the shuffled model's map is to the original's, by Spearman's rank correlation, -1..1. */
export interface Likeness {
  signed: number
  /** Of the absolute values, as Adebayo et al. do it too: a map whose signs flip has not changed its places. */
  absolute: number
}

export function likenessOf(original: Float32Array, shuffled: Float32Array): Likeness {
  return {
    signed: rankCorrelation(original, shuffled),
    absolute: rankCorrelation(original.map(Math.abs), shuffled.map(Math.abs))
  }
}

/**
 * After how many shuffled layers, counted from the output, the maps are compared: after each, or where that would be more
 * than `most` times, after the first, the last, and some evenly between.
 */
export function cascadeSteps(layers: number, most: number): number[] {
  const count = Math.min(layers, most)
  if (count < 2) return layers > 0 ? [layers] : []
  return Array.from({ length: count }, (_, i) => 1 + Math.round((i * (layers - 1)) / (count - 1)))
}

export type RandomisationOutcome = 'changes' | 'insensitive' | 'unchanged'

export interface RandomisationVerdict {
  outcome: RandomisationOutcome
  /** False only for `unchanged`. */
  passed: boolean
  /** Means over the pictures after each step. */
  steps: Likeness[]
}

/** With all weights shuffled, a map that says something else is not this much alike. */
const changedBelow = 0.5
/** With half of the layers shuffled, a map that says something of them is not this much alike. */
const changedHalfwayBelow = 0.9
/** Rounding alone leaves two maps of one model this much alike. */
const sameFrom = 0.99

/**
 * @param cascade for each step of the cascade and each picture, how alike the maps are; at least one of each
 * @returns `unchanged` where the maps are the same whatever the weights, which no explanation of a model can be;
 *   `insensitive` where they follow the picture, or the first layers, more than the whole model, which alpha-beta and
 *   z-plus rules are known to do (Sixt, Granz and Landgraf, "When explanations lie", ICML 2020)
 */
export function judgeRandomisation(cascade: readonly (readonly Likeness[])[]): RandomisationVerdict {
  const steps = cascade.map((pictures) => ({
    signed: mean(pictures.map(({ signed }) => signed)),
    absolute: mean(pictures.map(({ absolute }) => absolute))
  }))
  const [halfway, last] = [steps[halfwayOf(steps)]!, steps.at(-1)!].map(({ signed, absolute }) =>
    Math.max(signed, absolute)
  ) as [number, number]
  const insensitive = last >= changedBelow || halfway >= changedHalfwayBelow
  const outcome = last >= sameFrom ? 'unchanged' : insensitive ? 'insensitive' : 'changes'
  return { outcome, passed: outcome !== 'unchanged', steps }
}

/** The step after which half of the layers are shuffled. */
export function halfwayOf(steps: readonly unknown[]): number {
  return Math.floor((steps.length - 1) / 2)
}

const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length
