import type { EndReason, Priority } from '../../contract/conditions.js'
import type { Acknowledgement, AlarmMessage, AlarmPhase, AlarmSubject, Location } from '../../contract/messages.js'
import { type Clock, later, latest, type Moment, stamp, timeOfDay } from '../../core/clock.js'
import type { Box } from '../../core/types.js'
import { wording } from './texts.js'
import type { AlarmRules } from './types.js'

export interface AlarmFacts {
  alarmId: string
  priority: Priority
  location: Location
  /** A moment of the clock. */
  onset: Moment
  model: AlarmMessage['model']
  detail?: string | null
}

/** What was said of an alarm before this record of it. */
interface Past {
  seq: number
  ack: Acknowledgement | null
  onset: string
}

/** One alarm's life: start, updates, end, with a seq that has no gap. The only place where alarm messages are written. */
export class AlarmRecord {
  readonly #facts: AlarmFacts
  #subject: AlarmSubject
  readonly #clock: Clock
  /** Written down once: if the box's clock is set later, an alarm does not change when it began. */
  readonly #onset: string
  /** An update was held back and is to come as soon as the rate limit lets it. */
  wanted = false
  #seq: number
  #ack: Acknowledgement | null
  #lastAt: Moment
  #ended = false

  constructor(subject: AlarmSubject, facts: AlarmFacts, clock: Clock, past?: Past) {
    this.#subject = subject
    this.#facts = facts
    this.#clock = clock
    this.#onset = past?.onset ?? stamp(clock, facts.onset)
    this.#seq = past?.seq ?? 0
    this.#ack = past?.ack ?? null
    this.#lastAt = facts.onset
  }

  get alarmId(): string {
    return this.#facts.alarmId
  }

  get condition(): AlarmSubject['condition'] {
    return this.#subject.condition
  }

  get ended(): boolean {
    return this.#ended
  }

  /** The moment of the last message. */
  get lastAt(): Moment {
    return this.#lastAt
  }

  /** The score in the last message; null for an alarm that is about no person. */
  get lastScore(): number | null {
    return this.#subject.score
  }

  start(at: Moment): AlarmMessage {
    return this.#message(at, { phase: 'start', state: 'active', reason: null })
  }

  /** @param score the one in the last message unless given */
  update(at: Moment, score?: number): AlarmMessage {
    return this.#message(at, { phase: 'update', state: 'active', reason: null }, score)
  }

  /** @param score as for `update` */
  end(at: Moment, reason: EndReason, score?: number): AlarmMessage {
    this.#ended = true
    return this.#message(at, { phase: 'end', state: 'ended', reason }, score)
  }

  /** Records who has seen the alarm; it goes on being active. A later acknowledgement replaces the earlier one. */
  acknowledge(by: string, kind: Acknowledgement['kind'], at: Moment): AlarmMessage {
    this.#ack = { by, at: stamp(this.#clock, at), kind }
    return this.update(at)
  }

  #message(at: Moment, phase: AlarmPhase, score?: number): AlarmMessage {
    const { alarmId, onset, detail = null, priority, location, model } = this.#facts
    if (score !== undefined && this.#subject.type === 'physiological') this.#subject = { ...this.#subject, score }
    const subject = withRoundedScore(this.#subject)
    const { condition, camera } = subject
    this.#lastAt = latest(at, this.#lastAt)
    const durationS = (this.#lastAt - onset) / 1000
    this.wanted = false
    const demonstration = (subject.type === 'physiological' || subject.test) && model?.demonstration === true
    return {
      schema: 1,
      alarm_id: alarmId,
      ...phase,
      seq: this.#seq++,
      ...subject,
      priority,
      location,
      model,
      ack: this.#ack,
      onset: this.#onset,
      updated: stamp(this.#clock, this.#lastAt),
      published: null,
      duration_s: rounded(durationS, 1),
      text: wording({ condition, reason: phase.reason, location, camera, detail, durationS, demonstration }),
      late: false
    }
  }
}

const withRoundedScore = (subject: AlarmSubject): AlarmSubject =>
  subject.type === 'physiological' ? { ...subject, score: rounded(subject.score, 3) } : subject

/**
 * The end of an alarm that an earlier run of painlens left active, whose subscribers would wait for one. How long it
 * has been since then only the time of day can say.
 * @param last the last message of it that was put into the outbox
 */
export function endAfterRestart(last: AlarmMessage, at: Moment, clock: Clock): AlarmMessage {
  const { alarm_id: alarmId, priority, location, model } = last
  const lasted = Math.max(last.duration_s * 1000, timeOfDay(clock, at) - Date.parse(last.onset))
  const past = { seq: last.seq + 1, ack: last.ack, onset: last.onset }
  const facts = { alarmId, priority, location, onset: later(at, -lasted), model }
  return new AlarmRecord(subjectOf(last), facts, clock, past).end(at, 'restarted')
}

/** An earlier version's message has no code. */
function subjectOf({ type, condition, camera, score, threshold, code = null, test }: AlarmMessage): AlarmSubject {
  // They fit each other, as they come from one message.
  return { type, condition, camera, score, threshold, code, test } as AlarmSubject
}

function rounded(value: number, digits: number): number {
  return Number(value.toFixed(digits))
}

/** What is known about one face over time. Times are moments of the clock. */
export interface TrackState {
  camera: string
  smoothed: number
  firstSeen: Moment
  lastSeen: Moment
  /** When it last had a score, or was first seen. */
  lastJudged: Moment
  box: Box | null
  /** The tracker has given it up; its episode waits for a new track at the same place. */
  lost: boolean
  /** Since when the smoothed score is at or above the onset threshold; null while it is below. */
  aboveSince: Moment | null
  /** Since when it is at or below the clear threshold; null while it is above. */
  belowSince: Moment | null
  alarm: AlarmRecord | null
}

export function newTrack(camera: string, at: Moment): TrackState {
  return {
    camera,
    smoothed: Number.NaN,
    firstSeen: at,
    lastSeen: at,
    lastJudged: at,
    box: null,
    lost: false,
    aboveSince: null,
    belowSince: null,
    alarm: null
  }
}

/**
 * Takes one sighting in. Exponential smoothing by time, not by sample: after one time constant a step has been followed by
 * 63 % whatever the frame rate. A time that runs backwards counts as no time, and so does the time in which the face is seen
 * and cannot be judged: it speaks neither for an alarm nor against it.
 * @param score 0..1; null, or what is not finite, where the face could not be judged
 */
export function follow(track: TrackState, rules: AlarmRules, at: Moment, score: number | null, box: Box | null): void {
  const elapsed = Math.max(0, at - track.lastSeen)
  track.lastSeen = latest(track.lastSeen, at)
  track.lost = false
  track.box = box ?? track.box
  if (score === null || !Number.isFinite(score)) {
    track.aboveSince = track.aboveSince === null ? null : later(track.aboveSince, elapsed)
    track.belowSince = track.belowSince === null ? null : later(track.belowSince, elapsed)
    return
  }
  const weight = rules.smoothingS > 0 ? 1 - Math.exp(-elapsed / (rules.smoothingS * 1000)) : 1
  track.smoothed = Number.isNaN(track.smoothed) ? score : track.smoothed + weight * (score - track.smoothed)
  const now = track.lastSeen
  track.lastJudged = now
  track.aboveSince = track.smoothed >= rules.onsetThreshold ? (track.aboveSince ?? now) : null
  track.belowSince = track.smoothed <= rules.clearThreshold ? (track.belowSince ?? now) : null
}

/** What ends a track, and with it its alarm, when that has lasted too long: since when, for how long, and the alarm's reason. */
const trackEnds: readonly {
  reason: EndReason
  since: (track: TrackState) => Moment
  afterS: (rules: AlarmRules) => number
}[] = [
  { reason: 'track_lost', since: ({ lastSeen }) => lastSeen, afterS: ({ trackLostS }) => trackLostS },
  { reason: 'face_unusable', since: ({ lastJudged }) => lastJudged, afterS: ({ faceUnusableS }) => faceUnusableS }
]

/** Why a track is over now; null while it is not. */
export function endOf(track: TrackState, rules: AlarmRules, now: Moment): EndReason | null {
  return trackEnds.find(({ since, afterS }) => held(since(track), now, afterS(rules)))?.reason ?? null
}

/** Whether something that began at `since` has held for `seconds`. */
export function held(since: Moment | null, now: Moment, seconds: number): boolean {
  return since !== null && now - since >= seconds * 1000
}

/** How long a face has to be unseen before another track may be taken for it, unless the tracker says that it is lost. */
const unseenMs = 1000

/**
 * The track that `young` goes on from: of the same camera, at the same place, out of sight since before `young` came up
 * (two faces seen at the same time are two people), and not yet given up.
 */
export function predecessor(
  tracks: Iterable<[string, TrackState]>,
  young: TrackState,
  at: Moment,
  rules: AlarmRules
): [string, TrackState] | undefined {
  if (young.box === null || at - young.firstSeen > rules.trackLostS * 1000) return undefined
  let best: [string, TrackState] | undefined
  for (const entry of tracks) {
    const [, old] = entry
    if (old.camera !== young.camera || old.box === null) continue
    if (old.lastSeen >= young.firstSeen || !(old.lost || at - old.lastSeen >= unseenMs)) continue
    if (young.firstSeen - old.lastSeen >= rules.trackLostS * 1000 || !near(old.box, young.box)) continue
    if (best === undefined || old.lastSeen > best[1].lastSeen) best = entry
  }
  return best
}

/** Centres closer than one face, and of about the same size: a head that turned, not its neighbour. */
function near(a: Box, b: Box): boolean {
  const size = Math.max(a.width, a.height, b.width, b.height)
  const smaller = Math.max(Math.min(a.width, b.width), Math.min(a.height, b.height))
  const dx = a.x + a.width / 2 - (b.x + b.width / 2)
  const dy = a.y + a.height / 2 - (b.y + b.height / 2)
  return Math.hypot(dx, dy) <= size && smaller * 2.5 >= size
}
