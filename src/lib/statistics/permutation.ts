import { createRandom } from '../random.js'

/** With fewer subjects no p of a sign-flip test can fall below 0.05: of 2^5 flips, two are as far away as the data themselves. */
export const fewestSubjects = 6

export interface SignFlipped {
  /** Mean over the subjects that have the measure; NaN where none has. */
  mean: number
  /** How many have it. */
  subjects: number
  /** For "the mean is zero", corrected for all measures that are tested together; null with fewer than two subjects. */
  p: number | null
}

/**
 * Whether paired differences are other than zero, without taking them for normally distributed: signs of whole subjects are
 * flipped, and each measure's |t| is held against the largest |t| over measures (Nichols and Holmes 2002, "Nonparametric
 * permutation tests for functional neuroimaging"; Westfall and Young 1993). All flips where there are no more than
 * `flips` of them; else so many drawn ones, and the data as they are count as one of them (Phipson and Smyth 2010).
 * @param differences [subject][measure]; NaN where a subject does not have a measure
 */
export function signFlipTest(
  differences: readonly (readonly number[])[],
  { flips, seed }: { flips: number; seed: number }
): SignFlipped[] {
  const subjects = differences.length
  const measures = differences[0]?.length ?? 0
  const observed = Array.from({ length: measures }, (_, which) => columnOf(differences, which))
  const actual = observed.map((column) => tOf(column, () => 1))
  const isExact = 2 ** subjects <= flips
  const total = isExact ? 2 ** subjects : flips
  const random = createRandom(seed)
  const signs = new Int8Array(subjects)
  const draw = (i: number, s: number): boolean => (isExact ? ((i >> s) & 1) === 1 : random() < 0.5)
  // What is drawn is as far away as the data themselves, but for rounding.
  const reached = actual.map((t) => t * (1 - 1e-9))
  const exceeding = new Array<number>(measures).fill(0)
  for (let i = 0; i < total; i++) {
    for (let s = 0; s < subjects; s++) signs[s] = draw(i, s) ? -1 : 1
    const most = Math.max(...observed.map((column) => tOf(column, (s) => signs[s]!)))
    for (let which = 0; which < measures; which++) if (most >= reached[which]!) exceeding[which]!++
  }
  return observed.map((column, which) => ({
    mean: column.reduce((sum, [, value]) => sum + value, 0) / column.length,
    subjects: column.length,
    p: column.length < 2 ? null : isExact ? exceeding[which]! / total : (exceeding[which]! + 1) / (total + 1)
  }))
}

type Column = readonly (readonly [subject: number, value: number])[]

const columnOf = (differences: readonly (readonly number[])[], which: number): Column =>
  differences.flatMap((row, subject) => (Number.isNaN(row[which]!) ? [] : [[subject, row[which]!] as const]))

/** Student's |t| of a mean against zero: 0 with fewer than two values, Infinity where all are the same and not zero. */
function tOf(column: Column, sign: (subject: number) => number): number {
  let [sum, squares] = [0, 0]
  for (const [subject, value] of column) {
    sum += sign(subject) * value
    squares += value * value
  }
  const n = column.length
  if (sum === 0 || n < 2) return 0
  const spread = squares - (sum * sum) / n
  return spread <= 1e-12 * squares ? Number.POSITIVE_INFINITY : Math.abs(sum / n) / Math.sqrt(spread / (n - 1) / n)
}
