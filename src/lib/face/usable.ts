/** Whether the classifier may be asked about a face. */
import type { UnusableReason } from '../../core/types.js'
import type { Quality } from './quality.js'
import type { FacePlace } from './similarity.js'

/** What is known of a face. */
export interface Evidence extends Quality {
  place: FacePlace
  /** See `uprightness`. */
  upright: number
  /** See `coverage`. */
  covered: number
}

/** See `uprightness`; a face counts as upright from there on. */
export const leastUpright = -0.2

/**
 * What has to be so, and the reason against a face where it is not (nor where a value is NaN); of several reasons the first is told. A limit is
 * where eyes and mouth are no longer found in their places, measured in docs/measured/faces.md.
 */
const limits: readonly { reason: UnusableReason; isMet: (face: Evidence) => boolean }[] = [
  { reason: 'small', isMet: ({ place }) => place.width >= 44 },
  { reason: 'dark', isMet: ({ sharpness }) => sharpness <= 1.84 },
  { reason: 'blurred', isMet: ({ sharpness }) => sharpness >= 0.35 },
  { reason: 'profile', isMet: ({ turn }) => turn <= 0.78 },
  { reason: 'covered', isMet: ({ covered }) => covered <= 3.4 },
  { reason: 'roll', isMet: ({ upright }) => upright >= leastUpright }
]

/** @returns the first reason that holds; null where the face is usable */
export function whyUnusable(face: Evidence): UnusableReason | null {
  return limits.find(({ isMet }) => !isMet(face))?.reason ?? null
}
