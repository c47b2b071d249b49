import { InferenceError } from '../../core/errors.js'
import type { Crop } from '../../core/types.js'
import type { ModelInput } from '../../lib/model/manifest.js'
import { batchDims, preprocess } from '../../lib/model/preprocess.js'
import { mapToCrop, renderView, type View } from './views.js'

/** What this needs of `painlens/lrp`'s explainer. */
export interface RelevanceSource {
  explain(
    input: { data: Float32Array; dims: readonly number[] },
    options: { target: 'max' | number }
  ): Promise<{ logits: ArrayLike<ArrayLike<number>>; target: ArrayLike<number>; relevance: Float32Array }>
}

/** What the model says of one view. */
export interface ViewAnswer {
  logits: Float32Array
  /** Per pixel of the crop (summed over colours, put back to its place), row-major. */
  relevance: Float32Array
}

/**
 * The most input values in one call: a crop of a full-size VGG-Face, whose LRP holds some 250 MB of activations for each;
 * two at once are no faster on a CPU. A crop of 64x64 pixels is so small that twelve go at once.
 */
const mostValues = 3 * 224 * 224

/** How many crops of that size are explained in one call, at least one. */
export function viewsAtOnce({ width, height }: Pick<ModelInput, 'width' | 'height'>): number {
  return Math.max(1, Math.floor(mostValues / (3 * width * height)))
}

/**
 * Explains views of a crop for the same class. The first goes alone: what it is likeliest to show, the others are asked about.
 * @param target the class to explain, or `max`: the first view's likeliest
 * @returns the class, and an answer per view, in their order
 */
export async function explainViews(
  source: RelevanceSource,
  input: ModelInput,
  crop: Crop,
  views: readonly View[],
  target: 'max' | number
): Promise<{ target: number; answers: ViewAnswer[] }> {
  const ask = async (some: readonly View[], about: 'max' | number) => {
    const data = inputsOf(crop, some, input)
    const result = await source.explain({ data, dims: batchDims(input, some.length) }, { target: about })
    return { target: result.target[0]!, answers: answersOf(result, some, input) }
  }
  const first = await ask(views.slice(0, 1), target)
  const answers = first.answers
  for (let start = 1; start < views.length; start += viewsAtOnce(input)) {
    const chunk = views.slice(start, Math.min(views.length, start + viewsAtOnce(input)))
    answers.push(...(await ask(chunk, first.target)).answers)
  }
  return { target: first.target, answers }
}

/** The views as one batch of inputs; each is drawn into the same pixels before it is put where it belongs. */
function inputsOf(crop: Crop, views: readonly View[], input: ModelInput): Float32Array {
  const values = 3 * input.width * input.height
  const batch = new Float32Array(views.length * values)
  const pixels = new Uint8Array(crop.data.length)
  views.forEach((view, i) => {
    renderView(crop, view, pixels)
    preprocess({ ...crop, data: pixels }, input, batch.subarray(i * values, (i + 1) * values))
  })
  return batch
}

function answersOf(
  { logits, relevance }: Awaited<ReturnType<RelevanceSource['explain']>>,
  views: readonly View[],
  input: ModelInput
): ViewAnswer[] {
  const values = 3 * input.width * input.height
  return views.map((view, i) => {
    const map = summedOverColours(relevance.subarray(i * values, (i + 1) * values), input)
    if (!map.every(Number.isFinite))
      throw new InferenceError('PL-EXPLAIN-NOT-FINITE', 'the relevance is not finite', 'LRP')
    return { logits: Float32Array.from(logits[i]!), relevance: mapToCrop(map, view, input) }
  })
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
