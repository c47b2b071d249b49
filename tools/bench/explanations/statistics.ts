/** Rank statistics with confidence intervals. */

import { createRandom } from '#painlens/lib/random.js'
import { spearman as rankCorrelation, ranksOf } from '#painlens/lib/statistics/correlation.js'

/** Spearman's rank correlation, -1..1; 0 where one side is all alike. */
export const spearman = (a: readonly number[], b: readonly number[]): number => rankCorrelation(a, b) ?? 0

/**
 * How likely a case has a higher score than a control, ties counting half (the area under the ROC curve); 0.5 is chance.
 * NaN where there are no cases or no controls.
 */
export function auroc(scores: readonly number[], isCase: readonly boolean[]): number {
  const ranked = [...ranksOf(scores)]
  const cases = ranked.filter((_, i) => isCase[i])
  const controls = ranked.length - cases.length
  const sum = cases.reduce((total, rank) => total + rank + 1, 0)
  return (sum - (cases.length * (cases.length + 1)) / 2) / (cases.length * controls)
}

export function mean(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0) / values.length
}

/** The value below which a share of them lies; 0.5 is the median. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.round(share * (sorted.length - 1))] ?? Number.NaN
}

export interface Estimate {
  value: number
  /** The middle 95 % of what other people in the sample would have given. */
  low: number
  high: number
}

const resamples = 1000
const bootstrapSeed = 1

/**
 * A statistic with its 95 % percentile interval over resampled groups (Efron and Tibshirani 1993): faces of one person
 * are alike, so people are drawn, not faces.
 * @param groupOf the group of a row
 */
export function bootstrap<Row>(
  rows: readonly Row[],
  groupOf: (row: Row) => number,
  statistic: (rows: readonly Row[]) => number
): Estimate {
  const groups = grouped(rows, groupOf)
  const random = createRandom(bootstrapSeed)
  const values = Array.from({ length: resamples }, () =>
    statistic(Array.from(groups, () => random.pick(groups)).flat())
  ).filter(Number.isFinite)
  return { value: statistic(rows), low: quantile(values, 0.025), high: quantile(values, 0.975) }
}

function grouped<Row>(rows: readonly Row[], groupOf: (row: Row) => number): Row[][] {
  const groups = new Map<number, Row[]>()
  for (const row of rows) {
    const group = groups.get(groupOf(row))
    if (group) group.push(row)
    else groups.set(groupOf(row), [row])
  }
  return [...groups.values()]
}

/** `0.62 (0.57 to 0.66)` */
export function estimateText({ value, low, high }: Estimate, digits = 2): string {
  return `${value.toFixed(digits)} (${low.toFixed(digits)} to ${high.toFixed(digits)})`
}
