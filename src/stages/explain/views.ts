import type { Crop, Size } from '../../core/types.js'

/**
 * A variant of the crop: shifted, mirrored, or in other light. None of these changes the expression, so an answer that
 * changes with them is not reliable.
 */
export interface View {
  mirrored: boolean
  /** How far the face is moved to the right and downwards, in steps. */
  right: number
  down: number
  /** Factor of the grey levels; the training's own range is about 0.8 to 1.2. */
  gain: number
}

/**
 * A step is this share of the crop's width, at least a whole pixel: 0.04 eye distances in the default alignment, a little
 * more than the error that landmarks make both eyes share (`landmarkJitter` of the training). Whole pixels, so that a map can be
 * shifted back exactly.
 */
const step = 1 / 64

const view = (mirrored: boolean, right: number, down: number, gain: number): View => ({ mirrored, right, down, gain })

/**
 * The crop itself first, then the mirror image, then diagonal shifts of both in turn, opposite ones adjacent, darker and
 * brighter, so that the first few are as balanced as all.
 */
export const views: readonly View[] = [
  view(false, 0, 0, 1),
  view(true, 0, 0, 1),
  view(false, 1, 1, 0.9),
  view(true, -1, -1, 1.1),
  view(false, -1, 1, 1.1),
  view(true, 1, -1, 0.9),
  view(false, 1, -1, 1.1),
  view(true, -1, 1, 0.9),
  view(false, -1, -1, 0.9),
  view(true, 1, 1, 1.1),
  view(false, 1, 0, 0.8),
  view(true, -1, 0, 1.2),
  view(false, 0, 1, 1.2),
  view(true, 0, -1, 0.8),
  view(false, -1, 0, 1),
  view(true, 1, 0, 1)
]

/** More views improve the uncertainty little on rendered faces; docs/measured/explanations.md has the figures. */
export const defaultViews = 6

const pixelsOf = (steps: number, { width }: Size): number => steps * Math.max(1, Math.round(step * width))

/**
 * Renders the view of a crop. Pixels beyond the crop repeat its nearest pixel.
 * @param out RGB24 of the crop's size; must not be the crop's own buffer
 */
export function renderView(crop: Pick<Crop, 'data' | 'width' | 'height'>, view: View, out: Uint8Array): void {
  const { width, height, data } = crop
  const levels = Uint8ClampedArray.from({ length: 256 }, (_, level) => level * view.gain)
  const columns = sources(width, -pixelsOf(view.right, crop))
  if (view.mirrored) columns.reverse()
  const rows = sources(height, -pixelsOf(view.down, crop))
  for (let y = 0, to = 0; y < height; y++) {
    const row = rows[y]! * width
    for (let x = 0; x < width; x++, to += 3) {
      const from = 3 * (row + columns[x]!)
      out[to] = levels[data[from]!]!
      out[to + 1] = levels[data[from + 1]!]!
      out[to + 2] = levels[data[from + 2]!]!
    }
  }
}

/**
 * A view's map in the crop's coordinates: mirrored and shifted back. Pixels that the view lost over its edge get the value
 * of the nearest pixel.
 * @param map a value per pixel, row-major
 */
export function mapToCrop(map: Float32Array, view: View, size: Size): Float32Array {
  const { width, height } = size
  const kept = sources(width, pixelsOf(view.right, size))
  const columns = view.mirrored ? kept.map((column) => width - 1 - column) : kept
  const rows = sources(height, pixelsOf(view.down, size))
  const out = new Float32Array(map.length)
  for (let y = 0, to = 0; y < height; y++) {
    const row = rows[y]! * width
    for (let x = 0; x < width; x++, to++) out[to] = map[row + columns[x]!]!
  }
  return out
}

/** For each index of a line its source index, `offset` further on, clamped to the line. */
function sources(length: number, offset: number): Int32Array {
  return Int32Array.from({ length }, (_, place) => Math.min(length - 1, Math.max(0, place + offset)))
}
