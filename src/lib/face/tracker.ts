import type { Box, Size } from '../../core/types.js'
import { assign } from './assignment.js'
import { type Candidate, centreOf } from './boxes.js'
import { Motion } from './motion.js'
import type { FacePlace } from './similarity.js'
import { type SearchPlan, type Sweep, sweeps } from './sweeps.js'

/** A face that is followed from frame to frame. */
export interface Track {
  /** Never used twice. */
  readonly id: number
  /** Where it was seen last. */
  readonly box: Box
  /** When, a moment of the clock (core/clock.ts). */
  readonly seenAt: number
}

export interface TrackerOptions {
  /** How long a track may go unseen before it is lost, in ms. */
  patienceMs?: number
  /** Where ids come from, for several trackers to share; counted from 1 without it. */
  nextId?: () => number
  /** The score from which on a face is a face by itself, 0..1; below it only where a track expects one. */
  minScore?: number
}

/** What a frame did to the tracks. */
export interface TrackUpdate {
  /** The track of each face, in their order; null for a doubtful one that no track expects. */
  ids: (number | null)[]
  /** Tracks that ended. */
  lost: number[]
}

/** Two boxes are not of one face if their centres lie further apart than that, in widths of the larger one. */
const mostDistance = 1.2
/** … or if one is that many times as wide as the other. */
const mostGrowth = 1.8
/** What it costs to leave a track without a face, in the first pass and in the second; see Motion.unlikeliness. */
const unseenCost = 30
const doubtfulCost = 12

interface Followed extends Track {
  box: Box
  seenAt: number
  motion: Motion
}

/**
 * Gives faces ids that stay the same from frame to frame: ByteTrack (Y. Zhang et al., "ByteTrack: Multi-object tracking by
 * associating every detection box", ECCV 2022). Kalman filters foresee where each track's face is; faces of a good score are
 * paired with tracks at the least total cost, then those of a low score with tracks of the frame before that have none yet;
 * what is left of the good ones begins tracks. The cost is the filters' likelihood in the place of ByteTrack's overlap: at
 * five frames per second a face that walks by does not overlap with itself, and where it passes another one the overlap says
 * nothing, while speed, size and the time unseen do. What faces look like is not compared, and nothing of it is kept.
 */
export class Tracker {
  readonly #patienceMs: number
  readonly #nextId: () => number
  readonly #minScore: number
  #tracks: Followed[] = []
  #at = Number.NEGATIVE_INFINITY

  constructor({ patienceMs = 2000, nextId = counter(), minScore = 0 }: TrackerOptions = {}) {
    this.#patienceMs = patienceMs
    this.#nextId = nextId
    this.#minScore = minScore
  }

  /** The tracks that are alive, seen in the last frame or not. */
  get tracks(): readonly Track[] {
    return this.#tracks
  }

  /** @param at when the frame was captured, in ms; a clock that steps back ends no track */
  update(faces: readonly Candidate[], at: number): TrackUpdate {
    const ids = faces.map((): number | null => null)
    const indices = [...faces.keys()]
    const sure = indices.filter((i) => faces[i]!.score >= this.#minScore)
    const doubtful = indices.filter((i) => !sure.includes(i))
    const unseen = new Set(this.#tracks)
    const pair = (tracks: readonly Followed[], among: readonly number[], most: number): void => {
      const costs = tracks.map((track) => among.map((i) => costOf(track, faces[i]!.box, at)))
      for (const [row, column] of assign(costs, most).entries()) {
        if (column === null) continue
        const [track, i] = [tracks[row]!, among[column]!]
        ids[i] = track.id
        unseen.delete(track)
        see(track, faces[i]!.box, at)
      }
    }
    pair(this.#tracks, sure, unseenCost)
    const justSeen = [...unseen].filter(({ seenAt }) => seenAt === this.#at)
    pair(justSeen, doubtful, doubtfulCost)
    this.#at = at
    const lost = [...unseen].filter(({ seenAt }) => at - seenAt > this.#patienceMs)
    this.#tracks = this.#tracks.filter((track) => !lost.includes(track))
    for (const i of sure) ids[i] ??= this.#start(faces[i]!.box, at)
    return { ids, lost: lost.map(({ id }) => id) }
  }

  #start(box: Box, seenAt: number): number {
    const id = this.#nextId()
    this.#tracks.push({ id, box, seenAt, motion: new Motion(box, seenAt) })
    return id
  }
}

function see(track: Followed, box: Box, at: number): void {
  track.motion.take(box, at)
  track.box = box
  track.seenAt = at
}

/** 1, 2, 3 …, or what follows `last`. */
function counter(last = 0): () => number {
  let current = last
  return () => ++current
}

/** See Motion.unlikeliness; infinite where the box is too far from where the face was or would be, or too large or small. */
function costOf({ motion, box: before }: Followed, box: Box, at: number): number {
  const isNear = [before, motion.boxAt(at)].some((place) => isWithinReach(place, box))
  return isNear ? motion.unlikeliness(box, at) : Number.POSITIVE_INFINITY
}

function isWithinReach(place: Box, box: Box): boolean {
  const width = Math.max(place.width, box.width)
  if (width > mostGrowth * Math.min(place.width, box.width)) return false
  const [p, q] = [centreOf(place), centreOf(box)]
  return Math.hypot(p.x - q.x, p.y - q.y) < mostDistance * width
}

/** How often the whole frame is looked over while all known faces are in sight, to find new ones. */
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
  places: Map<number, FacePlace>
  posture: Posture
  /** Counts the frames that were looked over as a whole. */
  sweep: number
  /** Counts all frames. */
  frames: number
  /** When its last frame was captured, and the last one that was looked over as a whole. */
  at: number
  everywhereAt: number
  /** Tracks of before its picture changed size. */
  lost: number[]
}

/** The tracks of each camera's faces, and what they say about where to look in its next frame. */
export class CameraTracks {
  readonly #cameras = new Map<string, Camera>()
  readonly #nextId: () => number
  readonly #minScore: number

  /** @param lastId the last track of an earlier run; ids go on from there @param minScore see TrackerOptions */
  constructor({ lastId = 0, minScore = 0 }: { lastId?: number; minScore?: number } = {}) {
    this.#nextId = counter(lastId)
    this.#minScore = minScore
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
    const share = { looks: furtherLooks, round: sweep, frame: state.frames++ }
    if (missing) return { around, sweeps: ifLost, share }
    const inTurn = sweep % 2 === 0 ? posture : opposite[posture]
    return { around, sweeps: due ? [sweeps[inTurn]] : [], ifLost, share }
  }

  /** Takes in what was found in the frame that `plan` was asked for. */
  update(camera: string, found: readonly (Candidate & { place: FacePlace })[], at: number): TrackUpdate {
    const state = this.#cameras.get(camera)
    if (!state) return { ids: found.map(() => this.#nextId()), lost: [] }
    const { ids, lost } = state.tracker.update(found, at)
    state.at = at
    for (const [i, { place }] of found.entries()) if (ids[i] != null) state.places.set(ids[i], place)
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
    const tracker = new Tracker({ nextId: this.#nextId, minScore: this.#minScore })
    const lost = known ? [...known.lost, ...known.tracker.tracks.map(({ id }) => id)] : []
    const never = Number.NEGATIVE_INFINITY
    const state: Camera = {
      width,
      height,
      tracker,
      places: new Map(),
      posture: known?.posture ?? 'upright',
      sweep: 0,
      frames: 0,
      at: never,
      everywhereAt: never,
      lost
    }
    this.#cameras.set(camera, state)
    return state
  }
}

const postureOf = ({ roll }: FacePlace): Posture => (Math.abs(Math.abs(roll) - 90) < 45 ? 'lying' : 'upright')
