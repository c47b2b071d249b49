import type { Texts } from '../../contract/languages/index.js'
import { InferenceError, type PainlensError, whatOf } from '../../core/errors.js'
import type { Crop, RegionShare, Uncertainty } from '../../core/types.js'
import type { Manifest } from '../../lib/model/manifest.js'
import { softmax } from '../../lib/model/preprocess.js'
import { explainViews, type RelevanceSource, type ViewAnswer } from './explain-views.js'
import { heatmapPng } from './heatmap.js'
import { regionMap, regionShares } from './regions.js'
import { inWords } from './statement.js'
import { uncertaintyOf } from './uncertainty.js'
import { views } from './views.js'

/** What explains: the model by its manifest, and LRP on it under one composite. */
export interface CropExplainer {
  source: RelevanceSource
  manifest: Manifest
  /** How many of `views` are looked at, from 1 on; without others than the crop itself there is no uncertainty. */
  views: number
}

/** What is said about a crop, without the circumstances that only the asker knows. */
export interface CropExplanation {
  /** The label that was explained, and its probability. */
  target: string
  probability: number
  regions: RegionShare[]
  text: Texts
  uncertainty: Uncertainty
  /** PNG with alpha: red speaks for the target, blue against it, transparent where relevance is zero. */
  heatmap: Uint8Array
  /** Signed relevance per pixel (summed over colours), row-major, crop-sized. */
  relevance: Float32Array
  /** Before the softmax, in the order of the manifest's labels; so are the probabilities. */
  logits: Float32Array
  probabilities: Float32Array
}

/**
 * Explains one crop of the manifest's size. All but the uncertainty is said of the crop itself, not of its other views:
 * whether their mean lies better on what moved depends on the faces one looks at (docs/measured/explanations.md).
 * @param target the index of the label to explain, or `max`: the likeliest
 * @throws InferenceError when LRP fails or gives what is no number
 */
export async function explainCrop(
  { source, manifest, views: count }: CropExplainer,
  crop: Crop,
  target: 'max' | number
): Promise<CropExplanation> {
  try {
    const said = await explainViews(source, manifest.input, crop, views.slice(0, count), target)
    return await described(manifest, crop, said.target, said.answers)
  } catch (error) {
    throw asInferenceError(error, manifest)
  }
}

async function described(
  { labels, temperature }: Manifest,
  crop: Crop,
  index: number,
  answers: readonly ViewAnswer[]
): Promise<CropExplanation> {
  const { logits, relevance } = answers[0]!
  const target = labels[index]!
  const places = regionMap(crop.landmarks, crop)
  const shares = answers.map((answer) => regionShares(answer.relevance, places))
  const probabilities = answers.map((answer) => softmax(answer.logits, temperature))
  const uncertainty = uncertaintyOf({
    labels,
    target: index,
    probabilities,
    relevance: answers.map((answer) => answer.relevance),
    shares: shares.map(({ regions }) => regions)
  })
  const { regions, mass } = shares[0]!
  return {
    target,
    probability: probabilities[0]![index]!,
    logits,
    probabilities: probabilities[0]!,
    regions,
    text: inWords(target, regions, mass, uncertainty.classes[target]),
    uncertainty,
    heatmap: await heatmapPng(relevance, crop),
    relevance
  }
}

/** What a user has to know of a failed explanation; what the library says clearly already stays as it is. */
function asInferenceError(error: unknown, { file }: Manifest): PainlensError {
  if (error instanceof InferenceError) return error
  return new InferenceError('PL-EXPLAIN-FAILED', `the explanation failed (${whatOf(error)})`, file, { cause: error })
}
