/** Moments and the time of day. A clock is passed in, so that tests can control it. */
export interface Clock {
  /**
   * The present moment in ms. It is monotonic and independent of the box's clock, which may be set meanwhile; so ages and waits
   * are differences of moments. It starts as the time of day.
   */
  now(): number
  /**
   * The time of day at a moment, in ms since the epoch, as the box's clock has it at present. The moment itself for a
   * clock that has no such method.
   */
  timeOfDay?(moment: number): number
}

export interface TimeSources {
  /** ms since the epoch; can be set while painlens runs. */
  timeOfDay: () => number
  /** ms since an arbitrary origin; cannot be set. */
  monotonic: () => number
}

/** A smaller change is rounding or a time server's slewing, and is ignored: a moment keeps its time stamp. */
const settingMs = 50

export function createClock({ timeOfDay, monotonic }: TimeSources): Clock {
  const beginning = timeOfDay() - monotonic()
  /** How far the box's clock has been set since, in ms. */
  let set = 0
  const now = (): number => Math.round(beginning + monotonic())
  return {
    now,
    timeOfDay: (moment) => {
      const off = timeOfDay() - now()
      if (Math.abs(off - set) >= settingMs) set = off
      return moment + set
    }
  }
}

export const systemClock = createClock({ timeOfDay: () => Date.now(), monotonic: () => performance.now() })

/** In ms since the epoch. */
export const timeOfDay = (clock: Clock, moment: number): number => clock.timeOfDay?.(moment) ?? moment

/** A moment's time of day as messages have it. */
export const stamp = (clock: Clock, moment: number): string => iso(timeOfDay(clock, moment))

/** ISO 8601 UTC with milliseconds. @param at in ms since the epoch */
export const iso = (at: number): string => new Date(at).toISOString()
