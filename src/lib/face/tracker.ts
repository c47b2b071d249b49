import type { Box } from '../../core/types.js'
import { centreOf, overlap } from './boxes.js'

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
export function counter(last = 0): () => number {
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
