import { setTimeout as sleep } from 'node:timers/promises'
import {
  type AlarmMessage,
  type ExplanationMessage,
  type ObservationMessage,
  ofThisVersion
} from '../../contract/messages.js'
import { type Kind, topicOf, topics } from '../../contract/topics.js'
import { type Clock, type EpochMs, type Moment, stamp, timeOfDay } from '../../core/clock.js'
import { codeOf, whatOf } from '../../core/errors.js'
import { LastSaid, type Log } from '../../core/log.js'
import { printableJson } from '../../core/printable.js'
import type { Secrets } from '../../core/secrets.js'
import { traced } from '../../core/trace.js'
import { jsonProperties } from './connect.js'
import type { Connection } from './connection.js'
import { PublishRefused, type RefusalKind } from './reason-codes.js'

interface Entry {
  topic: string
  payload: Record<string, unknown>
  /** A moment of the clock. */
  expiresAt: Moment
}

/** As the outbox takes it. */
type Answer = 'confirmed' | 'refused' | 'later'

/** What this stage needs of an outbox. */
export interface OutboxLike {
  put(
    topic: string,
    payload: object,
    options?: { expendable?: boolean; background?: boolean; note?: { key: string; value: object | null } }
  ): Promise<void>
  drain(publish: (entry: Entry) => Promise<Answer>, signal: AbortSignal): Promise<void>
  depth(): number
}

export interface DeliveryOptions {
  outbox: OutboxLike
  connection: Connection
  base: string
  published: Record<Kind, number>
  /** The broker has confirmed an alarm. @param at the time of day, in ms since the epoch */
  onAlarmDelivered?: (alarm: AlarmMessage, at: EpochMs) => void
  /** The broker has refused an alarm or, with null, taken one. */
  onAlarmRefused: (refusal: PublishRefused | null) => void
  /** The broker will never take an explanation or, with null, has taken one. */
  onExplanationRefused: (refusal: PublishRefused | null) => void
  clock: Clock
  secrets: Secrets
  log: Log
}

/** Pause after an error that is not the broker's answer and did not end the connection. */
const retryMs = 5000

/** Empties the outbox over this connection, and whatever comes into it, until `signal` aborts. Never rejects. */
export async function serveOutbox(options: DeliveryOptions, signal: AbortSignal): Promise<void> {
  const { outbox, connection, log } = options
  const trouble = new LastSaid<string>()
  while (!signal.aborted) {
    try {
      await outbox.drain((entry) => deliver(options, entry), signal)
    } catch (error) {
      const what = whatOf(error)
      const isNew = trouble.isNew(what)
      if (connection.open && isNew)
        log.warn({ code: codeOf(error), what }, 'alarms could not be sent; painlens keeps trying')
      await sleep(connection.open ? retryMs : 0, undefined, { signal }).catch(() => undefined)
    }
  }
}

function deliver(options: DeliveryOptions, entry: Entry): Promise<Answer> {
  const { base, log } = options
  const { alarm_id, seq } = entry.payload
  const kind = outboxKinds.find((one) => entry.topic === topicOf(base, one)) ?? 'explanation'
  return traced(log, null, deliveries[kind](options, entry), (answer) => ({ kind, alarm_id, seq, answer }))
}

type OutboxKind = Extract<Kind, 'alarm' | 'acknowledgement' | 'explanation'>
const deliveries: Record<OutboxKind, (options: DeliveryOptions, entry: Entry) => Promise<Answer>> = {
  alarm: deliverAlarm,
  acknowledgement: deliverAcknowledgement,
  explanation: deliverExplanation
}
const outboxKinds = Object.keys(deliveries) as OutboxKind[]

/** What the broker's refusal of an alarm is followed by: only what this alarm holds can be a reason to drop it. */
const afterRefusedAlarm: Record<RefusalKind, Answer> = { later: 'later', size: 'later', message: 'refused' }

async function deliverAlarm(options: DeliveryOptions, entry: Entry): Promise<Answer> {
  const { clock, published, onAlarmDelivered, onAlarmRefused } = options
  // An outbox may hold what an earlier version put there.
  const alarm = ofThisVersion(entry.payload)
  let message = alarm
  try {
    await send(options, 'alarm', entry, (now) => {
      message = { ...alarm, published: stamp(clock, now) }
      return message
    })
  } catch (error) {
    if (!(error instanceof PublishRefused)) throw error
    onAlarmRefused(error)
    return afterRefusedAlarm[error.verdict]
  }
  published.alarm++
  onAlarmRefused(null)
  // The outbox gives back what was put into it under the alarms' topic.
  onAlarmDelivered?.(message as unknown as AlarmMessage, timeOfDay(clock, clock.now()))
  return 'confirmed'
}

/** What the broker will never take is given up: the alarm log keeps it. */
async function deliverAcknowledgement(options: DeliveryOptions, entry: Entry): Promise<Answer> {
  try {
    await send(options, 'acknowledgement', entry, () => entry.payload)
  } catch (error) {
    if (!(error instanceof PublishRefused) || error.verdict === 'later') throw error
    const { alarm_id } = entry.payload
    options.log.warn({ code: error.code, what: error.what, alarm_id }, 'an acknowledgement is given up')
    return 'refused'
  }
  options.published.acknowledgement++
  return 'confirmed'
}

/** Where it is too large, it is tried once more without its picture, and then given up. */
async function deliverExplanation(options: DeliveryOptions, entry: Entry): Promise<Answer> {
  const { published, onExplanationRefused, log } = options
  const { heatmap, ...withoutPicture } = entry.payload
  const versions = heatmap === undefined ? [entry.payload] : [entry.payload, withoutPicture]
  let refusal: PublishRefused | null = null
  for (const version of versions) {
    try {
      await send(options, 'explanation', entry, () => version)
      published.explanation++
      onExplanationRefused(null)
      return 'confirmed'
    } catch (error) {
      if (!(error instanceof PublishRefused)) throw error
      if (error.verdict === 'later') throw error
      refusal = error
      const { alarm_id } = entry.payload
      const fields = { code: error.code, what: error.what, alarm_id }
      if (version === versions.at(-1)) log.warn(fields, 'an explanation is given up')
      else log.warn(fields, 'an explanation is too large for the broker; it is sent without its heatmap')
    }
  }
  onExplanationRefused(refusal)
  return 'refused'
}

function send(
  { connection, clock, secrets }: DeliveryOptions,
  kind: OutboxKind,
  { topic, expiresAt }: Entry,
  compose: (now: Moment) => object
): Promise<void> {
  return connection.publish(topic, topics[kind], () => {
    const now = clock.now()
    // Seconds, and at least one: 0 would mean that the message is of no use already.
    const messageExpiryInterval = Math.max(1, Math.ceil((expiresAt - now) / 1000))
    return { text: encode(compose(now), secrets), properties: { ...jsonProperties, messageExpiryInterval } }
  })
}

/** Largest accepted command, in bytes. */
export const maxCommandBytes = 16 * 1024

/** Longer free texts are cut: they come from outside, and screens at the nurses' have no room for them. */
const maxText = 4000

/**
 * What is not redacted: the contract's own words, although a password may be `pain`; and what a sender has chosen and gets back, the
 * name of who acts (`by`) and the `transaction`: a sender that guesses would see by the stars which guess is a password.
 */
const asTheyAre = new Set([
  'alarm_id',
  'at',
  'by',
  'code',
  'composite',
  'condition',
  'effect',
  'engine',
  'face_at',
  'heatmap',
  'kind',
  'last_frame',
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
  'until',
  'updated',
  'usable_face_at',
  'used',
  'why_not'
])

/**
 * JSON with every free text redacted and bounded: an error's message may quote what a program said. A subscriber that prints it
 * as it comes, as mosquitto_sub does, is not steered by it: a command's `transaction` is repeated whatever it holds.
 */
export function encode(payload: object, secrets: Secrets): string {
  const json = JSON.stringify(payload, (key, value: unknown) =>
    typeof value === 'string' && !asTheyAre.has(key) ? secrets.excerpt(value, maxText) : value
  )
  return printableJson(json)
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
