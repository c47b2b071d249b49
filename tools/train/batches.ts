import type { ModelInput } from '#painlens/lib/model/manifest.js'
import { createRandom, type Random } from '#painlens/lib/random.js'
import { type Split, splits } from './recipe.js'
import type { Samples } from './samples.js'

/** NHWC inputs and their targets, ready for tensors. */
export interface Batch {
  inputs: Float32Array
  targets: Float32Array
  count: number
}

/** Samples in a batch, and the length of a target. */
export interface BatchForm {
  size: number
  people: number
}

/** The samples of one epoch in a new order, each in one of its variants, mirrored or not, in other light; the target is who it is. */
export function* trainingBatches(
  samples: Samples,
  input: ModelInput,
  { size, people }: BatchForm,
  random: Random
): Generator<Batch> {
  const order = shuffled(samples.facts.length, random)
  const bytes = input.width * input.height * 3
  for (let start = 0; start + size <= order.length; start += size) {
    const inputs = new Float32Array(size * bytes)
    const targets = new Float32Array(size * people)
    for (let i = 0; i < size; i++) {
      const sample = order[start + i]!
      const crop = cropOf('train', samples, sample, Math.floor(random() * samples.variants), bytes)
      augment(crop, input, random, inputs.subarray(i * bytes, (i + 1) * bytes))
      targets[i * people + samples.facts[sample]!.identity] = 1
    }
    yield { inputs, targets, count: size }
  }
}

/** A crop of a sample, RGB24, a view of the samples' own memory. */
export function cropOf(split: Split, samples: Samples, sample: number, variant: number, bytes: number): Uint8Array {
  const perIdentity = splits[split].samples
  const at = ((sample % perIdentity) * samples.variants + variant) * bytes
  return samples.pixels[Math.floor(sample / perIdentity)]!.subarray(at, at + bytes)
}

function shuffled(count: number, random: Random): Uint32Array {
  const order = Uint32Array.from({ length: count }, (_, i) => i)
  for (let i = count - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1))
    const held = order[i]!
    order[i] = order[j]!
    order[j] = held
  }
  return order
}

/** Mirrors every second crop, changes gain (per colour) and contrast, adds noise, and writes x = (value - mean) * scale. */
function augment(
  crop: Uint8Array,
  { width, height, mean, scale }: ModelInput,
  random: Random,
  out: Float32Array
): void {
  const mirror = random.chance(0.5)
  const gain = Math.exp(random.normal(0, 0.12))
  const tables = [0, 1, 2].map(() => gradation(gain * Math.exp(random.normal(0, 0.05)), random.uniform(0.8, 1.2)))
  const noise = random.uniform(0, 4)
  for (let y = 0, to = 0; y < height; y++) {
    for (let x = 0; x < width; x++, to += 3) {
      const from = (y * width + (mirror ? width - 1 - x : x)) * 3
      // Evenly spread noise costs a third of normal noise, and a network sees no difference.
      const grain = (random() - 0.5) * 2 * noise
      for (let c = 0; c < 3; c++) out[to + c] = (tables[c]![crop[from + 2 - c]!]! + grain - mean[c]!) * scale
    }
  }
}

/** What becomes of each grey level: a gain, and contrast about the middle. */
function gradation(gain: number, contrast: number): Float32Array {
  return Float32Array.from({ length: 256 }, (_, level) =>
    Math.min(255, Math.max(0, ((level - 110) * contrast + 110) * gain))
  )
}

/** Every epoch's random numbers, and so its batches, follow from the seed alone. */
export function epochRandom(seed: number, epoch: number): Random {
  return createRandom(seed * 1009 + epoch)
}
