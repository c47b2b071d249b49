/**
 * Every condition of alarms, and every reason for which one ends: the only place to add one. Types,
 * schemas, the config's defaults and the tables of docs/integrate/mqtt.md come from here (`npm run generate`); the words are in languages/.
 */

export const priorities = ['high', 'medium', 'low'] as const
export type Priority = (typeof priorities)[number]

interface ConditionRow {
  /** About a person, about painlens itself, or asked for by the command `test_alarm`. */
  kind: 'physiological' | 'technical' | 'test'
  /** Unless `alarm.priority` of the config says otherwise. docs/integrate/mqtt.md has the reasons. */
  priority: Priority
  /** What is the case while such an alarm is active. Markdown, without a full stop. */
  meaning: string
  /** When it is over, for the contract's table. */
  ends: string
  /** Whether an active alarm repeats itself; true unless given. */
  updates?: false
}

export const conditions = {
  pain: {
    kind: 'physiological',
    priority: 'high',
    meaning: 'a resident shows pain',
    ends: 'the score has stayed low'
  },
  camera_lost: {
    kind: 'technical',
    priority: 'medium',
    meaning: 'a camera gives no pictures',
    ends: 'it gives live ones'
  },
  camera_frozen: {
    kind: 'technical',
    priority: 'medium',
    meaning: 'a camera gives one and the same picture',
    ends: 'it gives live ones'
  },
  camera_dark: {
    kind: 'technical',
    priority: 'low',
    meaning: "a camera's picture is dark or covered",
    ends: 'something can be seen'
  },
  camera_damaged: {
    kind: 'technical',
    priority: 'medium',
    meaning:
      "a camera's pictures have been too damaged to be judged for 10 s: data is lost on the way, or cannot be decoded",
    ends: 'they are whole again'
  },
  face_unusable: {
    kind: 'technical',
    priority: 'medium',
    meaning:
      'faces are found and none of them can be judged (covered, in profile, too small …), for `alarm.face_unusable_min`: the resident is not watched',
    ends: 'a usable face is seen for 2 s, or no face for a minute'
  },
  nobody_seen: {
    kind: 'technical',
    priority: 'low',
    meaning: 'no face is found for `alarm.nobody_seen_min`; off by default',
    ends: 'a face is seen'
  },
  overloaded: {
    kind: 'technical',
    priority: 'medium',
    meaning:
      'the box drops frames, and judges the faces of a camera so seldom that alarms come later than `alarm.onset_s`, for `alarm.overloaded_min`',
    ends: 'faces are judged often enough, or no frames are dropped, for as long'
  },
  inference_failed: {
    kind: 'technical',
    priority: 'high',
    meaning: 'faces cannot be found or classified, or that has been stuck for 30 s',
    ends: 'it works again'
  },
  explanation_failed: {
    kind: 'technical',
    priority: 'low',
    meaning: 'alarms come without explanation',
    ends: 'they are explained again'
  },
  outbox_full: {
    kind: 'technical',
    priority: 'medium',
    meaning: 'undelivered messages fill 80 % of `outbox.max_messages`; nothing is lost yet',
    ends: 'below 60 %'
  },
  outbox_failed: {
    kind: 'technical',
    priority: 'medium',
    meaning:
      'the disk refuses the outbox (full, read-only, broken): alarms go out, but wait in memory only, and a power cut would lose them',
    ends: 'it has taken everything for 10 s'
  },
  config_rejected: {
    kind: 'technical',
    priority: 'low',
    meaning:
      'a changed config (`SIGHUP`) has mistakes, and the one before goes on; or it changes what only a restart applies, which the text names',
    ends: 'a good one is taken over whole'
  },
  clock_unsynchronised: {
    kind: 'technical',
    priority: 'low',
    meaning: 'no time server for 5 min; never where nothing on the box knows about it',
    ends: 'the clock is synchronised'
  },
  broker_lost: {
    kind: 'technical',
    priority: 'low',
    meaning: 'the broker was away for 10 s or more; told when it is back',
    ends: 'it is back',
    // While it is so, an update reaches no subscriber.
    updates: false
  },
  test: {
    kind: 'test',
    priority: 'low',
    meaning: 'a test alarm was asked for',
    ends: 'after the seconds that were asked for'
  }
} as const satisfies Record<string, ConditionRow>

export type Condition = keyof typeof conditions
type OfKind<Kind> = { [C in Condition]: (typeof conditions)[C]['kind'] extends Kind ? C : never }[Condition]
/** What is wrong with painlens itself. */
export type TechnicalCondition = OfKind<'technical'>
/** What is wrong with how the residents of a camera that works are watched. */
export const faceConditions = [
  'face_unusable',
  'nobody_seen',
  'overloaded'
] as const satisfies readonly TechnicalCondition[]
export type FaceCondition = (typeof faceConditions)[number]
/** What is the case with a person. */
export type PhysiologicalCondition = OfKind<'physiological'>

export const conditionNames = Object.keys(conditions) as Condition[]

/** Whether an active alarm of this condition repeats itself. */
export function hasUpdates(condition: Condition): boolean {
  const row: ConditionRow = conditions[condition]
  return row.updates ?? true
}

interface EndReasonRow {
  /** Whether the condition itself is over. Otherwise it is not known any more, and the text of the end says why. */
  over: boolean
  /** What it says about the person. Markdown. */
  meaning: string
}

/** Why an alarm ended. */
export const endReasons = {
  cleared: { over: true, meaning: 'the score has stayed low: the condition is over' },
  track_lost: {
    over: false,
    meaning:
      'the face has been out of sight for `alarm.track_lost_s`, up to four times as long for a face that is seen rarely: **unknown**'
  },
  person_uncertain: {
    over: false,
    meaning:
      'the face went out of sight, and the one that is at its place since then shows no pain, but may be another person: **unknown**'
  },
  face_unusable: {
    over: false,
    meaning:
      'the face is still seen, but could not be judged for `alarm.face_unusable_min` (an oxygen mask, a blanket, a hand): **unknown**'
  },
  camera_lost: { over: false, meaning: 'the camera shows nothing: **unknown**, and a technical alarm says so' },
  camera_frozen: {
    over: false,
    meaning: 'the camera shows the same picture again and again: **unknown**, and a technical alarm says so'
  },
  camera_dark: { over: false, meaning: 'the camera shows a dark picture: **unknown**, and a technical alarm says so' },
  camera_damaged: {
    over: false,
    meaning: 'the pictures of the camera are damaged: **unknown**; a technical alarm says so where that lasts'
  },
  camera_paused: { over: false, meaning: 'the camera was paused for care' },
  reconfigured: {
    over: false,
    meaning:
      'the camera was changed in the config or taken out of it: **unknown**; if it is still there, an alarm may start anew'
  },
  stopped: { over: false, meaning: 'painlens was stopped: **unknown**' },
  restarted: {
    over: false,
    meaning:
      'painlens was killed or lost its power, and has started again: **unknown** since the last message; an alarm may start anew'
  },
  test: { over: true, meaning: 'the end of a test alarm' }
} as const satisfies Record<string, EndReasonRow>

export type EndReason = keyof typeof endReasons
/** After which it is unknown how the person is. */
export type UnknownReason = { [R in EndReason]: (typeof endReasons)[R]['over'] extends true ? never : R }[EndReason]

export const endReasonNames = Object.keys(endReasons) as EndReason[]

export const leavesUnknown = (reason: EndReason): reason is UnknownReason => !endReasons[reason].over
