/** Technical alarms about the broker's absence, a full outbox, and a disk that refuses the outbox. */
import type { TechnicalCondition } from '../../contract/conditions.js'
import type { Clock, Moment } from '../../core/clock.js'
import type { ErrorCode, Problem } from '../../core/errors.js'

/** A clause for an alarm's text, without where and what to do. */
type Trouble = { code: ErrorCode; what: string }

export interface SelfWatchOptions {
  mqtt: { connected(): boolean; stats(): { trouble: Trouble | null } }
  outbox: { stats(): { depth: number; trouble: Trouble | null } }
  /** How many messages may wait. */
  outboxMax: number
  /** `problem` null ends the condition. @param about since: a moment of the clock */
  tell: (condition: TechnicalCondition, problem: Problem | null, about?: { since?: Moment }) => void
  clock: Clock
}

/** In ms, as for late alarms, so that subscribers get their cause. */
const brokerLostMs = 10_000
/** Shares of the outbox: raised before messages are lost, cleared lower, so that the alarm does not oscillate. */
const nearlyFull = 0.8
const roomAgain = 0.6
/** A disk that works intermittently stays reported. */
const soundMs = 10_000

/** Pure except for its clock; call `tick` about once per second. */
export class SelfWatch {
  readonly #options: SelfWatchOptions
  #awaySince: Moment | null = null
  #isFull = false
  /** When the disk last refused the outbox; null once it has worked long enough. */
  #refusedAt: Moment | null = null

  constructor(options: SelfWatchOptions) {
    this.#options = options
  }

  tick(): void {
    this.#broker()
    this.#room()
    this.#disk()
  }

  #broker(): void {
    const { mqtt, tell, clock } = this.#options
    if (mqtt.connected()) {
      this.#awaySince = null
      tell('broker_lost', null)
      return
    }
    const now = clock.now()
    this.#awaySince ??= now
    if (now - this.#awaySince < brokerLostMs) return
    const { code, what } = mqtt.stats().trouble ?? { code: 'PL-BROKER-SILENT', what: 'it does not answer' }
    tell('broker_lost', { code, message: what }, { since: this.#awaySince })
  }

  #room(): void {
    const { outbox, outboxMax: max, tell } = this.#options
    const { depth } = outbox.stats()
    const wasFull = this.#isFull
    this.#isFull = depth >= max * (wasFull ? roomAgain : nearlyFull)
    if (this.#isFull && !wasFull) tell('outbox_full', { code: 'PL-OUTBOX-FULL', message: `${depth} of ${max}` })
    if (!this.#isFull) tell('outbox_full', null)
  }

  #disk(): void {
    const { outbox, tell, clock } = this.#options
    const { trouble } = outbox.stats()
    if (trouble !== null) {
      this.#refusedAt = clock.now()
      tell('outbox_failed', { code: trouble.code, message: trouble.what })
    } else if (this.#refusedAt !== null && clock.now() - this.#refusedAt >= soundMs) {
      this.#refusedAt = null
      tell('outbox_failed', null)
    }
  }
}
