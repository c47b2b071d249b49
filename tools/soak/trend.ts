/** Whether a figure grows over a run, as distinct from fluctuating. */
import { median } from '../bench/table.js'

export interface Trend {
  /** Theil and Sen's slope: the median of the slopes between all pairs; in units of y per unit of x. */
  slope: number
  /** The chance that values without a trend come in such an order or a more rising one (Mann and Kendall, one-sided). */
  chance: number
}

/** @param y at the places `x`, which rise; at least 3 values */
export function trendOf(x: readonly number[], y: readonly number[]): Trend {
  const slopes: number[] = []
  let score = 0
  for (let i = 0; i < x.length; i++)
    for (let j = i + 1; j < x.length; j++) {
      slopes.push((y[j]! - y[i]!) / (x[j]! - x[i]!))
      score += Math.sign(y[j]! - y[i]!)
    }
  const n = x.length
  const variance = (n * (n - 1) * (2 * n + 5) - tiesIn(y)) / 18
  const z = variance > 0 && score !== 0 ? (score - Math.sign(score)) / Math.sqrt(variance) : 0
  return { slope: median(slopes), chance: 1 - normal(z) }
}

/** Ties reduce the variance. */
function tiesIn(values: readonly number[]): number {
  const counts = new Map<number, number>()
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1)
  return [...counts.values()].reduce((sum, t) => sum + t * (t - 1) * (2 * t + 5), 0)
}

/** The normal distribution's share below z; Abramowitz and Stegun 26.2.17, good to 7.5e-8. */
function normal(z: number): number {
  const t = 1 / (1 + 0.2316419 * Math.abs(z))
  const tail =
    (Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI)) *
    t *
    (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))))
  return z >= 0 ? 1 - tail : tail
}

export interface Series {
  name: string
  unit: string
  /** The rise that is allowed over the run, for noise and for caches that fill; in its unit. */
  allowance: number
  values: readonly number[]
}

/** A figure rises if the order of its values is significant and the rise exceeds the allowance. */
export function rises({ values, allowance }: Series, minutes: readonly number[]): boolean {
  const { slope, chance } = trendOf(minutes, values)
  return chance < 0.01 && slope * (minutes.at(-1)! - minutes[0]!) > allowance
}
