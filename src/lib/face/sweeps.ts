/** How the finder looks over a whole frame. */
import type { FacePlace } from './similarity.js'

/** As it is or turned by a quarter, its longer side made that many pixels. */
export interface Sweep {
  turn: 0 | 90
  length: number
  /** Only where no face is known yet. */
  ifNone?: boolean
}

/**
 * Measured in docs/measured/faces.md. The finder proposes faces that stand or hang upright in what it sees, so two sweeps
 * find a face at any angle. The second length is for faces too near for the first.
 */
export const sweeps = {
  upright: { turn: 0, length: 640 },
  lying: { turn: 90, length: 640 },
  near: { turn: 0, length: 320, ifNone: true },
  nearLying: { turn: 90, length: 320, ifNone: true }
} as const satisfies Record<string, Sweep>
export const allSweeps: readonly Sweep[] = Object.values(sweeps)

/** A part of the looks at a frame's proposals, for a camera that gives the same picture frame after frame. */
export interface LooksShare {
  /** How many looks a sweep may take, beside one at each likely proposal. */
  looks: number
  /** Goes on by one with each frame that is looked over as a whole, so that in time every proposal is looked at in every turn. */
  round: number
  /** Goes on by one with each frame, so that in time a known face is looked at in every turn. */
  frame: number
}

/** Where to look for faces in a frame. */
export interface SearchPlan {
  /** Where faces were in the frame before; each is looked for in its neighbourhood, with half of the score. */
  around: readonly FacePlace[]
  /** How to look over the whole frame; nothing for not at all. */
  sweeps: readonly Sweep[]
  /** What to do instead where one of `around` is not found again. */
  ifLost?: readonly Sweep[]
  /** Bounds what proposals cost that are no faces; without it each is looked at in every turn. */
  share?: LooksShare
}
