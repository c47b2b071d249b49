import type { Clock, EpochMs, Moment } from '../../src/core/clock.js'

/** A moment of a test's own clock. */
export const moment = (ms: number): Moment => ms as Moment

/** A time of day, in ms since the epoch. */
export const epochMs = (ms: number): EpochMs => ms as EpochMs

/** A clock that shows what a test says. */
export const clockOf = (now: () => number): Clock => ({ now: () => moment(now()) })
