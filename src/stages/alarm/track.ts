/** What is known about one face over time, and what follows for its alarm: onset, end, and which track goes on with it. */
import type { EndReason } from '../../contract/conditions.js'
import { latest, type Moment, type Seconds } from '../../core/clock.js'
import type { Box } from '../../core/types.js'
import type { AlarmRecord } from './record.js'
import { type AlarmReference, type AlarmRules, type Float32Question, mostUnseenMs } from './types.js'

/** In which the smoothed score has been on one side of a threshold. */
interface Stretch {
  since: Moment
  /** Time in which the face was seen and judged; `seenMs` is less than the time since then where it was away meanwhile. */
  seenMs: number
  /** Frames in which it was judged. */
  frames: number
}

/** Smoothed scores, 0..1; NaN before the first score. */
export interface Smoothed {
  /** What alarms go by: `lowered`, or `unreferenced` where that is so high that no reference may lower it. */
  smoothed: number
  /** Of scores held against the bed's resting face, where there is one. */
  lowered: number
  /** Of the model's own scores; the same to the bit where none was lowered. */
  unreferenced: number
}

/** What alarms go by, of both. */
export const smoothedOf = (lowered: number, unreferenced: number, { alwaysAlarm }: AlarmRules): Smoothed => ({
  smoothed: unreferenced >= alwaysAlarm ? unreferenced : lowered,
  lowered,
  unreferenced
})

/** Times are moments of the clock. */
export interface TrackState extends Smoothed {
  camera: string
  firstSeen: Moment
  lastSeen: Moment
  /** When it last had a score, or was first seen. */
  lastJudged: Moment
  /** Usual time between two sightings, in ms; null before the second one. */
  intervalMs: number | null
  presence: Presence
  box: Box | null
  /** The tracker has given it up; its alarm waits for a track at the same place. */
  lost: boolean
  /** Set aside, as the face that has its number since may be another person's: the key of that track. */
  heir: string | null
  /** At or above the onset threshold; null while it is below. */
  above: Stretch | null
  /** At or below the clear threshold; null while it is above. */
  below: Stretch | null
  alarm: AlarmRecord | null
  /** Where it last had a score above the clear threshold. */
  painAt: Box | null
  /** When it had that; null before the first. */
  painSeen: Moment | null
  /** When its first score after that was seen; null until then. */
  calmSince: Moment | null
  /** How much longer than usual its alarm waits before it ends: more for each alarm of its place shortly before. */
  patience: number
  /** Out of sight, with a face at its place that may be its own, but is not judged for long enough: when that was seen last. */
  heldAt: Moment | null
  /** Out of sight, with a face at its place that shows no pain, and may be another person's. */
  isDoubtful: boolean
  /** With an alarm: out of sight, and not judged since it is seen again, so it may be another person's face. */
  isInterrupted: boolean
  /** What float32 is asked about it, as an alarm waits to be confirmed; null while nothing is. */
  question: Float32Question | null
  /** When it was asked last. */
  askedAt: Moment | null
}

export function newTrack(camera: string, at: Moment): TrackState {
  return {
    camera,
    smoothed: Number.NaN,
    lowered: Number.NaN,
    unreferenced: Number.NaN,
    firstSeen: at,
    lastSeen: at,
    lastJudged: at,
    intervalMs: null,
    presence: { seenS: 0, spanS: 0 },
    box: null,
    lost: false,
    heir: null,
    above: null,
    below: null,
    alarm: null,
    painAt: null,
    painSeen: null,
    calmSince: null,
    patience: 1,
    heldAt: null,
    isDoubtful: false,
    isInterrupted: false,
    question: null,
    askedAt: null
  }
}

/**
 * Takes one sighting in. Exponential smoothing by the time in which the face was seen, not by sample: after one time constant
 * a step has been followed by 63 % whatever the frame rate, and a single frame after a long time is no more than one after a
 * short one. It begins at 0, for the first score, too, is only one. A time that runs backwards counts as no time, and so does
 * the time in which the face is seen and cannot be judged: it speaks neither for an alarm nor against it.
 * @param score 0..1; null, or what is not finite, where the face could not be judged
 * @param unreferenced the model's own score, where the bed's resting face has lowered it
 */
export function follow(
  track: TrackState,
  rules: AlarmRules,
  at: Moment,
  score: number | null,
  box: Box | null,
  unreferenced = score
): void {
  const elapsed = Math.max(0, at - track.lastSeen)
  const seenMs = Math.min(elapsed, mostUnseenMs)
  takePresence(track, elapsed)
  track.lastSeen = latest(track.lastSeen, at)
  track.lost = false
  track.isDoubtful = false
  track.box = box ?? track.box
  if (!isScore(score)) return
  const now = track.lastSeen
  track.lastJudged = now
  const weight = rules.smoothingS > 0 ? 1 - Math.exp(-seenMs / (rules.smoothingS * 1000)) : 1
  const own = towards(track.unreferenced, unreferenced ?? score, weight)
  Object.assign(track, smoothedOf(towards(track.lowered, score, weight), own, rules))
  track.above = track.smoothed >= rules.onsetThreshold ? longer(track.above, now, seenMs) : null
  track.below = track.smoothed <= rules.clearThreshold ? longer(track.below, now, seenMs) : null
  if (score > rules.clearThreshold) {
    track.painAt = track.box
    track.painSeen = now
    track.calmSince = null
  } else track.calmSince ??= now
}

function towards(smoothed: number, score: number, weight: number): number {
  const before = Number.isNaN(smoothed) ? 0 : smoothed
  return before + weight * (score - before)
}

/** Whether a difference between scores is one that a nurse may hear of. */
export const isNotable = (difference: number): boolean => difference >= 0.05

/** What the bed's resting face has to do with the smoothed score; null where that is nothing to speak of. */
export function referenceOf(
  { smoothed, lowered, unreferenced }: TrackState,
  { onsetThreshold }: AlarmRules
): AlarmReference | null {
  if (!isNotable(unreferenced - lowered)) return null
  if (smoothed === lowered) return { effect: 'lowered', unreferenced }
  return lowered < onsetThreshold ? { effect: 'overruled', unreferenced } : null
}

export const isScore = (score: number | null): score is number => score !== null && Number.isFinite(score)

const longer = (stretch: Stretch | null, now: Moment, seenMs: number): Stretch =>
  stretch === null
    ? { since: now, seenMs: 0, frames: 1 }
    : { since: stretch.since, seenMs: stretch.seenMs + seenMs, frames: stretch.frames + 1 }

/** Whether a track's scores start an alarm: above the threshold in enough frames, and for long enough. */
export const hasOnset = ({ above }: TrackState, { onsetS, onsetFrames }: AlarmRules): boolean =>
  above !== null && above.frames >= onsetFrames && above.seenMs >= onsetS * 1000

/** Whether they end it: what was seen has been low for long enough. */
export const isCleared = ({ below, patience }: TrackState, { clearS }: AlarmRules): boolean =>
  below !== null && below.seenMs >= clearS * patience * 1000

/** How often a face is seen: time in which it was, and all time, in seconds; the past counts less and less. */
interface Presence {
  seenS: number
  spanS: number
}

/** How long the past counts, as a time constant. */
const presenceS = 60
/** As if a new face had been seen before, and been away for most of the time: its habits are not known. */
const beforehand: Presence = { seenS: 2, spanS: 8 }
/** A face that is seen rarely is waited for that many times as long, at most. */
const mostPatience = 4

function takePresence(track: TrackState, elapsed: number): void {
  const usual = track.intervalMs ?? elapsed
  if (elapsed > 0) track.intervalMs = usual + (Math.min(elapsed, 3 * usual) - usual) / 10
  const { seenS, spanS } = track.presence
  const kept = Math.exp(-elapsed / 1000 / presenceS)
  track.presence = {
    seenS: seenS * kept + Math.min(elapsed, mostUnseenMs) / 1000,
    spanS: spanS * kept + elapsed / 1000
  }
}

/** How long a track may be out of sight, in seconds: `trackLostS`, and longer the more rarely its face is seen. */
export function waitS({ presence, patience }: TrackState, { trackLostS }: AlarmRules): number {
  const rarity = (presence.spanS + beforehand.spanS) / (presence.seenS + beforehand.seenS)
  return trackLostS * Math.min(mostPatience, Math.max(rarity, patience))
}

/** Why a track, and with it its alarm, is over now; null while it is not. */
export function endOf(track: TrackState, rules: AlarmRules, now: Moment): EndReason | null {
  const seen = latest(track.lastSeen, track.heldAt ?? track.lastSeen)
  if (held(seen, now, waitS(track, rules))) return track.isDoubtful ? 'person_uncertain' : 'track_lost'
  return held(track.lastJudged, now, rules.faceUnusableS) ? 'face_unusable' : null
}

/** Whether something that began at `since` has held for `seconds`. */
export function held(since: Moment, now: Moment, seconds: Seconds): boolean {
  return now - since >= seconds * 1000
}

export function trackKey(camera: string, track: number): string {
  return `${track}@${camera}`
}

/** How long a face has to be unseen before another track may be taken for it, unless the tracker says that it is lost. */
const unseenMs = 1000

const isUnseen = ({ lost, lastSeen }: TrackState, at: Moment): boolean => lost || at - lastSeen >= unseenMs

/**
 * The track that `young` goes on from: of the same camera, at the same place, without an alarm, out of sight since before
 * `young` came up (two faces seen at the same time are two people), and not yet given up.
 */
export function predecessor<Key>(
  tracks: Iterable<[Key, TrackState]>,
  young: TrackState,
  at: Moment,
  rules: AlarmRules
): [Key, TrackState] | undefined {
  let best: [Key, TrackState] | undefined
  for (const entry of tracks) {
    const [, old] = entry
    if (old.alarm !== null || !isAtItsPlace(young, old, old.box) || !isUnseen(old, at)) continue
    const mostMs = waitS(old, rules) * 1000
    if (old.lastSeen >= young.firstSeen || young.firstSeen - old.lastSeen >= mostMs) continue
    if (at - young.firstSeen > mostMs) continue
    if (best === undefined || old.lastSeen > best[1].lastSeen) best = entry
  }
  return best
}

/**
 * Whether `track`, which has no alarm, shows pain where that of `other` was seen last, or under its number, while that person
 * is out of sight or shows none: then it is the same person, or at least the same pain, and the alarm goes on with `track`.
 */
const showsThePainOf = (
  track: TrackState,
  other: TrackState,
  { clearThreshold }: AlarmRules,
  { at, isHeir }: { at: Moment; isHeir: boolean }
) =>
  other.alarm !== null &&
  track.smoothed >= clearThreshold &&
  (isHeir || isAtItsPlace(track, other, other.painAt)) &&
  (isUnseen(other, at) || other.below !== null)

/** The alarm, and how it is waited for, go on with another track. */
function handOver(from: TrackState, to: TrackState): void {
  to.alarm = from.alarm
  to.patience = from.patience
  to.presence = from.presence
  to.painAt = to.box
  // At the very threshold a score is both, and the alarm would end as it is handed over.
  to.below = null
  to.question ??= from.question
  to.askedAt = from.askedAt
  from.alarm = null
  from.isInterrupted = false
  from.question = null
}

/** A face at the place of one that is out of sight, and came up since then. */
const isInThePlaceOf = (track: TrackState, gone: TrackState, at: Moment): boolean =>
  isUnseen(gone, at) && track.firstSeen > gone.lastSeen && isAtItsPlace(track, gone, gone.painAt)

/** What a frame says of a face. */
export interface FaceInFrame {
  at: Moment
  score: number | null
  box: Box | null
}

/**
 * An alarm goes on with a track that shows pain at its place. A face that shows none there casts doubt on who it is; one of
 * which that cannot be said, or not yet, holds the alarm.
 */
export function takeOver(
  tracks: Map<string, TrackState>,
  key: string,
  rules: AlarmRules,
  { at, score }: Pick<FaceInFrame, 'at' | 'score'>
): void {
  const track = tracks.get(key)!
  for (const [otherKey, other] of tracks) {
    if (other.alarm === null) continue
    if (showsThePainOf(track, other, rules, { at, isHeir: other.heir === key })) {
      handOver(other, track)
      if (other.lost) tracks.delete(otherKey)
      return
    }
    if (!isInThePlaceOf(track, other, at)) continue
    const isOpen = isScore(score) ? score > rules.clearThreshold : Number.isNaN(track.smoothed)
    if (isOpen) other.heldAt = at
    else if (isScore(score)) other.isDoubtful = true
  }
}

const isAtItsPlace = (track: TrackState, other: TrackState, place: Box | null): boolean =>
  track !== other && track.camera === other.camera && track.box !== null && place !== null && near(place, track.box)

/** Centres closer than so many faces, and of about the same size: at one a head that turned, not its neighbour. */
export function near(a: Box, b: Box, faces = 1): boolean {
  const size = Math.max(a.width, a.height, b.width, b.height)
  const smaller = Math.max(Math.min(a.width, b.width), Math.min(a.height, b.height))
  return distance(a, b) <= faces * size && smaller * 2.5 >= size
}

/** Between the centres. */
export const distance = (a: Box, b: Box): number =>
  Math.hypot(a.x + a.width / 2 - (b.x + b.width / 2), a.y + a.height / 2 - (b.y + b.height / 2))

/** An alarm within that time after another one at the same place names it. */
const previousS = 60
/** Each alarm of a place in short succession waits that many times as long before it ends. */
const growingPatience = 2

interface Ended {
  camera: string
  place: Box
  alarmId: string
  at: Moment
  patience: number
}

/** Alarms that have ended lately, and where. */
export class EndedAlarms {
  #ended: Ended[] = []

  /** A track's alarm ends; where its place is not known it is not kept. */
  add({ camera, painAt, box, patience }: TrackState, alarmId: string, at: Moment): void {
    const place = painAt ?? box
    if (place !== null) this.#ended.push({ camera, place, alarmId, at, patience })
  }

  /** The last one at a track's place, and how patient the next one is. */
  at({ camera, box }: TrackState, now: Moment): Pick<Ended, 'alarmId' | 'patience'> | undefined {
    if (box === null) return undefined
    const before = this.#ended.findLast(
      (ended) => ended.camera === camera && !held(ended.at, now, previousS) && near(ended.place, box)
    )
    return before && { alarmId: before.alarmId, patience: Math.min(mostPatience, before.patience * growingPatience) }
  }

  /** Keeps those that may still be asked for. */
  forget(now: Moment): void {
    this.#ended = this.#ended.filter(({ at }) => !held(at, now, previousS))
  }
}

/** An alarm is active, and its last acknowledgement does not say that it is false. */
export const isOpen = ({ alarm }: TrackState): boolean => alarm !== null && alarm.answer !== 'false_alarm'
