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
  /** The mean over the pictures with all weights shuffled: the larger of signed and absolute. */
  likeness: number
}

/** A map that says something else is not this much alike. */
const changedBelow = 0.5
/** Rounding alone leaves two maps of one model this much alike. */
const sameFrom = 0.99

/**
 * @param last for each picture, how alike the maps are when all weights are shuffled; at least one
 * @returns `unchanged` where the maps are the same whatever the weights, which no explanation of a model can be;
 *   `insensitive` where they follow the picture more than the weights, which alpha-beta and z-plus rules are known to do
 *   (Sixt, Granz and Landgraf, "When explanations lie", ICML 2020)
 */
export function judgeRandomisation(last: readonly Likeness[]): RandomisationVerdict {
  const mean = (values: number[]): number => values.reduce((a, b) => a + b, 0) / values.length
  const likeness = Math.max(mean(last.map(({ signed }) => signed)), mean(last.map(({ absolute }) => absolute)))
  const outcome = likeness >= sameFrom ? 'unchanged' : likeness >= changedBelow ? 'insensitive' : 'changes'
  return { outcome, passed: outcome !== 'unchanged', likeness }
}
