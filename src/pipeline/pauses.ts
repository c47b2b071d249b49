/** Pauses for care, which a restart of painlens must not end: nobody wants to be watched then. */
import type { Clock } from '../core/clock.js'
import type { Outbox } from '../outbox/index.js'

/** In ms since the epoch. */
export interface Pause {
  since: number
  until: number
}

const prefix = 'pause/'

export class Pauses {
  readonly #outbox: Pick<Outbox, 'note' | 'notes'>
  readonly #clock: Clock

  constructor(outbox: Pick<Outbox, 'note' | 'notes'>, clock: Clock) {
    this.#outbox = outbox
    this.#clock = clock
  }

  /** The pause that a camera is in, from this run or an earlier one. */
  of(camera: string): Pause | null {
    const { since, until } = (this.#outbox.notes(prefix).get(camera) ?? {}) as Partial<Pause>
    if (typeof since !== 'number' || typeof until !== 'number' || until <= this.#clock.now()) return null
    return { since, until }
  }

  set(camera: string, pause: Pause | null): void {
    void this.#outbox.note({ key: `${prefix}${camera}`, value: pause })
  }
}
