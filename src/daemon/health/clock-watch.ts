/** Asks now and then whether the clock is synchronised. */
import type { Problem } from '../../core/errors.js'
import type { Answer } from './time-sync.js'

export interface ClockWatchOptions {
  /** Null: nobody knows. Never rejects. */
  ask: (signal: AbortSignal) => Promise<Answer>
  /** Called with what is wrong, and with null when it is right again; the same may be told again. */
  tell: (problem: Problem | null) => void
  everyMs?: number
  /** How long the clock has to be unsynchronised; a time service that starts with the box needs its time. */
  graceMs?: number
  /** ms that no setting of the clock changes. */
  monotonic?: () => number
}

export class ClockWatch {
  readonly #options: ClockWatchOptions
  readonly #stopping = new AbortController()
  #timer: NodeJS.Timeout | undefined
  #asking: Promise<void> | null = null
  #wrongSince: number | null = null

  constructor(options: ClockWatchOptions) {
    this.#options = options
  }

  start(): void {
    this.#timer = setInterval(() => {
      this.#asking ??= this.#ask().finally(() => {
        this.#asking = null
      })
    }, this.#options.everyMs ?? 120_000)
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer)
    this.#stopping.abort()
    await this.#asking
  }

  async #ask(): Promise<void> {
    const { ask, tell, graceMs = 300_000, monotonic = () => performance.now() } = this.#options
    const answer = await ask(this.#stopping.signal)
    // Where nobody can be asked, or not now, nothing is known to be wrong, and nothing known to be right.
    if (answer === null || this.#stopping.signal.aborted) return
    if (answer) {
      this.#wrongSince = null
      tell(null)
      return
    }
    const now = monotonic()
    this.#wrongSince ??= now
    const wrongMs = now - this.#wrongSince
    const minutes = Math.max(1, Math.round(wrongMs / 60_000))
    if (wrongMs >= graceMs) tell({ code: 'PL-CLOCK-UNSYNCHRONISED', message: `no time server for ${minutes} min` })
  }
}
