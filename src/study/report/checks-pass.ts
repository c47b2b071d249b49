/** Whether maps are of the model and of what it uses: pixel flipping, shuffled weights, sums, and the folds' models against each other. */
import { join } from 'node:path'
import type { Moment } from '../../core/clock.js'
import { silentLog } from '../../core/log.js'
import type { Crop } from '../../core/types.js'
import type { Manifest } from '../../lib/model/manifest.js'
import { median } from '../../lib/statistics/index.js'
import { type Classifier, startClassifier } from '../../stages/classify/index.js'
import {
  type Curve,
  cascadeSteps,
  type FlippingVerdict,
  flippedShares,
  judgeFlipping,
  judgeRandomisation,
  likenessOf,
  openShuffledModel,
  type RandomisationVerdict,
  randomCurves,
  randomOrders,
  relevanceCurves
} from '../../stages/explain/checks/index.js'
import { faceOf } from '../evaluate/judge.js'
import type { PartProgress } from './progress.js'
import { signedShares } from './reduced-map.js'
import { keptRows, LazyModel, type PassOptions, type PassResult } from './relevance-pass.js'
import type { SampledPicture } from './sample.js'

export interface FlippingFinding {
  composite: string
  pictures: number
  verdict: FlippingVerdict
  /** Mean curves over the pictures, at `flippedShares`. */
  curves: { most: number[]; least: number[]; random: number[] }
}

const points = flippedShares.length

/** Predictions that flipping one picture asks for. */
export const flippingPredictions = (composites: number): number => points * (randomOrders + 2 * composites)

/** The curves of one picture. */
interface PictureCurves {
  mostRelevantFirst: Curve
  leastRelevantFirst: Curve
  random: Curve[]
}

/** @param pictures that are called right */
export async function flipPixels(
  options: PassOptions,
  pictures: readonly SampledPicture[]
): Promise<FlippingFinding[]> {
  const found = new Map<string, PictureCurves[]>()
  const progress = options.begin('pixel flipping', pictures.length * (1 + options.composites.length))
  for (const [fold, manifest] of options.run.folds) {
    const own = pictures.filter(({ judged }) => judged.fold === fold)
    if (own.length === 0) continue
    const predictor = new Predictor(manifest, options)
    const form = { ...options, progress, count: own.length }
    try {
      const random = await keptRows(
        join(options.work, `random-${fold}.f32`),
        { ...form, size: randomOrders * points },
        async (i) => {
          const { place, label } = own[i]!
          const crop = await options.cropOf(place)
          return (await randomCurves(crop, predictor.of(crop, label), place)).flat()
        }
      )
      for (const composite of options.composites) {
        const rows = await flippedBy(composite, { ...form, fold, manifest, predictor, own })
        found.set(composite, [
          ...(found.get(composite) ?? []),
          ...rows.map((row, i) => ({ ...row, random: inRows(random[i]!) }))
        ])
      }
    } finally {
      await predictor.stop()
    }
  }
  return [...found].map(([composite, list]) => findingOf(composite, list))
}

interface FoldsPictures extends PassOptions {
  progress: PartProgress
  count: number
  fold: number
  manifest: Manifest
  predictor: Predictor
  own: readonly SampledPicture[]
}

/** The curves of a fold's pictures, in the order of one composite's relevance. */
async function flippedBy(composite: string, options: FoldsPictures): Promise<Omit<PictureCurves, 'random'>[]> {
  const { fold, manifest, predictor, own, work } = options
  const model = new LazyModel(manifest, composite, options.threads)
  try {
    const file = join(work, `flipped-${fold}-${composite}.f32`)
    const rows = await keptRows(file, { ...options, size: 2 * points }, async (i) => {
      const { place, label } = own[i]!
      const crop = await options.cropOf(place)
      const { relevance } = await model.explain(crop, label)
      const curves = await relevanceCurves(crop, finite(relevance), predictor.of(crop, label))
      return [...curves.mostRelevantFirst, ...curves.leastRelevantFirst]
    })
    return rows.map((row) => ({
      mostRelevantFirst: [...row.subarray(0, points)],
      leastRelevantFirst: [...row.subarray(points)]
    }))
  } finally {
    await model.close()
  }
}

/** A fold's classifier, which is started when it is first asked: a pass that goes on where it was may need none. */
class Predictor {
  #classifier: Promise<Classifier> | null = null

  constructor(
    readonly manifest: Manifest,
    readonly options: PassOptions
  ) {}

  /** The probability of a class, for views of a crop. */
  of(crop: Crop, target: number): (views: readonly Uint8Array[]) => Promise<number[]> {
    return async (views) => {
      const { threads, signal } = this.options
      this.#classifier ??= startClassifier({
        manifest: this.manifest,
        provider: 'cpu',
        threads,
        log: silentLog,
        signal
      })
      const faces = views.map((data) => faceOf(data, crop))
      const verdicts = await (await this.#classifier).classify({ camera: 'study', at: 0 as Moment, faces }).verdicts
      return verdicts.map(({ probabilities }) => probabilities[target]!)
    }
  }

  async stop(): Promise<void> {
    await (await this.#classifier)?.stop()
  }
}

const findingOf = (composite: string, list: readonly PictureCurves[]): FlippingFinding => ({
  composite,
  pictures: list.length,
  verdict: judgeFlipping(list),
  curves: {
    most: meanCurve(list.map(({ mostRelevantFirst }) => mostRelevantFirst)),
    least: meanCurve(list.map(({ leastRelevantFirst }) => leastRelevantFirst)),
    random: meanCurve(list.flatMap(({ random }) => random))
  }
})

const finite = (relevance: Float32Array): Float32Array => relevance.map((value) => (Number.isFinite(value) ? value : 0))

const inRows = (row: Float32Array): number[][] =>
  Array.from({ length: randomOrders }, (_, i) => [...row.subarray(i * points, (i + 1) * points)])

const meanCurve = (curves: readonly Curve[]): number[] =>
  flippedShares.map((_, i) => curves.reduce((sum, curve) => sum + curve[i]!, 0) / curves.length)

export interface ShuffleFinding {
  composite: string
  verdict: RandomisationVerdict
}

/** A large model is written and opened anew for each step. */
const mostSteps = { small: 6, large: 3 }

/** Of a model whose steps count. */
export const shuffledSteps = mostSteps.large

/** Shuffles the best fold's weights from the output down, and compares the maps. @param pictures of that fold */
export async function shuffleWeights(
  options: PassOptions,
  pictures: readonly SampledPicture[],
  seed: number
): Promise<ShuffleFinding[]> {
  const { run, composites, work } = options
  const manifest = run.folds.get(run.best)!
  if (pictures.length === 0) return []
  const shuffled = await openShuffledModel(manifest.file, seed)
  try {
    const steps = cascadeSteps(shuffled.layers.length, shuffled.large ? mostSteps.large : mostSteps.small)
    const cascades = new Map<string, { signed: number; absolute: number }[][]>(composites.map((name) => [name, []]))
    const maps = new Map<string, Float32Array[]>()
    const progress = options.begin('shuffled weights', steps.length * composites.length * pictures.length)
    for (const step of steps)
      for (const composite of composites) {
        let other: LazyModel | null = null
        const form = { ...options, progress, size: 2, count: pictures.length }
        try {
          const rows = await keptRows(join(work, `shuffled-${step}-${composite}.f32`), form, async (i) => {
            const { place, label } = pictures[i]!
            other ??= new LazyModel(manifest, composite, options.threads, await shuffled.upTo(step))
            const originals = await originalMaps(options, composite, pictures, maps)
            const { relevance } = await other.explain(await options.cropOf(place), label)
            const { signed, absolute } = likenessOf(originals[i]!, finite(relevance))
            return [signed, absolute]
          })
          cascades.get(composite)!.push(rows.map(([signed, absolute]) => ({ signed: signed!, absolute: absolute! })))
        } finally {
          await (other as LazyModel | null)?.close()
        }
      }
    return [...cascades].map(([composite, cascade]) => ({ composite, verdict: judgeRandomisation(cascade) }))
  } finally {
    await shuffled.close()
  }
}

async function originalMaps(
  options: PassOptions,
  composite: string,
  pictures: readonly SampledPicture[],
  maps: Map<string, Float32Array[]>
): Promise<Float32Array[]> {
  const known = maps.get(composite)
  if (known) return known
  const model = new LazyModel(options.run.folds.get(options.run.best)!, composite, options.threads)
  try {
    const own: Float32Array[] = []
    for (const { place, label } of pictures)
      own.push(finite((await model.explain(await options.cropOf(place), label)).relevance))
    maps.set(composite, own)
    return own
  } finally {
    await model.close()
  }
}

export interface SumFinding {
  composite: string
  /** Maps, and values in them that were no finite numbers. */
  maps: number
  notFinite: number
  /** Median over maps of the relevance that arrives, as a share of what LRP began with; biases keep some. */
  conserved: number | null
}

export function sumsOf(
  options: PassOptions,
  { mapOf }: PassResult,
  tasksIn: (fold: number) => readonly { place: number; target: number }[]
): SumFinding[] {
  return options.composites.map((composite) => {
    const maps = [...options.run.folds.keys()].flatMap((fold) =>
      tasksIn(fold).flatMap((task) => mapOf(composite, fold, task) ?? [])
    )
    const shares = maps.filter(({ start }) => Math.abs(start) > 1e-6).map(({ sum, start }) => sum / start)
    return {
      composite,
      maps: maps.length,
      notFinite: maps.reduce((sum, map) => sum + map.notFinite, 0),
      conserved: shares.length === 0 ? null : median(shares)
    }
  })
}

export interface AgreementFinding {
  composite: string
  pictures: number
  /** Mean over pictures and pairs of models of the cosine between their maps, -1..1, and the lowest picture's mean. */
  mean: number | null
  lowest: number | null
}

/** How alike the maps of all folds' models are on the same pictures, most of which they were trained on. */
export function agreementOf(options: PassOptions, { mapOf }: PassResult): AgreementFinding[] {
  const folds = [...options.run.folds.keys()]
  return options.composites.map((composite) => {
    const means = options.shared.flatMap(({ place, label }) => {
      const maps = folds.flatMap((fold) => mapOf(composite, fold, { place, target: label }) ?? []).map(signedShares)
      const pairs = maps.flatMap((a, i) => maps.slice(i + 1).map((b) => cosine(a, b)))
      return pairs.length === 0 ? [] : [pairs.reduce((sum, one) => sum + one, 0) / pairs.length]
    })
    const mean = means.length === 0 ? null : means.reduce((sum, one) => sum + one, 0) / means.length
    return { composite, pictures: means.length, mean, lowest: means.length === 0 ? null : Math.min(...means) }
  })
}

function cosine(a: Float64Array, b: Float64Array): number {
  let [both, left, right] = [0, 0, 0]
  for (let i = 0; i < a.length; i++) {
    both += a[i]! * b[i]!
    left += a[i]! ** 2
    right += b[i]! ** 2
  }
  return left === 0 || right === 0 ? 0 : both / Math.sqrt(left * right)
}
