import type { Box, Point } from '../../core/types.js'

/** Something that may be a face. */
export interface Candidate {
  box: Box
  /** 0..1. */
  score: number
}

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

/** The square around a box's centre. */
export function squareAround(box: Box, side: number): Box {
  const { x, y } = centreOf(box)
  return { x: x - side / 2, y: y - side / 2, width: side, height: side }
}
