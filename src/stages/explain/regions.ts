import { type Point, type RegionName, type RegionShare, regionNames, type Size } from '../../core/types.js'

const outside = regionNames.indexOf('outside')

/**
 * Which facial region each pixel belongs to: exactly one. Landmarks may lie beyond the picture; an outline whose
 * landmarks are not finite is left out, and its pixels fall to the region below it or outside.
 * @param landmarks x0 y0 … of the 68 points (iBUG 300-W order), in pixels; pixel i covers i..i+1
 * @returns an index into `regionNames` per pixel, row-major, width*height
 */
export function regionMap(landmarks: Float32Array, size: Size): Uint8Array {
  const labels = new Uint8Array(size.width * size.height).fill(outside)
  // Painted from the last to the first, so that the first covers the others.
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
 * Positive (or negative) relevance that is less than this part of all relevance comes from
 * rounding and LRP's epsilon, often at the picture's border, and counts as none.
 */
const negligible = 0.01

/**
 * Each region's share of all positive and of all negative relevance, and its balance. The positive shares sum to 1; if the
 * positive relevance is negligible, they are 0. Likewise the negative ones, and the balances without their signs.
 * @param relevance signed, per pixel
 * @param labels    as `regionMap` gives it, of the same length
 * @returns shares in the order of `regionNames`
 */
export function regionShares(relevance: Float32Array, labels: Uint8Array): RegionShare[] {
  const positive = new Float64Array(regionNames.length)
  const negative = new Float64Array(regionNames.length)
  relevance.forEach((value, i) => {
    if (value > 0) positive[labels[i]!]! += value
    else if (value < 0) negative[labels[i]!]! -= value
  })
  const all = magnitude(positive) + magnitude(negative)
  const notable = (parts: Float64Array): Float64Array => (magnitude(parts) >= negligible * all ? parts : parts.fill(0))
  const [ups, downs] = [notable(positive), notable(negative)]
  const balances = notable(ups.map((value, i) => value - downs[i]!))
  const [positives, negatives, both] = [shares(ups), shares(downs), shares(balances)]
  return regionNames.map((region: RegionName, i) => ({
    region,
    positive: positives[i]!,
    negative: negatives[i]!,
    balance: both[i]!
  }))
}

/** The parts over the sum of their magnitudes; zeros stay zeros. */
function shares(parts: Float64Array): Float64Array {
  const whole = magnitude(parts)
  return whole > 0 ? parts.map((part) => part / whole) : parts
}

const magnitude = (values: Float64Array): number => values.reduce((sum, value) => sum + Math.abs(value), 0)

/**
 * A corner: a landmark (0..67, iBUG 300-W order; Sagonas et al. 2013) and where the corner lies from there, in eye
 * distances to the picture's right and downwards, along the face's own axes.
 */
type Corner = readonly [landmark: number, right: number, down: number]

interface Row {
  region: RegionName
  /** `both sides` draws the outline, which is the one on the picture's left, and its mirror image. */
  on: 'both sides' | 'middle'
  outline: readonly Corner[]
}

const atRest = (landmark: number): Corner => [landmark, 0, 0]
const jaw = Array.from({ length: 17 }, (_, i) => atRest(i))
const brows = Array.from({ length: 10 }, (_, i) => atRest(17 + i))

/**
 * The regions' outlines; where two overlap, the row further up has the pixel. Cheeks come last: the rest of the face.
 * Pixels outside all rows are outside the face: hair, pillow, neck and background.
 */
const outlines: readonly Row[] = [
  {
    region: 'brows',
    on: 'both sides',
    outline: [
      [17, -0.07, 0.02],
      [17, -0.04, -0.1],
      [18, 0, -0.13],
      [19, 0, -0.13],
      [20, 0, -0.13],
      [21, 0.03, -0.14],
      [21, 0.04, 0.1],
      [20, 0, 0.09],
      [19, 0, 0.08],
      [18, 0, 0.08],
      [17, 0, 0.07]
    ]
  },
  {
    // The glabella, where a lowered brow folds the skin.
    region: 'brows',
    on: 'middle',
    outline: [
      [21, 0, -0.14],
      [21, 0.03, -0.32],
      [22, -0.03, -0.32],
      [22, 0, -0.14],
      [22, 0, 0.1],
      [27, 0.13, 0],
      [27, -0.13, 0],
      [21, 0, 0.1]
    ]
  },
  {
    // With the lids up to the brow, and the outer corner with crow's feet.
    region: 'eyes',
    on: 'both sides',
    outline: [
      [17, 0, 0.06],
      [18, 0, 0.07],
      [19, 0, 0.07],
      [20, 0, 0.07],
      [21, 0, 0.1],
      [39, 0.08, -0.04],
      [39, 0.05, 0.08],
      [40, 0, 0.17],
      [41, 0, 0.17],
      [36, -0.08, 0.14],
      [36, -0.2, 0.04]
    ]
  },
  {
    region: 'nostrils',
    on: 'middle',
    outline: [
      [31, -0.14, -0.18],
      [31, 0, -0.2],
      [30, 0, 0],
      [35, 0, -0.2],
      [35, 0.14, -0.18],
      [35, 0.14, 0.02],
      [34, 0.02, 0.07],
      [33, 0, 0.08],
      [32, -0.02, 0.07],
      [31, -0.14, 0.02]
    ]
  },
  {
    region: 'nose',
    on: 'middle',
    outline: [
      [27, -0.14, -0.02],
      [27, 0.14, -0.02],
      [28, 0.19, 0],
      [35, 0.16, -0.18],
      [35, 0, 0],
      [31, 0, 0],
      [31, -0.16, -0.18],
      [28, -0.19, 0]
    ]
  },
  {
    // With the skin of the upper lip below the nose.
    region: 'mouth',
    on: 'middle',
    outline: [
      [48, -0.07, 0],
      [48, -0.02, -0.08],
      [49, -0.02, -0.08],
      [33, -0.16, 0.06],
      [33, 0.16, 0.06],
      [53, 0.02, -0.08],
      [54, 0.02, -0.08],
      [54, 0.07, 0],
      [54, 0.03, 0.07],
      [55, 0.02, 0.07],
      [56, 0, 0.08],
      [57, 0, 0.08],
      [58, 0, 0.08],
      [59, -0.02, 0.07],
      [48, -0.03, 0.07]
    ]
  },
  {
    region: 'nasolabial_folds',
    on: 'both sides',
    outline: [
      [31, -0.1, -0.32],
      [31, 0, 0],
      [31, 0.08, 0.06],
      [49, 0.02, -0.06],
      [48, -0.05, 0],
      [48, -0.02, 0.16],
      [48, -0.16, 0.16],
      [48, -0.23, -0.04],
      [31, -0.34, 0],
      [31, -0.27, -0.2]
    ]
  },
  {
    region: 'chin',
    on: 'middle',
    outline: [[48, 0.04, 0.1], [54, -0.04, 0.1], ...[10, 9, 8, 7, 6].map(atRest)]
  },
  {
    // Landmarks end at the brows. Vertical thirds of a face are about equal, and one is about an eye distance.
    region: 'forehead',
    on: 'middle',
    outline: [
      ...[0, 36, 45, 16].map(atRest),
      [16, 0, -0.3],
      [26, 0.05, -0.55],
      [25, 0.02, -0.8],
      [23, 0, -0.95],
      [20, 0, -0.95],
      [18, -0.02, -0.8],
      [17, -0.05, -0.55],
      [0, 0, -0.3]
    ]
  },
  { region: 'cheeks', on: 'middle', outline: [...jaw, ...brows.toReversed()] }
]

/** A region's outline in pixels. */
export interface RegionPolygon {
  region: RegionName
  polygon: Point[]
}

/**
 * The table above on one face: polygons in the table's order, which is also that of precedence.
 * @param landmarks x0 y0 … of the 68 points, in pixels
 */
export function regionPolygons(landmarks: Float32Array): RegionPolygon[] {
  const face = axesOf(landmarks)
  return outlines.flatMap(({ region, on, outline }) => {
    const sides = on === 'middle' ? [outline] : [outline, outline.map(mirrored)]
    return sides.map((corners) => ({ region, polygon: corners.map((corner) => place(corner, face)) }))
  })
}

interface Axes {
  landmarks: Float32Array
  /** One eye distance to the picture's right, along the line through the eyes. */
  right: Point
}

function axesOf(landmarks: Float32Array): Axes {
  const [left, right] = [middle(landmarks, 36, 41), middle(landmarks, 42, 47)]
  return { landmarks, right: { x: right.x - left.x, y: right.y - left.y } }
}

function place([landmark, right, down]: Corner, { landmarks, right: axis }: Axes): Point {
  return {
    x: landmarks[2 * landmark]! + right * axis.x - down * axis.y,
    y: landmarks[2 * landmark + 1]! + right * axis.y + down * axis.x
  }
}

function middle(landmarks: Float32Array, first: number, last: number): Point {
  const sum = { x: 0, y: 0 }
  for (let i = first; i <= last; i++) {
    sum.x += landmarks[2 * i]!
    sum.y += landmarks[2 * i + 1]!
  }
  const n = last - first + 1
  return { x: sum.x / n, y: sum.y / n }
}

/** Per run of landmarks, first and last point and the sum of a point's index and its mirror image's. */
const mirrorRuns = [
  [0, 16, 16],
  [17, 26, 43],
  [31, 35, 66],
  [36, 39, 81],
  [40, 41, 87],
  [42, 45, 81],
  [46, 47, 87],
  [48, 54, 102],
  [55, 59, 114],
  [60, 64, 124],
  [65, 67, 132]
] as const

/** The same corner on the face's other side; points of the bridge (27..30) are their own mirror images. */
function mirrored([landmark, right, down]: Corner): Corner {
  const run = mirrorRuns.find(([first, last]) => landmark >= first && landmark <= last)
  return [run ? run[2] - landmark : landmark, -right, down]
}
