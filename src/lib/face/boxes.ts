import type { Box, Point } from '../../core/types.js'
import { turned } from './similarity.js'

/** Something that may be a face. */
export interface Candidate {
  box: Box
  /** 0..1. */
  score: number
}

/** A box that is turned with its face: width from ear to ear, height from forehead to chin. */
export interface Place {
  centre: Point
  width: number
  height: number
  /** Clockwise from upright, in degrees, above -180 and up to 180. */
  roll: number
}

export const centreOf = (box: Box): Point => ({ x: box.x + box.width / 2, y: box.y + box.height / 2 })

/** The upright box around the ellipse that fills a turned one; that box itself where it is turned by quarters. */
export function boxOf({ centre, width, height, roll }: Place): Box {
  const [cos, sin] = turned(1, 0, roll)
  const across = Math.hypot(width * cos, height * sin)
  const down = Math.hypot(width * sin, height * cos)
  return { x: centre.x - across / 2, y: centre.y - down / 2, width: across, height: down }
}

/** Where an upright face fills that box. */
export const uprightIn = (box: Box): Place => ({
  centre: centreOf(box),
  width: box.width,
  height: box.height,
  roll: 0
})

/** The same angle above -180 and up to 180 degrees. */
export function inTurn(degrees: number): number {
  const rest = degrees - 360 * Math.round(degrees / 360)
  return rest <= -180 ? rest + 360 : rest
}

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
