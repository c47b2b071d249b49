import { availableParallelism } from 'node:os'
import { systemClock } from '../../core/clock.js'
import { silentLog } from '../../core/log.js'
import type { Crop, Face } from '../../core/types.js'
import type { Manifest } from '../../lib/model/manifest.js'
import { batchDims, preprocess } from '../../lib/model/preprocess.js'
import { type Classifier, startClassifier } from '../../stages/classify/index.js'
import {
  type Curve,
  cascadeSteps,
  type FlippingCurves,
  type Likeness,
  likenessOf,
  openShuffledModel,
  type Predict,
  randomCurves,
  relevanceCurves
} from '../../stages/explain/checks/index.js'
import { type CropTarget, summedOverColours } from '../../stages/explain/index.js'
import type { ModelSource } from '../../stages/explain/source.js'
import { type Job, openExplainer } from './job.js'
import type { Counter } from './output.js'

/** One picture's curves. */
export type PictureCurves = FlippingCurves & { random: readonly Curve[] }

/** For each composite, each picture's curves; the random ones are the same under all of them. */
export type FlippingResults = ReadonlyMap<string, readonly PictureCurves[]>

/** Pictures at once through the classifier: its layers' outputs are large. */
const batch = 4

/** Removes squares of the pictures step by step, and classifies the results. */
export async function flippedCurves(
  { manifest, composites, signal }: Job,
  pictures: readonly CheckedPicture[],
  maps: Maps,
  counter: Counter
): Promise<FlippingResults> {
  counter.begin('flipping pixels', pictures.length * (composites.length + 1))
  const results = new Map<string, PictureCurves[]>(composites.map((composite) => [composite, []]))
  const classifier = await startClassifier({
    manifest,
    provider: 'cpu',
    threads: availableParallelism(),
    log: silentLog,
    signal
  })
  try {
    for (const [i, picture] of pictures.entries()) {
      const predict = predictor(classifier, picture, signal)
      const random = await randomCurves(picture.crop, predict, i)
      counter.next()
      for (const composite of composites) {
        const own = await relevanceCurves(picture.crop, maps.get(composite)![i]!, predict)
        results.get(composite)!.push({ ...own, random })
        counter.next()
      }
    }
    return results
  } finally {
    await classifier.stop()
  }
}

function predictor(classifier: Classifier, { crop, target }: CheckedPicture, signal: AbortSignal): Predict {
  const faceOf = (data: Uint8Array): Face => ({
    track: 0,
    box: { x: 0, y: 0, width: crop.width, height: crop.height },
    score: 1,
    roll: 0,
    whyNot: null,
    landmarks: crop.landmarks,
    zone: null,
    crop: { ...crop, data }
  })
  return async (pictures) => {
    const probabilities: number[] = []
    for (let first = 0; first < pictures.length; first += batch) {
      signal.throwIfAborted()
      const faces = pictures.slice(first, first + batch).map(faceOf)
      const verdicts = await classifier.classify({ camera: 'check', at: systemClock.now(), faces }).verdicts
      probabilities.push(...verdicts.map((verdict) => verdict.probabilities[target!]!))
    }
    return probabilities
  }
}

export interface RandomisationResults {
  /** The layers' titles, from the output down. */
  layers: readonly string[]
  /** How many of them were shuffled when the maps were compared. */
  steps: readonly number[]
  /** For each composite and step, how alike each picture's maps are. */
  likeness: ReadonlyMap<string, readonly (readonly Likeness[])[]>
}

/** Fewer steps for a large model: each one writes, reads, opens and runs it for each composite. */
const mostSteps = { small: Number.POSITIVE_INFINITY, large: 4 }
const seed = 2018

/** Shuffles the model's weights from the output down, and compares the maps with the original's. */
export async function shuffledLikeness(
  job: Job,
  pictures: readonly CheckedPicture[],
  maps: Maps,
  counter: Counter
): Promise<RandomisationResults> {
  const { composites, manifest, signal } = job
  const model = await openShuffledModel(manifest.file, seed)
  const steps = cascadeSteps(model.layers.length, model.large ? mostSteps.large : mostSteps.small)
  const likeness = new Map<string, Likeness[][]>(composites.map((composite) => [composite, []]))
  counter.begin('shuffling weights', steps.length * composites.length)
  try {
    for (const count of steps) {
      signal.throwIfAborted()
      const shuffled = await model.upTo(count)
      for (const composite of composites) {
        signal.throwIfAborted()
        likeness.get(composite)!.push(await compare(job, { shuffled, composite, pictures, maps }))
        counter.next()
      }
    }
    return { layers: model.layers, steps, likeness }
  } finally {
    await model.close()
  }
}

interface Comparison {
  shuffled: string | Uint8Array
  composite: string
  pictures: readonly CheckedPicture[]
  maps: Maps
}

async function compare(job: Job, { shuffled, composite, pictures, maps }: Comparison): Promise<Likeness[]> {
  const explainer = await openExplainer(job, composite, shuffled)
  try {
    const likeness: Likeness[] = []
    for (const [i, { crop, target }] of pictures.entries()) {
      const { relevance } = await relevanceMapOf(explainer, job.manifest, crop, target!)
      likeness.push(likenessOf(maps.get(composite)![i]!, relevance))
    }
    return likeness
  } finally {
    await explainer.close()
  }
}

/** A picture for the checks. */
export interface CheckedPicture {
  path: string
  crop: Crop
  /** Index of the explained label; null until it is classified. */
  target: number | null
}

/** Each composite's relevance for each picture. */
export type Maps = ReadonlyMap<string, readonly Float32Array[]>

/** Explains the pictures under each composite, and sets their targets. */
export async function explainForCheck(job: Job, pictures: readonly CheckedPicture[], counter: Counter): Promise<Maps> {
  const maps = new Map<string, Float32Array[]>()
  for (const composite of job.composites) {
    job.signal.throwIfAborted()
    counter.begin(`explaining, ${composite}`, pictures.length)
    const explainer = await openExplainer(job, composite)
    try {
      const own: Float32Array[] = []
      for (const picture of pictures) {
        job.signal.throwIfAborted()
        const { relevance, target } = await relevanceMapOf(
          explainer,
          job.manifest,
          picture.crop,
          picture.target ?? job.target
        )
        picture.target = target
        own.push(relevance)
        counter.next()
      }
      maps.set(composite, own)
    } finally {
      await explainer.close()
    }
  }
  return maps
}

/** Relevance per pixel; NaN, which a shuffled model may produce, counts as 0. */
export async function relevanceMapOf(
  explainer: ModelSource,
  { input }: Manifest,
  crop: Crop,
  target: CropTarget
): Promise<{ relevance: Float32Array; target: number }> {
  const sample = { data: preprocess(crop, input), dims: batchDims(input, 1) }
  const result = await explainer.explain(sample, { target })
  const relevance = summedOverColours(result.relevance, input).map((value) => (Number.isFinite(value) ? value : 0))
  return { relevance, target: result.target[0]! }
}
