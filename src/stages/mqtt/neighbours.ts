/** The other boxes of a ward, heard through the broker that they share; commands go to them the same way. */
import { randomUUID } from 'node:crypto'
import type { CommandArguments } from '../../contract/commands.js'
import type { ResponseMessage } from '../../contract/messages.js'
import { baseTopic, type Kind, topicOf, topics } from '../../contract/topics.js'
import { errorCodes } from '../../core/error-codes/index.js'
import { ClosedError, type ErrorCode, errorFields, InputError, TimeoutError } from '../../core/errors.js'
import type { Log } from '../../core/log.js'
import { addressOf, type BrokerOptions, connectOptions, jsonProperties, type ProtocolVersion } from './connect.js'
import { Connection } from './connection.js'
import type { Dialect } from './dialect.js'
import { defaultDelays, keepConnected, type ReconnectDelays } from './reconnect.js'
import { SizeLimit } from './size-limit.js'

/** What is heard of another box. */
export type NeighbourKind = (typeof kinds)[number] | typeof lastKind

export interface NeighboursOptions {
  broker: BrokerOptions
  /** This box; its connection is another one than that of its alarms. */
  device: string
  /** The end of the client id, which no two connections may share. */
  purpose: 'page' | 'way'
  /** The boxes to hear. */
  others: readonly string[]
  /** @param message as it came, unchecked; null where a retained one was taken away @param name of the camera, if any */
  onMessage: (device: string, kind: NeighbourKind, name: string, message: unknown) => void
  onConnectionChange: (connected: boolean) => void
  /** The broker refuses a topic of a box. It may also take a subscription and deliver nothing: that is not known here. */
  onRefused: (device: string) => void
  log: Log
  /** For brokers that are known not to speak MQTT 5. */
  protocolVersion?: ProtocolVersion
  backoff?: Partial<ReconnectDelays>
}

export interface Neighbours {
  /**
   * Sends a command and waits for its answer.
   * @throws InputError as the other box answers, with its code where this version has it, else PL-PAGE-OTHER-BOX; TimeoutError without an
   *   answer within 5 s, and for one that looks at a face within 5 s after that; ClosedError without a connection
   */
  command<Name extends keyof CommandArguments>(device: string, name: Name, args: CommandArguments[Name]): Promise<void>
  stop(): Promise<void>
}

const answerMs = 5000
/** A message of a box: an explanation with its picture is the largest. */
const incomingBytes = 512 * 1024
const endMs = 300
const kinds = [
  'status',
  'health',
  'cameraState',
  'alarm',
  'acknowledgement',
  'explanation'
] as const satisfies readonly Kind[]
/** A broker that was set up for an earlier version may refuse it. */
const lastKind = 'cameraReference' as const satisfies Kind
const command = { qos: 1, retain: false, rank: 'other' } as const

/** Connects in the background, now and whenever the connection is lost. */
export function hearNeighbours(options: NeighboursOptions): Neighbours {
  const listener = new Listener(options)
  listener.start()
  return listener
}

class Listener implements Neighbours {
  readonly #options: NeighboursOptions
  readonly #ending = new AbortController()
  readonly #waiting = new Map<string, (response: ResponseMessage) => void>()
  /** By topic, up to the camera's id. */
  readonly #topics: readonly { prefix: string; suffix: string; device: string; kind: NeighbourKind | 'response' }[]
  #connection: Connection | null = null
  #running: Promise<void> = Promise.resolve()

  constructor(options: NeighboursOptions) {
    this.#options = options
    this.#topics = options.others.flatMap((device) =>
      [...kinds, lastKind, 'response' as const].map((kind) => {
        const [prefix = '', suffix = ''] = topicOf(baseTopic(device), kind, '+').split('+')
        return { prefix, suffix, device, kind }
      })
    )
  }

  start(): void {
    const { broker, log, protocolVersion, backoff } = this.#options
    const limit = new SizeLimit()
    const reconnect = {
      address: addressOf(broker.url),
      open: (dialect: Dialect, signal: AbortSignal) =>
        Connection.open(
          this.#connectOptions(dialect),
          (topic, payload) => this.#take(topic, payload),
          { limit, dialect, incomingBytes },
          signal
        ),
      serve: (connection: Connection) => this.#serve(connection),
      // Said by the log, and by the page: the other boxes are unknown.
      onTrouble: () => undefined,
      protocolVersion,
      backoff: { ...defaultDelays, ...backoff },
      log
    }
    this.#running = keepConnected(reconnect, this.#ending.signal)
  }

  async command<Name extends keyof CommandArguments>(
    device: string,
    name: Name,
    args: CommandArguments[Name]
  ): Promise<void> {
    const where = `box ${device}`
    if (!this.#options.others.includes(device))
      throw new InputError('PL-PAGE-OTHER-BOX', 'is not shown by this page', where)
    if (!this.#connection?.open)
      throw new ClosedError('PL-BROKER-NOT-CONNECTED', 'there is no connection to the broker', where)
    const transaction = randomUUID()
    const lookMs = name === 'reference' ? 1000 * ((args as CommandArguments['reference']).seconds ?? 0) : 0
    const response = await this.#answerTo(transaction, { where, ms: answerMs + lookMs }, async () => {
      const text = JSON.stringify({ ...args, transaction })
      const topic = `${baseTopic(device)}/command/${name}`
      await this.#connection!.publish(topic, command, () => ({ text, properties: jsonProperties }))
    })
    if (response.status !== 'ok') {
      const { error, code } = response
      const what = typeof error === 'string' ? error.slice(0, 300) : 'refused'
      throw new InputError(isKnown(code) ? code : 'PL-PAGE-OTHER-BOX', what, where)
    }
  }

  async stop(): Promise<void> {
    this.#ending.abort()
    await this.#connection?.end(endMs)
    await this.#running
  }

  async #answerTo(
    transaction: string,
    { where, ms }: { where: string; ms: number },
    send: () => Promise<void>
  ): Promise<ResponseMessage> {
    let timer: NodeJS.Timeout | undefined
    let stopped = (): void => undefined
    try {
      const answered = new Promise<ResponseMessage>((resolve, reject) => {
        this.#waiting.set(transaction, resolve)
        const late = new TimeoutError('PL-PAGE-NO-ANSWER', `has not answered within ${ms / 1000} s`, where)
        timer = setTimeout(() => reject(late), ms)
        stopped = () => reject(new ClosedError('PL-CONTROL-STOPPING', 'painlens is stopping', where))
        this.#ending.signal.addEventListener('abort', stopped)
      })
      const [response] = await Promise.all([answered, send()])
      return response
    } finally {
      clearTimeout(timer)
      this.#ending.signal.removeEventListener('abort', stopped)
      this.#waiting.delete(transaction)
    }
  }

  async #serve(connection: Connection): Promise<void> {
    const { others, onConnectionChange } = this.#options
    this.#connection = connection
    try {
      await Promise.all(others.map((device) => this.#hear(connection, device)))
      if (connection.open) onConnectionChange(true)
      await connection.closed
    } finally {
      connection.cut()
      this.#connection = null
      onConnectionChange(false)
    }
  }

  /** What is retained comes with the subscription; alarms are not, so the box is asked to say them again. */
  async #hear(connection: Connection, device: string): Promise<void> {
    const base = baseTopic(device)
    const subscribe = (kind: NeighbourKind | 'response') =>
      connection.subscribe(topicOf(base, kind, '+'), topics[kind].qos, { retained: true })
    try {
      for (const kind of [...kinds, 'response' as const]) await subscribe(kind)
      await connection.publish(`${base}/command/refresh`, command, () => ({ text: '{}', properties: jsonProperties }))
      // Without it everything else is as it was: no resting face is shown, and none can be taken.
      await subscribe(lastKind).catch((error: unknown) => {
        if (connection.open) this.#options.log.warn({ ...errorFields(error), device }, 'resting faces are not heard')
      })
    } catch (error) {
      if (!connection.open) return
      const code: ErrorCode = 'PL-BROKER-NO-READ'
      this.#options.log.warn({ ...errorFields(error), code, device }, 'the broker does not let the page hear this box')
      this.#options.onRefused(device)
    }
  }

  #take(topic: string, payload: Buffer): void {
    const found = this.#topics.find(({ prefix, suffix }) => topic.startsWith(prefix) && topic.endsWith(suffix))
    if (!found) return
    const { prefix, suffix, device, kind } = found
    const name = topic.slice(prefix.length, topic.length - suffix.length)
    if (name.includes('/')) return
    const message = parsed(payload)
    if (message === undefined) return
    if (kind === 'response') this.#answered(message)
    else this.#options.onMessage(device, kind, name, message)
  }

  /** Of an answer only its transaction is known to be of its type. */
  #answered(message: unknown): void {
    const response = message as ResponseMessage | null
    const transaction: unknown = response?.transaction
    // Not converted: that of an object can throw, and an exception here would end painlens.
    const waiting = typeof transaction === 'string' ? this.#waiting.get(transaction) : undefined
    waiting?.(response!)
  }

  #connectOptions({ version: protocolVersion }: Dialect) {
    const { broker, device, purpose } = this.#options
    const clientId = `${broker.clientId ?? `painlens-${device}`}-${purpose}`
    return connectOptions({ ...broker, clientId, clean: true, device, protocolVersion, incomingBytes })
  }
}

const isKnown = (code: unknown): code is ErrorCode => typeof code === 'string' && Object.hasOwn(errorCodes, code)

/** @returns undefined unless it is JSON; null for an empty payload */
function parsed(payload: Buffer): unknown {
  if (payload.length === 0) return null
  try {
    return JSON.parse(payload.toString())
  } catch {
    return undefined
  }
}
