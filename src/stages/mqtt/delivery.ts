import { setTimeout as sleep } from 'node:timers/promises'
import type { AlarmMessage, ExplanationMessage, ObservationMessage } from '../../contract/messages.js'
import { type Kind, topicOf, topics } from '../../contract/topics.js'
import { type Clock, type EpochMs, type Moment, stamp, timeOfDay } from '../../core/clock.js'
import { codeOf, whatOf } from '../../core/errors.js'
import { LastSaid, type Log } from '../../core/log.js'
import type { Secrets } from '../../core/secrets.js'
import { traced } from '../../core/trace.js'
import { jsonProperties } from './connect.js'
import type { Connection } from './connection.js'

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
  const refusal = new LastSaid<string>()
  while (!signal.aborted) {
    try {
      await outbox.drain((entry) => deliver(options, entry), signal)
    } catch (error) {
      const what = whatOf(error)
      const code = isReasonCode(error) ? 'PL-BROKER-NO-WRITE' : codeOf(error)
      const isNew = refusal.isNew(what)
      if (connection.open && isNew) log.warn({ code, what }, 'the broker does not take alarms; painlens keeps trying')
      await sleep(connection.open ? retryMs : 0, undefined, { signal }).catch(() => undefined)
    }
  }
}

/** Whether the broker itself has refused (MQTT 5, 4.13), and no fault on this side is the reason. */
const isReasonCode = (error: unknown): boolean => typeof (error as { code?: unknown } | null)?.code === 'number'

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

/** Largest accepted command, in bytes. */
export const maxCommandBytes = 16 * 1024

/** Longer free texts are cut: they come from outside, and screens at the nurses' have no room for them. */
const maxText = 4000

/** The contract's own words, which no password may blot out, though it be `pain`. */
const vocabulary = new Set([
  'alarm_id',
  'at',
  'composite',
  'condition',
  'engine',
  'heatmap',
  'kind',
  'onset',
  'phase',
  'priority',
  'published',
  'reason',
  'region',
  'session',
  'sha256',
  'since',
  'state',
  'status',
  'target',
  'transaction',
  'type',
  'updated'
])

/** JSON with every free text redacted and bounded: an error's message may quote what a program said. */
export function encode(payload: object, secrets: Secrets): string {
  return JSON.stringify(payload, (key, value: unknown) =>
    typeof value === 'string' && !vocabulary.has(key) ? secrets.excerpt(value, maxText) : value
  )
}

export interface Privacy {
  /** privacy.publish_emotions */
  publishEmotions: boolean
  /** privacy.publish_heatmap */
  publishHeatmap: boolean
}

/** The last gate before the network: whatever a stage hands over, emotions leave only where the config says so. */
export function withoutEmotions(message: ObservationMessage, privacy: Privacy): ObservationMessage {
  if (privacy.publishEmotions) return message
  const { emotions: _, ...rest } = message
  return rest
}

/** As `withoutEmotions`: of the classes' uncertainties only that of what is explained. */
export function withoutOtherClasses(message: ExplanationMessage, privacy: Privacy): ExplanationMessage {
  if (privacy.publishEmotions) return message
  const { target, uncertainty } = message
  const classes = Object.fromEntries(Object.entries(uncertainty.classes).filter(([label]) => label === target))
  return { ...message, uncertainty: { ...uncertainty, classes } }
}

/** As `withoutEmotions`, for the picture. */
export function withoutHeatmap(message: ExplanationMessage, privacy: Privacy): ExplanationMessage {
  if (privacy.publishHeatmap) return message
  const { heatmap: _, ...rest } = message
  return rest
}
