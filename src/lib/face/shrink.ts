import type { Box, Size } from '../../core/types.js'
import type { Pixels, Similarity } from './similarity.js'

/** A frame made smaller by a whole number, and turned by a quarter or not, for the finder to look over. */
export interface Small extends Size {
  data: Uint8Array<ArrayBuffer>
  /** Its pixels' place in the frame. */
  toFrame: Similarity
}

/** A whole frame made smaller; its last columns and rows are cut off where they do not fill a pixel. */
export function shrink(frame: Pixels, factor: number): Small {
  return meanOf(frame, { x: 0, y: 0, width: frame.width, height: frame.height }, factor)
}

/**
 * The mean of each `factor` x `factor` pixels of a part of a frame, as far as they fill a row and a column.
 * @param part in whole pixels, inside the frame
 */
export function meanOf(frame: Pixels, part: Box, factor: number): Small {
  const size = { width: Math.floor(part.width / factor), height: Math.floor(part.height / factor) }
  const toFrame = { a: factor, b: 0, tx: part.x, ty: part.y }
  const out = new Uint8Array(size.width * size.height * 3)
  const line = frame.width * 3
  const from = part.y * line + part.x * 3
  if (factor === 2) halve(frame.data, from, line, size, out)
  else average(frame.data, from, line, factor, size, out)
  return { ...size, data: out, toFrame }
}

/** Most cameras are looked over at half their size: without the inner loops that costs a third. */
function halve(data: Uint8Array, from: number, line: number, { width, height }: Size, out: Uint8Array): void {
  for (let row = 0, to = 0; row < height; row++) {
    let at = from + 2 * row * line
    let below = at + line
    for (let column = 0; column < width; column++, to += 3, at += 6, below += 6) {
      out[to] = (data[at]! + data[at + 3]! + data[below]! + data[below + 3]! + 2) >> 2
      out[to + 1] = (data[at + 1]! + data[at + 4]! + data[below + 1]! + data[below + 4]! + 2) >> 2
      out[to + 2] = (data[at + 2]! + data[at + 5]! + data[below + 2]! + data[below + 5]! + 2) >> 2
    }
  }
}

function average(
  data: Uint8Array,
  from: number,
  line: number,
  factor: number,
  { width, height }: Size,
  out: Uint8Array
): void {
  const half = (factor * factor) >> 1
  // 2^16 over the number of pixels, so that dividing is a shift.
  const share = Math.floor(65536 / (factor * factor))
  for (let row = 0, to = 0; row < height; row++)
    for (let column = 0; column < width; column++, to += 3) {
      let red = half
      let green = half
      let blue = half
      let start = from + row * factor * line + column * factor * 3
      for (let i = 0; i < factor; i++, start += line)
        for (let at = start, end = start + factor * 3; at < end; at += 3) {
          red += data[at]!
          green += data[at + 1]!
          blue += data[at + 2]!
        }
      out[to] = (red * share) >>> 16
      out[to + 1] = (green * share) >>> 16
      out[to + 2] = (blue * share) >>> 16
    }
}

/** The picture in which a face stands upright that is rolled clockwise by a quarter turn, the crown to the right. */
export function quarterTurned({ width, height, data, toFrame }: Small): Small {
  const out = new Uint8Array(data.length)
  for (let row = 0, to = 0; row < width; row++)
    for (let column = 0, at = (width - 1 - row) * 3; column < height; column++, to += 3, at += width * 3) {
      out[to] = data[at]!
      out[to + 1] = data[at + 1]!
      out[to + 2] = data[at + 2]!
    }
  const { a } = toFrame
  return { width: height, height: width, data: out, toFrame: { a: 0, b: a, tx: a * width, ty: 0 } }
}
