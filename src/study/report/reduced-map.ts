import { regionNames, type Size } from '../../core/types.js'
import { regionShares } from '../../stages/explain/regions.js'

/** Cells along a side of the maps that are kept. */
export const gridSide = 32
const cells = gridSide * gridSide
const regions = regionNames.length

/** The summary of a relevance map that is kept. */
export interface ReducedMap {
  /** The relevance that LRP began with: the explained output. */
  start: number
  /** Sum of all relevance. */
  sum: number
  /** Values that were no finite numbers; they count as 0. */
  notFinite: number
  mass: { positive: number; negative: number }
  /** By region, in the order of `regionNames`: its share of the positive, and of the negative relevance, 0..1. */
  positive: Float32Array
  negative: Float32Array
  logits: Float32Array
  /** Sums over the cells of a grid on the aligned crop, row by row: of what is positive, and of what is negative (0 or more). */
  grid: { positive: Float32Array; negative: Float32Array }
}

/** Numbers of a reduced map in a file. */
export const reducedSize = (classes: number): number => 5 + 2 * regions + classes + 2 * cells

/**
 * @param relevance signed, per pixel
 * @param places    the region of each pixel
 */
export function reducedMap(
  relevance: Float32Array,
  places: Uint8Array,
  { width, height }: Size,
  { start, logits }: { start: number; logits: ArrayLike<number> }
): Float32Array {
  const notFinite = relevance.reduce((count, value) => count + Number(!Number.isFinite(value)), 0)
  const clean = notFinite > 0 ? relevance.map((value) => (Number.isFinite(value) ? value : 0)) : relevance
  const shares = regionShares(clean, places)
  const grids = new Float64Array(2 * cells)
  let [positive, negative] = [0, 0]
  for (let i = 0; i < clean.length; i++) {
    const value = clean[i]!
    if (value > 0) positive += value
    else negative -= value
    const row = Math.floor((Math.floor(i / width) * gridSide) / height)
    const cell = row * gridSide + Math.floor(((i % width) * gridSide) / width)
    grids[value > 0 ? cell : cells + cell]! += Math.abs(value)
  }
  return Float32Array.from([
    ...[start, positive - negative, notFinite, positive, negative],
    ...shares.map((region) => region.positive),
    ...shares.map((region) => region.negative),
    ...Array.from(logits),
    ...grids
  ])
}

export function reducedMapOf(row: Float32Array, classes: number): ReducedMap {
  const [start = 0, sum = 0, notFinite = 0, positive = 0, negative = 0] = row
  const after = 5 + 2 * regions + classes
  return {
    start,
    sum,
    notFinite,
    mass: { positive, negative },
    positive: row.subarray(5, 5 + regions),
    negative: row.subarray(5 + regions, 5 + 2 * regions),
    logits: row.subarray(5 + 2 * regions, after),
    grid: { positive: row.subarray(after, after + cells), negative: row.subarray(after + cells, after + 2 * cells) }
  }
}

/** The map as signed shares of all its relevance: positive less negative; zeros for a map of zeros. */
export function signedShares({ grid }: ReducedMap): Float64Array {
  let all = 0
  for (let i = 0; i < cells; i++) all += grid.positive[i]! + grid.negative[i]!
  return Float64Array.from(grid.positive, (value, i) => (all > 0 ? (value - grid.negative[i]!) / all : 0))
}
