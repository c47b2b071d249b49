/** Pictures for the nets, cut out of a frame: quickly, for a face that is followed is cut out of every frame. */
import type { Size } from '../../core/types.js'
import { meanOf, type Small } from './shrink.js'
import type { Pixels, Similarity } from './similarity.js'

/**
 * A picture of that size; what lies outside the frame is black. Bilinear, out of means of k×k pixels where the picture
 * has a k-th of the frame's scale, so that no pixel is left out, and a camera's noise is averaged.
 */
export function cut(frame: Pixels, way: Similarity, size: Size): Uint8Array<ArrayBuffer> {
  const factor = Math.floor(Math.hypot(way.a, way.b))
  const out = new Uint8Array(size.width * size.height * 3)
  if (factor < 2) {
    bilinear(frame, way, size, out)
    return out
  }
  const small = part(frame, way, size, factor)
  if (small) bilinear(small, into(small, way, factor), size, out)
  return out
}

/** The means of the frame's pixels wherever the picture reaches; nothing where it lies beside the frame. */
function part(frame: Pixels, { a, b, tx, ty }: Similarity, { width, height }: Size, factor: number): Small | undefined {
  const xs = [tx, tx + a * width, tx - b * height, tx + a * width - b * height]
  const ys = [ty, ty + b * width, ty + a * height, ty + b * width + a * height]
  const left = Math.max(0, Math.floor(Math.min(...xs)) - factor)
  const top = Math.max(0, Math.floor(Math.min(...ys)) - factor)
  const right = Math.min(frame.width, Math.ceil(Math.max(...xs)) + factor)
  const bottom = Math.min(frame.height, Math.ceil(Math.max(...ys)) + factor)
  if (right - left < factor || bottom - top < factor) return undefined
  return meanOf(frame, { x: left, y: top, width: right - left, height: bottom - top }, factor)
}

function into({ toFrame }: Small, { a, b, tx, ty }: Similarity, factor: number): Similarity {
  return { a: a / factor, b: b / factor, tx: (tx - toFrame.tx) / factor, ty: (ty - toFrame.ty) / factor }
}

/** One loop without a call, for each pixel counts here. Places in 1/256 of a pixel. */
function bilinear({ width, height, data }: Pixels, { a, b, tx, ty }: Similarity, size: Size, out: Uint8Array): void {
  const [right, bottom, line] = [width - 1, height - 1, width * 3]
  for (let row = 0, to = 0; row < size.height; row++) {
    let x = a * 0.5 - b * (row + 0.5) + tx
    let y = b * 0.5 + a * (row + 0.5) + ty
    for (let column = 0; column < size.width; column++, to += 3, x += a, y += b) {
      if (!(x >= 0 && y >= 0 && x < width && y < height)) continue
      const px = x < 0.5 ? 0 : x - 0.5
      const py = y < 0.5 ? 0 : y - 0.5
      const column0 = px | 0
      const row0 = py | 0
      const fx = ((px - column0) * 256) | 0
      const fy = ((py - row0) * 256) | 0
      const at = row0 * line + column0 * 3
      const next = column0 < right ? at + 3 : at
      const below = row0 < bottom ? line : 0
      const p = (256 - fx) * (256 - fy)
      const q = fx * (256 - fy)
      const r = (256 - fx) * fy
      const s = fx * fy
      out[to] = (data[at]! * p + data[next]! * q + data[at + below]! * r + data[next + below]! * s + 32768) >> 16
      out[to + 1] =
        (data[at + 1]! * p + data[next + 1]! * q + data[at + below + 1]! * r + data[next + below + 1]! * s + 32768) >>
        16
      out[to + 2] =
        (data[at + 2]! * p + data[next + 2]! * q + data[at + below + 2]! * r + data[next + below + 2]! * s + 32768) >>
        16
    }
  }
}
