import { latest, type Moment } from '../../core/clock.js'
import type { Box } from '../../core/types.js'
import type { AlarmRecord } from './record.js'
import type { AlarmRules } from './rules.js'

/** What is known about one face over time. Times are moments of the clock. */
export interface TrackState {
  camera: string
  smoothed: number
  firstSeen: Moment
  lastSeen: Moment
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
    box: null,
    lost: false,
    aboveSince: null,
    belowSince: null,
    alarm: null
  }
}

/**
 * Takes one score in. Exponential smoothing by time, not by sample: after one time constant a step has been followed by
 * 63 % whatever the frame rate. A time that runs backwards counts as no time.
 * @param score 0..1; anything that is no number is left out.
 */
export function follow(track: TrackState, rules: AlarmRules, at: Moment, score: number, box: Box | null): void {
  const elapsed = Math.max(0, at - track.lastSeen)
  track.lastSeen = latest(track.lastSeen, at)
  track.lost = false
  track.box = box ?? track.box
  if (Number.isFinite(score)) {
    const weight = rules.smoothingS > 0 ? 1 - Math.exp(-elapsed / (rules.smoothingS * 1000)) : 1
    track.smoothed = Number.isNaN(track.smoothed) ? score : track.smoothed + weight * (score - track.smoothed)
  }
  const now = track.lastSeen
  track.aboveSince = track.smoothed >= rules.onsetThreshold ? (track.aboveSince ?? now) : null
  track.belowSince = track.smoothed <= rules.clearThreshold ? (track.belowSince ?? now) : null
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
