/** What a broker answers with: MQTT 5's reason codes (2.4) and MQTT 3.1.1's return codes of a CONNACK (table 3.1), by their names. */
import type { Kind } from '../../contract/topics.js'
import { BrokerError, type ErrorCode } from '../../core/errors.js'
import { LastSaid, type Log } from '../../core/log.js'

/**
 * What a refused QoS 1 publish is followed by. `later`: another message of the same kind may be refused, too, and this
 * one may be accepted once the broker or its configuration has changed; it is tried again until it expires. `message`: it
 * is about what this message holds, and will be the same each time. `size`: it is too large for this broker, which says so by
 * DISCONNECT or by hanging up.
 */
export type RefusalKind = 'later' | 'message' | 'size'

interface ReasonRow {
  /** As in the standard's table. */
  name: string
  /** For a code that may stand in a PUBACK (MQTT 5, table 3-4). */
  publish?: { verdict: RefusalKind; code: ErrorCode }
}

const refuses = 'PL-BROKER-REFUSES-MESSAGE'
const later = (code: ErrorCode = refuses) => ({ verdict: 'later', code }) as const

export const reasonCodes: Readonly<Record<number, ReasonRow>> = {
  128: { name: 'Unspecified error', publish: later() },
  129: { name: 'Malformed Packet' },
  130: { name: 'Protocol Error' },
  131: { name: 'Implementation specific error', publish: later() },
  132: { name: 'Unsupported Protocol Version' },
  133: { name: 'Client Identifier not valid' },
  134: { name: 'Bad User Name or Password' },
  135: { name: 'Not authorized', publish: later('PL-BROKER-NO-WRITE') },
  136: { name: 'Server unavailable' },
  137: { name: 'Server busy' },
  138: { name: 'Banned' },
  139: { name: 'Server shutting down' },
  140: { name: 'Bad authentication method' },
  141: { name: 'Keep Alive timeout' },
  142: { name: 'Session taken over' },
  143: { name: 'Topic Filter invalid' },
  // All alarms have the same topic: the broker's configuration is what has to change.
  144: { name: 'Topic Name invalid', publish: later('PL-BROKER-TOPIC') },
  145: { name: 'Packet Identifier in use', publish: later() },
  146: { name: 'Packet Identifier not found' },
  147: { name: 'Receive Maximum exceeded' },
  148: { name: 'Topic Alias invalid' },
  149: { name: 'Packet too large' },
  150: { name: 'Message rate too high' },
  151: { name: 'Quota exceeded', publish: later('PL-BROKER-QUOTA') },
  152: { name: 'Administrative action' },
  153: { name: 'Payload format invalid', publish: { verdict: 'message', code: refuses } },
  154: { name: 'Retain not supported' },
  155: { name: 'QoS not supported' },
  156: { name: 'Use another server' },
  157: { name: 'Server moved' },
  158: { name: 'Shared Subscriptions not supported' },
  159: { name: 'Connection rate exceeded' },
  160: { name: 'Maximum connect time' },
  161: { name: 'Subscription Identifiers not supported' },
  162: { name: 'Wildcard Subscriptions not supported' }
}

/** MQTT 3.1.1's return codes of a CONNACK. */
const returnCodes: Readonly<Record<number, string>> = {
  1: 'unacceptable protocol version',
  2: 'identifier rejected',
  3: 'Server unavailable',
  4: 'bad user name or password',
  5: 'not authorized'
}

/** `0x97 Quota exceeded`; a 3.1.1 return code as `return code 5, not authorized`. Null for any other number. */
export function codeInWords(code: unknown): string | null {
  if (typeof code !== 'number') return null
  const old = returnCodes[code]
  if (old !== undefined) return `return code ${code}, ${old}`
  if (code < 128 || code > 255) return null
  return `0x${code.toString(16).toUpperCase()} ${reasonCodes[code]?.name ?? '(a code that MQTT 5 does not know)'}`
}

/** A publish that the broker refuses, or that is not sent because it would. The connection itself may be as it was. */
export class PublishRefused extends BrokerError {
  readonly verdict: RefusalKind

  /** @param what without a full stop */
  constructor(verdict: RefusalKind, code: ErrorCode, what: string, topic: string) {
    super(code, what, topic)
    this.verdict = verdict
  }
}

/** @param error what mqtt.js fails a publish with @returns null where that is no answer of the broker */
export function publishRefusal(error: unknown, topic: string): PublishRefused | null {
  const { code } = (error ?? {}) as { code?: unknown }
  const words = codeInWords(code)
  if (words === null) return null
  const { verdict, code: ours } = reasonCodes[code as number]?.publish ?? later()
  return new PublishRefused(verdict, ours, `the broker refuses it (${words})`, topic)
}

/** Tells the log of refused messages: once for each reason, until such a message has been taken. */
export class Refusals {
  readonly #log: Log
  /** By kind of message (null: none of the contract): what was said last. */
  readonly #said = new Map<Kind | null, LastSaid<string>>()

  constructor(log: Log) {
    this.#log = log
  }

  /** @param refusal null: such a message has been taken */
  say(kind: Kind | null, refusal: PublishRefused | null): void {
    const said = this.#said.get(kind) ?? new LastSaid<string>()
    this.#said.set(kind, said)
    if (!said.isNew(refusal && `${refusal.code} ${refusal.verdict}`) || refusal === null) return
    const { code, what, where, fix } = refusal
    const isAlarm = kind === 'alarm'
    const message = isAlarm ? 'the broker does not take alarms; painlens keeps trying' : 'the broker does not take this'
    this.#log[isAlarm ? 'error' : 'warn']({ code, kind, topic: where, what, fix }, message)
  }
}
