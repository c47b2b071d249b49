/** Bounds of an interval of 95 % confidence. */
export interface Interval {
  low: number
  high: number
}

/** Of the standard normal distribution, for 95 % on both sides. */
const z = 1.959963984540054
/** The probability beyond each bound. */
const tail = 0.025

/**
 * Interval of a share (Wilson 1927, "Probable inference, the law of succession, and statistical inference"): stays within 0..1 and
 * holds for few trials and for shares of 0 and 1, too. It takes the trials for independent.
 * @returns null without trials
 */
export function wilsonInterval(successes: number, trials: number): Interval | null {
  if (!(trials > 0)) return null
  const share = successes / trials
  const scale = 1 + (z * z) / trials
  const centre = (share + (z * z) / (2 * trials)) / scale
  const half = (z / scale) * Math.sqrt((share * (1 - share)) / trials + (z * z) / (4 * trials * trials))
  return {
    low: successes === 0 ? 0 : Math.max(0, centre - half),
    high: successes === trials ? 1 : Math.min(1, centre + half)
  }
}

/**
 * Interval of the mean of a Poisson distribution of which `count` was seen once (Garwood 1936, "Fiducial limits for the Poisson
 * distribution"): exact. Divided by hours, the interval of a rate.
 */
export function poissonInterval(count: number): Interval {
  return {
    low: count === 0 ? 0 : meanWhere((mean) => 1 - poissonCdf(count - 1, mean) >= tail, count),
    high: meanWhere((mean) => poissonCdf(count, mean) <= tail, count)
  }
}

/** The least mean for which `holds`, which begins to hold once. */
function meanWhere(holds: (mean: number) => boolean, count: number): number {
  let [low, high] = [0, count + 10 * Math.sqrt(count + 1) + 10]
  for (let i = 0; i < 100; i++) {
    const middle = (low + high) / 2
    if (holds(middle)) high = middle
    else low = middle
  }
  return (low + high) / 2
}

/** Probability of at most `count`; in logarithms, as e^-mean underflows. */
function poissonCdf(count: number, mean: number): number {
  if (mean === 0) return 1
  let [term, sum] = [-mean, Math.exp(-mean)]
  for (let k = 1; k <= count; k++) {
    term += Math.log(mean / k)
    sum += Math.exp(term)
  }
  return Math.min(1, sum)
}

/** The quantile of ascending numbers, between them in proportion (Hyndman and Fan 1996, type 7). @param share 0..1 */
export function quantile(sorted: ArrayLike<number>, share: number): number {
  const place = (sorted.length - 1) * share
  const below = Math.floor(place)
  const [low, high] = [sorted[below]!, sorted[Math.min(below + 1, sorted.length - 1)]!]
  return low + (place - below) * (high - low)
}

/** Of at least one number; the mean of the two in the middle where there are as many on either side. */
export const median = (values: readonly number[]): number =>
  quantile(
    [...values].sort((a, b) => a - b),
    0.5
  )
