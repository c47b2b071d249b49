import type { IPublishPacket } from 'mqtt'
import type {
  AcknowledgementMessage,
  AlarmMessage,
  CameraReferenceMessage,
  ExplanationMessage,
  ObservationMessage,
  StatusMessage
} from '../../contract/messages.js'
import {
  activeAlarmNotes,
  baseTopic,
  commandTopics,
  type Kind,
  type Payloads,
  topicOf,
  topics
} from '../../contract/topics.js'
import { type Moment, stamp } from '../../core/clock.js'
import { ClosedError, type ErrorCode, errorFields, whatOf } from '../../core/errors.js'
import type { CameraState } from '../../core/types.js'
import { CommandQueue } from './commands.js'
import { addressOf, type ConnectTrouble, connectOptions, jsonProperties } from './connect.js'
import { Connection } from './connection.js'
import {
  type DeliveryOptions,
  encode,
  serveOutbox,
  withoutEmotions,
  withoutHeatmap,
  withoutOtherClasses
} from './delivery.js'
import type { Dialect } from './dialect.js'
import {
  cameraKinds,
  cameraPainMessage,
  cameraStateMessage,
  ObservationLimiter,
  type RetainedMessage,
  RetainedMessages,
  retainedS
} from './live-state.js'
import { PublishRefused, Refusals } from './reason-codes.js'
import { defaultDelays, keepConnected, until } from './reconnect.js'
import { SizeLimit } from './size-limit.js'
import type { CameraKind, CameraPain, Mqtt, MqttOptions, MqttRequests, MqttStats } from './types.js'

export type { CommandHandlers } from './commands.js'
export { addressOf, type BrokerOptions } from './connect.js'
export { encode } from './delivery.js'
export { hearNeighbours, type Neighbours } from './neighbours.js'
export type { CameraPain, Mqtt, MqttOptions, MqttRequests, MqttStats } from './types.js'

/**
 * The MQTT stage, before it has connected: alarms wait in the outbox, states in memory, until it is started.
 * @throws {BrokerError} for a URL or certificate that no waiting will mend
 */
export function createMqtt(options: MqttOptions): Mqtt {
  const stage = new MqttStage(options)
  stage.check()
  return stage
}

/** Creates the stage and starts it. @throws {BrokerError} as `createMqtt` does */
export async function startMqtt(options: MqttOptions & MqttRequests): Promise<Mqtt> {
  const stage = createMqtt(options)
  stage.start(options)
  return stage
}

/** An own last will has some hundred. */
const maxStatusBytes = 4096
const answerMs = 1000
const [stopDrainMs, stopSayMs, stopEndMs] = [1000, 600, 300]
const renewStatesMs = 1_200_000
/** For an announcement, and to take a retained message away. */
const retained = { qos: 1, retain: true, rank: 'other' } as const

class MqttStage implements Mqtt {
  readonly #options: MqttOptions
  readonly #base: string
  readonly #limiter = new ObservationLimiter()
  readonly #retained: RetainedMessages
  readonly #ending = new AbortController()
  readonly #published: Record<Kind, number>
  #offlineObservations = 0
  #connection: Connection | null = null
  #connections = 0
  /** Ends what this connection delivers out of the outbox. */
  #delivering = new AbortController()
  /** The birth message of this connection is out. */
  #greeted = false
  #trouble: MqttStats['trouble'] = null
  /** Why the broker has not taken the last alarm; null where it has. */
  #refusal: MqttStats['refusal'] = null
  readonly #sizeLimit = new SizeLimit()
  readonly #refusals: Refusals
  #running: Promise<void> = Promise.resolve()
  #stopping: Promise<void> | null = null
  #requests: MqttRequests | null = null
  #commands: CommandQueue | null = null

  constructor(options: MqttOptions) {
    this.#options = options
    this.#base = baseTopic(options.device)
    this.#published = Object.fromEntries(Object.keys(topics).map((kind) => [kind, 0])) as Record<Kind, number>
    this.#refusals = new Refusals(options.log)
    this.#retained = new RetainedMessages({ clear: (topic) => this.#clear(topic), log: options.log })
  }

  /** @throws {BrokerError} */
  check(): void {
    this.#connectOptions({ version: 5, retain: true, qos: 1 })
  }

  start(requests: MqttRequests): void {
    const { broker, secrets, log, protocolVersion, backoff } = this.#options
    this.#requests = requests
    this.#commands = new CommandQueue({
      base: this.#base,
      handlers: requests.commands,
      secrets,
      log,
      answer: async (topic, message, properties) => {
        // What the broker kept for us comes with the connection, before that is being served.
        await until(() => this.#connection !== null, answerMs)
        await this.#send('response', topic, message, properties)
      }
    })
    const reconnect = {
      address: addressOf(broker.url),
      open: (dialect: Dialect, signal: AbortSignal) => {
        const known = { limit: this.#sizeLimit, dialect }
        return Connection.open(this.#connectOptions(dialect), (...message) => this.#take(...message), known, signal)
      },
      serve: (connection: Connection) => this.#serve(connection),
      onTrouble: ({ code, what, fix }: ConnectTrouble) => {
        this.#trouble = { code, what, fix }
      },
      protocolVersion,
      backoff: { ...defaultDelays, ...backoff },
      log
    }
    this.#running = keepConnected(reconnect, this.#ending.signal)
  }

  putAlarmInOutbox(message: AlarmMessage): Promise<void> {
    const { phase, alarm_id } = message
    const note = { key: `${activeAlarmNotes}${alarm_id}`, value: phase === 'end' ? null : message }
    return this.#options.outbox.put(topicOf(this.#base, 'alarm'), message, { expendable: phase === 'update', note })
  }

  putAcknowledgementInOutbox(message: AcknowledgementMessage): Promise<void> {
    const topic = topicOf(this.#base, 'acknowledgement')
    return this.#options.outbox.put(topic, message, { expendable: true, background: true })
  }

  putExplanationInOutbox(message: ExplanationMessage): Promise<void> {
    const { privacy } = this.#options
    const allowed = withoutOtherClasses(withoutHeatmap(message, privacy), privacy)
    return this.#options.outbox.put(topicOf(this.#base, 'explanation'), allowed, { expendable: true, background: true })
  }

  cameraState(camera: string, state: CameraState, at: Moment, until: Moment | null = null): void {
    this.#retain('cameraState', camera, () => cameraStateMessage(state, at, until, this.#options.clock))
  }

  cameraPain(camera: string, pain: CameraPain): void {
    this.#retain('cameraPain', camera, () => cameraPainMessage(pain, this.#options.clock))
  }

  cameraReference(camera: string, message: CameraReferenceMessage): void {
    this.#retain('cameraReference', camera, () => message)
  }

  async forgetCamera(camera: string, kinds: readonly CameraKind[] = cameraKinds): Promise<void> {
    await Promise.all(kinds.map((kind) => this.#retained.forget(topicOf(this.#base, kind, camera))))
  }

  announce(topic: string, compose: () => object): void {
    this.#hold({ kind: null, topic, compose })
  }

  withdraw(topic: string): Promise<void> {
    return this.#retained.forget(topic)
  }

  refresh(): void {
    if (this.#stopping) return
    this.#sendIfConnected('status', '', this.#status('online'))
    this.#sendRetained()
    this.#sendHealth()
  }

  observation(camera: string, message: ObservationMessage): void {
    if (!this.connected()) this.#offlineObservations++
    else if (this.#limiter.allows(camera, message.track, this.#options.clock.now())) {
      this.#sendIfConnected('observation', camera, withoutEmotions(message, this.#options.privacy))
    }
  }

  connected(): boolean {
    return this.#connection?.open === true
  }

  stats(): MqttStats {
    return {
      connected: this.connected(),
      protocolVersion: this.#connection?.protocolVersion ?? null,
      connections: this.#connections,
      published: { ...this.#published },
      observationsLeft: this.#limiter.left + this.#offlineObservations,
      commandsFlooded: this.#commands?.flooded ?? 0,
      trouble: this.#trouble,
      // What was refused may have expired since.
      refusal: this.#options.outbox.depth() > 0 ? this.#refusal : null
    }
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  async #stop(): Promise<void> {
    const connection = this.#connection
    if (connection?.open) {
      await until(() => this.#options.outbox.depth() === 0 || !connection.open, stopDrainMs)
      await this.#sayOffline(connection)
    }
    this.#ending.abort()
    await connection?.end(stopEndMs)
    await this.#running
  }

  /** Before what still waits for its turn: alarms stay in the outbox, and a camera's state is of no use any more. */
  async #sayOffline(connection: Connection): Promise<void> {
    this.#delivering.abort()
    connection.giveUpWaiting()
    let isSaid = false
    const saying = this.#send('status', topicOf(this.#base, 'status'), this.#status('offline')).then(
      () => {
        isSaid = true
      },
      () => undefined
    )
    await Promise.race([saying, until(() => isSaid, stopSayMs)])
    // A broker that confirms nothing has no room for it: without a goodbye it publishes the last will, which says the same.
    if (!isSaid) connection.cut()
  }

  #take(topic: string, payload: Buffer, packet: IPublishPacket): void {
    if (topic === topicOf(this.#base, 'status')) this.#contradict(payload, packet)
    else this.#commands?.take(topic, payload, packet)
  }

  /**
   * The last will of an earlier connection, which a broker may publish only after the new one's birth message, would
   * stay at the broker, retained, for later subscribers.
   */
  #contradict(payload: Buffer, { retain }: IPublishPacket): void {
    const saysOffline = payload.length <= maxStatusBytes && /"state"\s*:\s*"offline"/.test(payload.toString())
    if (retain || !saysOffline || !this.#greeted || this.#stopping) return
    this.#options.log.info({}, 'an old last will was published; saying online again')
    this.#sendIfConnected('status', '', this.#status('online'))
  }

  async #serve(connection: Connection): Promise<void> {
    this.#connections++
    this.#trouble = null
    this.#delivering = new AbortController()
    let health: NodeJS.Timeout | undefined
    let renewal: NodeJS.Timeout | undefined
    this.#connection = connection
    // SUBSCRIBE is the first on the way; the alarms that wait do not wait for what the broker says to it.
    const greeting = this.#greet(connection)
    const delivering = serveOutbox(this.#delivery(connection), this.#delivering.signal)
    try {
      await greeting
      health = setInterval(() => this.#sendHealth(), this.#options.healthEveryMs ?? 30_000)
      renewal = setInterval(() => this.#sendRetained(), this.#options.renewStatesMs ?? renewStatesMs)
      this.#requests?.onConnectionChange?.(true)
      await connection.closed
    } finally {
      clearInterval(health)
      clearInterval(renewal)
      connection.cut()
      this.#delivering.abort()
      await delivering
      this.#connection = null
      this.#greeted = false
      this.#requests?.onConnectionChange?.(false)
    }
  }

  #delivery(connection: Connection): DeliveryOptions {
    const { outbox, clock, secrets, log, onAlarmDelivered, onExplanationRefused = () => undefined } = this.#options
    const onAlarmRefused = (refusal: PublishRefused | null) => {
      this.#refusal = refusal
      this.#refusals.say('alarm', refusal)
    }
    const listeners = { onAlarmDelivered, onAlarmRefused, onExplanationRefused }
    return { outbox, connection, clock, secrets, log, base: this.#base, published: this.#published, ...listeners }
  }

  /** Subscribes to commands before the birth message, so that a command in answer to it arrives. */
  async #greet(connection: Connection): Promise<void> {
    try {
      await connection.subscribe(`${this.#base}/${commandTopics}`, 1)
    } catch (error) {
      const what = whatOf(error)
      if (connection.open)
        this.#options.log.warn(
          { code: 'PL-BROKER-NO-READ' satisfies ErrorCode, what },
          'the broker grants no commands; acknowledging is not possible'
        )
    }
    // QoS 0, so that the broker keeps nothing of it while we are away. It is no harm if that is not granted.
    await connection.subscribe(topicOf(this.#base, 'status'), 0).catch(() => undefined)
    this.refresh()
    this.#greeted = true
    this.#retained.clearGone()
  }

  #clear(topic: string): Promise<unknown> | undefined {
    const connection = this.#connection
    if (!connection?.open) return undefined
    // Where nothing is kept, nothing is to be taken away.
    if (!connection.retains) return Promise.resolve()
    return connection.publish(topic, retained, () => ({ text: '' }))
  }

  #retain<K extends CameraKind>(kind: K, camera: string, compose: () => Payloads[K]): void {
    this.#hold({ kind, topic: topicOf(this.#base, kind, camera), compose })
  }

  #hold(message: RetainedMessage): void {
    this.#retained.set(message)
    this.#sendOne(message)
  }

  #sendRetained(): void {
    for (const message of this.#retained.values()) this.#sendOne(message)
  }

  #sendHealth(): void {
    if (!this.#requests) return
    try {
      this.#sendIfConnected('health', '', this.#requests.health())
    } catch (error) {
      this.#options.log.warn(errorFields(error), 'no health to publish')
    }
  }

  #status(state: StatusMessage['state']): StatusMessage {
    const { session, version, clock } = this.#options
    return { state, session, version, at: stamp(clock, clock.now()) }
  }

  #sendIfConnected<K extends Kind>(kind: K, name: string, message: Payloads[K]): void {
    this.#sendOne({ kind, topic: topicOf(this.#base, kind, name), compose: () => message })
  }

  #sendOne({ kind, topic, compose }: RetainedMessage): void {
    if (!this.connected()) return
    this.#send(kind, topic, compose()).then(
      () => this.#refusals.say(kind, null),
      (error: unknown) => {
        if (error instanceof PublishRefused) this.#refusals.say(kind, error)
        else this.#options.log.debug({ kind, ...errorFields(error) }, 'not published')
      }
    )
  }

  async #send(
    kind: Kind | null,
    topic: string,
    message: object,
    properties?: IPublishPacket['properties']
  ): Promise<void> {
    const text = encode(message, this.#options.secrets)
    if (this.#connection === null)
      throw new ClosedError('PL-BROKER-NOT-CONNECTED', 'there is no connection to the broker', 'mqtt.url')
    const messageExpiryInterval = kind === null ? undefined : retainedS[kind]
    const expiry = messageExpiryInterval === undefined ? {} : { messageExpiryInterval }
    await this.#connection.publish(topic, kind === null ? retained : topics[kind], () => ({
      text,
      properties: { ...jsonProperties, ...expiry, ...properties }
    }))
    if (kind !== null) this.#published[kind]++
  }

  #connectOptions({ version: protocolVersion, ...willDelivery }: Dialect) {
    const { broker, device } = this.#options
    return connectOptions({ ...broker, device, protocolVersion, will: this.#status('offline'), willDelivery })
  }
}
