/** What painlens has to say about itself: a broker that is away, an outbox that fills up. */
import type { Clock } from '../core/clock.js'
import type { Condition } from '../core/messages.js'

export interface SelfWatchOptions {
  connected: () => boolean
  /** Why there is no connection to the broker, if that is known. */
  trouble: () => string | undefined
  /** Undelivered messages, and how many there may be. */
  outbox: { depth: () => number; max: number }
  /** `problem` null says that it is over. @param about since: ms since the epoch */
  tell: (condition: Condition, problem: Error | null, about?: { source?: string; since?: number }) => void
  clock: Clock
}

/** From when on alarms are late, so that subscribers should know why. */
const brokerLostMs = 10_000
/** Parts of the outbox: before anything is lost, and with some way between, or one message would raise and clear it again and again. */
const nearlyFull = 0.8
const roomAgain = 0.6

/** Pure but for its clock; call `tick` about once per second. */
export class SelfWatch {
  readonly #options: SelfWatchOptions
  #awaySince: number | null = null
  #isFull = false

  constructor(options: SelfWatchOptions) {
    this.#options = options
  }

  tick(): void {
    this.#broker()
    this.#outbox()
  }

  #broker(): void {
    const { connected, trouble, tell, clock } = this.#options
    if (connected()) {
      this.#awaySince = null
      tell('broker_lost', null)
      return
    }
    const now = clock.now()
    this.#awaySince = Math.min(this.#awaySince ?? now, now)
    if (now - this.#awaySince < brokerLostMs) return
    tell('broker_lost', new Error(trouble() ?? 'it does not answer'), { since: this.#awaySince })
  }

  #outbox(): void {
    const { outbox, tell } = this.#options
    const depth = outbox.depth()
    const wasFull = this.#isFull
    this.#isFull = depth >= outbox.max * (wasFull ? roomAgain : nearlyFull)
    if (this.#isFull && !wasFull) tell('outbox_full', new Error(`${depth} of ${outbox.max}`))
    if (!this.#isFull) tell('outbox_full', null)
  }
}
