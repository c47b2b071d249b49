import type { Box, Size } from '../../core/types.js'
import type { Place } from '../../lib/face/boxes.js'
import { type SearchOptions, type Sweep, sweeps } from '../../lib/face/search.js'
import { counter, Tracker, type TrackUpdate } from '../../lib/face/tracker.js'

/** How often the whole frame is looked over while all known faces are in sight: for whoever comes in. */
const everywhereMs = 1000

/** In what turn faces were seen last, which may be all that a camera at the side of a bed ever sees. */
type Posture = 'upright' | 'lying'

/**
 * What follows the sweep in a camera's usual posture, frame by frame, as long as no face is known. Two sweeps a frame
 * are what an empty bed may cost.
 */
const furtherSweeps: Record<Posture, readonly Sweep[]> = {
  upright: [sweeps.lying, sweeps.near, sweeps.lying, sweeps.nearLying],
  lying: [sweeps.upright, sweeps.nearLying, sweeps.upright, sweeps.near]
}
const opposite: Record<Posture, Posture> = { upright: 'lying', lying: 'upright' }

/** Looks a sweep may take at what is unlikely to be a face, or to stand so. */
const furtherLooks = 1

interface Camera extends Size {
  tracker: Tracker
  /** Where each track was seen last, turned with its face. */
  places: Map<number, Place>
  posture: Posture
  /** Counts the frames that were looked over as a whole. */
  sweep: number
  /** When its last frame was captured, and the last one that was looked over as a whole. */
  at: number
  everywhereAt: number
  /** Tracks of before its picture changed size. */
  lost: number[]
}

/** Where to look for faces in a frame. */
export type SearchPlan = Pick<SearchOptions, 'around' | 'sweeps' | 'ifLost' | 'share'>

/** The tracks of each camera's faces, and what they say about where to look in its next frame. */
export class CameraTracks {
  readonly #cameras = new Map<string, Camera>()
  readonly #nextId: () => number

  /** @param lastId  the last track of an earlier run; ids go on from there */
  constructor(lastId = 0) {
    this.#nextId = counter(lastId)
  }

  /**
   * Faces in sight are looked for where they were and as they were turned, which costs little. The whole frame is looked
   * over once a second, once as it is and once turned, and as long as no face is known or one is out of sight.
   */
  plan(camera: string, size: Size, at: number): SearchPlan {
    const state = this.#stateOf(camera, size)
    const { tracks } = state.tracker
    const around = tracks.filter(({ seenAt }) => seenAt === state.at).flatMap(({ id }) => state.places.get(id) ?? [])
    const due = Math.abs(at - state.everywhereAt) >= everywhereMs
    const missing = around.length === 0 || around.length < tracks.length
    if (due || missing) {
      state.everywhereAt = at
      state.sweep++
    }
    const { posture, sweep } = state
    const further = furtherSweeps[posture]
    const ifLost = [sweeps[posture], further[sweep % further.length]!]
    const share = { looks: furtherLooks, round: sweep }
    if (missing) return { around, sweeps: ifLost, share }
    const inTurn = sweep % 2 === 0 ? posture : opposite[posture]
    return { around, sweeps: due ? [sweeps[inTurn]] : [], ifLost, share }
  }

  /** Takes in what was found in the frame that `plan` was asked for. */
  update(camera: string, found: readonly { box: Box; place: Place }[], at: number): TrackUpdate {
    const state = this.#cameras.get(camera)
    if (!state) return { ids: found.map(() => this.#nextId()), lost: [] }
    const { ids, lost } = state.tracker.update(
      found.map(({ box }) => box),
      at
    )
    state.at = at
    for (const [i, { place }] of found.entries()) state.places.set(ids[i]!, place)
    for (const id of lost) state.places.delete(id)
    if (found[0]) state.posture = postureOf(found[0].place)
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
    const state: Camera = {
      width,
      height,
      tracker,
      places: new Map(),
      posture: known?.posture ?? 'upright',
      sweep: 0,
      at: never,
      everywhereAt: never,
      lost
    }
    this.#cameras.set(camera, state)
    return state
  }
}

const postureOf = ({ roll }: Place): Posture => (Math.abs(Math.abs(roll) - 90) < 45 ? 'lying' : 'upright')
