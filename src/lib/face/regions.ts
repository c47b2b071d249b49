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
  const out = new Float32Array(textureFeatures + patchCount * patchKeys.length + usualKeys.length)
  texturesInto(out, marks, side)
  coloursInto(out, picture, landmarks)
  return out
}

function texturesInto(out: Float32Array, { points, texture }: Pick<Marks, 'points' | 'texture'>, side: number): void {
  let at = 0
  for (const { x, y } of middles(points)) {
    const inside = cellsNear(x / side, y / side)
    for (let first = 0; first < planes * cells * cells; first += cells * cells) {
      let sum = 0
      for (const cell of inside) sum += texture[first + cell]!
      out[at++] = inside.length === 0 ? 0 : sum / inside.length
    }
  }
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

const patchKeys = ['light', 'red', 'blue', 'spread', 'across', 'down', 'low', 'high'] as const
/** Those that are taken beside the median of all patches. */
const usualKeys = ['light', 'red', 'blue'] as const
/** Of the parts, and three of the forehead. */
const patchCount = 11

function coloursInto(out: Float32Array, picture: Pixels, landmarks: Float32Array): void {
  const [right, left] = [mean(landmarks, 36, 41), mean(landmarks, 42, 47)]
  const eyes = between(right, left, 0.5)
  const axis = { x: left.x - right.x, y: left.y - right.y }
  const onForehead = (x: number, y: number): Point => ({
    x: eyes.x + x * axis.x - y * axis.y,
    y: eyes.y + x * axis.y + y * axis.x
  })
  const forehead = [onForehead(0, -0.6), onForehead(-0.45, -0.45), onForehead(0.45, -0.45)]
  const patches = [...middles(landmarks), ...forehead].map((middle) => patchOf(picture, middle, axis))
  const usual = usualKeys.map((key) => median(patches.map((patch) => patch[key])))
  let at = textureFeatures
  for (const patch of patches) for (const [i, key] of patchKeys.entries()) out[at++] = patch[key] - (usual[i] ?? 0)
  out.set(usual, at)
}

/** The luminance of a patch's points, as logarithms: one patch after the other, for this is done for each face of each frame. */
const luminance = new Float64Array(patchSide * patchSide)
/** Added to each channel and to the luminance, so that black has a logarithm and noise in the dark counts for little. */
const pedestal = 8
/** Of the luminance in quarters of a grey level, with the pedestal: a logarithm costs more than all else that is done with a point. */
const logarithms = Float64Array.from({ length: 1021 }, (_, quarters) => Math.log(pedestal + quarters / 4))

/** @param axis from the right eye to the left one */
function patchOf({ data, width, height }: Pixels, { x, y }: Point, axis: Point): Patch {
  const half = (patchSide - 1) / 2
  const [ax, ay] = [axis.x * patchStep, axis.y * patchStep]
  const [right, bottom] = [width - 1, height - 1]
  let [red, green, blue, light] = [0, 0, 0, 0]
  let point = 0
  for (let row = -half; row <= half; row++)
    for (let column = -half; column <= half; column++) {
      const px = Math.min(right, Math.max(0, Math.round(x + column * ax - row * ay)))
      const py = Math.min(bottom, Math.max(0, Math.round(y + column * ay + row * ax)))
      const at = 3 * (py * width + px)
      const [r, g, b] = [data[at]!, data[at + 1]!, data[at + 2]!]
      red += r
      green += g
      blue += b
      const value = logarithms[(307 * r + 604 * g + 113 * b) >> 8]!
      light += value
      luminance[point++] = value
    }
  const count = luminance.length
  light /= count
  let variance = 0
  for (const value of luminance) variance += (value - light) * (value - light)
  const tint = Math.log(green / count + pedestal)
  const [low, high] = fifths(luminance)
  return {
    light,
    red: Math.log(red / count + pedestal) - tint,
    blue: Math.log(blue / count + pedestal) - tint,
    spread: Math.log(Math.sqrt(variance / count) + 0.02),
    across: Math.log(change(luminance, 1, patchSide) + 0.01),
    down: Math.log(change(luminance, patchSide, 1) + 0.01),
    low: low - light,
    high: high - light
  }
}

const extremes = 5

/** The fifth-smallest number, and the fifth-largest. */
function fifths(values: Float64Array): [number, number] {
  const [least, most] = [Array<number>(extremes).fill(Infinity), Array<number>(extremes).fill(Infinity)]
  for (const value of values) {
    keepLeast(least, value)
    keepLeast(most, -value)
  }
  return [least[extremes - 1]!, -most[extremes - 1]!]
}

/** Puts a value in its place among the least, which lie in order, and drops the largest of them. */
function keepLeast(least: number[], value: number): void {
  let at = extremes - 1
  if (value >= least[at]!) return
  for (; at > 0 && least[at - 1]! > value; at--) least[at] = least[at - 1]!
  least[at] = value
}

/** The mean difference between points of a patch that are neighbours along one of its sides. */
function change(values: Float64Array, step: number, other: number): number {
  let sum = 0
  for (let line = 0; line < patchSide; line++)
    for (let i = 1; i < patchSide; i++) {
      const at = line * other + i * step
      sum += Math.abs(values[at]! - values[at - step]!)
    }
  return sum / (patchSide * (patchSide - 1))
}

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
