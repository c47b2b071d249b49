/**
 * Rank correlation, -1..1 (Spearman 1904, "The proof and measurement of association between two things"); ties share the mean of
 * their ranks.
 * @returns null where either is the same throughout
 */
export function spearman(a: ArrayLike<number>, b: ArrayLike<number>): number | null {
  if (a.length !== b.length) throw new RangeError(`${a.length} values against ${b.length}`)
  const [x, y] = [ranksOf(a), ranksOf(b)]
  const middle = (a.length - 1) / 2
  let [both, left, right] = [0, 0, 0]
  for (let i = 0; i < a.length; i++) {
    const [dx, dy] = [x[i]! - middle, y[i]! - middle]
    both += dx * dy
    left += dx * dx
    right += dy * dy
  }
  return left === 0 || right === 0 ? null : both / Math.sqrt(left * right)
}

/** Each value's place in the order, from 0 on; equal values share the mean of theirs. */
export function ranksOf(values: ArrayLike<number>): Float64Array {
  const order = Uint32Array.from({ length: values.length }, (_, i) => i).sort((i, j) => values[i]! - values[j]!)
  const ranks = new Float64Array(values.length)
  for (let from = 0; from < order.length; ) {
    let to = from
    while (to < order.length && values[order[to]!] === values[order[from]!]) to++
    for (let i = from; i < to; i++) ranks[order[i]!] = (from + to - 1) / 2
    from = to
  }
  return ranks
}
