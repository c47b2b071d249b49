import type {
  AcknowledgementMessage,
  AlarmMessage,
  CameraPainMessage,
  CameraReferenceMessage,
  CameraStateMessage,
  CommandName,
  ExplanationMessage,
  HealthMessage,
  ObservationMessage,
  ResponseMessage,
  StatusMessage
} from './messages.js'

/** Everything painlens publishes, by kind. */
export interface Payloads {
  status: StatusMessage
  health: HealthMessage
  cameraState: CameraStateMessage
  cameraPain: CameraPainMessage
  cameraReference: CameraReferenceMessage
  observation: ObservationMessage
  alarm: AlarmMessage
  acknowledgement: AcknowledgementMessage
  explanation: ExplanationMessage
  response: ResponseMessage
}
export type Kind = keyof Payloads

/** Who goes first in the send quota; what has the same rank goes in its order. */
export const ranks = ['alarm', 'status', 'other', 'explanation'] as const
export type Rank = (typeof ranks)[number]

/** What QoS 0 has no use for, a rank, the send quota goes by. */
export type Delivery = { qos: 0; retain: boolean } | { qos: 1; retain: boolean; rank: Rank }

/** `topic`: below the base; `+` stands for the camera's id or the command's name. */
export type TopicRow = Delivery & { topic: string }

/** The contract's table. Alarms are never retained: a retained one would ring again at each restart of a subscriber. */
export const topics: Record<Kind, TopicRow> = {
  status: { topic: 'status', qos: 1, retain: true, rank: 'status' },
  health: { topic: 'health', qos: 0, retain: true },
  cameraState: { topic: 'camera/+/state', qos: 1, retain: true, rank: 'other' },
  cameraPain: { topic: 'camera/+/pain', qos: 1, retain: true, rank: 'other' },
  cameraReference: { topic: 'camera/+/reference', qos: 1, retain: true, rank: 'other' },
  observation: { topic: 'camera/+/observation', qos: 0, retain: false },
  alarm: { topic: 'alarm', qos: 1, retain: false, rank: 'alarm' },
  acknowledgement: { topic: 'acknowledgement', qos: 1, retain: false, rank: 'other' },
  explanation: { topic: 'explanation', qos: 1, retain: false, rank: 'explanation' },
  response: { topic: 'response/+', qos: 1, retain: false, rank: 'other' }
}

/** Under this and its id the outbox keeps the last message of each alarm that subscribers know as active. */
export const activeAlarmNotes = 'alarm/'

export const commandTopics = 'command/+'
/** By this `painlens check` tries whether commands get through; painlens does not answer it. */
export const trialCommand = 'check'

/** @param device as in the config */
export const baseTopic = (device: string): string => `painlens/${device}`

/** @param name the camera's id or the command's name, for the topics that have one */
export function topicOf(base: string, kind: Kind, name = ''): string {
  return `${base}/${topics[kind].topic.replace('+', name)}`
}

/** Whether it is an alarm, a state, a command or another message of the contract, of whichever device. */
export function isOfAnyDevice(topic: string): boolean {
  const [root, , ...rest] = topic.split('/')
  const levels = [commandTopics, ...Object.values(topics).map((row) => row.topic)].map((one) => one.split('/'))
  return (
    root === 'painlens' &&
    levels.some(
      (pattern) => pattern.length === rest.length && pattern.every((level, i) => level === '+' || level === rest[i])
    )
  )
}

/** @returns the command's name, or null for a topic that is no command of ours */
export function commandOf(base: string, topic: string): CommandName | string | null {
  const prefix = `${base}/command/`
  return topic.startsWith(prefix) ? topic.slice(prefix.length) : null
}
