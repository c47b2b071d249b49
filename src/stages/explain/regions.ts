import { type Point, type RegionName, type RegionShare, regionNames, type Size } from '../../core/types.js'
import { regionPolygons } from './outlines.js'

const outside = regionNames.indexOf('outside')

/**
 * Which facial region each pixel belongs to: exactly one. Landmarks may lie beyond the picture; an outline whose
 * landmarks are not finite is left out, and its pixels fall to the region below it or outside.
 * @param landmarks x0 y0 … of the 68 points (iBUG 300-W order), in pixels; pixel i covers i..i+1
 * @returns an index into `regionNames` per pixel, row-major, width*height
 */
export function regionMap(landmarks: Float32Array, size: Size): Uint8Array {
  const labels = new Uint8Array(size.width * size.height).fill(outside)
  // Painted from the last to the first, so that the first has the last word.
  for (const { region, polygon } of regionPolygons(landmarks).reverse())
    fillPolygon(labels, size, polygon, regionNames.indexOf(region))
  return labels
}

/** Sets the pixels whose centres lie within the polygon (non-zero winding, so that it may overlap itself). */
export function fillPolygon(
  labels: Uint8Array,
  { width, height }: Size,
  polygon: readonly Point[],
  value: number
): void {
  if (!polygon.every(({ x, y }) => Number.isFinite(x) && Number.isFinite(y))) return
  const ys = polygon.map(({ y }) => y)
  const first = Math.max(0, Math.ceil(Math.min(...ys) - 0.5))
  const last = Math.min(height - 1, Math.floor(Math.max(...ys) - 0.5))
  for (let row = first; row <= last; row++) {
    let winding = 0
    let from = 0
    for (const { x, turn } of crossings(polygon, row + 0.5)) {
      const column = Math.min(width, Math.max(0, Math.ceil(x - 0.5)))
      if (winding !== 0) labels.fill(value, row * width + from, row * width + column)
      winding += turn
      from = column
    }
  }
}

interface Crossing {
  x: number
  /** 1 where the edge goes down, -1 where it goes up. */
  turn: 1 | -1
}

function crossings(polygon: readonly Point[], y: number): Crossing[] {
  const found: Crossing[] = []
  polygon.forEach((a, i) => {
    const b = polygon[(i + 1) % polygon.length]!
    if (a.y <= y === b.y <= y) return
    found.push({ x: a.x + ((y - a.y) / (b.y - a.y)) * (b.x - a.x), turn: a.y <= y ? 1 : -1 })
  })
  return found.sort((a, b) => a.x - b.x)
}

/**
 * Positive (or negative) relevance that is less than this part of all relevance is what rounding and LRP's epsilon leave
 * behind. Its shares would be of next to nothing, often on the picture's border, so it counts as none.
 */
const negligible = 0.01

/** Relevance summed up over the picture; both 0 or more. */
export interface RelevanceMass {
  positive: number
  negative: number
}

/**
 * Each region's share of all positive and of all negative relevance. The positive shares sum up to 1 unless there is no
 * positive relevance worth mention, when all are 0, and so is its mass; likewise the negative ones.
 * @param relevance signed, per pixel
 * @param labels    as `regionMap` gives it, of the same length
 * @returns shares in the order of `regionNames`, and the relevance that they are shares of
 */
export function regionShares(
  relevance: Float32Array,
  labels: Uint8Array
): { regions: RegionShare[]; mass: RelevanceMass } {
  const positive = new Float64Array(regionNames.length)
  const negative = new Float64Array(regionNames.length)
  relevance.forEach((value, i) => {
    if (value > 0) positive[labels[i]!]! += value
    else if (value < 0) negative[labels[i]!]! -= value
  })
  const all = sum(positive) + sum(negative)
  const notable = (part: number): number => (part >= negligible * all ? part : 0)
  const mass = { positive: notable(sum(positive)), negative: notable(sum(negative)) }
  const share = (part: number, whole: number): number => (whole > 0 ? part / whole : 0)
  return {
    regions: regionNames.map((region: RegionName, i) => ({
      region,
      positive: share(positive[i]!, mass.positive),
      negative: share(negative[i]!, mass.negative)
    })),
    mass
  }
}

const sum = (values: Float64Array): number => values.reduce((a, b) => a + b, 0)
