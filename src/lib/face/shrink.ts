import type { Size } from '../../core/types.js'
import type { Pixels, Similarity } from './similarity.js'

/** A frame made smaller by a whole number, and turned by a quarter or not, for the finder to look over. */
export interface Small extends Size {
  data: Uint8Array<ArrayBuffer>
  /** Its pixels' place in the frame. */
  toFrame: Similarity
}

/**
 * The mean of each `factor` x `factor` pixels, as far as they fill a row and a column; what is left over at the right and
 * at the bottom, less than `factor` pixels, is cut off.
 */
export function shrink({ width, height, data }: Pixels, factor: number): Small {
  const size = { width: Math.floor(width / factor), height: Math.floor(height / factor) }
  const toFrame = { a: factor, b: 0, tx: 0, ty: 0 }
  if (factor === 1) return { ...size, data: new Uint8Array(data), toFrame }
  const out = new Uint8Array(size.width * size.height * 3)
  const sums = new Uint32Array(size.width * 3)
  const count = factor * factor
  const half = count >> 1
  for (let row = 0; row < size.height; row++) {
    sums.fill(half)
    for (let i = 0; i < factor; i++) addRow(data, (row * factor + i) * width * 3, factor, sums)
    const to = row * sums.length
    for (let i = 0; i < sums.length; i++) out[to + i] = sums[i]! / count
  }
  return { ...size, data: out, toFrame }
}

function addRow(data: Uint8Array, from: number, factor: number, sums: Uint32Array): void {
  let at = from
  for (let to = 0; to < sums.length; to += 3)
    for (let i = 0; i < factor; i++, at += 3) {
      sums[to]! += data[at]!
      sums[to + 1]! += data[at + 1]!
      sums[to + 2]! += data[at + 2]!
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
