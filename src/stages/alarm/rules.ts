import type { AlarmMessage, Condition } from '../../contract/messages.js'

/** When an alarm starts, is updated and ends. Scores are 0..1, times in seconds. */
export interface AlarmRules {
  /** The smoothed score that starts an alarm once it has held for `onsetS`. */
  onsetThreshold: number
  onsetS: number
  /** The smoothed score that ends it once it has stayed at or below for `clearS`. Below `onsetThreshold`, or it would flap. */
  clearThreshold: number
  clearS: number
  /** Time constant of the exponential smoothing; 0 takes each score as it is. */
  smoothingS: number
  /** Longest silence of an active alarm. */
  updateS: number
  /** Least time between an alarm's message and its next update. What comes up in between is merged into that one. */
  updateMinS: number
  /** Updates per second of all alarms together. Starts and ends do not count, and are never held back. */
  updatesPerS: number
  /** How long a face may be out of sight before its alarm ends, and within which a new track at its place takes it over. */
  trackLostS: number
}

export const defaultRules: Readonly<AlarmRules> = {
  onsetThreshold: 0.7,
  onsetS: 2,
  clearThreshold: 0.45,
  clearS: 3,
  smoothingS: 1,
  updateS: 10,
  updateMinS: 1,
  updatesPerS: 20,
  trackLostS: 5
}

export type Priority = AlarmMessage['priority']

/**
 * A person first. Then what blinds painlens, since nobody is watched meanwhile: high where it is blind as a whole, medium
 * where it is one camera. What only costs comfort, and the test, last.
 */
export const defaultPriorities: Readonly<Record<Condition, Priority>> = {
  pain: 'high',
  camera_lost: 'medium',
  camera_frozen: 'medium',
  camera_dark: 'low',
  inference_failed: 'high',
  explanation_failed: 'low',
  outbox_full: 'medium',
  outbox_failed: 'medium',
  config_rejected: 'low',
  clock_unsynchronised: 'low',
  broker_lost: 'low',
  test: 'low'
}
