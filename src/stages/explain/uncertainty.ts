import { type RegionShare, regionNames, type Uncertainty } from '../../core/types.js'

/** What the views of one face say; all lists are in the same order, the crop itself first. */
export interface ViewsSaid {
  labels: readonly string[]
  /** The index of the label that was explained. */
  target: number
  /** Of each view, the probabilities of all labels. */
  probabilities: readonly ArrayLike<number>[]
  /** Of each view, signed relevance per pixel for the target, put back to the crop's place. */
  relevance: readonly Float32Array[]
  /** Of each view, the regions' shares of its relevance, in the order of `regionNames`. */
  shares: readonly (readonly RegionShare[])[]
}

/**
 * How far an answer changes where nothing that matters has changed: 0 when all views say the same, at most 100.
 *
 * - A class's value is 100·s, with s the `spread` of its probability over the views: about how many percentage points the
 *   probability is good for, up or down.
 * - Of the target, whose relevance is known, it is 100·(s + d) / 2, with d the `disagreement` of its maps: half of it is how
 *   little the probability stays, half how little the reason for it stays.
 * - A region's value is 100·s, with s the spread of its share of the positive relevance: 34 % with an uncertainty of 8
 *   reads as 34 ± 8 %.
 *
 * It tells nothing of faces unlike all that the model was trained on; there, all views may well be wrong alike. Fewer
 * than two views cannot differ: both lists are empty then.
 */
export function uncertaintyOf({ labels, target, probabilities, relevance, shares }: ViewsSaid): Uncertainty {
  const views = probabilities.length
  if (views < 2) return { classes: {}, regions: {}, views }
  const spreadOf = (label: number): number => spread(probabilities.map((ofView) => ofView[label]!))
  const classes = labels.map((name, label) => {
    const s = spreadOf(label)
    return [name, percent(label === target ? (s + disagreement(relevance)) / 2 : s)]
  })
  const regions = regionNames.map((name, i) => [name, percent(spread(shares.map((ofView) => ofView[i]!.positive)))])
  return { classes: Object.fromEntries(classes), regions: Object.fromEntries(regions), views }
}

/**
 * Twice the standard deviation (of the values themselves, not of what they are a sample of), so that it is 1 at most.
 * @param values each 0..1
 * @returns 0 (all the same) to 1 (half of them 0, half 1)
 */
export function spread(values: readonly number[]): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length
  return 2 * Math.sqrt(variance)
}

/**
 * The dissimilarity of Bray and Curtis (1957) between the first map and the others, Σ|a − b| / Σ(|a| + |b|) over all pixels
 * of all pairs. A map that shows the same places twice as strong differs, by a third.
 * @param maps of the same length, signed
 * @returns 0 (all the same, or nothing but zeros) to 1 (nothing in common, or all signs turned)
 */
export function disagreement(maps: readonly Float32Array[]): number {
  const [first, ...others] = maps
  let apart = 0
  let total = 0
  for (const other of others) {
    for (let i = 0; i < other.length; i++) {
      apart += Math.abs(first![i]! - other[i]!)
      total += Math.abs(first![i]!) + Math.abs(other[i]!)
    }
  }
  return total > 0 ? apart / total : 0
}

/** With one decimal; rounding errors of the sums must not leave 0..100. */
const percent = (share: number): number => Math.min(100, Math.max(0, Math.round(1000 * share) / 10))
