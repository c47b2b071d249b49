import sharp from 'sharp'
import type { Size } from '#painlens/core/types.js'
import { alignFace } from '#painlens/lib/face/align.js'
import { createRandom, type Random } from '#painlens/lib/random.js'
import { type Rendered, renderPortrait } from '#painlens/show/render/index.js'
import type { SamplePlan } from './recipe.js'

/**
 * How far the eyes of a crop are from where they really are, as deviations in shares of the eye distance: a landmark
 * network errs, and errs alike for both eyes of a face.
 */
const landmarkJitter = { each: 0.025, both: 0.03, scale: 0.05 }

/** Renders a plan and cuts `count` crops out of it, each with other errors of the landmarks. RGB24, one after the other. */
export async function renderCrops(plan: SamplePlan, size: Size, count: number): Promise<Uint8Array> {
  const picture = await renderPicture(plan)
  const random = createRandom(plan.seed + 0x20000000)
  const bytes = size.width * size.height * 3
  const crops = new Uint8Array(count * bytes)
  for (let i = 0; i < count; i++) {
    const landmarks = jitterEyes(picture.landmarks, random)
    crops.set(alignFace(picture, landmarks, size).data, i * bytes)
  }
  return crops
}

/** The whole picture that a plan's crops are cut out of, and what is true about it. */
export async function renderPicture(plan: SamplePlan): Promise<Rendered> {
  const portrait = await renderPortrait(plan)
  return plan.compression === null ? portrait : { ...portrait, data: await compress(portrait, plan.compression) }
}

/** A camera's compression leaves blocks and smeared colours; JPEG is what leaves the like in a single picture. */
async function compress({ width, height, data }: Size & { data: Uint8Array }, quality: number): Promise<Uint8Array> {
  const jpeg = await sharp(data, { raw: { width, height, channels: 3 } })
    .jpeg({ quality })
    .toBuffer()
  return sharp(jpeg).removeAlpha().raw().toBuffer()
}

/** iBUG points 36 to 41 are one eye, 42 to 47 the other; only they decide the alignment. */
export function jitterEyes(landmarks: Float32Array, random: Random): Float32Array {
  const out = landmarks.slice()
  const [ax, ay] = centre(landmarks, 36)
  const [bx, by] = centre(landmarks, 42)
  const distance = Math.hypot(bx - ax, by - ay)
  const shift = { x: random.normal(0, landmarkJitter.both), y: random.normal(0, landmarkJitter.both) }
  const stretch = random.normal(0, landmarkJitter.scale) / 2
  for (const [first, side] of [
    [36, -1],
    [42, 1]
  ] as const) {
    const dx = distance * (shift.x + random.normal(0, landmarkJitter.each)) + side * stretch * (bx - ax)
    const dy = distance * (shift.y + random.normal(0, landmarkJitter.each)) + side * stretch * (by - ay)
    for (let i = first; i < first + 6; i++) {
      out[2 * i]! += dx
      out[2 * i + 1]! += dy
    }
  }
  return out
}

function centre(landmarks: Float32Array, first: number): [number, number] {
  let x = 0
  let y = 0
  for (let i = first; i < first + 6; i++) {
    x += landmarks[2 * i]! / 6
    y += landmarks[2 * i + 1]! / 6
  }
  return [x, y]
}
