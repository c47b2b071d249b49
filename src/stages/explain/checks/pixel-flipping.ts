/**
 * Pixel flipping after Samek, Binder, Montavon, Lapuschkin and Müller, "Evaluating the visualization of what a deep neural
 * network has learned" (IEEE TNNLS 2017): if relevance shows what the model looks at, then taking away the most relevant
 * parts first takes more of the model's probability than taking them away in random order.
 */
import type { Crop } from '../../../core/types.js'
import { createRandom } from '../../../lib/random.js'
import { copySquare, descending, localMeans, randomOrder, relevanceOf, squaresOf } from './squares.js'

/** The target's probability for pictures (RGB24) of the crop's size. */
export type Predict = (pictures: readonly Uint8Array[]) => Promise<number[]>

/** Random orders to compare with, the same for each composite. */
const randomOrders = 10
/** Steps in which all squares are taken away; they are small where the curve is steep. */
const steps = 12

/** Shares of the squares that are taken away at each point of a curve: 0 … 1, closer together at the beginning. */
export const flippedShares: readonly number[] = Array.from({ length: steps + 1 }, (_, i) => (i / steps) ** 2)

/** The target's probability at each of `flippedShares`. */
export type Curve = readonly number[]

/** The same picture, taken apart in random orders: what the curves of all composites are held against. */
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
  /** `random - mostRelevantFirst`, in standard errors of what a random order would give instead. */
  standardErrors: number
  /** Whether most relevant first hurts more than chance explains. */
  passed: boolean
}

/** What a random map exceeds by chance once in 26 times on one picture (Student's t, 9 degrees of freedom), 44 on many. */
const enough = 2

/**
 * Whether taking away the most relevant first hurts more than random orders do, on average over the pictures. An order
 * without any meaning would differ from the mean of the S random ones by chance, with variance σ²(1 + 1/S) for each
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
