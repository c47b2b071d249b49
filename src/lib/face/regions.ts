/** What the landmark net's second block sees in the parts of a face. */
import type { Point } from '../../core/types.js'
import type { Marks } from './networks.js'

/** Planes of the net's texture, and cells along its side. */
const planes = 64
const cells = 28
/** Cells that belong to a part lie that near to its middle, as a share of the picture's side. */
const reach = 0.07

const regionCount = 8
const regionFeatures = regionCount * planes

/**
 * The mean of each plane around both eyes, between them, nose, mouth, chin and both cheeks.
 * @param side of the picture in which the points lie, in pixels
 * @returns 512 numbers, region by region
 */
export function regionsOf({ points, texture }: Pick<Marks, 'points' | 'texture'>, side: number): Float32Array {
  const out = new Float32Array(regionFeatures)
  for (const [i, { x, y }] of middles(points).entries()) {
    const inside = cellsNear(x / side, y / side)
    for (let plane = 0; plane < planes; plane++) {
      let sum = 0
      for (const cell of inside) sum += texture[plane * cells * cells + cell]!
      out[i * planes + plane] = inside.length === 0 ? 0 : sum / inside.length
    }
  }
  return out
}

/** In the order of `regionsOf`'s numbers. */
function middles(points: Float32Array): Point[] {
  const [right, left] = [mean(points, 36, 41), mean(points, 42, 47)]
  const [nose, mouth, chin] = [mean(points, 30, 35), mean(points, 48, 67), mean(points, 7, 9)]
  return [
    right,
    left,
    nose,
    mouth,
    between(mouth, chin, 0.6),
    between(right, mean(points, 3, 5), 0.6),
    between(left, mean(points, 11, 13), 0.6),
    between(right, left, 0.5)
  ]
}

function mean(points: Float32Array, first: number, last: number): Point {
  let [x, y] = [0, 0]
  for (let i = first; i <= last; i++) {
    x += points[2 * i]!
    y += points[2 * i + 1]!
  }
  const count = last - first + 1
  return { x: x / count, y: y / count }
}

const between = (a: Point, b: Point, share: number): Point => ({
  x: a.x + (b.x - a.x) * share,
  y: a.y + (b.y - a.y) * share
})

/** Row-major numbers of the cells around a place, given in 0..1 of the picture; none where it lies beside the picture. */
function cellsNear(x: number, y: number): number[] {
  const near: number[] = []
  const first = (middle: number): number => Math.max(0, Math.floor((middle - reach) * cells))
  const last = (middle: number): number => Math.min(cells - 1, Math.ceil((middle + reach) * cells))
  for (let row = first(y); row <= last(y); row++)
    for (let column = first(x); column <= last(x); column++)
      if (Math.hypot((column + 0.5) / cells - x, (row + 0.5) / cells - y) <= reach) near.push(row * cells + column)
  return near
}
