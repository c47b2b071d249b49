import type { Box, Size } from '../../core/types.js'
import { counter, Tracker, type TrackUpdate } from '../../lib/face/tracker.js'

/** How often the whole frame is looked over while all known faces are in sight: for whoever comes in. */
const everywhereMs = 1000

interface Camera extends Size {
  tracker: Tracker
  /** When its last frame was captured, and the last one that was looked over as a whole. */
  at: number
  everywhereAt: number
  /** Tracks of before its picture changed size. */
  lost: number[]
}

/** Where to look for faces in a frame. */
export interface SearchPlan {
  around: Box[]
  everywhere: boolean
}

/** The tracks of each camera's faces, and what they say about where to look in its next frame. */
export class CameraTracks {
  readonly #cameras = new Map<string, Camera>()
  readonly #nextId: () => number

  /** @param lastId  the last track of an earlier run; ids go on from there */
  constructor(lastId = 0) {
    this.#nextId = counter(lastId)
  }

  /**
   * Faces in sight are looked for where they were, which costs little. The whole frame is looked over once a second,
   * and as long as no face is known or one is out of sight.
   */
  plan(camera: string, size: Size, at: number): SearchPlan {
    const state = this.#stateOf(camera, size)
    const { tracks } = state.tracker
    const around = tracks.filter(({ seenAt }) => seenAt === state.at).map(({ box }) => box)
    const due = Math.abs(at - state.everywhereAt) >= everywhereMs
    const everywhere = due || around.length === 0 || around.length < tracks.length
    if (everywhere) state.everywhereAt = at
    return { around, everywhere }
  }

  /** Takes in what was found in the frame that `plan` was asked for. */
  update(camera: string, found: readonly { box: Box }[], at: number): TrackUpdate {
    const state = this.#cameras.get(camera)
    if (!state) return { ids: found.map(() => this.#nextId()), lost: [] }
    const { ids, lost } = state.tracker.update(
      found.map(({ box }) => box),
      at
    )
    state.at = at
    return { ids, lost: [...state.lost.splice(0), ...lost] }
  }

  forget(camera: string): void {
    this.#cameras.delete(camera)
  }

  /** A picture of another size is another picture: its boxes have nothing to do with the old ones. */
  #stateOf(camera: string, { width, height }: Size): Camera {
    const known = this.#cameras.get(camera)
    if (known?.width === width && known.height === height) return known
    const tracker = new Tracker({ nextId: this.#nextId })
    const lost = known ? [...known.lost, ...known.tracker.tracks.map(({ id }) => id)] : []
    const never = Number.NEGATIVE_INFINITY
    const state = { width, height, tracker, at: never, everywhereAt: never, lost }
    this.#cameras.set(camera, state)
    return state
  }
}
