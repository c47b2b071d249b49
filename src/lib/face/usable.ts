/** Whether the classifier may be asked about a face. */
import type { UnusableReason } from '../../core/types.js'
import type { Place } from './boxes.js'

/** What is known of a face. */
export interface Evidence {
  place: Place
  /** The detector's, 0..1. */
  score: number
  /** See `Marked`. */
  upright: number
}

/** From there on: of 22 real faces all but a profile reach it within 9°, and of those turned by 45° or more none. */
export const leastUpright = -1.3
/** In pixels of the frame, from ear to ear. */
const leastWidth = 40

/** What speaks against a face, weightiest first. Each limit is measured in docs/measured/faces.md. */
const limits: readonly { reason: UnusableReason; isTrue: (face: Evidence) => boolean }[] = [
  { reason: 'small', isTrue: ({ place }) => place.width < leastWidth },
  { reason: 'roll', isTrue: ({ upright }) => upright < leastUpright }
]

/** @returns the first reason that holds; null where the face is usable */
export function whyUnusable(face: Evidence): UnusableReason | null {
  return limits.find(({ isTrue }) => isTrue(face))?.reason ?? null
}
