/** When an alarm starts, is updated and ends; the config has the defaults. Scores are 0..1, times in seconds. */
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
