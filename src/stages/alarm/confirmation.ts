/**
 * Where another model than that of float32 judges, no alarm goes out by its scores alone: float32 is asked about the face that it would
 * start with. What the two say of that face differs by about as much as in the frames before, so the difference corrects the
 * smoothed score: the alarm starts if that is still at or above the onset threshold, and without an answer in time it starts unconfirmed.
 */
import type { Moment } from '../../core/clock.js'
import { hasOnset, held, type Smoothed, smoothedOf, type TrackState } from './track.js'
import type { AlarmRules, Float32Question } from './types.js'

/** An alarm whose question has no answer for so long starts unconfirmed. */
const longestWaitS = 1
/** So long after an alarm started unconfirmed, float32 is asked once more. */
const askAgainS = 5

/** The question that arises with a score, if one does; the track keeps it until it is answered. */
export function questionOf(
  track: TrackState,
  rules: AlarmRules,
  score: number,
  unreferenced = score
): Float32Question | null {
  const { alarm, above, askedAt, lastSeen: at } = track
  if (track.question !== null || above === null) return null
  const isWanted =
    alarm === null
      ? hasOnset(track, rules)
      : !alarm.ended && !alarm.confirmed && (askedAt === null || held(askedAt, at, askAgainS))
  if (!isWanted) return null
  track.askedAt = at
  const { smoothed, lowered } = track
  const before = { smoothed, lowered, unreferenced: track.unreferenced }
  track.question = { score, unreferenced, smoothed: before, at, onset: above.since }
  return track.question
}

export const isOverdue = ({ question }: TrackState, now: Moment): boolean =>
  question !== null && held(question.at, now, longestWaitS)

/**
 * Corrects a track's smoothed scores by what float32 says of the face that the question was about.
 * @param score held against the bed's resting face
 * @param unreferenced float32's own
 * @returns what the smoothed score would have been when it was asked
 */
export function correct(
  track: TrackState,
  rules: AlarmRules,
  question: Float32Question,
  score: number,
  unreferenced: number
): number {
  const inside = (value: number): number => Math.min(1, Math.max(0, value))
  const corrected = (before: Smoothed): Smoothed =>
    smoothedOf(
      inside(before.lowered + score - question.score),
      inside(before.unreferenced + unreferenced - question.unreferenced),
      rules
    )
  Object.assign(track, corrected(track))
  if (track.smoothed < rules.onsetThreshold) track.above = null
  return corrected(question.smoothed).smoothed
}
