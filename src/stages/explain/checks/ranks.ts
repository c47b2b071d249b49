/** The rank of each value, 1 for the smallest; equal values share the mean of their ranks. */
export function ranksOf(values: ArrayLike<number>): Float64Array {
  const order = Uint32Array.from({ length: values.length }, (_, i) => i).sort((a, b) => values[a]! - values[b]!)
  const ranks = new Float64Array(values.length)
  for (let first = 0; first < order.length; ) {
    let end = first + 1
    while (end < order.length && values[order[end]!] === values[order[first]!]) end++
    // Ranks first + 1 to end.
    const shared = (first + 1 + end) / 2
    for (let i = first; i < end; i++) ranks[order[i]!] = shared
    first = end
  }
  return ranks
}

/**
 * Spearman's rank correlation, -1..1: how far two maps put the same pixels in the same order, whatever their scale. A map
 * without any order (all values equal) has 0 with others, and 1 with one that has none either.
 * @throws RangeError for maps of different length
 */
export function rankCorrelation(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) throw new RangeError(`${a.length} values against ${b.length}`)
  const [ra, rb] = [ranksOf(a), ranksOf(b)]
  const mean = (a.length + 1) / 2
  let both = 0
  let ofA = 0
  let ofB = 0
  for (let i = 0; i < ra.length; i++) {
    const [da, db] = [ra[i]! - mean, rb[i]! - mean]
    both += da * db
    ofA += da * da
    ofB += db * db
  }
  if (ofA === 0 && ofB === 0) return 1
  return ofA === 0 || ofB === 0 ? 0 : both / Math.sqrt(ofA * ofB)
}
