/**
 * Whether the usable faces of a camera are judged as often as alarms need, or the box is overloaded. Evidence are two successive judged
 * frames with a usable face: the time between them is late where it is too long and frames were dropped in it. Dropped frames alone say
 * nothing (an empty bed needs no verdicts), nor does a camera that gives few frames.
 */
import { later, type Moment } from '../../core/clock.js'

export interface PaceOptions {
  /** Up to this time between two verdicts, less a tenth for its variation, alarms start when they should. */
  mostMs: number
  /** By how much late time has to exceed other time until the box is overloaded; infinite: never. */
  afterMs: number
}

export interface PacedFrame {
  at: Moment
  /** Watched time since the judged frame before; 0 where there is none. */
  ms: number
  /** A face was judged in it. */
  isUsable: boolean
  /** Frames dropped up to now. */
  dropped: number
}

/** Weight of a new time in `everyMs`. */
const newest = 0.1
/**
 * From this share of `mostMs` on a time is late. Pictures come a little earlier or later than their camera means: of a box that judges
 * one frame in five of five a second, half of the times would else be late and half not, and the measure would never fill. It is late:
 * the alarm wants a frame more wherever one of the times is a little short.
 */
const edge = 0.9

/**
 * Late time fills up a measure of `afterMs`, and time in which faces are judged often enough empties it. Full, the box is overloaded until
 * it is empty: so a short rush raises nothing, and an alarm neither starts nor ends within `afterMs` of the last one.
 */
export class Pace {
  readonly #options: PaceOptions
  #behindMs = 0
  /** When the late time began that fills the measure. */
  #since: Moment | null = null
  #isOverloaded = false
  #everyMs: number | null = null
  #before: Pick<PacedFrame, 'isUsable' | 'dropped'> = { isUsable: false, dropped: 0 }

  constructor(options: PaceOptions) {
    this.#options = options
  }

  /** Usual time between two frames in which a face was judged; null before the second one. */
  get everyMs(): number | null {
    return this.#everyMs
  }

  /** @returns since when the box is overloaded, or with null that it no longer is; null where nothing has changed */
  judged({ at, ms, isUsable, dropped }: PacedFrame): { since: Moment | null } | null {
    const isOfFace = isUsable && this.#before.isUsable
    const isLate = ms >= edge * this.#options.mostMs && dropped > this.#before.dropped
    this.#before = { isUsable, dropped }
    if (ms <= 0) return null
    if (isOfFace) this.#everyMs = this.#everyMs === null ? ms : this.#everyMs + newest * (ms - this.#everyMs)
    if (isLate && isOfFace) this.#fill(later(at, -ms), ms)
    // An overload ends over an empty bed, too, once frames are no longer dropped.
    else if (!isLate && (isOfFace || this.#isOverloaded)) this.#behindMs = Math.max(0, this.#behindMs - ms)
    if (this.#behindMs === 0) this.#since = null
    return this.#change()
  }

  /** The alarm has ended for another reason: it starts again where the box is still overloaded. */
  ended(): void {
    this.#isOverloaded = false
  }

  /** What was before does not count. */
  restart(): void {
    this.#behindMs = 0
    this.#since = null
    this.#everyMs = null
  }

  #fill(from: Moment, ms: number): void {
    this.#since ??= from
    this.#behindMs = Math.min(this.#options.afterMs, this.#behindMs + ms)
  }

  #change(): { since: Moment | null } | null {
    const isFull = this.#behindMs >= this.#options.afterMs
    if (this.#isOverloaded ? this.#behindMs > 0 : !isFull) return null
    this.#isOverloaded = isFull
    return { since: this.#since }
  }
}
