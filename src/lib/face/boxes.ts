/** Upright boxes: where they lie, how far they overlap, which of them to keep. */
import type { Box, Point, Polygon, Zone } from '../../core/types.js'

/** Something that may be a face. */
export interface Candidate {
  box: Box
  /** 0..1. */
  score: number
}

/** The score from which on a candidate is a face, unless configured; measured in docs/measured/faces.md. */
export const defaultMinScore = 0.5

export const centreOf = (box: Box): Point => ({ x: box.x + box.width / 2, y: box.y + box.height / 2 })

/** Intersection over union, 0..1. */
export function overlap(a: Box, b: Box): number {
  const width = Math.min(a.x + a.width, b.x + b.width) - Math.max(a.x, b.x)
  const height = Math.min(a.y + a.height, b.y + b.height) - Math.max(a.y, b.y)
  if (width <= 0 || height <= 0) return 0
  const shared = width * height
  return shared / (a.width * a.height + b.width * b.height - shared)
}

/** The best of each bunch of boxes that overlap by more than `most`, best first (non-maximum suppression). */
export function suppress<T extends Candidate>(candidates: readonly T[], most = 0.4): T[] {
  const kept: T[] = []
  for (const candidate of [...candidates].sort((a, b) => b.score - a.score))
    if (kept.every(({ box }) => overlap(box, candidate.box) <= most)) kept.push(candidate)
  return kept
}

/** Whether a point lies in a polygon, by the even-odd rule; a border's left and upper edges belong to it. */
export function inPolygon({ x, y }: Point, polygon: Polygon): boolean {
  let inside = false
  for (const [i, [x1, y1]] of polygon.entries()) {
    const [x0, y0] = polygon[(i + polygon.length - 1) % polygon.length]!
    if (y1 > y !== y0 > y && x < ((x0 - x1) * (y - y1)) / (y0 - y1) + x1) inside = !inside
  }
  return inside
}

/** The name of the first zone that holds the centre of a box, zones being shares of the picture; null where none does. */
export function zoneOf(box: Box, picture: Box, zones: readonly Zone[]): string | null {
  const { x, y } = centreOf(box)
  const place = { x: (x - picture.x) / picture.width, y: (y - picture.y) / picture.height }
  return zones.find(({ polygon }) => inPolygon(place, polygon))?.name ?? null
}
