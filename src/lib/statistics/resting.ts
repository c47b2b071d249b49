import { median } from './intervals.js'

/** By label: median and spread of a model's output on neutral faces, before softmax and temperature. */
export type Resting = Record<string, [median: number, spread: number]>

/** Beside this factor, the median absolute deviation of normal numbers is their standard deviation. */
const normal = 1.4826

/**
 * A model's outputs on neutral faces. Medians, since a few of these faces will yawn, or are called neutral and are not.
 * @param outputs [face][label]
 * @returns null without any face
 */
export function restingOf(outputs: readonly ArrayLike<number>[], labels: readonly string[]): Resting | null {
  if (outputs.length === 0) return null
  return Object.fromEntries(
    labels.map((label, i) => {
      const own = outputs.map((logits) => logits[i]!)
      const middle = median(own)
      return [label, [middle, normal * median(own.map((output) => Math.abs(output - middle)))]]
    })
  )
}
