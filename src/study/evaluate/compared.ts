/** Figures of the same subjects before and after a change, and whether their difference is more than chance. */
import { clusterBootstrap, type Interval } from '../../lib/statistics/index.js'
import type { Chance } from './figures.js'

/** Without what is compared, and with it. */
export type Pair<T = number> = [without: T, changed: T]

/** A figure of all subjects; null where it is undefined. */
export interface Compared {
  without: number | null
  with: number | null
  /** `with` less `without`. */
  difference: number | null
  /** Of the difference, 95 %, by drawing subjects. */
  difference_interval: Interval | null
}

/** Both figures of a sample in which subject i is contained weights[i] times; NaN where one is undefined. */
export type PairedFigure = (weights: ArrayLike<number>) => Pair

export function compared(measure: PairedFigure, subjects: number, { seed, repetitions }: Chance): Compared {
  const [without, changed] = measure(new Uint32Array(subjects).fill(1))
  const [interval = null] = clusterBootstrap({ clusters: subjects, seed, repetitions }, (weights) => {
    const [before, after] = measure(weights)
    return [after - before]
  })
  const known = (value: number): number | null => (Number.isFinite(value) ? value : null)
  return {
    without: known(without),
    with: known(changed),
    difference: known(changed - without),
    difference_interval: interval
  }
}

/** Of one subject: what is counted, and by what that is divided. */
export type Counted = readonly [counted: Pair, of: number]

/** Counts of all subjects together, divided. */
export const rateOf =
  (subjects: readonly Counted[]): PairedFigure =>
  (weights) => {
    let [before, after, whole] = [0, 0, 0]
    for (const [i, [counted, of]] of subjects.entries()) {
      before += weights[i]! * counted[0]
      after += weights[i]! * counted[1]
      whole += weights[i]! * of
    }
    return [before / whole, after / whole]
  }
