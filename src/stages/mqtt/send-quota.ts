/** How many QoS 1 messages may be under way to the broker at once (MQTT 5, 3.3.4 and 4.9), and which goes next. */

import { type Rank, ranks } from '../../contract/topics.js'
import { NotSent } from '../../core/errors.js'

/** What a broker takes that announces no Receive Maximum (MQTT 5, 3.2.2.3.3). */
export const unlimited = 65_535
/** MQTT 3.1.1 knows no such announcement: the smallest that a broker is known to have by default (HiveMQ's, for MQTT 5). */
const unannounced = 10

interface Waiting {
  rank: Rank
  go: () => void
  fail: (error: Error) => void
}

/** Some of the quota, and who waits for it. */
interface Share {
  free: number
  waiting: Waiting[]
}

/** @param announced the Receive Maximum of the CONNACK, if it has one */
export function receiveMaximum(protocolVersion: 4 | 5, announced: number | undefined): number {
  // A broker must not announce 0; taken at its word it would never get anything.
  return protocolVersion === 5 ? Math.max(1, announced ?? unlimited) : unannounced
}

/**
 * The send quota of one connection; a new connection begins with a new one, whatever was under way before. Half of it,
 * rounded up, is kept for alarms, so that an alarm never waits for another kind of message, nor, however many alarms an
 * outage has left, the status for them. A quota of one cannot be shared out: there, whatever waits, alarms go first.
 */
export class SendQuota {
  readonly #alarms: Share
  readonly #rest: Share
  #closed: string | null = null

  /** @param limit at least 1 */
  constructor(limit: number) {
    this.#rest = { free: Math.max(1, Math.floor(limit / 2)), waiting: [] }
    this.#alarms = limit > 1 ? { free: limit - this.#rest.free, waiting: [] } : this.#rest
  }

  /**
   * Resolves when a message of this rank may go, with what is to be called, once, when the broker has answered it.
   * @throws {NotSent} if `giveUp` or `close` comes first
   */
  take(rank: Rank): Promise<() => void> {
    if (this.#closed !== null) return Promise.reject(new NotSent(this.#closed))
    const share = rank === 'alarm' ? this.#alarms : this.#rest
    const release = () => {
      const next = share.waiting.shift()
      if (next) next.go()
      else share.free++
    }
    if (share.free > 0) {
      share.free--
      return Promise.resolve(release)
    }
    return new Promise((resolve, fail) => {
      const behind = share.waiting.findIndex((other) => ranks.indexOf(other.rank) > ranks.indexOf(rank))
      const at = behind < 0 ? share.waiting.length : behind
      share.waiting.splice(at, 0, { rank, go: () => resolve(release), fail })
    })
  }

  /** Fails whatever waits. What is under way goes on holding its part. */
  giveUp(why: string): void {
    for (const { waiting } of [this.#alarms, this.#rest]) {
      for (const { fail } of waiting.splice(0)) fail(new NotSent(why))
    }
  }

  /** As `giveUp`, and nothing may go from now on. */
  close(why: string): void {
    this.#closed ??= why
    this.giveUp(why)
  }
}
