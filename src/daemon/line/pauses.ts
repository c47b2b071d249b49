/** Pauses for care, which a restart of painlens must not end: nobody wants to be watched then. */
import { type Clock, type EpochMs, type Moment, momentAt, timeOfDay } from '../../core/clock.js'
import type { Outbox } from '../../stages/outbox/index.js'

/** In moments of the clock. */
export interface Pause {
  since: Moment
  until: Moment
}

const prefix = 'pause/'

export class Pauses {
  readonly #outbox: Pick<Outbox, 'note' | 'notes'>
  readonly #clock: Clock
  /** Those that this run knows of; it need not ask the time of day how long they last, which may have been set meanwhile. */
  readonly #known = new Map<string, Pause>()

  constructor(outbox: Pick<Outbox, 'note' | 'notes'>, clock: Clock) {
    this.#outbox = outbox
    this.#clock = clock
  }

  /** The pause that a camera is in, from this run or an earlier one. */
  of(camera: string): Pause | null {
    const pause = this.#known.get(camera) ?? this.#noted(camera)
    if (pause === null || pause.until <= this.#clock.now()) return null
    this.#known.set(camera, pause)
    return pause
  }

  set(camera: string, pause: Pause | null): void {
    if (pause) this.#known.set(camera, pause)
    else this.#known.delete(camera)
    // For a later run: in ms since the epoch.
    const day = (moment: Moment): EpochMs => timeOfDay(this.#clock, moment)
    const value = pause && { since: day(pause.since), until: day(pause.until) }
    void this.#outbox.note({ key: `${prefix}${camera}`, value })
  }

  #noted(camera: string): Pause | null {
    const { since, until } = (this.#outbox.notes(prefix).get(camera) ?? {}) as Partial<Record<keyof Pause, EpochMs>>
    if (typeof since !== 'number' || typeof until !== 'number') return null
    return { since: momentAt(this.#clock, since), until: momentAt(this.#clock, until) }
  }
}
