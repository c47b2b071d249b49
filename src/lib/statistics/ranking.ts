export interface RocPoint {
  /** What is at or above it is called positive; Infinity for the point at which nothing is. */
  threshold: number
  falsePositiveRate: number
  truePositiveRate: number
}

export interface PrecisionRecallPoint {
  threshold: number
  precision: number
  recall: number
}

/** How many positives and negatives have one and the same score. */
interface Tied {
  threshold: number
  positives: number
  negatives: number
}

/**
 * How well scores put the positive before the negative, at every threshold. Sorted once, so that samples that are weighted
 * differently, as by a bootstrap, cost one pass each.
 */
export class Ranking {
  /** Samples by falling score, and of each whether it is positive. */
  readonly #order: Uint32Array
  readonly #positive: Uint8Array
  /** Of each score that occurs, falling, and where in the order its samples end. */
  readonly #thresholds: number[] = []
  readonly #ends: number[] = []

  /** @param scores finite, one for each sample */
  constructor(scores: ArrayLike<number>, positive: readonly boolean[]) {
    if (scores.length !== positive.length) throw new RangeError('not one score for each sample')
    this.#order = Uint32Array.from(positive, (_, i) => i).sort((a, b) => scores[b]! - scores[a]!)
    this.#positive = Uint8Array.from(this.#order, (sample) => Number(positive[sample]))
    for (const [i, sample] of this.#order.entries()) {
      if (scores[sample] !== this.#thresholds.at(-1)) this.#thresholds.push(scores[sample]!)
      this.#ends[this.#thresholds.length - 1] = i + 1
    }
  }

  /**
   * Area under the ROC curve: the probability that a positive has a higher score than a negative, ties counting half
   * (Hanley and McNeil 1982). Area under the precision-recall curve: the mean of the precisions at each rise of the recall,
   * without interpolation, which flatters (Davis and Goadrich 2006); a scorer that guesses has the share of positives.
   * @param weight of each sample; 1 unless given
   * @returns NaN where there are no positives, for `roc` also where there are no negatives
   */
  areas(weight: (sample: number) => number = () => 1): { roc: number; averagePrecision: number } {
    let [above, below, area, sum, at] = [0, 0, 0, 0, 0]
    for (const end of this.#ends) {
      let [positives, negatives] = [0, 0]
      for (; at < end; at++) {
        const own = weight(this.#order[at]!)
        if (this.#positive[at] === 1) positives += own
        else negatives += own
      }
      area += negatives * (above + positives / 2)
      above += positives
      below += negatives
      if (positives > 0) sum += positives * (above / (above + below))
    }
    return { roc: area / (above * below), averagePrecision: sum / above }
  }

  /** From nothing called positive to everything, without points on a line between their neighbours (Fawcett 2006). */
  roc(): RocPoint[] {
    const points = [{ threshold: Number.POSITIVE_INFINITY, positives: 0, negatives: 0 }]
    for (const tied of this.#ties()) {
      const [last, before] = [points.at(-1)!, points.at(-2)]
      const next = {
        threshold: tied.threshold,
        positives: last.positives + tied.positives,
        negatives: last.negatives + tied.negatives
      }
      if (before && isOnLine(before, last, next)) points.pop()
      points.push(next)
    }
    const { positives, negatives } = points.at(-1)!
    return points.map((point) => ({
      threshold: point.threshold,
      falsePositiveRate: point.negatives / negatives,
      truePositiveRate: point.positives / positives
    }))
  }

  /** By falling threshold; a point for each score that occurs. */
  precisionRecall(): PrecisionRecallPoint[] {
    const all = this.#positive.reduce((sum, one) => sum + one, 0)
    let [right, called] = [0, 0]
    return this.#ties().map(({ threshold, positives, negatives }) => {
      right += positives
      called += positives + negatives
      return { threshold, precision: right / called, recall: right / all }
    })
  }

  /** By falling score. */
  #ties(): Tied[] {
    return this.#ends.map((end, i) => {
      const own = this.#positive.subarray(this.#ends[i - 1] ?? 0, end)
      const positives = own.reduce((sum, one) => sum + one, 0)
      return { threshold: this.#thresholds[i]!, positives, negatives: own.length - positives }
    })
  }
}

const isOnLine = (a: Tied, b: Tied, c: Tied): boolean =>
  (b.positives - a.positives) * (c.negatives - b.negatives) ===
  (c.positives - b.positives) * (b.negatives - a.negatives)
