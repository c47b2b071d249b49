import type { IClientOptions, IPublishPacket, MqttClient } from 'mqtt'
import { type Delivery, type Rank, ranks } from '../../contract/topics.js'
import { ClosedError, messageOf, NotSent, TimeoutError } from '../../core/errors.js'
import { requirePackage } from '../../core/packages.js'
import { hungUpEarly, type ProtocolVersion } from './connect.js'
import { limitIncoming } from './incoming-limit.js'
import { PublishRefused, publishRefusal } from './reason-codes.js'
import { type PacketClass, packetSize, type SizeLimit, Unanswered } from './size-limit.js'

export type OnMessage = (topic: string, payload: Buffer, packet: IPublishPacket) => void

export interface Outgoing {
  text: string
  /** Left out where the broker speaks 3.1.1. */
  properties?: IPublishPacket['properties']
}

/** How long a broker may take to confirm before the connection counts as dead. */
const confirmMs = 20_000

const packetTooLarge = 149

const lost = (): ClosedError =>
  new ClosedError('PL-BROKER-LOST', 'the connection was lost before the broker confirmed', 'mqtt.url')

/** What is known of a broker before it is connected to. */
export interface Known {
  /** The size of packet that it takes. */
  limit: SizeLimit
  /** What of retain and QoS it has taken in a last will. */
  dialect: { retain: boolean; qos: 0 | 1 }
  /** The largest packet that is taken; one of a command's size unless given. */
  incomingBytes?: number
}

/** One connection to a broker, from CONNECT to the end; never reconnects. */
export class Connection {
  readonly protocolVersion: ProtocolVersion
  /** How many QoS 1 messages the broker takes at once, or is given where it cannot say. */
  readonly receiveMaximum: number
  /** Whether the broker keeps retained messages; where it does not, they are sent without that flag. */
  readonly retains: boolean
  /** The highest QoS that the broker takes; what should have a higher one is sent with this. */
  readonly maximumQos: 0 | 1
  /** Resolves when the connection is gone, with what is known about why. */
  readonly closed: Promise<unknown>
  /** The broker has hung up on a size that is not sent any more now, so that another connection may be better. */
  blamesSize = false
  readonly #client: MqttClient
  /** Publishes that wait for their PUBACK; a connection that closes fails them all. */
  readonly #unconfirmed = new Set<(error: Error) => void>()
  readonly #quota: SendQuota
  readonly #limit: SizeLimit
  readonly #unanswered: Unanswered
  #open = true
  /** Ended from here, whichever way: then the broker has not hung up. */
  #ended = false

  private constructor(client: MqttClient, closed: Promise<unknown>, { limit, dialect }: Known) {
    this.#client = client
    const { retainAvailable, maximumQoS = 1 } = client.serverProperties ?? {}
    this.retains = dialect.retain && retainAvailable !== false
    this.maximumQos = dialect.qos === 0 || maximumQoS === 0 ? 0 : 1
    this.#limit = limit
    this.#unanswered = new Unanswered(limit)
    this.protocolVersion = client.options.protocolVersion as ProtocolVersion
    this.receiveMaximum = receiveMaximum(this.protocolVersion, client.serverProperties?.receiveMaximum)
    this.#quota = new SendQuota(this.receiveMaximum)
    this.closed = closed.then((cause) => {
      this.#open = false
      if (!this.#ended) this.blamesSize = this.#hungUp(cause)
      this.#quota.close('the connection was lost')
      for (const fail of [...this.#unconfirmed]) fail(lost())
      return cause
    })
  }

  /**
   * @param onMessage attached before CONNECT, because a broker that kept our session sends what it holds at once
   * @param known of the broker; the limit learns from this connection
   * @throws mqtt.js's or the system's error; `explainConnectError` says what it means
   */
  static async open(
    options: IClientOptions,
    onMessage: OnMessage,
    known: Known,
    signal: AbortSignal
  ): Promise<Connection> {
    // Loaded by the first connection: commands import this, and most of them ask no broker.
    const { connect, ErrorWithReasonCode } = requirePackage('mqtt')
    const client = connect(options)
    limitIncoming(client.stream, options.protocolVersion === 5 ? 5 : 4, known.incomingBytes)
    let cause: unknown = null
    client.on('message', onMessage)
    client.on('error', (error) => {
      cause ??= error
    })
    client.on('disconnect', (packet) => {
      cause ??= new ErrorWithReasonCode('the broker ended the connection', packet.reasonCode ?? 0)
    })
    const onAbort = () => client.end(true)
    signal.addEventListener('abort', onAbort)
    const closed = new Promise<unknown>((resolve) => client.once('close', () => resolve(cause)))
    try {
      const connected = new Promise<true>((resolve) => client.once('connect', () => resolve(true)))
      // A broker that breaks the protocol gets no further answer from mqtt.js, which would leave the line open.
      client.on('error', () => client.connected && client.stream.destroy())
      const first = await Promise.race([connected, closed])
      if (first !== true) throw first ?? new ClosedError('PL-BROKER-HUNG-UP', hungUpEarly, 'mqtt.url')
      return new Connection(client, closed, known)
    } catch (error) {
      client.end(true)
      throw error
    } finally {
      signal.removeEventListener('abort', onAbort)
    }
  }

  get open(): boolean {
    return this.#open
  }

  /**
   * Resolves once the broker has confirmed (QoS 1, when the send quota has let it go) or the socket has taken it (QoS 0).
   * @param compose asked when it goes, for what a message says of its time is to be of then
   * @throws {PublishRefused} if the broker refuses it, or would because of its size
   * @throws if the connection goes before
   */
  async publish(topic: string, delivery: Delivery, compose: () => Outgoing): Promise<void> {
    if (delivery.qos === 0) return this.#send(topic, delivery, compose())
    const release = await this.#quota.take(delivery.rank)
    try {
      await this.#send(topic, delivery, compose())
    } finally {
      release()
    }
  }

  /** Fails the publishes that wait for their turn, so that the next one comes first. */
  giveUpWaiting(): void {
    this.#quota.giveUp('given up before its turn')
  }

  #send(topic: string, delivery: Delivery, { text, properties }: Outgoing): Promise<void> {
    const qos = Math.min(delivery.qos, this.maximumQos) as 0 | 1
    const retain = delivery.retain && this.retains
    const payload = Buffer.from(text)
    const size = packetSize(topic, payload, qos, this.protocolVersion === 5 ? properties : null)
    const of = classOf(delivery)
    const tooLarge = this.#tooLarge(size, of)
    if (tooLarge) return Promise.reject(new PublishRefused('size', 'PL-BROKER-TOO-LARGE', tooLarge, topic))
    return new Promise((resolve, reject) => {
      const settle = (act: () => void) => {
        clearTimeout(timer)
        this.#unconfirmed.delete(fail)
        act()
      }
      const fail = (error: Error) => settle(() => reject(error))
      if (!this.#open) return reject(new NotSent('the connection is closed'))
      const sent = this.#unanswered.sent(size, of, qos)
      const timer = setTimeout(() => {
        fail(new TimeoutError('PL-BROKER-UNCONFIRMED', 'the broker does not confirm', 'mqtt.url'))
        // Where it answers what was sent after it, the broker is there, and passes this one over.
        if (this.#unanswered.isOvertaken(sent)) this.#limit.hungUp(size, of, false)
        this.cut()
      }, confirmMs)
      this.#unconfirmed.add(fail)
      this.#client.publish(topic, payload, { qos, retain, properties }, (error) => {
        const refusal = error ? publishRefusal(error, topic) : null
        if (qos > 0 && (!error || refusal)) this.#unanswered.answered(sent, !error)
        if (!error) return settle(resolve)
        fail(refusal ?? error)
      })
    })
  }

  /** Why a packet of this size is not even tried. */
  #tooLarge(size: number, of: PacketClass): string | null {
    const announced = this.#client.serverProperties?.maximumPacketSize
    if (announced !== undefined && size > announced) return `it has ${size} bytes, and the broker takes ${announced}`
    const learned = this.#limit.tooLarge(of)
    if (learned === null || size < learned) return null
    return `it has ${size} bytes, and the broker has not taken ${learned}`
  }

  /** @returns whether that is about the size of something that was sent */
  #hungUp(cause: unknown): boolean {
    const { code } = (cause ?? {}) as { code?: unknown }
    const isCertain = code === packetTooLarge
    // Some answer a packet that is too large by a PUBACK with a code that has no place there.
    const isOddAnswer = /puback reason code/i.test(messageOf(cause))
    const isHangUp = cause === null || code === 'ECONNRESET' || code === 'EPIPE' || isOddAnswer
    return (isCertain || isHangUp) && this.#unanswered.hungUp(isCertain)
  }

  /**
   * @param options retained: whether what the broker retains is to be sent; a command belongs to its moment
   * @throws if the broker does not grant it, or the connection goes before
   */
  async subscribe(filter: string, qos: 0 | 1, { retained = false } = {}): Promise<void> {
    const rh = retained ? 0 : 2
    const granted = this.#client.subscribeAsync(filter, this.protocolVersion === 5 ? { qos, rh } : { qos })
    // On a connection that is gone already mqtt.js keeps the request for the next one, which there will not be.
    const gone = this.closed.then(() => Promise.reject(lost()))
    await Promise.race([granted, gone])
  }

  /** Says goodbye (so that the broker does not publish our last will), or cuts the line after `timeoutMs`. */
  async end(timeoutMs: number): Promise<void> {
    if (!this.#open) return
    this.#ended = true
    this.#quota.close('the connection is being ended')
    // mqtt.js waits without end for a PUBACK that does not come, and a second, forced `end` changes nothing about it.
    const timer = setTimeout(() => this.cut(), timeoutMs)
    await Promise.race([this.#client.endAsync(false).catch(() => undefined), this.closed])
    this.cut()
    await this.closed
    clearTimeout(timer)
  }

  /** Cuts the line without goodbye. */
  cut(): void {
    this.#ended = true
    this.#quota.close('the connection was cut')
    this.#client.stream.destroy()
  }
}

function classOf(delivery: Delivery): PacketClass {
  if (delivery.qos === 0) return 'unconfirmed'
  return delivery.rank === 'explanation' ? 'explanation' : 'needed'
}

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
