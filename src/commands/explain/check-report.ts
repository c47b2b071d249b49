import type { Manifest } from '../../lib/model/manifest.js'
import {
  areaOf,
  type Curve,
  type FlippingVerdict,
  flippedShares,
  halfwayOf,
  judgeFlipping,
  judgeRandomisation,
  type Likeness,
  type RandomisationOutcome,
  type RandomisationVerdict
} from '../../stages/explain/checks/index.js'
import type { CheckedPicture, FlippingResults, RandomisationResults } from './checks.js'

export interface CheckResults {
  manifest: Manifest
  pictures: readonly CheckedPicture[]
  flipping: FlippingResults
  randomisation: RandomisationResults
}

interface Verdicts {
  composite: string
  flipping: FlippingVerdict
  randomisation: RandomisationVerdict
}

const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length

function verdictsOf({ flipping, randomisation }: CheckResults): Verdicts[] {
  return [...flipping].map(([composite, pictures]) => ({
    composite,
    flipping: judgeFlipping(pictures),
    randomisation: judgeRandomisation(randomisation.likeness.get(composite)!)
  }))
}

/** Whether all checks passed; `insensitive` maps are reported, and pass. */
export function checkPassed(results: CheckResults): boolean {
  return verdictsOf(results).every(({ flipping, randomisation }) => flipping.passed && randomisation.passed)
}

const outcomes: Record<RandomisationOutcome, string> = {
  changes: 'ok: the maps change',
  insensitive: 'caution: the maps change little',
  unchanged: 'FAILED: the maps do not change'
}

/** Both tables, with an explanation for non-engineers. */
export function checkReport(results: CheckResults): string {
  const verdicts = verdictsOf(results)
  const { length } = results.pictures
  const count = length === 1 ? 'one picture' : `${length} pictures`
  return ['', ...randomisationPart(results, verdicts, count), '', ...flippingPart(verdicts, count), '', ''].join('\n')
}

function randomisationPart({ randomisation }: CheckResults, verdicts: readonly Verdicts[], count: string): string[] {
  return [
    `Do the maps follow the model? The weights of its ${randomisation.layers.length} layers are shuffled, from the output on, and the maps`,
    `compared with the original's ${whenOf(randomisation)}: rank correlation, with sign / without; 1 is the same map.`,
    `Mean of ${count}.`,
    '',
    columns([
      ['composite', 'output layer', 'half', 'all', ''],
      ...verdicts.map(({ composite, randomisation: { steps, outcome } }) => [
        composite,
        ...[0, halfwayOf(steps), steps.length - 1].map((step) => likeness(steps[step]!)),
        outcomes[outcome]
      ])
    ]),
    '',
    'For a clinician: a map that stays the same when the model forgets all it has learnt shows the picture, not the reasons',
    'of the model.',
    ...cautions(verdicts)
  ]
}

function flippingPart(verdicts: readonly Verdicts[], count: string): string[] {
  return [
    'Do the parts that the maps point at matter? Squares replaced by the colours around them, the most relevant first, in',
    `random order, the least relevant first; mean probability of the label meanwhile, mean of ${count}.`,
    '',
    columns([
      ['composite', 'most first', 'random', 'least first', ''],
      ...verdicts.map(({ composite, flipping }) => [
        composite,
        flipping.mostRelevantFirst.toFixed(3),
        flipping.random.toFixed(3),
        flipping.leastRelevantFirst.toFixed(3),
        flippingOutcome(flipping)
      ])
    ]),
    '',
    'For a clinician: if covering what a map marks does not shake the model sooner than covering anything else, the map marks',
    'the wrong places.'
  ]
}

function whenOf({ layers, steps }: RandomisationResults): string {
  return steps.length === layers.length
    ? 'after each layer'
    : `after ${steps.join(', ')} layers (not after each, since the model is large)`
}

const likeness = ({ signed, absolute }: Likeness): string => `${signed.toFixed(2)} / ${absolute.toFixed(2)}`

function flippingOutcome({ passed, standardErrors }: FlippingVerdict): string {
  const by = `${standardErrors.toFixed(1)} standard errors`
  return passed ? `ok: hurts more than random, by ${by}` : `FAILED: no better than a random order may be (${by})`
}

function cautions(verdicts: readonly Verdicts[]): string[] {
  if (!verdicts.some(({ randomisation }) => randomisation.outcome === 'insensitive')) return []
  return [
    '',
    'Caution means: the map follows the picture, or the first layers, more than the whole model. Rules that let positive',
    'relevance through only (z-plus, alpha-beta, and the presets made of them) are known for that, most of all in the layers',
    'near the output (Sixt, Granz and Landgraf, "When explanations lie", ICML 2020). Such a map shows where the model finds',
    'features, less for which label.'
  ]
}

/** Pads columns to their widest cell; the last is not padded. */
function columns(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)))
  return rows
    .map((row) =>
      row
        .map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(i === row.length - 1 ? 0 : widths[i]!)))
        .join('  ')
    )
    .map((line) => `  ${line.trimEnd()}`)
    .join('\n')
}

/** The data of both tables. */
export function checkJson(results: CheckResults): object {
  const { manifest, pictures, randomisation, flipping } = results
  const { name, sha256, demonstration, labels } = manifest
  return {
    model: { name, sha256, demonstration },
    pictures: pictures.map(({ path, target }) => ({ picture: path, target: labels[target!] })),
    passed: checkPassed(results),
    randomisation: { layers_from_output: randomisation.layers, shuffled_layers: randomisation.steps },
    pixel_flipping: { flipped_shares: flippedShares },
    composites: verdictsOf(results).map((verdicts) => ({
      composite: verdicts.composite,
      randomisation: {
        outcome: verdicts.randomisation.outcome,
        passed: verdicts.randomisation.passed,
        rank_correlation: verdicts.randomisation.steps.map(({ signed }) => signed),
        rank_correlation_absolute: verdicts.randomisation.steps.map(({ absolute }) => absolute)
      },
      pixel_flipping: {
        passed: verdicts.flipping.passed,
        standard_errors: verdicts.flipping.standardErrors,
        area: {
          most_relevant_first: verdicts.flipping.mostRelevantFirst,
          random: verdicts.flipping.random,
          least_relevant_first: verdicts.flipping.leastRelevantFirst
        },
        curves: flipping.get(verdicts.composite)!.map(({ mostRelevantFirst, leastRelevantFirst, random }) => ({
          most_relevant_first: mostRelevantFirst,
          least_relevant_first: leastRelevantFirst,
          random: meanCurve(random),
          random_areas: random.map(areaOf)
        }))
      }
    }))
  }
}

function meanCurve(curves: readonly Curve[]): Curve {
  return flippedShares.map((_, i) => mean(curves.map((curve) => curve[i]!)))
}
