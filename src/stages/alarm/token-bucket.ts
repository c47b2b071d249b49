/** So many per second in the long run, and a second's worth (at least one) at once. */
import type { Moment } from '../../core/clock.js'
export class TokenBucket {
  readonly #perS: number
  #tokens: number
  #at = Number.NEGATIVE_INFINITY

  constructor(perS: number) {
    this.#perS = perS
    this.#tokens = Math.max(1, perS)
  }

  /** @param at a moment of the clock; a time that runs backwards brings nothing. @returns whether there was one to take */
  take(at: Moment): boolean {
    const elapsedS = Math.max(0, at - this.#at) / 1000
    this.#at = Math.max(this.#at, at)
    this.#tokens = Math.min(Math.max(1, this.#perS), this.#tokens + elapsedS * this.#perS)
    if (this.#tokens < 1) return false
    this.#tokens--
    return true
  }
}
