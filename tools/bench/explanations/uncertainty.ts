/** Whether the uncertainty is worth something: how its ranks go with those of the errors. */
import { type Crop, type RegionShare, regionNames } from '#painlens/core/types.js'
import type { Manifest } from '#painlens/lib/model/manifest.js'
import { probabilitiesOf, readingOf } from '#painlens/lib/model/preprocess.js'
import { ranksOf } from '#painlens/lib/statistics/correlation.js'
import {
  disagreement,
  explainViews,
  spreadOfViews,
  uncertaintyOf,
  type ViewAnswer,
  type ViewsSaid
} from '#painlens/stages/explain/explain-crop.js'
import { regionMap, regionShares } from '#painlens/stages/explain/regions.js'
import { openSource } from '#painlens/stages/explain/source.js'
import { views } from '#painlens/stages/explain/views.js'
import { labels } from '../../train/recipe.js'
import { table } from '../table.js'
import { type KnownFace, truthOf } from './faces.js'
import { auroc, bootstrap, estimateText, mean, quantile, spearman } from './statistics.js'

/** The numbers of views that are compared. */
const counts = [2, 3, 4, 6, 8, 12, 16]
const composite = 'lrp.sequential_preset_a_flat'

/** A face, what the model takes it for, and what its views make of that. */
export interface LookedAt {
  identity: number
  intensity: number
  /** The index of the likeliest label, and of what the face shows; -1 at rest. */
  target: number
  truth: number
  /** Of the crop itself. */
  probabilities: Float32Array
  /** By number of views. */
  unsure: Record<number, { target: number; spread: number; disagreement: number; regions: number[] }>
  /** Each region's share, and how far it is from its mean over other cuts of the picture. */
  shares: number[]
  regionErrors: number[]
}

/** Explains all views of each face, and the other cuts of it, for the face's likeliest label. */
export async function lookAt(
  faces: AsyncIterable<KnownFace>,
  manifest: Manifest,
  threads: number
): Promise<LookedAt[]> {
  const source = await openSource(manifest, { composite, engine: 'onnx', threads })
  const looked: LookedAt[] = []
  try {
    for await (const { identity, plan, crop, again } of faces) {
      const { target, answers } = await explainViews(source, manifest.input, crop, views, 'max')
      const others: RegionShare[][] = []
      for (const other of again) {
        const said = await explainViews(source, manifest.input, other, views.slice(0, 1), target)
        others.push(sharesOn(other, said.answers[0]!))
      }
      const reading = readingOf(source.head, source.classes)
      const probabilities = answers.map(({ logits }) => probabilitiesOf(logits, reading, manifest.temperature))
      const shares = answers.map((answer) => sharesOn(crop, answer))
      const relevance = answers.map((answer) => answer.relevance)
      looked.push({
        identity,
        intensity: plan.intensity,
        target,
        truth: truthOf(plan),
        probabilities: probabilities[0]!,
        unsure: unsureBy({ labels, target, probabilities, relevance, shares }),
        shares: shares[0]!.map(({ positive }) => positive),
        regionErrors: shares[0]!.map(({ positive }, i) =>
          Math.abs(positive - mean(others.map((ofCut) => ofCut[i]!.positive)))
        )
      })
    }
    return looked
  } finally {
    await source.close()
  }
}

const sharesOn = (crop: Crop, { relevance }: ViewAnswer): RegionShare[] =>
  regionShares(relevance, regionMap(crop.landmarks, crop))

function unsureBy({ target, probabilities, relevance, shares }: ViewsSaid): LookedAt['unsure'] {
  const of = (count: number): LookedAt['unsure'][number] => {
    const first = <T>(all: readonly T[]): T[] => all.slice(0, count)
    const said = { probabilities: first(probabilities), relevance: first(relevance), shares: first(shares) }
    const { classes, regions } = uncertaintyOf({ labels, target, ...said })
    return {
      target: classes[labels[target]!]!,
      spread: spreadOfViews(said.probabilities.map((ofView) => ofView[target]!)),
      disagreement: disagreement(said.relevance),
      regions: regionNames.map((name) => regions[name]!)
    }
  }
  return Object.fromEntries(counts.map((count) => [count, of(count)]))
}

/** How undecided the classifier is about the crop alone: entropy over the largest there can be, 0..1. */
function entropy({ probabilities }: LookedAt): number {
  const sum = probabilities.reduce((total, p) => (p > 0 ? total - p * Math.log(p) : total), 0)
  return sum / Math.log(probabilities.length)
}

const isWrong = ({ target, truth }: LookedAt): boolean => target !== truth
const missing = ({ probabilities, truth }: LookedAt): number => 1 - probabilities[truth]!
const identityOf = ({ identity }: LookedAt): number => identity

type Measure = (faces: readonly LookedAt[]) => number[]

const measures = (count: number): Record<string, Measure> => {
  const each =
    (of: (face: LookedAt) => number): Measure =>
    (faces) =>
      faces.map(of)
  return {
    "**the target's uncertainty**": each(({ unsure }) => unsure[count]!.target),
    'its first half: spread of the probability': each(({ unsure }) => unsure[count]!.spread),
    'its second half: disagreement of the maps': each(({ unsure }) => unsure[count]!.disagreement),
    'entropy of one crop (the measure before)': each(entropy),
    'entropy and uncertainty, mean of their ranks': (faces) => {
      const [a, b] = [ranksOf(faces.map(entropy)), ranksOf(faces.map(({ unsure }) => unsure[count]!.target))]
      return Array.from(a, (rank, i) => rank + b[i]!)
    }
  }
}

/** Rank correlation with 1 − p(what it shows), and how well wrong answers are told from right ones. */
export function errorTable(faces: readonly LookedAt[], count: number): string {
  const rows = Object.entries(measures(count)).map(([name, measure]) => [
    name,
    estimateText(bootstrap(faces, identityOf, (some) => spearman(measure(some), some.map(missing)))),
    estimateText(bootstrap(faces, identityOf, (some) => auroc(measure(some), some.map(isWrong))))
  ])
  return table(['', 'rank correlation with 1 − p(true class)', 'AUROC, wrong against right'], rows)
}

/** The same over the number of views. */
export function viewsTable(faces: readonly LookedAt[]): string {
  const rows = counts.map((count) => {
    const unsure = faces.map((face) => face.unsure[count]!.target)
    const values = [
      spearman(unsure, faces.map(missing)),
      auroc(unsure, faces.map(isWrong)),
      pooled(regionsUnsure(count))(faces)
    ]
    return [count, ...values.map((value) => value.toFixed(3))]
  })
  return table(['views', 'rank correlation, target', 'AUROC, target', 'rank correlation, regions'], rows)
}

/** What the uncertainty is where, and how often the answer is wrong there. */
export function bandsTable(faces: readonly LookedAt[], count: number, bounds: readonly number[]): string {
  const unsure = (face: LookedAt): number => face.unsure[count]!.target
  const expressive = faces.filter(({ truth }) => truth >= 0)
  const between = (of: (face: LookedAt) => number, name: string, limits: readonly number[]) =>
    limits.slice(1).map((high, i) =>
      row(
        `${name} ${limits[i]} to ${high}`,
        expressive.filter((face) => of(face) >= limits[i]! && (of(face) < high || high === limits.at(-1)))
      )
    )
  const row = (name: string, some: readonly LookedAt[], wrong = percentWrong(some)): (string | number)[] => [
    name,
    some.length,
    quantile(some.map(unsure), 0.5).toFixed(0),
    wrong
  ]
  return table(
    ['faces', 'count', 'median uncertainty', 'wrong'],
    [
      ...between(unsure, 'uncertainty', [0, ...bounds, 100]),
      ...between(({ intensity }) => intensity, 'intensity', [0.1, 0.2, 0.4, 0.6, 0.8, 1]),
      row(
        'at rest (no answer is right)',
        faces.filter(({ truth }) => truth < 0),
        ''
      )
    ]
  )
}

const percentWrong = (faces: readonly LookedAt[]): string =>
  `${((100 * faces.filter(isWrong).length) / faces.length).toFixed(1)} %`

type Statistic = (faces: readonly LookedAt[]) => number

type Regions = (face: LookedAt) => readonly number[]
const regionsUnsure =
  (count: number): Regions =>
  ({ unsure }) =>
    unsure[count]!.regions

/** Ranks of what a measure says of the regions against those of their shares' errors. */
const pooled =
  (measure: Regions): Statistic =>
  (faces) =>
    spearman(
      faces.flatMap(measure),
      faces.flatMap(({ regionErrors }) => regionErrors)
    )

/** The same, of one region only. */
const within =
  (measure: Regions, region: number): Statistic =>
  (faces) =>
    spearman(
      faces.map((face) => measure(face)[region]!),
      faces.map(({ regionErrors }) => regionErrors[region]!)
    )

export function regionTable(faces: readonly LookedAt[], count: number): string {
  const columns = [regionsUnsure(count), ({ shares }: LookedAt) => shares]
  const row = (name: string, statistic: (measure: Regions) => Statistic): string[] => [
    name,
    ...columns.map((measure) => estimateText(bootstrap(faces, identityOf, statistic(measure))))
  ]
  const each = (measure: Regions): Statistic[] => regionNames.map((_, i) => within(measure, i))
  const rows = [
    row('all regions of all faces together', pooled),
    row('within one region, mean of the ten', (measure) => (some) => mean(each(measure).map((of) => of(some)))),
    ...regionNames.map((name, i) => row(name, (measure) => within(measure, i)))
  ]
  return table(["rank correlation with the share's error", "the region's uncertainty", 'the share itself'], rows)
}
