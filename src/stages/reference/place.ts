/** Whether the person in a bed may still be the one whose resting face it has: by size, place and absence, never by features. */
import type { Milliseconds } from '../../core/clock.js'
import type { Box } from '../../core/types.js'

/** A face further from the reference's place than that many of its heights is taken for another person's … */
const furthest = 1.5
/** … and so is one that many times as large, or as small. */
const growth = 1.35
/** Only other faces, seen for so long, suspend the reference; the right one, seen for as long as that, lets it be used again. */
const otherMs = 60_000
const againMs = 10_000
/** After so long without a face at that place, another person may lie there: the reference has to be taken anew. */
const longAbsenceMs = 4 * 3_600_000
/** Time between two sightings counts as seen up to that much. */
const mostBetweenMs = 1000

/** Whether a face is of about the size and at about the place of the reference's. Boxes are in widths of the camera's picture. */
export function isAtPlace(face: Box, place: Box): boolean {
  const [own, other] = [Math.sqrt(face.width * face.height), Math.sqrt(place.width * place.height)]
  const apart = Math.hypot(middle(face).x - middle(place).x, middle(face).y - middle(place).y)
  return apart <= furthest * Math.max(place.width, place.height) && own <= growth * other && other <= growth * own
}

/** A box of a frame in widths of the camera's picture: distances do not depend on how large frames are. */
export const inWidths = (box: Box, picture: Box): Box => ({
  x: (box.x - picture.x) / picture.width,
  y: (box.y - picture.y) / picture.width,
  width: box.width / picture.width,
  height: box.height / picture.width
})

const middle = ({ x, y, width, height }: Box) => ({ x: x + width / 2, y: y + height / 2 })

/** Why a reference is not used, though it is there. */
export type Suspended = 'other_person' | 'absence' | null

/** What outlives a restart of it. */
export interface PresenceState {
  suspended: Suspended
  /** How long no face has been seen at the place. */
  awayMs: Milliseconds
}

/** Who is in the bed, as far as places and sizes say. Times are durations: a clock that is set changes nothing. */
export class Presence {
  #suspended: Suspended
  #awayMs: number
  /** By the time of day: for how long no face has been seen there, where an earlier run saw the last one. */
  #awayByDayMs = 0
  #otherMs = 0
  #ownMs = 0

  constructor({ suspended, awayMs }: PresenceState) {
    this.#suspended = suspended
    this.#awayMs = awayMs
  }

  /** Why the reference must not be used; null where it may. */
  get suspended(): Suspended {
    const isLong = Math.max(this.#awayMs, this.#awayByDayMs) >= longAbsenceMs
    return isLong ? 'absence' : this.#suspended
  }

  /** To go on from after a restart. What follows from the time of day is left out: that may be wrong. */
  get state(): PresenceState {
    return { suspended: this.#suspended, awayMs: this.#awayMs }
  }

  /**
   * A frame with faces in that zone.
   * @param isUsable whether one of them was judged: the size of a face that hides is not known well enough to speak against it
   * @param elapsedMs since the frame before
   */
  seen(isAtPlace: boolean, isUsable: boolean, elapsedMs: number): void {
    const ms = Math.min(Math.max(0, elapsedMs), mostBetweenMs)
    if (isAtPlace) {
      // Who has come back after a long absence may be another one: that stays so.
      this.#suspended = this.suspended
      this.#awayMs = 0
      this.#awayByDayMs = 0
      this.#otherMs = 0
      this.#ownMs += ms
      if (this.#suspended === 'other_person' && this.#ownMs >= againMs) this.#suspended = null
      return
    }
    if (!isUsable) return
    this.#ownMs = 0
    this.#otherMs += ms
    if (this.#otherMs >= otherMs) this.#suspended ??= 'other_person'
  }

  /** Time passes; also that in which the camera is away. */
  passed(elapsedMs: number): void {
    this.#awayMs += Math.max(0, elapsedMs)
  }

  /** An earlier run saw the last face there, so long ago by the time of day, which may be set until a face is seen again. */
  lastSeenBefore(ms: number): void {
    this.#awayByDayMs = ms
  }
}
