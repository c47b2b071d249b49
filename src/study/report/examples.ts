/** Chosen faces under every composite (figures 3 and 4), and faces for people to judge. */

import { join } from 'node:path'
import type { Crop } from '../../core/types.js'
import { plainCompositeNames } from '../../lib/lrp/index.js'
import { softmax } from '../../lib/model/preprocess.js'
import { loadSharp } from '../../lib/picture/sharp.js'
import { explainCrop } from '../../stages/explain/index.js'
import { openSource } from '../../stages/explain/source.js'
import type { ReportLanguageCode } from '../choices.js'
import { keptRows, LazyModel, type PassOptions } from './relevance-pass.js'
import { type ExpressionFace, labelsNotDrawn, shownFaces } from './rendered-faces.js'
import { fewOf, type SampledPicture, sampleOf } from './sample.js'
import type { StudyRun } from './study-run.js'

/** A face and what the most accurate fold's model calls it. */
export interface CalledFace {
  crop: Crop
  /** Index of the label that it shows. */
  label: number
  /** Index of the label that it is called. */
  called: number
  probability: number
}

export interface Example extends CalledFace {
  /** Relevance per pixel for what it is called, by composite: all that need no option. */
  maps: ReadonlyMap<string, Float32Array>
}

/** Rendered faces of each label. */
const eachLabel = 5

/** How many rendered faces are shown. */
export const facesShown = (labels: readonly string[]): number =>
  eachLabel * (labels.length - labelsNotDrawn(labels).length)

/** Rendered faces that no model was trained on, as the most accurate fold's model calls them. */
export async function calledFaces(options: PassOptions, seed: number): Promise<CalledFace[]> {
  const { run, composites, threads, work } = options
  const { labels } = run.judgement
  const { size, alignment } = run.dataset
  const faces = await shownFaces(labels, eachLabel, seed, { size, alignment })
  const model = new LazyModel(run.folds.get(run.best)!, composites[0]!, threads)
  try {
    const form = {
      ...options,
      size: labels.length,
      count: faces.length,
      progress: options.begin('rendered faces', faces.length)
    }
    const rows = await keptRows(
      join(work, 'faces.f32'),
      form,
      async (i) => (await model.explain(faces[i]!.crop, 0)).logits
    )
    return rows.map((logits, i) => calledBy(faces[i]!, logits, labels, model.manifest.temperature))
  } finally {
    await model.close()
  }
}

function calledBy(
  { crop, expression }: ExpressionFace,
  logits: Float32Array,
  labels: readonly string[],
  temperature: number
): CalledFace {
  const called = logits.indexOf(Math.max(...logits))
  return { crop, label: labels.indexOf(expression), called, probability: softmax(logits, temperature)[called]! }
}

/** Pictures of the most accurate fold, as its model calls them. */
export async function calledPictures(options: PassOptions, pictures: readonly SampledPicture[]): Promise<CalledFace[]> {
  const faces: CalledFace[] = []
  for (const { place, label, judged } of pictures)
    faces.push({
      crop: await options.cropOf(place),
      label,
      called: judged.predicted,
      probability: judged.probabilities[judged.predicted]!
    })
  return faces
}

/** All of the most accurate fold: those whose relevance is computed may have none of it, where there are more folds than these. */
const picturesOfBest = ({ judgement, best }: StudyRun, seed: number): SampledPicture[] =>
  sampleOf(judgement, judgement.judged.length, seed).filter(({ judged }) => judged.fold === best)

/** Of each label pictures of the most accurate fold, for people to judge. */
export const picturesToJudge = (run: StudyRun, seed: number): SampledPicture[] =>
  fewOf(picturesOfBest(run, seed), run.judgement.labels, eachLabel)

/** Of each label the surest of the most accurate fold that is called right, and the surest that is not. */
export function surestPictures(run: StudyRun, seed: number): SampledPicture[] {
  const all = picturesOfBest(run, seed)
  const sureness = ({ judged }: SampledPicture): number => judged.probabilities[judged.predicted]!
  return run.judgement.labels.flatMap((_, label) =>
    [true, false].flatMap((right) => {
      const own = all.filter((picture) => picture.label === label && picture.right === right)
      return own.sort((a, b) => sureness(b) - sureness(a)).slice(0, 1)
    })
  )
}

/** Of each label the surest that is called right, or wrong. */
export function surest(faces: readonly CalledFace[], labels: readonly string[], right: boolean): CalledFace[] {
  return labels.flatMap((_, label) => {
    const own = faces.filter((face) => face.label === label && (face.called === label) === right)
    return own.sort((a, b) => b.probability - a.probability).slice(0, 1)
  })
}

/** @throws ModelError, InferenceError, DiskError; the signal's reason */
export async function explainedExamples(options: PassOptions, faces: readonly CalledFace[]): Promise<Example[]> {
  const { run, threads, work } = options
  const { width, height } = run.dataset.size
  const maps = faces.map(() => new Map<string, Float32Array>())
  const progress = options.begin('examples', plainCompositeNames.length * faces.length)
  for (const composite of plainCompositeNames) {
    const model = new LazyModel(run.folds.get(run.best)!, composite, threads)
    try {
      const form = { ...options, progress, size: width * height, count: faces.length }
      const rows = await keptRows(join(work, `examples-${composite}.f32`), form, async (i) => {
        const { relevance } = await model.explain(faces[i]!.crop, faces[i]!.called)
        return relevance.map((value) => (Number.isFinite(value) ? value : 0))
      })
      for (const [i, row] of rows.entries()) maps[i]!.set(composite, row)
    } finally {
      await model.close()
    }
  }
  return faces.map((face, i) => ({ ...face, maps: maps[i]! }))
}

/** A face for people to judge, with what the model says of it. */
export interface QuizFace extends CalledFace {
  /** PNG with alpha. */
  heatmap: Uint8Array
  words: string
}

/** Explains each face for what it is called. */
export async function quizFaces(
  { run, threads, begin, signal }: PassOptions,
  faces: readonly CalledFace[],
  composite: string,
  language: ReportLanguageCode
): Promise<QuizFace[]> {
  const manifest = run.folds.get(run.best)!
  const source = await openSource(manifest, { composite, threads, engine: 'onnx' })
  try {
    const explained: QuizFace[] = []
    const progress = begin('faces to judge', faces.length)
    for (const face of faces) {
      signal.throwIfAborted()
      const { heatmap, text } = await explainCrop({ source, manifest, views: 1 }, face.crop, face.called)
      explained.push({ ...face, heatmap, words: text[language] })
      progress.step()
    }
    return explained
  } finally {
    await source.close()
  }
}

/** The crop as PNG, enlarged to about this width. */
export function cropPng({ data, width, height }: Crop, shown: number): Promise<Uint8Array> {
  const scale = Math.max(1, Math.round(shown / width))
  return loadSharp()(data, { raw: { width, height, channels: 3 } })
    .resize(width * scale, height * scale, { kernel: 'cubic' })
    .png({ compressionLevel: 9 })
    .toBuffer()
}
