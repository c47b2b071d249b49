import type { ExplainedLabels, Texts } from '../../contract/languages/index.js'
import { InferenceError, type PainlensError, whatOf } from '../../core/errors.js'
import { type Crop, type RegionShare, regionNames, type Uncertainty } from '../../core/types.js'
import type { Manifest, ModelInput } from '../../lib/model/manifest.js'
import { batchDims, byLabel, preprocess, probabilitiesOf, type Reading, readingOf } from '../../lib/model/preprocess.js'
import type { Head } from '../../lib/onnx/index.js'
import { heatmapPng } from './heatmap.js'
import { regionMap, regionShares } from './regions.js'
import { explanationInWords } from './statement.js'
import { mapToCrop, renderView, type View, views } from './views.js'

/** The model by its manifest, and LRP on it under one composite. */
export interface CropExplainer {
  source: RelevanceSource
  manifest: Manifest
  /** How many of `views` are explained, from 1; with 1, the crop itself, there is no uncertainty. */
  views: number
}

/** The explanation of a crop, without camera, track and time. */
export interface CropExplanation {
  /** The label that was explained, or a contrast such as `pain - disgust`. */
  target: string
  /** By label: of a contrast each label's weight, else 1 for the label that was explained. */
  weights: Record<string, number>
  /** Of the label that was explained; of a contrast, of the one with the largest weight. */
  probability: number
  regions: RegionShare[]
  text: Texts
  uncertainty: Uncertainty
  /**
   * By what share of its largest value the map changes when each value of the picture changes by a millionth of itself, as rounding might
   * change it: how ill-conditioned it is. Null where the composite's rules cannot cancel, and nothing is measured.
   */
  conditioning: number | null
  /** PNG with alpha: red speaks for the target, blue against it, transparent where relevance is zero. */
  heatmap: Uint8Array
  /** Signed relevance per pixel (summed over colours), row-major, crop-sized. */
  relevance: Float32Array
  /** Before the model's last activation, in the order of the manifest's labels; so are the probabilities. */
  logits: Float32Array
  probabilities: Float32Array
}

/**
 * Explains one crop of the manifest's size. All but the uncertainty is about the crop itself, not its other views:
 * whether their mean map points better depends on the faces (docs/measured/explanations.md).
 * @throws InferenceError if LRP fails or gives values that are not finite
 */
export async function explainCrop(
  { source, manifest, views: count }: CropExplainer,
  crop: Crop,
  target: CropTarget
): Promise<CropExplanation> {
  try {
    const said = await explainViews(source, manifest.input, crop, views.slice(0, count), target)
    const reading = readingOf(source.head, source.classes)
    const weights = typeof target === 'object' ? target : { [said.target]: 1 }
    const about = typeof target === 'object' ? target : said.target
    const conditioning = source.cancels ? await changeByRounding(source, manifest.input, crop, said.first, about) : null
    return await described(manifest, crop, { ...said, weights, conditioning }, reading)
  } catch (error) {
    throw asInferenceError(error, manifest)
  }
}

interface Said extends ViewsAnswer {
  weights: LabelWeights
  conditioning: number | null
}

async function described(
  { labels, temperature }: Manifest,
  crop: Crop,
  { target: index, answers, weights, conditioning }: Said,
  reading: Reading
): Promise<CropExplanation> {
  const { logits, relevance } = answers[0]!
  const named = Object.entries(weights).map(([label, weight]) => ({ label: labels[Number(label)]!, weight }))
  const places = regionMap(crop.landmarks, crop)
  const shares = answers.map((answer) => regionShares(answer.relevance, places))
  const probabilities = answers.map((answer) => probabilitiesOf(answer.logits, reading, temperature))
  const uncertainty = uncertaintyOf({
    labels,
    target: index,
    probabilities,
    relevance: answers.map((answer) => answer.relevance),
    shares
  })
  const regions = shares[0]!
  const uncertain = uncertainty.classes[labels[index]!]
  return {
    target: nameOf(named),
    weights: Object.fromEntries(named.map(({ label, weight }) => [label, weight])),
    probability: probabilities[0]![index]!,
    logits,
    probabilities: probabilities[0]!,
    regions,
    text: explanationInWords(explainedLabels(named), regions, uncertain, conditioning),
    uncertainty,
    conditioning,
    heatmap: await heatmapPng(relevance, crop),
    relevance
  }
}

interface NamedWeight {
  label: string
  weight: number
}

/** `pain`, `pain - disgust`, `2 pain + happiness - 0.5 disgust`: what `--target` takes. */
function nameOf(weights: readonly NamedWeight[]): string {
  const [first, ...others] = [...weights].sort((a, b) => b.weight - a.weight)
  const times = (weight: number): string => (Math.abs(weight) === 1 ? '' : `${Math.abs(weight)} `)
  const head = times(first!.weight) + first!.label
  return others.reduce((name, { label, weight }) => `${name} ${weight < 0 ? '-' : '+'} ${times(weight)}${label}`, head)
}

function explainedLabels(weights: readonly NamedWeight[]): ExplainedLabels {
  const of = (sign: 1 | -1): string[] => weights.filter(({ weight }) => sign * weight > 0).map(({ label }) => label)
  return { labels: of(1), ratherThan: of(-1) }
}

/** A failed explanation as an error for users; errors that are clear already are passed on. */
function asInferenceError(error: unknown, { file }: Manifest): PainlensError {
  if (error instanceof InferenceError) return error
  return new InferenceError('PL-EXPLAIN-FAILED', `the explanation failed (${whatOf(error)})`, file, { cause: error })
}

/** Weights by the index of a label; at least one is above 0. */
export type LabelWeights = Readonly<Record<number, number>>
/** What to explain of a crop: the likeliest label, one by its index, or a weighting, such as the contrast of two. */
export type CropTarget = 'max' | number | LabelWeights

/** The used part of `painlens/lrp`'s explainer. */
export interface RelevanceSource {
  /** How the model's outputs are read. */
  readonly head: Head
  /** How many outputs it has. A single one speaks for the first of two labels, and against the second. */
  readonly classes: number
  /** Whether rules may nearly divide by zero, so that it is worth to measure what rounding does. */
  readonly cancels: boolean
  explain(
    input: { data: Float32Array; dims: readonly number[] },
    options: { target: CropTarget }
  ): Promise<{ logits: ArrayLike<ArrayLike<number>>; target: ArrayLike<number>; relevance: Float32Array }>
}

/** The answers for a crop's views. */
export interface ViewsAnswer {
  /** The label, of a weighting the one with the largest weight. */
  target: number
  /** Of each view, in their order. */
  answers: ViewAnswer[]
  /** Of the first view, per input value, as the model takes it. */
  first: Float32Array
}

/** The model's answer for one view. */
export interface ViewAnswer {
  /** By label. */
  logits: Float32Array
  /** Per pixel of the crop (summed over colours, in the crop's coordinates), row-major. */
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
 * Explains views of a crop for the same target. The first is explained alone; where the likeliest label is wanted, its own is
 * the target of the others.
 */
export async function explainViews(
  source: RelevanceSource,
  input: ModelInput,
  crop: Crop,
  views: readonly View[],
  target: CropTarget
): Promise<ViewsAnswer> {
  const ask = async (some: readonly View[], about: CropTarget) => {
    const data = inputsOf(crop, some, input)
    const single = source.classes === 1
    const asked = single ? ofSingleOutput(about) : about
    const result = await source.explain({ data, dims: batchDims(input, some.length) }, { target: asked })
    const label = single ? labelOf(result.logits[0]![0]!, about) : result.target[0]!
    const turned = single && typeof about !== 'object' && label === 1
    return { target: label, answers: answersOf(result, some, input, turned ? -1 : 1), relevance: result.relevance }
  }
  const first = await ask(views.slice(0, 1), target)
  const answers = first.answers
  for (let start = 1; start < views.length; start += viewsAtOnce(input)) {
    const chunk = views.slice(start, Math.min(views.length, start + viewsAtOnce(input)))
    answers.push(...(await ask(chunk, typeof target === 'object' ? target : first.target)).answers)
  }
  return { target: first.target, answers, first: first.relevance }
}

/** By how much of itself each value is changed to see what rounding does: sixteen times what float32 rounds by. */
const nudge = 1e-6

/**
 * How the crop's relevance changes with its values' last digits, up or down without a pattern.
 * @param relevance of the crop itself
 * @returns the largest change as a share of the largest relevance; 1 where one of them has none
 */
async function changeByRounding(
  source: RelevanceSource,
  input: ModelInput,
  crop: Crop,
  relevance: Float32Array,
  about: CropTarget
): Promise<number> {
  const exact = preprocess(crop, input)
  // The lowest bits of a multiplicative hash.
  const data = exact.map((value, i) => value * (1 + (Math.imul(i + 1, 0x9e3779b1) >>> 31 === 0 ? nudge : -nudge)))
  const target = source.classes === 1 ? ofSingleOutput(about) : about
  const nudged = await source.explain({ data, dims: batchDims(input, 1) }, { target })
  let [largest, change] = [0, 0]
  for (let i = 0; i < relevance.length; i++) {
    largest = Math.max(largest, Math.abs(relevance[i]!))
    change = Math.max(change, Math.abs(relevance[i]! - nudged.relevance[i]!))
  }
  if (largest === 0) return change === 0 ? 0 : 1
  return Math.min(1, change / largest)
}

/** Of a single output, which speaks for the first label and against the second: the label that is explained. */
function labelOf(logit: number, about: CropTarget): number {
  if (about === 'max') return Number(logit < 0)
  return typeof about === 'number' ? about : Number((about[1] ?? 0) > (about[0] ?? 0))
}

function ofSingleOutput(about: CropTarget): CropTarget {
  return typeof about === 'object' ? { 0: (about[0] ?? 0) - (about[1] ?? 0) } : 0
}

/** The views as one batch of inputs; all are drawn into the same buffer, then copied to their place in the batch. */
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
  input: ModelInput,
  sign: 1 | -1
): ViewAnswer[] {
  const values = 3 * input.width * input.height
  return views.map((view, i) => {
    const map = summedOverColours(relevance.subarray(i * values, (i + 1) * values), input)
    if (!map.every(Number.isFinite))
      throw new InferenceError('PL-EXPLAIN-NOT-FINITE', 'the relevance is not finite', 'LRP')
    const relevanceOfLabel = sign === 1 ? map : map.map((value) => -value)
    return { logits: byLabel(Float32Array.from(logits[i]!)), relevance: mapToCrop(relevanceOfLabel, view, input) }
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

/** The answers for the views of one face; all lists are in the same order, the crop itself first. */
export interface ViewsSaid {
  labels: readonly string[]
  /** The index of the label that was explained. */
  target: number
  /** Of each view, the probabilities of all labels. */
  probabilities: readonly ArrayLike<number>[]
  /** Of each view, signed relevance per pixel for the target, in the crop's coordinates. */
  relevance: readonly Float32Array[]
  /** Of each view, the regions' shares of its relevance, in the order of `regionNames`. */
  shares: readonly (readonly RegionShare[])[]
}

/**
 * How much the answer varies over views that show the same expression: 0 if all agree, at most 100.
 *
 * - A class's value is 100·s, with s the `spreadOfViews` of its probability over the views: about ± so many percentage
 *   points.
 * - Of the target, whose relevance is known, it is 100·(s + d) / 2, with d the `disagreement` of its maps: half
 *   from the probability, half from the maps.
 * - A region's value is 100·s, with s the spread of its share of the positive relevance: 34 % with an uncertainty of 8
 *   reads as 34 ± 8 %.
 *
 * It says nothing about faces unlike the training data, where all views may be equally wrong. With fewer than two views
 * both lists are empty.
 */
export function uncertaintyOf({ labels, target, probabilities, relevance, shares }: ViewsSaid): Uncertainty {
  const views = probabilities.length
  if (views < 2) return { classes: {}, regions: {}, views }
  const spreadOf = (label: number): number => spreadOfViews(probabilities.map((ofView) => ofView[label]!))
  const classes = labels.map((name, label) => {
    const s = spreadOf(label)
    return [name, percent(label === target ? (s + disagreement(relevance)) / 2 : s)]
  })
  const regions = regionNames.map((name, i) => [
    name,
    percent(spreadOfViews(shares.map((ofView) => ofView[i]!.positive)))
  ])
  return { classes: Object.fromEntries(classes), regions: Object.fromEntries(regions), views }
}

/**
 * Twice the population standard deviation, so that it is 1 at most.
 * @param values each 0..1
 * @returns 0 (all the same) to 1 (half of them 0, half 1)
 */
export function spreadOfViews(values: readonly number[]): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length
  return 2 * Math.sqrt(variance)
}

/**
 * The dissimilarity of Bray and Curtis (1957) between the first map and the others, Σ|a − b| / Σ(|a| + |b|) over all pixels
 * of all pairs. A map with doubled values differs by a third.
 * @param maps of the same length, signed
 * @returns 0 (all equal, or all zeros) to 1 (disjoint, or all signs flipped)
 */
export function disagreement(maps: readonly Float32Array[]): number {
  const [first, ...others] = maps
  let apart = 0
  let total = 0
  for (const other of others) {
    for (let i = 0; i < other.length; i++) {
      apart += Math.abs(first![i]! - other[i]!)
      total += Math.abs(first![i]!) + Math.abs(other[i]!)
    }
  }
  return total > 0 ? apart / total : 0
}

/** With one decimal; rounding errors of the sums must not leave 0..100. */
const percent = (share: number): number => Math.min(100, Math.max(0, Math.round(1000 * share) / 10))
