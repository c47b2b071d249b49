import { createRandom } from '../random.js'
import { type Interval, quantile } from './intervals.js'

export interface BootstrapOptions {
  /** How many clusters there are: subjects, of each of which all pictures are drawn or none. */
  clusters: number
  repetitions: number
  seed: number
}

/**
 * Intervals by drawing whole clusters with replacement (Davison and Hinkley 1997, "Bootstrap methods and their application", 3.8; percentiles
 * by Efron 1979). Pictures of one subject resemble each other: intervals that take them for independent are too narrow.
 * @param statistics numbers of a sample in which cluster i is contained weights[i] times; NaN where one is undefined there.
 * `weights` is used again for the next sample.
 * @returns an interval for each number; null where there are fewer than two clusters, or where it is undefined in half of the samples
 */
export function clusterBootstrap(
  { clusters, repetitions, seed }: BootstrapOptions,
  statistics: (weights: Uint32Array) => readonly number[]
): (Interval | null)[] {
  const weights = new Uint32Array(clusters).fill(1)
  const count = statistics(weights).length
  if (clusters < 2) return new Array<null>(count).fill(null)
  const drawn = Array.from({ length: count }, () => new Float64Array(repetitions))
  const random = createRandom(seed)
  for (let i = 0; i < repetitions; i++) {
    weights.fill(0)
    for (let draw = 0; draw < clusters; draw++) weights[Math.floor(random() * clusters)]!++
    for (const [which, value] of statistics(weights).entries()) drawn[which]![i] = value
  }
  return drawn.map((values) => {
    const sorted = values.filter((value) => !Number.isNaN(value)).sort()
    if (sorted.length < repetitions / 2 || sorted.length === 0) return null
    return { low: quantile(sorted, 0.025), high: quantile(sorted, 0.975) }
  })
}
