/** What the page's two sides say to each other: JSON over server-sent events and POST. Times are ISO 8601 UTC. */
import type { Priority } from '../contract/conditions.js'
import type { Feedback } from '../contract/feedback.js'
import type { Texts } from '../contract/languages/index.js'
import type { Acknowledgement } from '../contract/messages.js'
import type { CameraState, Polygon, UnusableReason, Zone } from '../core/types.js'

export const roles = ['ward', 'technician'] as const
export type Role = (typeof roles)[number]

/** Reasons for which a room's state is unknown. The first that holds is shown: a box that is off comes before the last state of its cameras. */
export type RoomUnknown =
  | 'box_off'
  | 'box_unheard'
  | 'broker_away'
  | 'box_silent'
  | 'alarms_unheard'
  | 'inference_failed'
  | 'connecting'
  | 'lost'
  | 'frozen'
  | 'dark'
  | 'damaged'
  | 'face_unusable'

/** `no_face`: the camera works and shows no face, as over an empty bed. */
export type RoomLamp = 'watched' | 'pain' | 'no_face' | 'paused' | 'unknown'

export interface BoxRow {
  kind: 'box'
  device: string
  /** Null while it is heard. */
  why: RoomUnknown | null
  /** Whether alarms reach the broker now, as far as this box knows. */
  broker: boolean
  /** Its classifier is for demonstrations and says nothing about people. */
  demonstration: boolean
}

export interface RoomRow {
  kind: 'room'
  device: string
  camera: string
  ward: string | null
  room: string | null
  bed: string | null
  lamp: RoomLamp
  why: RoomUnknown | null
  /** While paused: when the pause ends. */
  until: string | null
  /** Null where its box takes no resting faces, or has not said so. */
  reference: RoomReference | null
}

/** The resting faces of a room's beds. */
export interface RoomReference {
  /** Whether one can be taken. */
  available: boolean
  /** Of the camera; each may have one of its own. */
  zones: string[]
  beds: {
    zone: string | null
    since: string
    by: string
    state: 'used' | 'suspended' | 'expired'
  }[]
}

/** A resting face that is being taken by this page, or was a short time ago. */
export interface TakingRow {
  kind: 'taking'
  device: string
  camera: string
  zone: string | null
  by: string
  /** When the face has been looked at for long enough. */
  until: string
  /** Null while it is being taken. */
  outcome: 'taken' | { code: string; error: string } | null
}

export interface AlarmRow {
  kind: 'alarm'
  device: string
  id: string
  /** Null where it is about a box as a whole. */
  camera: string | null
  physiological: boolean
  test: boolean
  priority: Priority
  text: Texts
  onset: string
  /** When it ended; null while it is active. */
  ended: string | null
  ack: Acknowledgement | null
  /** The explanation's sentence. */
  why: Texts | null
  /** Whether its heatmap can be fetched. */
  heatmap: boolean
}

export type Row = BoxRow | RoomRow | AlarmRow | TakingRow

/** The event `rows`: rows that have changed; null for one that was removed. */
export interface RowsEvent {
  at: string
  /** Whether these are all rows, which replace the earlier ones. */
  whole: boolean
  rows: Record<string, Row | null>
}

/** The event `beat`, every few seconds. */
export interface BeatEvent {
  at: string
  /** Another one than before: the page is of another version, and has to be loaded anew. */
  build: string
}

/** What painlens sees in a picture, beside its JPEG in the header `x-sight`. */
export interface SightAnswer {
  /** Of the picture, in square pixels. */
  width: number
  height: number
  /** Null where it was not searched: the picture is frozen or damaged. */
  faces: SeenFaceAnswer[] | null
}

export interface SeenFaceAnswer {
  /** x, y, width, height in shares of the picture. */
  box: [number, number, number, number]
  /** Its width from ear to ear, in pixels of the frame. */
  px: number
  roll_deg: number
  why_not: UnusableReason | null
  /** x0 y0 … of its 68 points, in whole pixels of the picture; empty where there are too many faces. */
  landmarks: readonly number[]
}

/** The answer of GET /api/cameras: the cameras of the box that serves the page. */
export interface CameraTile {
  camera: string
  state: CameraState
  fps: number
  damaged: number
  usable_share: number | null
  problem: string | null
  decoder: string
  /** As the running painlens has them from its config. */
  masks: readonly Polygon[]
  zones: readonly Zone[]
}
/** One of the lamps that `painlens check` has, as the running painlens sees it. */
export interface CheckLamp {
  what: string
  state: 'ok' | 'warn' | 'fail'
  found: string
  fix: string | null
  code: string | null
}

export interface CamerasOfBox {
  cameras: CameraTile[]
  lamps: CheckLamp[]
  /** privacy.show_pictures */
  pictures: boolean
}

export const acknowledgements = ['coming', 'seen', 'false_alarm'] as const satisfies readonly Acknowledgement['kind'][]

/** For how long the page has a face looked at to take it as a resting face, in s; the page's texts say so. */
export const lookS = 30

/** The answer of GET /api/session. */
export interface SessionAnswer {
  role: Role
  name: string
  /** The box that serves the page. */
  device: string
}

/** The answer to a request that failed. */
export interface Refusal {
  code: string
  error: string
  /** After a wrong token: how long the next try has to wait. */
  retry_s?: number
}

/** Why nothing is known of a room: besides what its lamp says, painlens was off, or could not keep it. */
export type NightUnknown = RoomUnknown | 'not_recorded'

/** The answer of GET /api/night: what has been from one time to another. Times in it are ms since the epoch: there are many. */
export interface NightAnswer {
  from: number
  to: number
  /** The end of what is told, where it is before `to`. */
  now: number
  lanes: NightLane[]
  alarms: NightAlarm[]
  deeds: NightDeed[]
  /** There was too much: not everything is told. */
  cut: boolean
  /** Whether it is recorded at present. */
  recorded: boolean
  /** What was said of the alarms for pain that began in that time. */
  feedback: NightFeedback[]
}

/** Of one room that had alarms. */
export type NightFeedback = NightPlace & Omit<Feedback, 'advice'> & { advice: Texts }

export type NightPlace = Pick<RoomRow, 'device' | 'camera' | 'ward' | 'room' | 'bed'>

/** A room; its spans follow one another without a gap, until now. */
export interface NightLane extends NightPlace {
  spans: NightSpan[]
}

export interface NightSpan {
  from: number
  to: number
  lamp: RoomLamp
  why: NightUnknown | null
}

export interface NightAlarm
  extends Pick<AlarmRow, 'device' | 'id' | 'camera' | 'physiological' | 'test' | 'priority' | 'text'> {
  onset: number
  /** When it ended; where that is not recorded, until when it is known to have been active. */
  until: number
  ended: boolean
  /** By how much its highest score was above the threshold; null where that is not recorded. */
  margin: number | null
  /** It was judged against a resting face, as far as is recorded. */
  referenced: boolean
  acks: { by: string; kind: Acknowledgement['kind']; at: number }[]
}

/** What was done on the page. */
export interface NightDeed {
  at: number
  what: (typeof nightDeeds)[number]
  device: string
  camera: string
  by: string
  minutes: number | null
}
export const nightDeeds = ['look', 'pause', 'resume', 'reference', 'reference_removed'] as const

/** The answer of GET /api/find: cameras that answer to ONVIF. */
export interface FindAnswer {
  running: boolean
  /** What the last search has found; null before the first, and while one is under way. */
  cameras: FoundCameraAnswer[] | null
}

export interface FoundCameraAnswer {
  address: string
  /** As the device names itself, as the texts below it. */
  name: string | null
  problem: { code: string; message: string; fix: string } | null
  profiles: {
    name: string
    width: number | null
    height: number | null
    fps: number | null
    codec: string | null
    /** Of the stream, without a password. */
    url: string | null
  }[]
}

/** The answer of GET /api/way: how far a test alarm has come on its way to the nurse call. Null before the first. */
export interface WayAnswer {
  camera: string
  by: string
  begun: string
  /** The broker has confirmed it. */
  confirmed: string | null
  /** It came back from the broker, as whatever listens there gets it. */
  back: string | null
  /** Why it cannot be heard there; null while it may. */
  notHeard: string | null
  /** The broker has confirmed it, and has not given it back within 10 s. */
  notBack: boolean
  acknowledged: { by: string; at: string } | null
  /** After which nothing more comes. */
  ended: string | null
}
