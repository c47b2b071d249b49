/** Our figures against scikit-learn's of the same predictions: as it said once, and as it says here, where it is installed. */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { packageRoot } from '../../../src/core/version.js'
import { classReport, confusionOf, properScores, Ranking } from '../../../src/lib/statistics/index.js'
import { patience } from '../../support/slowness.js'
import { somePredictions } from './predictions.js'

interface OneClass {
  precision: number
  recall: number
  'f1-score': number
  support: number
}

interface Said {
  report: Record<'0' | '1' | '2' | 'macro avg' | 'weighted avg', OneClass>
  confusion: number[][]
  accuracy: number
  balanced_accuracy: number
  roc_area: number
  roc_area_weighted: number
  average_precision: number
  average_precision_weighted: number
  roc: [number[], number[], number[]]
  precision_recall: [number[], number[], number[]]
  log_loss: number
  brier: number
}

const folder = join(packageRoot, 'test/lib/statistics')
const recorded = JSON.parse(readFileSync(join(folder, 'sklearn.json'), 'utf8')) as Said

/** Debian's python3-sklearn belongs to Debian's own Python, which another one may stand before. */
function sklearnHere(): Said | null {
  for (const python of ['/usr/bin/python3', 'python3']) {
    const input = JSON.stringify(somePredictions())
    const { status, stdout } = spawnSync(python, [join(folder, 'ask-sklearn.py')], { input, encoding: 'utf8' })
    if (status === 0) return JSON.parse(stdout) as Said
  }
  return null
}

const { actual, predicted, probabilities, weights } = somePredictions()
const positive = actual.map((label) => label === 0)
const ranking = new Ranking(
  probabilities.map(([first]) => first!),
  positive
)

function agree(said: Said): void {
  const confusion = confusionOf(
    3,
    actual.map((label, i) => [label, predicted[i]!] as const)
  )
  const report = classReport(confusion)
  expect(confusion).toEqual(said.confusion)
  for (const [name, ours] of [
    ...report.classes.map((one, i) => [String(i) as '0' | '1' | '2', one] as const),
    ['macro avg', report.macro] as const,
    ['weighted avg', report.weighted] as const
  ]) {
    const theirs = said.report[name]
    expect(ours.precision).toBeCloseTo(theirs.precision, 12)
    expect(ours.recall).toBeCloseTo(theirs.recall, 12)
    expect(ours.f1).toBeCloseTo(theirs['f1-score'], 12)
    expect(ours.support).toBe(theirs.support)
  }
  expect(report.accuracy).toBeCloseTo(said.accuracy, 12)
  expect(report.macro.recall).toBeCloseTo(said.balanced_accuracy, 12)
  const { brier, logLoss } = properScores(probabilities, actual)
  expect(logLoss).toBeCloseTo(said.log_loss, 9)
  expect(brier).toBeGreaterThan(0)
  const pair = probabilities.map(([first]) => [first!, 1 - first!])
  // Two classes have each distance twice.
  expect(
    properScores(
      pair,
      actual.map((label) => Math.min(1, label))
    ).brier! / 2
  ).toBeCloseTo(said.brier, 12)
}

function agreeOnCurves(said: Said): void {
  const weight = (sample: number): number => weights[sample]!
  expect(ranking.areas().roc).toBeCloseTo(said.roc_area, 12)
  expect(ranking.areas(weight).roc).toBeCloseTo(said.roc_area_weighted, 12)
  expect(ranking.areas().averagePrecision).toBeCloseTo(said.average_precision, 12)
  expect(ranking.areas(weight).averagePrecision).toBeCloseTo(said.average_precision_weighted, 12)
  // Ours lacks those of their points that lie on a line between their neighbours.
  const roc = ranking.roc()
  const [falseRate, trueRate, thresholds] = said.roc
  for (const [i, threshold] of [Number.POSITIVE_INFINITY, ...thresholds].entries()) {
    const next = roc.findIndex((point) => point.threshold <= threshold)
    const [to, from] = [roc[next]!, roc[Math.max(0, next - 1)]!]
    if (to.threshold === threshold) {
      expect(to.falsePositiveRate).toBeCloseTo(falseRate[i]!, 12)
      expect(to.truePositiveRate).toBeCloseTo(trueRate[i]!, 12)
    } else {
      const across = (trueRate[i]! - from.truePositiveRate) * (to.falsePositiveRate - from.falsePositiveRate)
      const up = (falseRate[i]! - from.falsePositiveRate) * (to.truePositiveRate - from.truePositiveRate)
      expect(across).toBeCloseTo(up, 12)
    }
  }
  expect(roc.length).toBeLessThanOrEqual(falseRate.length)
  expect(roc.at(-1)).toMatchObject({ falsePositiveRate: 1, truePositiveRate: 1 })
  // Theirs begins at the lowest threshold and ends with a point that stands for "nothing is called so".
  const curve = ranking.precisionRecall().reverse()
  const [precision, recall, at] = said.precision_recall
  expect(curve.map(({ threshold }) => threshold)).toEqual(at)
  expect(curve.map((point) => point.precision)).toEqual(precision.slice(0, -1).map((one) => expect.closeTo(one, 12)))
  expect(curve.map((point) => point.recall)).toEqual(recall.slice(0, -1).map((one) => expect.closeTo(one, 12)))
}

describe('precision, recall, F1, curves, areas and scores', () => {
  it('equal those of scikit-learn 1.2.1, as it was recorded', () => {
    agree(recorded)
    agreeOnCurves(recorded)
  })

  const here = sklearnHere()
  it.skipIf(here === null)(
    'equal those of the scikit-learn of this machine',
    () => {
      agree(here!)
      agreeOnCurves(here!)
    },
    patience(60_000)
  )
})
