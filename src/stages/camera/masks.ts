import type { Box, Polygon, Size } from '../../core/types.js'

/** A stretch of bytes in an RGB24 frame. */
export type Span = readonly [start: number, end: number]

/**
 * The bytes of an RGB24 frame that polygons cover, even partly: a mask hides rather too much than too little. Overlaps,
 * also of a polygon with itself, are covered.
 * @param picture where the camera's picture, which the polygons are shares of, lies in the frame
 */
export function maskSpans(masks: readonly Polygon[], { width, height }: Size, picture: Box): Span[] {
  const spans: Span[] = []
  for (const mask of masks) {
    const corners = mask.map(([x, y]) => [picture.x + x * picture.width, picture.y + y * picture.height] as const)
    if (corners.length < 3) continue
    for (let row = 0; row < height; row++)
      for (const [from, to] of rowIntervals(corners, row)) {
        const start = Math.max(0, Math.floor(from))
        const end = Math.min(width, Math.ceil(to))
        if (start < end) spans.push([(row * width + start) * 3, (row * width + end) * 3])
      }
  }
  return merge(spans)
}

/** Whether masks leave nothing of the picture to be watched; what is left by a corner of less than 1 % is nothing. */
export function masksHideAll(masks: readonly Polygon[]): boolean {
  const grid = { width: 100, height: 100 }
  const hidden = maskSpans(masks, grid, { x: 0, y: 0, ...grid }).reduce(
    (sum, [start, end]) => sum + (end - start) / 3,
    0
  )
  return hidden > 0.99 * grid.width * grid.height
}

/** Paints the stretches black. */
export function blackOut(frame: Uint8Array, spans: readonly Span[]): void {
  for (const [start, end] of spans) frame.fill(0, start, end)
}

type Corner = readonly [number, number]

/** Where a polygon touches the row of pixels from y = row to row + 1: its edges there, and its inside at the top and below. */
function rowIntervals(corners: readonly Corner[], row: number): [number, number][] {
  const intervals: [number, number][] = []
  for (const [a, b] of edges(corners)) {
    const part = clip(a, b, row, row + 1)
    if (part) intervals.push(part)
  }
  return [...intervals, ...insideAt(corners, row), ...insideAt(corners, row + 0.5)]
}

function edges(corners: readonly Corner[]): [Corner, Corner][] {
  return corners.map((corner, index) => [corner, corners[(index + 1) % corners.length]!])
}

/** The x that an edge covers between two heights. */
function clip(a: Corner, b: Corner, top: number, bottom: number): [number, number] | undefined {
  const [upper, lower] = a[1] <= b[1] ? [a, b] : [b, a]
  if (lower[1] <= top || upper[1] >= bottom) return undefined
  const at = (y: number): number => {
    const share = lower[1] === upper[1] ? 0 : (y - upper[1]) / (lower[1] - upper[1])
    return upper[0] + share * (lower[0] - upper[0])
  }
  const xs = [at(Math.max(top, upper[1])), at(Math.min(bottom, lower[1]))]
  return [Math.min(...xs), Math.max(...xs)]
}

/** The intervals of a horizontal line inside the polygon, by the nonzero winding rule. */
function insideAt(corners: readonly Corner[], y: number): [number, number][] {
  const crossings: { x: number; turn: number }[] = []
  for (const [a, b] of edges(corners)) {
    if (a[1] <= y === b[1] <= y) continue
    crossings.push({ x: a[0] + ((y - a[1]) / (b[1] - a[1])) * (b[0] - a[0]), turn: a[1] <= y ? 1 : -1 })
  }
  crossings.sort((a, b) => a.x - b.x)
  const intervals: [number, number][] = []
  let winding = 0
  for (const [index, { x, turn }] of crossings.entries()) {
    winding += turn
    if (winding !== 0) intervals.push([x, crossings[index + 1]?.x ?? x])
  }
  return intervals
}

function merge(spans: readonly Span[]): Span[] {
  const sorted = [...spans].sort((a, b) => a[0] - b[0])
  const merged: [number, number][] = []
  for (const [start, end] of sorted) {
    const last = merged.at(-1)
    if (last && start <= last[1]) last[1] = Math.max(last[1], end)
    else merged.push([start, end])
  }
  return merged
}
