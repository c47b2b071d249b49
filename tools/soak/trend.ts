/** Whether a figure grows over a run, as distinct from fluctuating. */
import { ranksOf } from '#painlens/lib/statistics/correlation.js'

export interface Trend {
  /** Theil and Sen's slope, the median of the slopes between all pairs; in units of y per unit of x. */
  slope: number
  /** The slope is below this with a confidence of 95 % (Sen 1968). */
  mostSlope: number
  /** The chance that values without a trend come in such an order or a more rising one (Mann and Kendall, one-sided). */
  chance: number
}

/** Of the normal distribution, 95 % lie below. */
const z95 = 1.6449

/**
 * @param x equally spaced, rising
 * @param y at the places `x`; at least 5 values
 */
export function trendOf(x: readonly number[], y: readonly number[]): Trend {
  const n = x.length
  const slopes = new Float64Array((n * (n - 1)) / 2)
  let score = 0
  let pair = 0
  for (let i = 0; i < n; i++)
    for (let j = i + 1; j < n; j++) {
      slopes[pair++] = (y[j]! - y[i]!) / (x[j]! - x[i]!)
      score += Math.sign(y[j]! - y[i]!)
    }
  slopes.sort()
  const middle = (slopes.length - 1) / 2
  // The same for a fall as for a rise, also of an even number of slopes.
  const slope = (slopes[Math.floor(middle)]! + slopes[Math.ceil(middle)]!) / 2
  const rests = y.map((value, i) => value - slope * x[i]!)
  const variance = ((n * (n - 1) * (2 * n + 5) - tiesIn(y)) / 18) * varianceFactor(n, neighbourCorrelation(rests))
  const z = variance > 0 && score !== 0 ? (score - Math.sign(score)) / Math.sqrt(variance) : 0
  const place = Math.ceil((slopes.length + z95 * Math.sqrt(variance)) / 2)
  return { slope, mostSlope: slopes[Math.min(slopes.length - 1, place)]!, chance: 1 - normal(z) }
}

/**
 * By how much the variance of Mann and Kendall's score is larger than for independent values (Hamed and Rao 1998, J. Hydrology
 * 204), where values are correlated by powers of the correlation of neighbours, as in an autoregressive process of first order.
 * Hamed and Rao add up the series' own correlations at all distances; those of a hundred values are mostly noise, and swings
 * that do not grow "rise" two to four times as often (docs/measured/soak.md).
 * @param n number of values
 * @param correlation of neighbours' ranks, 0 to 1
 */
export function varianceFactor(n: number, correlation: number): number {
  let sum = 0
  for (let k = 1; k < n; k++) sum += (n - k) * (n - k - 1) * (n - k - 2) * correlation ** k
  return 1 + (2 * sum) / (n * (n - 1) * (n - 2))
}

/**
 * The correlation of the ranks of neighbours, 0 to 0.99. A short series from which a line was taken shows too small a one; that
 * is made good as by Hamed 2009 (J. Hydrology 368).
 * @param values without their trend
 */
export function neighbourCorrelation(values: readonly number[]): number {
  const n = values.length
  const ranks = ranksOf(values)
  const mean = (n - 1) / 2
  let products = 0
  let squares = 0
  for (let i = 0; i < n; i++) {
    squares += (ranks[i]! - mean) ** 2
    if (i > 0) products += (ranks[i]! - mean) * (ranks[i - 1]! - mean)
  }
  // All values are the same.
  if (squares === 0) return 0
  return Math.min(0.99, Math.max(0, ((n * products) / squares + 2) / (n - 4)))
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

/** `open`: the figure swings so much that a rise beyond the allowance is neither seen nor excluded; a longer run can tell. */
export type Verdict = 'rises' | 'flat' | 'open'

/**
 * A figure rises if the order of its values is significant (chance below 0.01) and the rise exceeds the allowance; it is flat
 * if a rise beyond the allowance is excluded with a confidence of 95 %.
 * @param minutes of the values, equally spaced
 */
export function verdictOn({ values, allowance }: Series, minutes: readonly number[]): Verdict {
  const { slope, mostSlope, chance } = trendOf(minutes, values)
  const duration = minutes.at(-1)! - minutes[0]!
  if (chance < 0.01 && slope * duration > allowance) return 'rises'
  return mostSlope * duration > allowance ? 'open' : 'flat'
}
