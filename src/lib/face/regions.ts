/** What the parts of a face look like: to the landmark net's second block, and in the picture. */
import type { Point } from '../../core/types.js'
import { median } from '../statistics/intervals.js'
import type { Marks } from './networks.js'
import type { Pixels } from './similarity.js'

/** Planes of the net's texture, and cells along its side. */
const planes = 64
const cells = 28
/** Cells that belong to a part lie that near to its middle, as a share of the picture's side. */
const reach = 0.07

/** The first of `regionsOf`'s numbers are the net's. */
export const textureFeatures = 8 * planes

/** Points along a patch's side, and from one to the next, as a share of the distance between the eyes. */
const patchSide = 9
const patchStep = 0.055

/**
 * For both eyes, between them, nose, mouth, chin and both cheeks the mean of each of the net's planes; for these and the
 * forehead the light, colour and contrast of the picture, as logarithms beside the median of all.
 * @param side of the picture in which the net's points lie, in pixels
 * @param landmarks of the same face, in pixels of `picture`
 * @returns 603 numbers
 */
export function regionsOf(
  marks: Pick<Marks, 'points' | 'texture'>,
  side: number,
  picture: Pixels,
  landmarks: Float32Array
): Float32Array {
  return Float32Array.from([...texturesOf(marks, side), ...coloursOf(picture, landmarks)])
}

function texturesOf({ points, texture }: Pick<Marks, 'points' | 'texture'>, side: number): number[] {
  return middles(points).flatMap(({ x, y }) => {
    const inside = cellsNear(x / side, y / side)
    return Array.from({ length: planes }, (_, plane) => {
      let sum = 0
      for (const cell of inside) sum += texture[plane * cells * cells + cell]!
      return inside.length === 0 ? 0 : sum / inside.length
    })
  })
}

interface Patch {
  /** Mean of the logarithm of the luminance. */
  light: number
  /** Logarithms of red and of blue over green. */
  red: number
  blue: number
  /** Logarithms: how far the luminance spreads, and how much it changes from point to point, across and down the face. */
  spread: number
  across: number
  down: number
  /** A twentieth of the luminance lies below, and above, beside the mean. */
  low: number
  high: number
}

function coloursOf(picture: Pixels, landmarks: Float32Array): number[] {
  const [right, left] = [mean(landmarks, 36, 41), mean(landmarks, 42, 47)]
  const eyes = between(right, left, 0.5)
  const [ux, uy] = [left.x - right.x, left.y - right.y]
  const place = (from: Point, x: number, y: number): Point => ({
    x: from.x + x * ux - y * uy,
    y: from.y + x * uy + y * ux
  })
  const forehead = [place(eyes, 0, -0.6), place(eyes, -0.45, -0.45), place(eyes, 0.45, -0.45)]
  const patches = [...middles(landmarks), ...forehead].map((middle) =>
    patchOf(picture, (x, y) => place(middle, x * patchStep, y * patchStep))
  )
  const usual = (key: keyof Patch): number => median(patches.map((patch) => patch[key]))
  const [light, red, blue] = [usual('light'), usual('red'), usual('blue')]
  return [
    ...patches.flatMap((patch) => [
      patch.light - light,
      patch.red - red,
      patch.blue - blue,
      patch.spread,
      patch.across,
      patch.down,
      patch.low,
      patch.high
    ]),
    light,
    red,
    blue
  ]
}

/** @param place where in the picture a point of the patch lies, counted from its middle */
function patchOf({ data, width, height }: Pixels, place: (x: number, y: number) => Point): Patch {
  const luminance: number[] = []
  const [colour, half] = [[0, 0, 0], (patchSide - 1) / 2]
  for (let row = -half; row <= half; row++)
    for (let column = -half; column <= half; column++) {
      const { x, y } = place(column, row)
      const at = 3 * (within(y, height) * width + within(x, width))
      for (let c = 0; c < 3; c++) colour[c]! += data[at + c]! / patchSide ** 2
      luminance.push(Math.log(8 + 0.3 * data[at]! + 0.59 * data[at + 1]! + 0.11 * data[at + 2]!))
    }
  const light = luminance.reduce((sum, value) => sum + value, 0) / luminance.length
  const variance = luminance.reduce((sum, value) => sum + (value - light) ** 2, 0) / luminance.length
  const sorted = luminance.toSorted((a, b) => a - b)
  const [red, green, blue] = colour.map((value) => Math.log(value + 8))
  return {
    light,
    red: red! - green!,
    blue: blue! - green!,
    spread: Math.log(Math.sqrt(variance) + 0.02),
    across: Math.log(change(luminance, 1, patchSide) + 0.01),
    down: Math.log(change(luminance, patchSide, 1) + 0.01),
    low: sorted[4]! - light,
    high: sorted.at(-5)! - light
  }
}

/** The mean difference between points of a patch that are neighbours along one of its sides. */
function change(luminance: readonly number[], step: number, other: number): number {
  let sum = 0
  for (let line = 0; line < patchSide; line++)
    for (let i = 1; i < patchSide; i++) {
      const at = line * other + i * step
      sum += Math.abs(luminance[at]! - luminance[at - step]!)
    }
  return sum / (patchSide * (patchSide - 1))
}

const within = (at: number, size: number): number => Math.min(size - 1, Math.max(0, Math.round(at)))

/** Of the parts, in the order of `regionsOf`'s numbers. */
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
