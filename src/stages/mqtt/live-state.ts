/** The messages that the broker holds for those who subscribe later, and what is left out of those that it does not hold. */
import type { CameraPainMessage, CameraStateMessage } from '../../contract/messages.js'
import type { Kind } from '../../contract/topics.js'
import { type Clock, type Moment, stamp } from '../../core/clock.js'
import { errorFields } from '../../core/errors.js'
import type { Log } from '../../core/log.js'
import type { CameraState } from '../../core/types.js'
import type { CameraKind, CameraPain } from './types.js'

/** What is retained of each camera. */
export const cameraKinds: readonly CameraKind[] = ['cameraState', 'cameraPain', 'cameraReference']

/**
 * After which a broker for MQTT 5 forgets a retained message that is not renewed: of a device that was renamed, or that is
 * gone for long. The status is kept.
 */
export const retainedS: Partial<Record<Kind, number>> = {
  ...(Object.fromEntries(cameraKinds.map((kind) => [kind, 3600])) as Record<CameraKind, number>),
  health: 300
}

export function cameraStateMessage(
  state: CameraState,
  since: Moment,
  until: Moment | null,
  clock: Clock
): CameraStateMessage {
  return { state, since: stamp(clock, since), ...(until === null ? {} : { until: stamp(clock, until) }) }
}

export function cameraPainMessage(
  { suspected, since, alarmIds, acknowledged }: CameraPain,
  clock: Clock
): CameraPainMessage {
  return { suspected, since: stamp(clock, since), alarm_ids: alarmIds, acknowledged }
}

export interface RetainedMessage {
  /** Null for an announcement, which the contract's table does not have. */
  kind: Kind | null
  topic: string
  /** Asked each time it is sent: after the box's clock was set, the times in it are others. */
  compose: () => object
}

export interface RetainedOptions {
  /** Publishes an empty retained message, which takes the one before it away; undefined without a connection. */
  clear: (topic: string) => Promise<unknown> | undefined
  log: Log
}

/** What is retained, and what is still to be taken away. */
export class RetainedMessages {
  readonly #options: RetainedOptions
  readonly #messages = new Map<string, RetainedMessage>()
  /** Topics whose message is still to be taken away, and who waits for it. */
  readonly #gone = new Map<string, () => void>()

  constructor(options: RetainedOptions) {
    this.#options = options
  }

  set(message: RetainedMessage): void {
    this.#gone.delete(message.topic)
    this.#messages.set(message.topic, message)
  }

  values(): Iterable<RetainedMessage> {
    return this.#messages.values()
  }

  /** Resolves when the broker has confirmed that it holds nothing there any more. */
  forget(topic: string): Promise<void> {
    this.#messages.delete(topic)
    return new Promise((done) => {
      this.#gone.set(topic, done)
      this.#clear(topic)
    })
  }

  /** With each connection: what did not get through with the one before is tried again. */
  clearGone(): void {
    for (const topic of this.#gone.keys()) this.#clear(topic)
  }

  #clear(topic: string): void {
    this.#options.clear(topic)?.then(
      () => {
        this.#gone.get(topic)?.()
        this.#gone.delete(topic)
      },
      (error: unknown) => this.#options.log.debug({ topic, ...errorFields(error) }, 'a message was not taken away')
    )
  }
}

/** At most one observation per second and track; what comes sooner is left out, not queued. */
export class ObservationLimiter {
  readonly #last = new Map<string, number>()
  readonly #everyMs: number
  #left = 0

  constructor(everyMs = 1000) {
    this.#everyMs = everyMs
  }

  /** How many were left out. */
  get left(): number {
    return this.#left
  }

  /** @param now a moment of the clock */
  allows(camera: string, track: number, now: number): boolean {
    const key = `${track}@${camera}`
    const last = this.#last.get(key)
    if (last !== undefined && now - last < this.#everyMs && now >= last) {
      this.#left++
      return false
    }
    this.#last.delete(key)
    this.#last.set(key, now)
    this.#forget(now)
    return true
  }

  /** Tracks come and go for years: those that are past are taken out, the longest unseen first. */
  #forget(now: number): void {
    for (const [key, last] of this.#last) {
      if (now - last < this.#everyMs) return
      this.#last.delete(key)
    }
  }
}
