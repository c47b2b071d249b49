import type { Size } from '../../core/types.js'
import type { Pixels, Similarity } from './similarity.js'

/** A frame made smaller by a whole number, and turned by a quarter or not, for the finder to look over. */
export interface Small extends Size {
  data: Uint8Array<ArrayBuffer>
  /** Its pixels' place in the frame. */
  toFrame: Similarity
}

/**
 * A whole frame made smaller: the mean of each `factor` x `factor` pixels. The last columns and rows are cut off where they
 * do not fill a pixel.
 */
export function shrink(frame: Pixels, factor: number): Small {
  const size = { width: Math.floor(frame.width / factor), height: Math.floor(frame.height / factor) }
  const out = new Uint8Array(size.width * size.height * 3)
  if (factor === 2) halve(frame.data, frame.width * 3, size, out)
  else average(frame.data, frame.width * 3, factor, size, out)
  return { ...size, data: out, toFrame: { a: factor, b: 0, tx: 0, ty: 0 } }
}

/** Most cameras are looked over at half their size: without the inner loops that costs a third. */
function halve(data: Uint8Array, line: number, { width, height }: Size, out: Uint8Array): void {
  for (let row = 0, to = 0; row < height; row++) {
    let at = 2 * row * line
    let below = at + line
    for (let column = 0; column < width; column++, to += 3, at += 6, below += 6) {
      out[to] = (data[at]! + data[at + 3]! + data[below]! + data[below + 3]! + 2) >> 2
      out[to + 1] = (data[at + 1]! + data[at + 4]! + data[below + 1]! + data[below + 4]! + 2) >> 2
      out[to + 2] = (data[at + 2]! + data[at + 5]! + data[below + 2]! + data[below + 5]! + 2) >> 2
    }
  }
}

function average(data: Uint8Array, line: number, factor: number, { width, height }: Size, out: Uint8Array): void {
  const half = (factor * factor) >> 1
  const share = 1 / (factor * factor)
  for (let row = 0, to = 0; row < height; row++)
    for (let column = 0; column < width; column++, to += 3) {
      let red = half
      let green = half
      let blue = half
      let start = row * factor * line + column * factor * 3
      for (let i = 0; i < factor; i++, start += line)
        for (let at = start, end = start + factor * 3; at < end; at += 3) {
          red += data[at]!
          green += data[at + 1]!
          blue += data[at + 2]!
        }
      out[to] = red * share
      out[to + 1] = green * share
      out[to + 2] = blue * share
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
