import type {
  AcknowledgementMessage,
  AlarmMessage,
  CameraReferenceMessage,
  ExplanationMessage,
  HealthMessage,
  ObservationMessage
} from '../../contract/messages.js'
import type { Kind } from '../../contract/topics.js'
import type { Clock, EpochMs, Moment } from '../../core/clock.js'
import type { ErrorCode, PainlensError } from '../../core/errors.js'
import type { Log } from '../../core/log.js'
import type { Secrets } from '../../core/secrets.js'
import type { CameraState } from '../../core/types.js'
import type { CommandHandlers } from './commands.js'
import type { BrokerOptions, ProtocolVersion } from './connect.js'
import type { OutboxLike, Privacy } from './delivery.js'
import type { ReconnectDelays } from './reconnect.js'

export interface MqttOptions {
  broker: BrokerOptions
  device: string
  /** New with each start, so that a last will that comes late is known for an old one. */
  session: string
  version: string
  /** Alarms and explanations go through it; see `src/stages/outbox`. */
  outbox: OutboxLike
  privacy: Privacy
  /** The broker has confirmed an alarm. @param at the time of day, in ms since the epoch */
  onAlarmDelivered?: (alarm: AlarmMessage, at: EpochMs) => void
  /** The broker will never take an explanation or, with null, has taken one. */
  onExplanationRefused?: (problem: PainlensError | null) => void
  secrets: Secrets
  log: Log
  clock: Clock
  healthEveryMs?: number
  /** How often the cameras' retained states are published again; 20 min unless given. */
  renewStatesMs?: number
  backoff?: Partial<ReconnectDelays>
  /** For brokers that are known not to speak MQTT 5. */
  protocolVersion?: ProtocolVersion
}

/** What the broker's side asks of the other stages. */
export interface MqttRequests {
  commands: CommandHandlers
  /** Asked each `healthEveryMs` while connected. */
  health: () => HealthMessage
  /** After the birth message and the states are out; the moment to publish active alarms again. */
  onConnectionChange?: (connected: boolean) => void
}

export interface MqttStats {
  connected: boolean
  protocolVersion: ProtocolVersion | null
  /** Connections made since the start. */
  connections: number
  published: Record<Kind, number>
  /** Observations left out: more than one per second and track, or no connection. */
  observationsLeft: number
  commandsFlooded: number
  /** The last reason for having no connection. */
  trouble: { code: ErrorCode; what: string; fix: string } | null
  /** Why the broker has not taken the last alarm, though connected; null where it has. */
  refusal: { code: ErrorCode; what: string; fix: string } | null
}

/** What is retained of each camera. */
export type CameraKind = 'cameraState' | 'cameraPain' | 'cameraReference'

/** What is published of a camera, with a moment in the place of its time. */
export interface CameraPain {
  /** Null: unknown. */
  suspected: boolean | null
  since: Moment
  alarmIds: string[]
  acknowledged: boolean
}

export interface Mqtt {
  /** Connects, now and whenever the connection is lost, with or without a broker; once. */
  start(requests: MqttRequests): void
  /** Resolves when the alarm is safe on disk; it is published as soon as there is a broker. */
  putAlarmInOutbox(message: AlarmMessage): Promise<void>
  /** As `putAlarmInOutbox`; no alarm waits for it. */
  putAcknowledgementInOutbox(message: AcknowledgementMessage): Promise<void>
  /** As `putAlarmInOutbox`, without what the config's `privacy` keeps on the device. */
  putExplanationInOutbox(message: ExplanationMessage): Promise<void>
  /**
   * Published at once and again with each new connection.
   * @param at since when, a moment of the clock, as `until` is
   * @param until for a pause: when it ends by itself
   */
  cameraState(camera: string, state: CameraState, at: Moment, until?: Moment | null): void
  /** As `cameraState`. */
  cameraPain(camera: string, pain: CameraPain): void
  /** As `cameraState`. */
  cameraReference(camera: string, message: CameraReferenceMessage): void
  /** Publishes a retained message that is not of the contract, now and with each new connection. */
  announce(topic: string, compose: () => object): void
  /** Takes such a message away from the broker, as `forgetCamera` does. */
  withdraw(topic: string): Promise<void>
  /** Takes a camera's retained states, or only these, away from the broker. Resolves when they are gone, which may take a connection. */
  forgetCamera(camera: string, kinds?: readonly CameraKind[]): Promise<void>
  /** Publishes status, camera states and health once more, if connected. */
  refresh(): void
  /** Left out while there is no connection, or within a second of the same track's last. */
  observation(camera: string, message: ObservationMessage): void
  connected(): boolean
  stats(): MqttStats
  /** Delivers what it can within a second, says offline (or leaves that to the last will), and is gone within 2 s. */
  stop(): Promise<void>
}
