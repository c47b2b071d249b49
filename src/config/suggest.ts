/**
 * The candidate that a misspelt word most likely means, or null when none is near: at most one edit for each three
 * letters (Damerau-Levenshtein: insert, delete, replace, swap neighbours), case and `-` for `_` aside.
 */
export function suggest(word: string, candidates: readonly string[]): string | null {
  const plain = (text: string): string => text.toLowerCase().replaceAll('-', '_')
  let best: string | null = null
  let bestDistance = Math.max(1, Math.floor(word.length / 3)) + 1
  for (const candidate of candidates) {
    const distance = editDistance(plain(word), plain(candidate))
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance]
  }
  return best
}

/** Optimal string alignment distance of two words; words beyond 60 letters are cut. */
export function editDistance(a: string, b: string): number {
  const [s, t] = [a.slice(0, 60), b.slice(0, 60)]
  const rows = [Array.from({ length: t.length + 1 }, (_, j) => j)]
  for (let i = 1; i <= s.length; i++) {
    const row = [i]
    for (let j = 1; j <= t.length; j++) {
      const replaced = rows[i - 1]![j - 1]! + (s[i - 1] === t[j - 1] ? 0 : 1)
      row[j] = Math.min(replaced, rows[i - 1]![j]! + 1, row[j - 1]! + 1)
      const swapped = i > 1 && j > 1 && s[i - 1] === t[j - 2] && s[i - 2] === t[j - 1]
      if (swapped) row[j] = Math.min(row[j]!, rows[i - 2]![j - 2]! + 1)
    }
    rows.push(row)
  }
  return rows[s.length]![t.length]!
}
