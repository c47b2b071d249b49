import { InputError } from '../../core/errors.js'
import { createRandom, type Random } from '../../lib/random.js'
import type { CropRow } from '../dataset.js'

/** How many folds: a number of at least two, or one for each subject. */
export type FoldCount = number | 'subjects'

/** So many exchanges of two subjects are tried; more changed nothing in data sets of 20 to 90 subjects. */
const exchanges = 20_000

/**
 * Puts each subject into one of k folds so that every class is spread as evenly as the subjects allow: the largest subjects
 * first, each into the fold that it balances best, then exchanges of two subjects as long as one helps.
 * @returns the fold of each subject, from 0; the same for the same rows and seed
 * @throws InputError where there are fewer subjects than folds, or a fold would lack a class in its training part
 */
export function foldsOf(rows: readonly CropRow[], count: FoldCount, seed: number): Map<string, number> {
  const classes = [...new Set(rows.map(({ label }) => label))].sort()
  const tallies = talliesOf(rows, classes)
  const subjects = [...tallies.keys()].sort()
  const k = count === 'subjects' ? subjects.length : count
  if (subjects.length < Math.max(2, k)) {
    const what = `${subjects.length} subjects cannot be parted into ${k} folds`
    throw new InputError('PL-STUDY-FOLDS', what, 'the data set')
  }
  const random = createRandom(seed)
  const folds = new Folds(tallies, classes.length, k)
  const sizes = new Map(subjects.map((subject) => [subject, random()]))
  const size = (subject: string): number => tallies.get(subject)!.reduce((sum, one) => sum + one, 0)
  for (const subject of [...subjects].sort((a, b) => size(b) - size(a) || sizes.get(a)! - sizes.get(b)!))
    folds.put(subject)
  folds.improve(subjects, random)
  checkClasses(folds.of, tallies, classes, k)
  return folds.of
}

function talliesOf(rows: readonly CropRow[], classes: readonly string[]): Map<string, number[]> {
  const tallies = new Map<string, number[]>()
  for (const { subject, label } of rows) {
    const tally = tallies.get(subject) ?? new Array<number>(classes.length).fill(0)
    tally[classes.indexOf(label)]!++
    tallies.set(subject, tally)
  }
  return tallies
}

class Folds {
  readonly of = new Map<string, number>()
  readonly #counts: number[][]
  readonly #used = new Set<number>()
  readonly #wanted: number[]

  constructor(
    private readonly tallies: ReadonlyMap<string, number[]>,
    classes: number,
    private readonly k: number
  ) {
    this.#counts = Array.from({ length: k }, () => new Array<number>(classes).fill(0))
    this.#wanted = Array.from(
      { length: classes },
      (_, i) => [...tallies.values()].reduce((sum, t) => sum + t[i]!, 0) / k
    )
  }

  put(subject: string): void {
    // An empty fold comes first: with as many folds as subjects each gets one.
    const cost = (fold: number): number =>
      this.#costWith(fold, subject, 1) - this.#cost(fold) - (this.#used.has(fold) ? 0 : 1e6)
    let best = 0
    for (let fold = 1; fold < this.k; fold++) if (cost(fold) < cost(best)) best = fold
    this.#move(subject, best, 1)
    this.of.set(subject, best)
    this.#used.add(best)
  }

  improve(subjects: readonly string[], random: Random): void {
    for (let i = 0; i < exchanges; i++) {
      const [a, b] = [random.pick(subjects), random.pick(subjects)]
      const [foldA, foldB] = [this.of.get(a)!, this.of.get(b)!]
      if (foldA === foldB) continue
      const before = this.#cost(foldA) + this.#cost(foldB)
      this.#exchange(a, foldA, b, foldB)
      if (this.#cost(foldA) + this.#cost(foldB) < before - 1e-12) {
        this.of.set(a, foldB)
        this.of.set(b, foldA)
      } else this.#exchange(b, foldA, a, foldB)
    }
  }

  /** Takes `a` out of its fold and `b` out of the other, and puts each into the other's. */
  #exchange(a: string, foldA: number, b: string, foldB: number): void {
    this.#move(a, foldA, -1)
    this.#move(b, foldB, -1)
    this.#move(a, foldB, 1)
    this.#move(b, foldA, 1)
  }

  #move(subject: string, fold: number, sign: 1 | -1): void {
    const counts = this.#counts[fold]!
    for (const [i, count] of this.tallies.get(subject)!.entries()) counts[i]! += sign * count
  }

  /** Squared distance from an even share of each class, each class in units of its share. */
  #cost(fold: number): number {
    return this.#counts[fold]!.reduce((sum, count, i) => sum + ((count - this.#wanted[i]!) / this.#wanted[i]!) ** 2, 0)
  }

  #costWith(fold: number, subject: string, sign: 1 | -1): number {
    this.#move(subject, fold, sign)
    const cost = this.#cost(fold)
    this.#move(subject, fold, sign === 1 ? -1 : 1)
    return cost
  }
}

function checkClasses(
  folds: ReadonlyMap<string, number>,
  tallies: ReadonlyMap<string, number[]>,
  classes: readonly string[],
  k: number
): void {
  // The folds whose subjects show a class.
  const shownIn = classes.map(
    (_, i) => new Set([...tallies].flatMap(([who, tally]) => (tally[i]! > 0 ? [folds.get(who)!] : [])))
  )
  for (let fold = 0; fold < k; fold++) {
    const missing = classes.filter((_, i) => shownIn[i]!.size === 1 && shownIn[i]!.has(fold))
    if (missing.length === 0) continue
    const what = `only one subject shows ${missing.join(' and ')}: without fold ${fold + 1} nothing is left to train it from`
    throw new InputError('PL-STUDY-FOLDS', what, 'the data set')
  }
}
