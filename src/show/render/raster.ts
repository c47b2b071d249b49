import type { Sharp } from 'sharp'
import { requirePackage } from '../../core/packages.js'
import type { Point, Size } from '../../core/types.js'
import { short } from './numbers.js'

/** Places drawings made in face units into a picture. */
export interface Placement {
  /** Where the face's origin lies, in pixels. */
  centre: Point
  /** Pixels per face unit. */
  scale: number
}

/** A face is this wide in face units. */
export const faceUnits = 200

/** A whole SVG document of the given size around a body in face units. */
export function svgDocument({ width, height }: Size, { centre, scale }: Placement, defs: string, body: string): Buffer {
  return Buffer.from(
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}"><defs>${defs}</defs><g transform="translate(${short(centre.x)} ${short(centre.y)}) scale(${scale.toFixed(4)})">${body}</g></svg>`
  )
}

/** RGB24, blurred where `blur` (deviation in pixels) is worth it. */
export async function rasterRgb(svg: Buffer, blur = 0): Promise<Uint8Array> {
  const image = requirePackage('sharp')(svg).removeAlpha()
  return blurred(image, blur).raw().toBuffer()
}

/** RGBA, alpha not multiplied in. */
export async function rasterRgba(svg: Buffer): Promise<Uint8Array> {
  return requirePackage('sharp')(svg).ensureAlpha().raw().toBuffer()
}

/** Blurs RGB24 pixels. */
export async function blurRgb(pixels: Uint8Array, { width, height }: Size, blur: number): Promise<Uint8Array> {
  return blurred(requirePackage('sharp')(pixels, { raw: { width, height, channels: 3 } }), blur)
    .raw()
    .toBuffer()
}

const blurred = (image: Sharp, blur: number): Sharp => (blur >= 0.3 ? image.blur(blur) : image)

/** Lays RGBA pixels over RGB ones, in place. The patch must lie inside the picture. */
export function compose(picture: Uint8Array, width: number, patch: Uint8Array, at: Point & Size): void {
  for (let y = 0; y < at.height; y++) {
    let from = y * at.width * 4
    let to = ((at.y + y) * width + at.x) * 3
    for (let x = 0; x < at.width; x++, from += 4, to += 3) {
      const alpha = patch[from + 3]! / 255
      if (alpha === 0) continue
      for (let channel = 0; channel < 3; channel++) {
        const ground = picture[to + channel]!
        picture[to + channel] = ground + (patch[from + channel]! - ground) * alpha
      }
    }
  }
}
