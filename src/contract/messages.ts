/** What goes over MQTT, by topic; docs/integrate/mqtt.md is the same for readers. Times are ISO 8601 UTC. */
import type { CameraState, Precision, RegionShare, Uncertainty, UnusableReason } from '../core/types.js'
import type { EndReason, PhysiologicalCondition, Priority, TechnicalCondition } from './conditions.js'
import type { Texts } from './languages/index.js'

export interface StatusMessage {
  state: 'online' | 'offline'
  session: string
  version: string
  at: string
}

export interface CameraStateMessage {
  state: CameraState
  since: string
  /** While `paused`: when painlens looks again by itself. */
  until?: string
}

/** Whether pain is suspected in a camera: the faces that it shows share the topic of alarms. */
export interface CameraPainMessage {
  /** False: a face was judged within the last minute and no alarm is active. Null: unknown. */
  suspected: boolean | null
  since: string
  /** The active pain alarms. */
  alarm_ids: string[]
  /** There are some, and each has an acknowledgement. */
  acknowledged: boolean
}

/** The resting faces of a camera's beds: that there are some, and nothing of what they are. */
export interface CameraReferenceMessage {
  /** Whether one can be taken: the model says what its outputs on neutral faces are. */
  available: boolean
  /** The zones of the camera, each of which may have one of its own. */
  zones: string[]
  references: BedReference[]
}

export interface BedReference {
  zone: string | null
  since: string
  by: string
  /** It is not used, since another person may lie there. */
  suspended: boolean
  /** It is not used any more, since it is too old. */
  expired: boolean
}

export interface ObservationMessage {
  at: string
  track: number
  /** x, y, width, height in 0..1 of the frame. */
  box: [number, number, number, number]
  zone: string | null
  /** How far the face is turned clockwise from upright, in degrees, above -180 and up to 180. */
  roll_deg: number
  /** Whether the face could be judged. */
  usable: boolean
  /** Why not. */
  why_not: UnusableReason | null
  /** How surely that is a face, 0..1. */
  detector_score: number
  /** Null where the face is not usable, as is `smoothed`. */
  pain: number | null
  smoothed: number | null
  /** The model's own score: `pain`, unless that was lowered by the resting face of the bed. */
  pain_unreferenced: number | null
  /** All classes, only with privacy.publish_emotions. */
  emotions?: Record<string, number>
}

export interface Location {
  facility: string | null
  ward: string | null
  room: string | null
  bed: string | null
}

export interface Acknowledgement {
  by: string
  at: string
  kind: 'seen' | 'coming' | 'false_alarm'
}

/** An acknowledgement of its own, also one that comes after the alarm's end; an alarm's messages repeat only the last one of its active time. */
export interface AcknowledgementMessage extends Acknowledgement {
  alarm_id: string
  /** The alarm had ended by then. */
  after_end: boolean
}

interface AlarmFields {
  schema: 1
  alarm_id: string
  seq: number
  priority: Priority
  ack: Acknowledgement | null
  /** The alarm of the same place that ended shortly before. */
  previous: string | null
  /** In an update that reminds, as the alarm is not acknowledged: its number, from 1. */
  reminder: number | null
  /** What the resting face of the bed has to do with the score; null where nothing, or where there is none. */
  reference: { effect: 'lowered' | 'overruled'; score_unreferenced: number } | null
  location: Location
  onset: string
  updated: string
  /** When this message was handed to the broker; the alarm stage leaves it null, the MQTT stage fills it in. */
  published: string | null
  duration_s: number
  text: Texts
  late: boolean
  model: { name: string; sha256: string; demonstration: boolean } | null
}

/** What an alarm is about: a person, painlens itself, or nothing but the way to the nurse. */
export type AlarmSubject =
  | {
      type: 'physiological'
      condition: PhysiologicalCondition
      camera: string
      /** The smoothed score now, and the one that starts an alarm. */
      score: number
      threshold: number
      code: null
      test: false
      /** False: judged in int8, and float32 had no time to look at the face before the alarm went out. */
      confirmed: boolean
    }
  | {
      type: 'technical'
      condition: TechnicalCondition
      /** Null where it is about painlens as a whole. */
      camera: string | null
      score: null
      threshold: null
      /** Where painlens knows more than the condition says; docs/operate/errors.md has them all. */
      code: string | null
      test: false
      confirmed: null
    }
  | {
      type: 'technical'
      condition: 'test'
      camera: string
      score: null
      threshold: null
      code: null
      test: true
      confirmed: null
    }

/** Where an alarm is in its life: only its last message has a reason. */
export type AlarmPhase =
  | { phase: 'start' | 'update'; state: 'active'; reason: null }
  | { phase: 'end'; state: 'ended'; reason: EndReason }

export type AlarmMessage = AlarmFields & AlarmSubject & AlarmPhase

/** What versions before it had no key for; of float32, which was all there was, they said nothing. */
const laterKeys = { previous: null, reminder: null, reference: null, code: null } as const

/**
 * An alarm message that an earlier version wrote, as this one's contract has it.
 * @param kept as it was kept on disk; keys that it has stay as they are
 */
export function ofThisVersion<T extends object>(kept: T): T {
  const confirmed = 'type' in kept && kept.type === 'physiological' ? true : null
  return { ...laterKeys, confirmed, ...kept }
}

/**
 * Whether what was kept on disk is an alarm message of this version, or of an earlier or later one: what all versions write is there, each of its type.
 * Its condition may be one that this version does not know.
 */
export function isKeptAlarm(kept: object): kept is AlarmMessage {
  const { type, camera, location, ack, text, model, ...told } = kept as Partial<Record<string, unknown>>
  const texts = [told.alarm_id, told.condition, told.priority, told.state, told.phase]
  const { score, threshold } = told
  const hasScore = type === 'physiological' ? isNumber(score) && isNumber(threshold) : score === null
  return (
    (type === 'physiological' || type === 'technical') &&
    texts.every(isText) &&
    [told.seq, told.duration_s].every(isNumber) &&
    [told.onset, told.updated].every(isTime) &&
    hasScore &&
    (camera === null || isText(camera)) &&
    isRecord(location) &&
    [location.facility, location.ward, location.room, location.bed].every((name) => name === null || isText(name)) &&
    (ack === null || isAcknowledgement(ack)) &&
    isRecord(text) &&
    isText(text.en) &&
    (model === null || isRecord(model))
  )
}

/** Whether what was kept on disk is an acknowledgement, of its own or in an alarm message. */
export const isAcknowledgement = (kept: unknown): kept is Acknowledgement =>
  isRecord(kept) && isText(kept.by) && isText(kept.kind) && isTime(kept.at)

const isText = (value: unknown): boolean => typeof value === 'string'
const isNumber = (value: unknown): boolean => Number.isFinite(value)
const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null
/** ISO 8601 with a year of four digits: the days beside the last that JavaScript knows are none. */
const isTime = (value: unknown): boolean =>
  typeof value === 'string' && /^\d{4}-/.test(value) && !Number.isNaN(Date.parse(value))

export interface ExplanationMessage {
  alarm_id: string
  at: string
  target: string
  probability: number
  composite: string
  engine: string
  regions: RegionShare[]
  text: Texts
  /** Classes other than the target only with privacy.publish_emotions. */
  uncertainty: Uncertainty
  /**
   * By what share of its largest relevance the map changes when each value of the picture changes by a millionth of itself, 0..1; null
   * where the composite cannot be ill-conditioned.
   */
  conditioning: number | null
  /** PNG in base64, only with privacy.publish_heatmap. */
  heatmap?: string
}

export interface ExplanationHealth {
  /** `failed`: alarms go on without explanation; where the engines do not differ, it is tried again after a minute, and later once an hour. */
  state: 'starting' | 'ready' | 'restarting' | 'failed'
  /** Null while none serves. */
  engine: string | null
  /** What `explanation.engine: auto` chose by: the time of each engine, and by which part of the largest relevance they differ. */
  choice: { tfjs_ms: number; onnx_ms: number; difference: number } | null
  /** Why nothing, or the last request, was explained. */
  problem: string | null
  /** The problem's, of docs/operate/errors.md. */
  code: string | null
  last_ms: number | null
  done: number
  failed: number
}

/** In what numbers faces are judged. */
export interface PrecisionHealth {
  used: Precision
  /** What was found at start, on drawn faces; null where there was nothing to compare with float32. */
  compared: { faces: number; mean: number; max: number; speed: number } | null
  /** Why it is not the one that was asked for. */
  problem: string | null
  code: string | null
}

export interface CameraShapeHealth {
  /** Width and height of the stream's pictures, in their own pixels. */
  coded: [number, number]
  /** Width to height of such a pixel: `16:11`. */
  pixels: string
  /** By how many degrees clockwise they are turned. */
  rotation: 0 | 90 | 180 | 270
  /** Width and height of the camera's picture, in square pixels. */
  shown: [number, number]
}

/** Where an HTTP server of painlens listens, or why it does not. */
export interface Listening {
  address: string | null
  problem: string | null
  code: string | null
}

export interface HealthMessage {
  at: string
  uptime_s: number
  cameras: Record<
    string,
    {
      state: CameraState
      fps: number
      frames: number
      dropped: number
      /** Frames whose data was missing or could not be decoded; they are not judged. */
      damaged: number
      last_frame: string | null
      /** Where the camera is, as its alarms say. */
      location: Omit<Location, 'facility'>
      /** When a face was last seen, whether it could be judged or not; null where there was none since painlens started. */
      face_at: string | null
      /** When a face was last seen that could be judged; null where there was none since painlens started. */
      usable_face_at: string | null
      /** The share of the last hour in which one was seen, of the time in which the camera was watched; null if it was not. */
      usable_share: number | null
      /** Usual time between two frames in which a face was judged; null where none was for a minute. */
      judged_every_s: number | null
      /** Why there is no picture, or a frozen or dark one; null where there is a good one. */
      problem: string | null
      /** The code of that error, where it is one. */
      code: string | null
      decoder: string
      /** Why it is not the hardware's; null where it is, or where there is none. */
      decoder_problem: string | null
      /** Null until the first picture. */
      shape: CameraShapeHealth | null
    }
  >
  /** From a frame's capture to its verdict. */
  /** Alarms that have started and not ended, tests among them: who hears none of them does not hear this device's alarms. */
  active_alarms: number
  latency_ms: { p50: number | null; p95: number | null }
  /** From the frame that started an alarm to the broker having confirmed it. */
  publish_ms: { p50: number | null; p95: number | null; alarms: number }
  event_loop_ms: { p99: number }
  outbox: { depth: number }
  /** What is wrong with painlens now; empty when all is well. */
  problems: { part: string; why: string; code: string | null }[]
  /** Null where HTTP is turned off. */
  http: Listening | null
  /** Null where the page is turned off. */
  page: Listening | null
  provider: string
  precision: PrecisionHealth
  model: { name: string; sha256: string; demonstration: boolean }
  /** Null where explanations are turned off. */
  explanation: ExplanationHealth | null
}

export const commandNames = ['ack', 'pause', 'resume', 'test_alarm', 'refresh', 'reference'] as const
export type CommandName = (typeof commandNames)[number]

export interface ResponseMessage {
  transaction?: string | number
  status: 'ok' | 'error'
  error?: string
  /** With `error`: what docs/operate/errors.md says about it. */
  code?: string
  /** What the command has to tell, if anything: for `test_alarm` the alarm_id. */
  data?: object
}
