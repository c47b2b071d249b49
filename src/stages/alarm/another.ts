/** Whether a face in pain is still the same person's: what speaks against it, and what becomes of the alarm then. */

import type { Box } from '../../core/types.js'
import { distance, type FaceInFrame, isScore, near, type TrackState } from './track.js'
import type { AlarmRules } from './types.js'

/** An interruption is longer than that, and either than so many times the usual time between two sightings … */
const interruptionMs = 500
const interruptionIntervals = 1.5
/** … or more while his score is low: one frame without him, on a slow box, is none of his alarm's end, … */
const calmIntervals = 2.5
/** … or the face is found further away from where it was, in its widths, or so many times as large. */
const shift = 0.25
const growth = 1.2

/** Whether a face was out of sight before it is seen now: the tracker goes by places, so it may be another person's. */
function isAfterInterruption(track: TrackState, { at, box }: Pick<FaceInFrame, 'at' | 'box'>): boolean {
  const elapsed = at - track.lastSeen
  if (elapsed <= interruptionMs) return false
  const intervals = track.below === null ? interruptionIntervals : calmIntervals
  const isUnusual = elapsed > intervals * (track.intervalMs ?? 0)
  return isUnusual || (box !== null && track.box !== null && !isSamePlace(track.box, box))
}

function isSamePlace(before: Box, now: Box): boolean {
  const width = Math.max(before.width, now.width)
  return distance(before, now) <= shift * width && width <= growth * Math.min(before.width, now.width)
}

/** A person who walks covers so many widths of her face in a second. */
const walks = 4
/** A face that is going to cover another one may be missed for so long before, in ms. */
const missedMs = 1000

/**
 * Whether another face went out of sight where this one ceased to show pain: hers may have come over his, and the tracker cannot tell who
 * was covered. That is known with the second score after the pain, when all faces of the first one's frame have been told.
 */
function mayBeCoveredBy(track: TrackState, tracks: Iterable<TrackState>, { clearThreshold }: AlarmRules): boolean {
  const { camera, box, painSeen, calmSince } = track
  if (box === null || painSeen === null || calmSince === null || calmSince !== track.lastJudged) return false
  for (const other of tracks) {
    if (other === track || other.camera !== camera || other.box === null || other.smoothed > clearThreshold) continue
    const isGone = other.lastSeen >= painSeen - missedMs && other.lastSeen < calmSince
    if (isGone && near(other.box, box, 1 + (walks * (calmSince - other.lastSeen)) / 1000)) return true
  }
  return false
}

/**
 * A person in pain who was out of sight, and may be another one by now, is waited for under a name of its own. That is decided
 * by the first score after it: who comes in between often cannot be judged at first.
 */
export function setAsideIfAnother(
  tracks: Map<string, TrackState>,
  key: string,
  rules: AlarmRules,
  seen: FaceInFrame
): void {
  const track = tracks.get(key)
  if (!track?.alarm) return
  track.isInterrupted ||= isAfterInterruption(track, seen) || mayBeCoveredBy(track, tracks.values(), rules)
  if (!track.isInterrupted || !isScore(seen.score)) return
  track.isInterrupted = false
  if (seen.score >= rules.clearThreshold) return
  tracks.delete(key)
  tracks.set(`${key} ${track.alarm.alarmId}`, { ...track, lost: true, isDoubtful: true, heir: key })
}
