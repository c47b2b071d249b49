/**
 * What each camera sees of faces: when one could last be judged, for what share of the time, and the conditions that none can be judged,
 * that there is none, or that they are judged too seldom. A camera that works and judges nothing must not look like a resident without pain.
 */
import type { FaceCondition } from '../../contract/conditions.js'
import type { Moment } from '../../core/clock.js'
import type { CameraState, Face, Sighting } from '../../core/types.js'
import { Pace } from './pace.js'

export interface SeenFacesOptions {
  /** After how long each condition is raised, in ms in which the camera was watched; infinite: never. */
  afterMs: Readonly<Record<FaceCondition, number>>
  /** Up to this time between two verdicts on a face alarms start when they should. */
  paceMs: number
  /** A condition begins (since when) or, with null, is over. @param at of the frame that shows it */
  tell: (condition: FaceCondition, camera: string, since: Moment | null, at: Moment) => void
}

export interface FacesOfCamera {
  /** When a face was last seen, usable or not; null before the first. */
  faceAt: Moment | null
  /** When a usable face was last seen; null before the first. */
  usableAt: Moment | null
  /** 0..1: of the time in the last hour in which the camera was watched, that with a usable face; null if it was not watched. */
  usableShare: number | null
  /** Usual time between two frames in which a usable face was judged; null where none was within the last minute. */
  judgedEveryMs: number | null
}

/** A frame that was judged. */
export interface FacesSeen extends Pick<Sighting, 'camera' | 'at'> {
  faces: readonly Pick<Face, 'whyNot'>[]
  /** How many frames of the camera the box has dropped up to now. */
  dropped: number
}

/** What one frame shows. */
type Shown = 'no face' | 'unusable' | 'usable'

/** Of a longer time between two frames no more than this was watched: cameras have at least 0.2 frames per second. */
const mostBetweenMs = 15_000
/** A covered face is not found in every frame, so `face_unusable` lasts for that long without any; how often faces are judged is told as long. */
const faceGoneMs = 60_000
/** Covers are misread now and then, for some frames: a face of a resident who is watched is usable for longer. */
const misreadMs = 2000

/** Conditions that go by what the frames show. */
type ShownCondition = Exclude<FaceCondition, 'overloaded'>

interface ConditionRule {
  condition: ShownCondition
  /** The frames that it is made of. */
  of: Shown
  /** It is over when other frames have lasted for so long, or usable ones among them; 0: at once. */
  outlives: { otherMs: number; usableMs: number }
}

const conditionRules: readonly ConditionRule[] = [
  { condition: 'face_unusable', of: 'unusable', outlives: { otherMs: faceGoneMs, usableMs: misreadMs } },
  { condition: 'nobody_seen', of: 'no face', outlives: { otherMs: 0, usableMs: 0 } }
]

interface StateRule {
  /** What becomes of the time that is counted: it goes on, stands still, or begins anew when the camera is watched again. */
  time: 'counts' | 'stands' | 'restarts'
  /** The alarm stage has ended these conditions with the state's own reason. */
  ends: boolean
}

const stateRules: Readonly<Record<CameraState, StateRule>> = {
  ok: { time: 'counts', ends: false },
  connecting: { time: 'stands', ends: false },
  // A camera that is lost every few minutes must not hide that no face is usable in between.
  lost: { time: 'stands', ends: true },
  frozen: { time: 'stands', ends: true },
  dark: { time: 'stands', ends: true },
  damaged: { time: 'stands', ends: false },
  // Staff were there meanwhile and may have changed what was in the way.
  paused: { time: 'restarts', ends: true }
}

/** Driven by frames and states alone: where no frame is judged, nothing is known of faces, and nothing is counted. */
export class SeenFaces {
  readonly #options: SeenFacesOptions
  readonly #cameras = new Map<string, CameraFaces>()

  constructor(options: SeenFacesOptions) {
    this.#options = options
  }

  /** Takes in what a frame shows. */
  judged({ camera, at, faces, dropped }: FacesSeen): void {
    const known = this.#cameraOf(camera)
    const shown = shownBy(faces)
    if (shown !== 'no face') known.faceAt = at
    if (shown === 'usable') known.usableAt = at
    if (stateRules[known.state].time !== 'counts') return
    const ms = known.lastAt === null ? 0 : Math.min(Math.max(0, at - known.lastAt), mostBetweenMs)
    known.lastAt = at
    known.lastHour.add(at, ms, shown === 'usable')
    for (const rule of conditionRules) this.#follow(known, rule, { camera, at, shown, ms })
    const behind = known.pace.judged({ at, ms, isUsable: shown === 'usable', dropped })
    if (behind !== null) this.#options.tell('overloaded', camera, behind.since, at)
  }

  cameraState(camera: string, state: CameraState): void {
    const known = this.#cameraOf(camera)
    const { time, ends } = stateRules[state]
    known.state = state
    if (time !== 'counts') known.lastAt = null
    if (time === 'restarts') {
      known.spans = {}
      known.pace.restart()
    }
    if (!ends) return
    for (const span of Object.values(known.spans)) span.told = false
    known.pace.ended()
  }

  /** The camera was removed from the config, or changed in it. */
  forget(camera: string): void {
    this.#cameras.delete(camera)
  }

  of(camera: string, now: Moment): FacesOfCamera {
    const known = this.#cameras.get(camera)
    const { faceAt = null, usableAt = null, lastHour, pace } = known ?? {}
    const isRecent = usableAt !== null && now - usableAt < faceGoneMs
    return {
      faceAt,
      usableAt,
      usableShare: lastHour?.share(now) ?? null,
      judgedEveryMs: isRecent ? (pace?.everyMs ?? null) : null
    }
  }

  #follow(known: CameraFaces, rule: ConditionRule, frame: ShownFrame & { camera: string }): void {
    const { afterMs, tell } = this.#options
    const { condition } = rule
    const before = known.spans[condition]
    const span = followed(before, rule, frame)
    if (span) known.spans[condition] = span
    else delete known.spans[condition]
    if (before?.told && !span) tell(condition, frame.camera, null, frame.at)
    if (!span || span.told || span.ms < afterMs[condition]) return
    span.told = true
    tell(condition, frame.camera, span.since, frame.at)
  }

  #cameraOf(camera: string): CameraFaces {
    const { paceMs, afterMs } = this.#options
    const known = this.#cameras.get(camera) ?? {
      state: 'connecting',
      lastAt: null,
      faceAt: null,
      usableAt: null,
      spans: {},
      pace: new Pace({ mostMs: paceMs, afterMs: afterMs.overloaded }),
      lastHour: new LastHour()
    }
    this.#cameras.set(camera, known)
    return known
  }
}

interface CameraFaces {
  state: CameraState
  /** The last frame that was counted; null where the time to the next one does not count. */
  lastAt: Moment | null
  faceAt: Moment | null
  usableAt: Moment | null
  spans: Partial<Record<ShownCondition, Span>>
  pace: Pace
  lastHour: LastHour
}

/** The frames of a condition, from the first one on. */
interface Span {
  since: Moment
  /** Watched time from the first to the last of them. */
  ms: number
  /** … and of other frames since then. */
  otherMs: number
  /** … and of usable ones among these, from the first on, of which no more is known than its moment; null before that. */
  usableMs: number | null
  /** It was raised. */
  told: boolean
}

interface ShownFrame {
  at: Moment
  shown: Shown
  /** Watched time since the frame before. */
  ms: number
}

/** @returns the span with this frame; undefined where there is none, or none any more */
function followed(
  span: Span | undefined,
  { of, outlives }: ConditionRule,
  { at, shown, ms }: ShownFrame
): Span | undefined {
  if (shown === of) {
    if (!span) return { since: at, ms: 0, otherMs: 0, usableMs: null, told: false }
    return { ...span, ms: span.ms + span.otherMs + ms, otherMs: 0, usableMs: null }
  }
  if (!span) return undefined
  const otherMs = span.otherMs + ms
  const usableMs = shown === 'usable' ? (span.usableMs === null ? 0 : span.usableMs + ms) : span.usableMs
  const isOver = otherMs >= outlives.otherMs || (usableMs ?? 0) >= outlives.usableMs
  return isOver ? undefined : { ...span, otherMs, usableMs }
}

function shownBy(faces: readonly Pick<Face, 'whyNot'>[]): Shown {
  if (faces.length === 0) return 'no face'
  return faces.some(({ whyNot }) => whyNot === null) ? 'usable' : 'unusable'
}

const minuteMs = 60_000

/** The share of usable time of the last hour, by minutes. */
class LastHour {
  /** By the number of the minute, oldest first. */
  readonly #minutes = new Map<number, { ms: number; usableMs: number }>()

  /** @param ms up to `at` */
  add(at: Moment, ms: number, usable: boolean): void {
    const number = Math.floor(at / minuteMs)
    const minute = this.#minutes.get(number) ?? { ms: 0, usableMs: 0 }
    minute.ms += ms
    if (usable) minute.usableMs += ms
    this.#minutes.set(number, minute)
    this.#forget(number)
  }

  share(now: Moment): number | null {
    this.#forget(Math.floor(now / minuteMs))
    let [ms, usableMs] = [0, 0]
    for (const minute of this.#minutes.values()) {
      ms += minute.ms
      usableMs += minute.usableMs
    }
    return ms === 0 ? null : usableMs / ms
  }

  #forget(number: number): void {
    for (const old of this.#minutes.keys()) if (old <= number - 60) this.#minutes.delete(old)
  }
}
