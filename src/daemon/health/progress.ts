import type { InferencePart } from '../wiring/parts.js'
import type { Vitals } from './vitals.js'

export interface ProgressOptions {
  /** A clock that nobody sets, in ms: the time of day may jump by years on a box without a battery. */
  now: () => number
  /** An inference is finished, well or not. */
  onDone?: (part: InferencePart, ms: number) => void
}

/** Keeps what `examine` wants to know of the inferences. */
export class Progress {
  readonly #options: ProgressOptions
  readonly #underWay = new Set<{ part: InferencePart; since: number }>()
  readonly #restarting = new Map<InferencePart, number>()
  #unanswered: Vitals['unanswered'] = null
  #lastTick: number

  constructor(options: ProgressOptions) {
    this.#options = options
    this.#lastTick = options.now()
  }

  /** A frame has come. */
  frame(): void {
    const last = this.#options.now()
    this.#unanswered = { first: this.#unanswered?.first ?? last, last }
  }

  /** A frame has been through all inferences. */
  finished(): void {
    this.#unanswered = null
  }

  async watch<T>(part: InferencePart, inference: Promise<T>): Promise<T> {
    const { now, onDone } = this.#options
    const entry = { part, since: now() }
    this.#underWay.add(entry)
    try {
      return await inference
    } finally {
      this.#underWay.delete(entry)
      onDone?.(part, now() - entry.since)
    }
  }

  worker(part: InferencePart, restarting: boolean): void {
    if (restarting) this.#restarting.set(part, this.#restarting.get(part) ?? this.#options.now())
    else this.#restarting.delete(part)
    // What failed meanwhile is explained by that.
    this.#unanswered = null
  }

  tick(): void {
    this.#lastTick = this.#options.now()
  }

  vitals(): Omit<Vitals, 'cameras' | 'broker' | 'outbox'> {
    return {
      now: this.#options.now(),
      lastTick: this.#lastTick,
      unanswered: this.#unanswered,
      underWay: [...this.#underWay],
      restarting: [...this.#restarting].map(([part, since]) => ({ part, since }))
    }
  }
}
