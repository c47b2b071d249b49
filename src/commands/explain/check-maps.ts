import type { Crop } from '../../core/types.js'
import type { Explainer } from '../../lib/lrp/index.js'
import type { Manifest } from '../../lib/model/manifest.js'
import { batchDims, preprocess } from '../../lib/model/preprocess.js'
import { summedOverColours } from '../../stages/explain/index.js'
import { type Job, openExplainer } from './job.js'
import type { Counter } from './output.js'

/** A picture that the explanations are checked on. */
export interface CheckedPicture {
  path: string
  crop: Crop
  /** Index of the explained label; null until the model has seen it. */
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
        const { relevance, target } = await mapOf(explainer, job.manifest, picture.crop, picture.target ?? job.target)
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

/** Relevance per pixel; what is no number (a shuffled model may give that) counts as none. */
export async function mapOf(
  explainer: Explainer,
  { input }: Manifest,
  crop: Crop,
  target: number | 'max'
): Promise<{ relevance: Float32Array; target: number }> {
  const sample = { data: preprocess(crop, input), dims: batchDims(input, 1) }
  const result = await explainer.explain(sample, { target })
  const relevance = summedOverColours(result.relevance, input).map((value) => (Number.isFinite(value) ? value : 0))
  return { relevance, target: result.target[0]! }
}
