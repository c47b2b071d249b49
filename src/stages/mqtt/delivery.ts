import { setTimeout as sleep } from 'node:timers/promises'
import type { AlarmMessage } from '../../contract/messages.js'
import { type Kind, topicOf, topics } from '../../contract/topics.js'
import { type Clock, type EpochMs, type Moment, stamp, timeOfDay } from '../../core/clock.js'
import { PainlensError, whatOf } from '../../core/errors.js'
import type { Log } from '../../core/log.js'
import type { Secrets } from '../../core/secrets.js'
import { traced } from '../../core/trace.js'
import { jsonProperties } from './connect.js'
import type { Connection } from './connection.js'
import { encode } from './payload.js'

interface Entry {
  topic: string
  payload: Record<string, unknown>
  /** A moment of the clock. */
  expiresAt: Moment
}

/** What this stage needs of an outbox. */
export interface OutboxLike {
  put(
    topic: string,
    payload: object,
    options?: { expendable?: boolean; background?: boolean; note?: { key: string; value: object | null } }
  ): Promise<void>
  drain(publish: (entry: Entry) => Promise<'confirmed' | 'refused'>, signal: AbortSignal): Promise<void>
  depth(): number
}

export interface DeliveryOptions {
  outbox: OutboxLike
  connection: Connection
  base: string
  published: Record<Kind, number>
  /** The broker has confirmed an alarm. @param at the time of day, in ms since the epoch */
  onAlarmDelivered?: (alarm: AlarmMessage, at: EpochMs) => void
  clock: Clock
  secrets: Secrets
  log: Log
}

/** Pause after a broker has refused for now (no right to publish, quota exceeded). */
const retryMs = 5000

/** Empties the outbox over this connection, and whatever comes into it, until `signal` aborts. Never rejects. */
export async function serveOutbox(options: DeliveryOptions, signal: AbortSignal): Promise<void> {
  const { outbox, connection, log } = options
  let said = ''
  while (!signal.aborted) {
    try {
      await outbox.drain((entry) => deliver(options, entry), signal)
    } catch (error) {
      const what = whatOf(error)
      const code = error instanceof PainlensError ? error.code : 'PL-BROKER-NO-WRITE'
      if (connection.open && what !== said)
        log.warn({ code, what }, 'the broker does not take alarms; painlens keeps trying')
      said = what
      await sleep(connection.open ? retryMs : 0, undefined, { signal }).catch(() => undefined)
    }
  }
}

async function deliver(
  options: DeliveryOptions,
  { topic, payload, expiresAt }: Entry
): Promise<'confirmed' | 'refused'> {
  const { connection, clock, secrets, base, published, log } = options
  const kind: Kind = topic === topicOf(base, 'alarm') ? 'alarm' : 'explanation'
  let message = payload
  const publishing = connection.publish(topic, topics[kind], () => {
    const now = clock.now()
    if (kind === 'alarm') message = { ...payload, published: stamp(clock, now) }
    // Seconds, and at least one: 0 would mean that the message is of no use already.
    const messageExpiryInterval = Math.max(1, Math.ceil((expiresAt - now) / 1000))
    return { text: encode(message, secrets), properties: { ...jsonProperties, messageExpiryInterval } }
  })
  const { alarm_id, seq } = payload
  const answer = await traced(log, 'mqtt', publishing, (answer) => ({ kind, alarm_id, seq, answer }))
  published[kind]++
  if (kind === 'alarm' && answer === 'confirmed')
    // The outbox gives back what was put into it under the alarms' topic.
    options.onAlarmDelivered?.(message as unknown as AlarmMessage, timeOfDay(clock, clock.now()))
  return answer
}
