/** Samples whose confidence lies above `low` and not above `high`. */
export interface ReliabilityBin {
  low: number
  high: number
  samples: number
  /** Mean confidence; null in an empty bin. */
  confidence: number | null
  /** Share of hits; null in an empty bin. */
  hits: number | null
}

export interface Reliability {
  bins: ReliabilityBin[]
  /**
   * Expected calibration error: how far confidence and share of hits lie apart, in the mean over samples, 0..1
   * (Naeini, Cooper and Hauskrecht 2015). Null without samples.
   */
  expectedError: number | null
}

/**
 * Whether a model that is sure to 0.8 is right in 80 % (reliability diagram; Guo et al. 2017, "On calibration of modern neural
 * networks", who take 15 bins of equal width).
 * @param confidence 0..1, one for each sample
 */
export function reliabilityOf(confidence: ArrayLike<number>, hit: readonly boolean[], count = 15): Reliability {
  const sums = Array.from({ length: count }, () => ({ samples: 0, confidence: 0, hits: 0 }))
  for (let i = 0; i < hit.length; i++) {
    const bin = sums[Math.min(count - 1, Math.max(0, Math.ceil(confidence[i]! * count) - 1))]!
    bin.samples++
    bin.confidence += confidence[i]!
    bin.hits += Number(hit[i])
  }
  const off = sums.reduce((sum, bin) => sum + Math.abs(bin.confidence - bin.hits), 0)
  return {
    bins: sums.map(({ samples, confidence: sum, hits }, i) => ({
      low: i / count,
      high: (i + 1) / count,
      samples,
      confidence: samples === 0 ? null : sum / samples,
      hits: samples === 0 ? null : hits / samples
    })),
    expectedError: hit.length === 0 ? null : off / hit.length
  }
}

/** A probability of 0 for what is the case would cost infinitely much. */
const least = 1e-15

/**
 * Two proper scores of probabilities, in the mean over samples; lower is better.
 * @param probabilities of each sample, by class
 * @param actual the class of each sample
 * @returns brier: squared distance from the truth, 0..2 (Brier 1950). logLoss: cross entropy in nats (Good 1952). Null without samples
 */
export function properScores(
  probabilities: readonly ArrayLike<number>[],
  actual: readonly number[]
): { brier: number | null; logLoss: number | null } {
  let [brier, logLoss] = [0, 0]
  for (const [i, row] of probabilities.entries()) {
    for (let k = 0; k < row.length; k++) brier += (row[k]! - Number(k === actual[i])) ** 2
    logLoss -= Math.log(Math.max(least, row[actual[i]!]!))
  }
  const count = probabilities.length
  return count === 0 ? { brier: null, logLoss: null } : { brier: brier / count, logLoss: logLoss / count }
}
