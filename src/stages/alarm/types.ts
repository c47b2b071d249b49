import type { Condition, EndReason, FaceCondition, Priority, TechnicalCondition } from '../../contract/conditions.js'
import type { Acknowledgement, AcknowledgementMessage, AlarmMessage } from '../../contract/messages.js'
import type { Clock, Moment } from '../../core/clock.js'
import type { Problem } from '../../core/errors.js'
import type { Box, CameraState, Precision } from '../../core/types.js'

export interface AlarmOptions {
  cameras: Record<string, { ward: string | null; room: string | null; bed: string | null }>
  facility: string | null
  rules: AlarmRules
  priorities: Record<Condition, Priority>
  /** Named in every alarm. */
  model: AlarmMessage['model']
  clock: Clock
  newId?: () => string
}

export interface Observation {
  camera: string
  track: number
  /** When the frame was captured, a moment of the clock. */
  at: Moment
  /** The alarm label's probability, 0..1. Null, or what is not finite: the face is seen, and could not be judged. */
  score: number | null
  /** The model's own score, where the bed's resting face has lowered it to `score`; the same unless given. */
  unreferenced?: number
  /** Of the model that gave the score; float32 unless given. An alarm starts by a score of float32, or by its answer to a question. */
  precision?: Precision
  /** In pixels of the frame. Without it an episode is not handed over to a new track. */
  box?: Box
}

/** That an alarm would be another one without the resting face of its bed. */
export interface AlarmReference {
  /** `overruled`: by the reference alone there would be none, but no reference may lower such scores. */
  effect: 'lowered' | 'overruled'
  /** The smoothed score without it. */
  unreferenced: number
}

export interface AlarmOutput {
  /** The smoothed score, 0..1; NaN before the first one. */
  smoothed: number
  /** To be published in this order. */
  alarms: AlarmMessage[]
  /** The alarm of this track, if there is one. */
  episode: { alarmId: string; active: boolean } | null
  /** float32 is to be asked about this face: what it says goes to `answer`. */
  question: Float32Question | null
}

/** What float32 is asked about a track. */
export interface Float32Question {
  /** What the other model said of the face, held against the bed's resting face, and as it was. */
  score: number
  unreferenced: number
  /** The smoothed scores then. */
  smoothed: { smoothed: number; lowered: number; unreferenced: number }
  /** When it was asked. */
  at: Moment
  /** Since when the smoothed score has been at or above the onset threshold. */
  onset: Moment
}

export interface TestAlarmOptions {
  /** How long it lasts; 30 unless given. */
  seconds?: number
  /** The configured one unless given. */
  priority?: Priority
}

/** What an acknowledgement brings. */
export interface Acknowledged {
  /** The update of an active alarm that repeats it; none for a repetition. */
  alarms: AlarmMessage[]
  /** Null: the alarm's last acknowledgement was of the same person and kind. */
  acknowledgement: AcknowledgementMessage | null
}

export interface Alarms {
  observe(observation: Observation): AlarmOutput
  /**
   * What float32 says of the face that a question was about: the alarm starts, confirmed, or it does not.
   * @param score null: it has not answered within a second; then the alarm starts unconfirmed, as it does by `tick` if this is never called
   * @param unreferenced float32's own score, where the bed's resting face has lowered it
   */
  answer(question: Float32Question, score: number | null, unreferenced?: number): AlarmMessage[]
  /** The tracker has given a track up. Its alarm ends with `tick`, unless a new track at its place takes it over before. */
  trackLost(camera: string, track: number): void
  /** A camera that is lost, frozen, dark, damaged (for 10 s: see `tick`) or paused ends its pain alarms; all but `paused` raise a technical one until it is `ok`. */
  cameraState(camera: string, state: CameraState, at: Moment): AlarmMessage[]
  /** The camera was removed from the config, or changed in it: all its alarms end. */
  cameraGone(camera: string, at: Moment): AlarmMessage[]
  /**
   * Raises or clears an alarm about painlens itself.
   * @param problem null ends the alarm; its message is one plain clause for the text, without secrets
   * @param onset when the condition began; `at` unless it is known to have been before
   */
  technical(condition: TechnicalCondition, problem: Problem | null, at: Moment, onset?: Moment): AlarmMessage[]
  /**
   * Raises or clears an alarm about a camera's faces. It ends with the camera, too, and is not raised while that is lost,
   * frozen, dark or paused.
   * @param since when the condition began; null: it is over
   */
  faces(condition: FaceCondition, camera: string, since: Moment | null, at: Moment): AlarmMessage[]
  /**
   * Of an active alarm, or of one that ended in the last 14 days.
   * @throws {InputError} if there is no such alarm, or if there are too many acknowledgements of it or at once
   */
  ack(alarmId: string, by: string, kind: Acknowledgement['kind'], at: Moment): Acknowledged
  /** Whether an alarm for pain is active in that camera whose last acknowledgement does not say that it is false. */
  hasOpenPain(camera: string): boolean
  /** Whether `ack` would find that alarm. */
  knows(alarmId: string, now: Moment): boolean
  /** An earlier run has said this: its ended alarms can be acknowledged, too. The oldest first. */
  recall(told: AlarmMessage | AcknowledgementMessage): void
  /**
   * The start of an alarm marked as a test; its end comes with `tick`. It can be acknowledged like any other.
   * @throws {InputError} for a camera that the config does not have, or if there are too many at once
   */
  testAlarm(camera: string, at: Moment, options?: TestAlarmOptions): AlarmMessage[]
  /** Time passes: updates that are due, and ends of faces that stay away. Call it about once per second. */
  tick(now: Moment): AlarmMessage[]
  /**
   * Each active alarm once more, as an update; those that the rate limit holds back come with `tick`. In a flood of such calls
   * each when it has been silent for 10 s.
   */
  active(at: Moment): AlarmMessage[]
  /** Ends every active alarm with the reason `stopped`; nothing starts after it. */
  shutdown(at: Moment): AlarmMessage[]
}

/** When an alarm starts, is updated and ends; the config has the defaults. Scores are 0..1, times in seconds. */
export interface AlarmRules {
  /** The smoothed score that starts an alarm once it was seen for `onsetS`, in `onsetFrames` frames or more. */
  onsetThreshold: number
  onsetS: number
  onsetFrames: number
  /** The smoothed score that ends it once it has stayed at or below for `clearS`. Below `onsetThreshold`, or it would flap. */
  clearThreshold: number
  clearS: number
  /** A smoothed score of the model from here on counts as it is, whatever the bed's resting face. */
  alwaysAlarm: number
  /** Time constant of the exponential smoothing; 0 takes each score as it is. */
  smoothingS: number
  /** Longest silence of an active alarm. */
  updateS: number
  /** Least time between an alarm's message and its next update. What comes up in between is merged into that one. */
  updateMinS: number
  /** Updates per second of all alarms together. Starts and ends do not count, and are never held back. */
  updatesPerS: number
  /**
   * How long a face may be out of sight before its alarm ends, and within which a new track at its place takes it over; up to
   * four times as long for a face that is seen rarely, or whose place had an alarm shortly before.
   */
  trackLostS: number
  /** How long a face may be seen without being judged before its alarm ends. */
  faceUnusableS: number
  /** An alarm about a person that has had no acknowledgement for so long gets an update as a reminder; null: never. */
  remindS: number | null
}

/** What lies between two sightings counts as seen, but no more of it than that: nothing is known of the rest. */
export const mostUnseenMs = 1000
/** A rule that asks for no time at all still leaves a second for its frames. */
const leastOnsetS = 1

/**
 * Up to this time between two verdicts on a face, in ms, an alarm starts as soon as `onsetS` says: at a longer one `onsetFrames` take more
 * time than that, or a part of the time does not count as seen.
 */
export const longestPaceMs = ({ onsetS, onsetFrames }: Pick<AlarmRules, 'onsetS' | 'onsetFrames'>): number =>
  Math.min(mostUnseenMs, (1000 * Math.max(onsetS, leastOnsetS)) / Math.max(1, onsetFrames - 1))

interface CameraStateRow {
  /** Why the alarms about people in this camera end with it, if they do. */
  ends: EndReason | null
  /** The technical alarm that it raises. */
  raises: TechnicalCondition | null
  /** It means that only once it has lasted so many seconds. Until then alarms stay as they are. */
  afterS?: number
  /** Alarms stay as they are: it is neither better nor worse. */
  keeps?: true
  /** A face in such a picture is not there now, or is not to be looked at. */
  hides?: true
}

/** What a camera's state means for its alarms. */
export const cameraStateRows: Record<CameraState, CameraStateRow> = {
  ok: { ends: null, raises: null },
  connecting: { ends: null, raises: null, keeps: true },
  lost: { ends: 'camera_lost', raises: 'camera_lost' },
  frozen: { ends: 'camera_frozen', raises: 'camera_frozen', hides: true },
  dark: { ends: 'camera_dark', raises: 'camera_dark' },
  damaged: { ends: 'camera_damaged', raises: 'camera_damaged', afterS: 10 },
  paused: { ends: 'camera_paused', raises: null, hides: true }
}

/** The conditions that a camera's state raises. */
export const watchedConditions: readonly TechnicalCondition[] = Object.values(cameraStateRows).flatMap(({ raises }) =>
  raises === null ? [] : [raises]
)
