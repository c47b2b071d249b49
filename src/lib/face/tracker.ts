import type { Box, Point, Polygon, Size, Zone } from '../../core/types.js'
import type { FacePlace } from './similarity.js'
import { type SearchPlan, type Sweep, sweeps } from './sweeps.js'

/** A face that is followed from frame to frame. */
export interface Track {
  /** Never used twice. */
  id: number
  /** Where it was seen last. */
  box: Box
  /** When, a moment of the clock (core/clock.ts). */
  seenAt: number
}

export interface TrackerOptions {
  /** How long a track may go unseen before it is lost, in ms. */
  patienceMs?: number
  /** Where ids come from, for several trackers to share; counted from 1 without it. */
  nextId?: () => number
}

/** What a frame did to the tracks. */
export interface TrackUpdate {
  /** The track of each box, in the order of the boxes. */
  ids: number[]
  /** Tracks that ended. */
  lost: number[]
}

/** Two boxes are no one face if their centres lie further apart than that, in widths of the larger one. */
const mostDistance = 1.2
/** … or if one is that many times as wide as the other. */
const mostGrowth = 1.8

/**
 * Gives faces ids that stay the same from frame to frame. Boxes and tracks are paired nearest first: those that overlap
 * before those that only lie close, so that a face keeps its id while it moves or is missed for a while.
 */
export class Tracker {
  readonly #patienceMs: number
  readonly #nextId: () => number
  #tracks: Track[] = []

  constructor({ patienceMs = 2000, nextId = counter() }: TrackerOptions = {}) {
    this.#patienceMs = patienceMs
    this.#nextId = nextId
  }

  /** The tracks that are alive, seen in the last frame or not. */
  get tracks(): readonly Track[] {
    return this.#tracks
  }

  /** @param at when the frame was captured, in ms; a clock that steps back ends no track */
  update(boxes: readonly Box[], at: number): TrackUpdate {
    const ids = Array.from<undefined, number | undefined>({ length: boxes.length }, () => undefined)
    const free = new Set(this.#tracks)
    for (const { box, track } of pairs(boxes, this.#tracks)) {
      if (ids[box] !== undefined || !free.delete(track)) continue
      ids[box] = track.id
      track.box = boxes[box]!
      track.seenAt = at
    }
    const isLost = (track: Track): boolean => free.has(track) && at - track.seenAt > this.#patienceMs
    const lost = this.#tracks.filter(isLost)
    this.#tracks = this.#tracks.filter((track) => !isLost(track))
    const all = ids.map((id, i) => id ?? this.#start(boxes[i]!, at))
    return { ids: all, lost: lost.map(({ id }) => id) }
  }

  #start(box: Box, seenAt: number): number {
    const id = this.#nextId()
    this.#tracks.push({ id, box, seenAt })
    return id
  }
}

/** 1, 2, 3 …, or what follows `last`. */
function counter(last = 0): () => number {
  let current = last
  return () => ++current
}

/** Which boxes may be which tracks, the likeliest pairs first. */
function pairs(boxes: readonly Box[], tracks: readonly Track[]): { box: number; track: Track; likeness: number }[] {
  return boxes
    .flatMap((box, i) => tracks.map((track) => ({ box: i, track, likeness: likeness(box, track.box) })))
    .filter((pair) => pair.likeness > 0)
    .sort((a, b) => b.likeness - a.likeness)
}

/** 1 to 2 where the boxes overlap, 0 to 1 where their centres are close, 0 where they are no one face. */
function likeness(a: Box, b: Box): number {
  const width = Math.max(a.width, b.width)
  if (width > mostGrowth * Math.min(a.width, b.width)) return 0
  const shared = overlap(a, b)
  if (shared > 0) return 1 + shared
  const [p, q] = [centreOf(a), centreOf(b)]
  return Math.max(0, 1 - Math.hypot(p.x - q.x, p.y - q.y) / (mostDistance * width))
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
  update(camera: string, found: readonly { box: Box; place: FacePlace }[], at: number): TrackUpdate {
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

const postureOf = ({ roll }: FacePlace): Posture => (Math.abs(Math.abs(roll) - 90) < 45 ? 'lying' : 'upright')

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
