/** Things over a face, drawn by its landmarks: what hides it, and what a face may wear without being hidden. */
import sharp from 'sharp'
import type { Size } from '#painlens/core/types.js'
import type { Random } from '#painlens/lib/random.js'
import { axesOf, type Draw } from './drawing.js'
import { covers, drawAnything, drawCover } from './hiding.js'
import { drawOrnament, ornaments } from './ornaments.js'

export { covers, ornaments }
export type Cover = (typeof covers)[number] | (typeof ornaments)[number] | 'anything'

const draw: Record<Cover, Draw> = { ...drawCover, ...drawOrnament, anything: drawAnything }

/**
 * Draws something over a face, in place of nothing: the picture is left as it is, and a new one comes back.
 * @param landmarks of the face, in pixels of the picture
 */
export async function cover(
  picture: Size & { data: Uint8Array },
  landmarks: Float32Array,
  kind: Cover,
  random: Random
): Promise<Uint8Array<ArrayBuffer>> {
  const { width, height, data } = picture
  const body = draw[kind](axesOf(picture, landmarks), random)
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">${body}</svg>`
  const raw = { width, height, channels: 3 as const }
  const drawn = await sharp(data, { raw })
    .composite([{ input: Buffer.from(svg) }])
    .removeAlpha()
    .raw()
    .toBuffer()
  return new Uint8Array(drawn)
}
