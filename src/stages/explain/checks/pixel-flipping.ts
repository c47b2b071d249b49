/**
 * Pixel flipping after Samek, Binder, Montavon, Lapuschkin and Müller, "Evaluating the visualization of what a deep neural
 * network has learned" (IEEE TNNLS 2017): if relevance shows what the model uses, then removing the most relevant parts
 * first lowers the model's probability more than removing them in random order.
 */
import type { Box, Crop, Size } from '../../../core/types.js'
import { createRandom, type Random } from '../../../lib/random.js'

/** The target's probability for pictures (RGB24) of the crop's size. */
export type Predict = (pictures: readonly Uint8Array[]) => Promise<number[]>

/** Number of random orders, the same for each composite. */
export const randomOrders = 10
/** Number of steps until all squares are removed; they are smaller where the curve is steep. */
const steps = 12

/** Shares of squares removed at each point of a curve: 0 … 1, closer together at the beginning. */
export const flippedShares: readonly number[] = Array.from({ length: steps + 1 }, (_, i) => (i / steps) ** 2)

/** The target's probability at each of `flippedShares`. */
export type Curve = readonly number[]

/** Curves of the picture for random orders, the baseline of all composites. */
export async function randomCurves(crop: Crop, predict: Predict, seed: number): Promise<Curve[]> {
  const count = squaresOf(crop).length
  const curves: Curve[] = []
  for (let i = 0; i < randomOrders; i++)
    curves.push(await curveOf(crop, randomOrder(count, createRandom(seed * randomOrders + i)), predict))
  return curves
}

export interface FlippingCurves {
  mostRelevantFirst: Curve
  leastRelevantFirst: Curve
}

/** @param relevance signed, per pixel of the crop, for the target whose probability `predict` gives */
export async function relevanceCurves(crop: Crop, relevance: Float32Array, predict: Predict): Promise<FlippingCurves> {
  const order = descending(relevanceOf(relevance, crop, squaresOf(crop)))
  return {
    mostRelevantFirst: await curveOf(crop, order, predict),
    leastRelevantFirst: await curveOf(crop, order.toReversed(), predict)
  }
}

async function curveOf(crop: Crop, order: readonly number[], predict: Predict): Promise<Curve> {
  const squares = squaresOf(crop)
  const means = localMeans(crop)
  const picture = Uint8Array.from(crop.data)
  let flipped = 0
  const pictures = flippedShares.map((share) => {
    for (const end = Math.round(share * squares.length); flipped < end; flipped++)
      copySquare(means, picture, squares[order[flipped]!]!, crop)
    return picture.slice()
  })
  return await predict(pictures)
}

/** The area below a curve over the shares of squares, 0..1: the smaller, the earlier the probability falls. */
export function areaOf(curve: Curve): number {
  let area = 0
  for (let i = 1; i < curve.length; i++)
    area += ((flippedShares[i]! - flippedShares[i - 1]!) * (curve[i]! + curve[i - 1]!)) / 2
  return area
}

export interface FlippingVerdict {
  /** Mean areas below the curves, over the pictures. */
  mostRelevantFirst: number
  leastRelevantFirst: number
  random: number
  /** `random - mostRelevantFirst`, in standard errors of random orders. */
  standardErrors: number
  /** Whether the probability falls faster, most relevant first, than chance explains. */
  passed: boolean
}

/** A random map exceeds this by chance once in 26 times on one picture (Student's t, 9 degrees of freedom), in 44 on many. */
const enough = 2

/**
 * Whether removing the most relevant squares first lowers the probability more than random orders do, on average over the
 * pictures. A random order differs from the mean of S random ones with variance σ²(1 + 1/S) for each
 * picture, σ² that of the random orders' own areas.
 * @param pictures at least one, with their random curves
 */
export function judgeFlipping(pictures: readonly (FlippingCurves & { random: readonly Curve[] })[]): FlippingVerdict {
  const areas = pictures.map(({ mostRelevantFirst, leastRelevantFirst, random }) => ({
    most: areaOf(mostRelevantFirst),
    least: areaOf(leastRelevantFirst),
    random: random.map(areaOf)
  }))
  const mostRelevantFirst = mean(areas.map(({ most }) => most))
  const random = mean(areas.map((one) => mean(one.random)))
  const variance = mean(areas.map((one) => varianceOf(one.random) * (1 + 1 / one.random.length)))
  const error = Math.sqrt(variance / pictures.length)
  const gain = random - mostRelevantFirst
  const standardErrors = error > 0 ? gain / error : Math.sign(gain) * enough * 2
  return {
    mostRelevantFirst,
    leastRelevantFirst: mean(areas.map(({ least }) => least)),
    random,
    standardErrors,
    passed: standardErrors >= enough
  }
}

const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length

function varianceOf(values: readonly number[]): number {
  const middle = mean(values)
  return values.reduce((sum, value) => sum + (value - middle) ** 2, 0) / Math.max(1, values.length - 1)
}

/** Squares along a crop's width and height. */
const perSide = 16

/** The crop in squares of a sixteenth of its longer side, row by row; those at the right and lower edge may be smaller. */
export function squaresOf({ width, height }: Size): Box[] {
  const side = Math.max(1, Math.ceil(Math.max(width, height) / perSide))
  const squares: Box[] = []
  for (let y = 0; y < height; y += side)
    for (let x = 0; x < width; x += side)
      squares.push({ x, y, width: Math.min(side, width - x), height: Math.min(side, height - y) })
  return squares
}

/** The mean relevance in each square. */
export function relevanceOf(relevance: Float32Array, { width }: Size, squares: readonly Box[]): Float64Array {
  return Float64Array.from(squares, (square) => {
    let sum = 0
    for (let row = square.y; row < square.y + square.height; row++)
      for (let column = square.x; column < square.x + square.width; column++) sum += relevance[row * width + column]!
    return sum / (square.width * square.height)
  })
}

/** Indices from the largest value to the smallest. */
function descending(values: Float64Array): number[] {
  return [...values.keys()].sort((a, b) => values[b]! - values[a]!)
}

/** Indices 0 … count - 1 in random order (Fisher and Yates). */
export function randomOrder(count: number, random: Random): number[] {
  const order = Array.from({ length: count }, (_, i) => i)
  for (let i = count - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1))
    const [a, b] = [order[i]!, order[j]!]
    order[i] = b
    order[j] = a
  }
  return order
}

/**
 * The replacement of squares: each pixel's mean colour over the square around it of three times the size, which removes
 * the content without adding edges.
 * @returns RGB24 of the whole crop
 */
export function localMeans({ width, height, data }: Pick<Crop, 'width' | 'height' | 'data'>): Uint8Array {
  const radius = Math.ceil((1.5 * Math.max(width, height)) / perSide)
  const across = meansAlong(
    Float32Array.from(data),
    { count: width, step: 3 },
    { count: height, step: 3 * width },
    radius
  )
  const means = meansAlong(across, { count: height, step: 3 * width }, { count: width, step: 3 }, radius)
  return Uint8Array.from(means, Math.round)
}

interface Axis {
  count: number
  /** Distance between values. */
  step: number
}

/** The mean of up to 2·radius+1 values along one axis, for each colour, by a sliding sum. */
function meansAlong(values: Float32Array, along: Axis, lines: Axis, radius: number): Float32Array {
  const means = new Float32Array(values.length)
  for (let line = 0; line < lines.count; line++) {
    for (let colour = 0; colour < 3; colour++) {
      const at = (i: number): number => line * lines.step + i * along.step + colour
      let sum = 0
      let [from, to] = [0, 0]
      for (let i = 0; i < along.count; i++) {
        while (to < Math.min(along.count, i + radius + 1)) sum += values[at(to++)]!
        while (from < i - radius) sum -= values[at(from++)]!
        means[at(i)] = sum / (to - from)
      }
    }
  }
  return means
}

/** Copies a square of one picture into another of the same width. */
export function copySquare(from: Uint8Array, to: Uint8Array, { x, y, width, height }: Box, size: Size): void {
  for (let row = y; row < y + height; row++) {
    const start = 3 * (row * size.width + x)
    to.set(from.subarray(start, start + 3 * width), start)
  }
}
