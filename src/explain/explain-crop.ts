import { InferenceError, messageOf, PainlensError } from '../core/errors.js'
import type { Crop, Explanation } from '../core/types.js'
import type { Manifest, ModelInput } from '../model/manifest.js'
import { batchDims, preprocess, softmax } from '../model/preprocess.js'
import { heatmapPng } from './heatmap.js'
import { regionMap, regionShares } from './regions.js'
import { uncertaintyOf } from './uncertainty.js'
import { inWords } from './words/index.js'

/** What this needs of `painlens/lrp`'s explainer. */
export interface RelevanceSource {
  explain(
    input: { data: Float32Array; dims: readonly number[] },
    options: { target: 'max' | number }
  ): Promise<{ logits: ArrayLike<ArrayLike<number>>; target: ArrayLike<number>; relevance: Float32Array }>
}

/** What explains: the model by its manifest, and LRP on it under one composite. */
export interface CropExplainer {
  source: RelevanceSource
  manifest: Manifest
}

/** What is said about a crop, without the circumstances that only the asker knows. */
export interface CropExplanation
  extends Pick<Explanation, 'target' | 'probability' | 'regions' | 'text' | 'heatmap' | 'relevance'> {
  /** Before the softmax, in the order of the manifest's labels; so are the probabilities. */
  logits: Float32Array
  probabilities: Float32Array
  /** 0 (certain) to 100. */
  uncertainty: { score: number }
}

/**
 * Explains one crop of the manifest's size.
 * @param target the index of the label to explain, or `max`: the likeliest
 * @throws InferenceError when LRP fails or gives what is no number
 */
export async function explainCrop(
  { source, manifest }: CropExplainer,
  crop: Crop,
  target: 'max' | number
): Promise<CropExplanation> {
  try {
    const data = preprocess(crop, manifest.input)
    const result = await source.explain({ data, dims: batchDims(manifest.input, 1) }, { target })
    const logits = Float32Array.from(result.logits[0]!)
    const relevance = summedOverColours(result.relevance, manifest.input)
    if (!relevance.every(Number.isFinite)) throw new Error('the relevance is not finite')
    return { ...(await described(manifest, crop, logits, result.target[0]!, relevance)), logits, relevance }
  } catch (error) {
    throw asInferenceError(error, manifest)
  }
}

async function described(
  manifest: Manifest,
  crop: Crop,
  logits: Float32Array,
  index: number,
  relevance: Float32Array
): Promise<Omit<CropExplanation, 'logits' | 'relevance'>> {
  const probabilities = softmax(logits, manifest.temperature)
  const target = manifest.labels[index]!
  const { regions, mass } = regionShares(relevance, regionMap(crop.landmarks, crop))
  return {
    target,
    probability: probabilities[index]!,
    probabilities,
    regions,
    text: inWords(target, regions, mass),
    uncertainty: uncertaintyOf(probabilities),
    heatmap: await heatmapPng(relevance, crop)
  }
}

/**
 * Relevance per pixel of relevance per input value, as the figures of the LRP literature show it.
 * @param relevance in the input's layout, batch of one
 */
export function summedOverColours(relevance: Float32Array, { layout, width, height }: ModelInput): Float32Array {
  const pixels = width * height
  const [pixelStep, channelStep] = layout === 'nchw' ? [1, pixels] : [3, 1]
  return Float32Array.from({ length: pixels }, (_, pixel) => {
    const at = pixel * pixelStep
    return relevance[at]! + relevance[at + channelStep]! + relevance[at + 2 * channelStep]!
  })
}

/** What a user has to know of a failed explanation; what the library says clearly already stays as it is. */
function asInferenceError(error: unknown, { file }: Manifest): PainlensError {
  if (error instanceof InferenceError) return error
  const what = error instanceof PainlensError ? error.what : messageOf(error)
  return new InferenceError(`the explanation failed (${what})`, file, 'See whether memory is short.', { cause: error })
}
