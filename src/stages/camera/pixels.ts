import type { Size } from '../../core/types.js'

/**
 * How a decoder's pictures lie, by FFmpeg's names: `rgb24`, of the frame's own size; or `bgr0`, four bytes a pixel, which
 * may be smaller than the frame and then belongs into its middle.
 */
export interface PictureLayout extends Size {
  format: 'rgb24' | 'bgr0'
}

/** Of one picture. */
export const bytesOf = ({ format, width, height }: PictureLayout): number =>
  width * height * (format === 'rgb24' ? 3 : 4)

/** Puts a stretch of a picture's bytes, the first of which is its `from`-th, where it belongs in an RGB24 frame. */
export type PictureWriter = (frame: Uint8Array, bytes: Uint8Array, from: number) => void

/** One copy per byte, whatever the layout. Nothing is written beside a smaller picture. */
export function pictureWriter(layout: PictureLayout, frame: Size): PictureWriter {
  if (layout.format === 'rgb24') return (target, bytes, from) => target.set(bytes, from)
  const left = (frame.width - layout.width) >> 1
  const top = (frame.height - layout.height) >> 1
  const { width } = layout
  return (target, bytes, from) => {
    let at = 0
    while (at < bytes.length) {
      const pixel = (from + at) >> 2
      const row = Math.floor(pixel / width)
      const to = ((top + row) * frame.width + left + pixel - row * width) * 3
      const channel = (from + at) & 3
      const pixels = Math.min((row + 1) * width - pixel, (bytes.length - at) >> 2)
      if (channel === 0 && pixels > 0) {
        unpack(target, to, bytes, at, pixels)
        at += pixels * 4
      } else {
        // The pipe's chunks begin and end anywhere in a pixel.
        if (channel < 3) target[to + 2 - channel] = bytes[at]!
        at++
      }
    }
  }
}

function unpack(target: Uint8Array, to: number, source: Uint8Array, from: number, pixels: number): void {
  const fours = isAligned(target, to) && isAligned(source, from) ? pixels >> 2 : 0
  if (fours > 0) unpackFours(target, to, source, from, fours)
  let t = to + fours * 12
  let s = from + fours * 16
  for (let i = fours * 4; i < pixels; i++, t += 3, s += 4) {
    target[t] = source[s + 2]!
    target[t + 1] = source[s + 1]!
    target[t + 2] = source[s]!
  }
}

const isAligned = (bytes: Uint8Array, at: number): boolean => ((bytes.byteOffset + at) & 3) === 0

/** Four pixels at a time, in whole words, of which every machine that painlens runs on has the low byte first. */
function unpackFours(target: Uint8Array, to: number, source: Uint8Array, from: number, fours: number): void {
  const out = new Uint32Array(target.buffer, target.byteOffset + to, fours * 3)
  const words = new Uint32Array(source.buffer, source.byteOffset + from, fours * 4)
  for (let i = 0, o = 0; o < out.length; i += 4, o += 3) {
    const a = words[i]!
    const b = words[i + 1]!
    const c = words[i + 2]!
    const d = words[i + 3]!
    out[o] = ((a >>> 16) & 0xff) | (a & 0xff00) | ((a & 0xff) << 16) | ((b & 0xff0000) << 8)
    out[o + 1] = ((b >>> 8) & 0xff) | ((b & 0xff) << 8) | (c & 0xff0000) | ((c & 0xff00) << 16)
    out[o + 2] = (c & 0xff) | ((d >>> 8) & 0xff00) | ((d & 0xff00) << 8) | ((d & 0xff) << 24)
  }
}

/** The largest size of a picture's shape that fits into the frame, rounded as FFmpeg's scale filter does it. */
export function fitInto(picture: Size, frame: Size): Size {
  const fitted = (length: number, own: number, other: number): number => Math.max(1, Math.round((length * own) / other))
  return {
    width: Math.min(frame.width, fitted(frame.height, picture.width, picture.height)),
    height: Math.min(frame.height, fitted(frame.width, picture.height, picture.width))
  }
}
