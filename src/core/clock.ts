/** Moments and the time of day. Passed in, so that tests can hold them still. */
export interface Clock {
  /**
   * The present moment in ms. It only grows, at the same pace, however the box's clock is set meanwhile; so ages and waits
   * are differences of moments. It began as the time of day.
   */
  now(): number
  /**
   * The time of day at a moment, in ms since the epoch, as the box's clock has it at present. The moment itself for a
   * clock that has no such method.
   */
  timeOfDay?(moment: number): number
}

export interface TimeSources {
  /** ms since the epoch; somebody may set it. */
  timeOfDay: () => number
  /** ms since whenever; nobody can set it. */
  monotonic: () => number
}

/** Less is rounding, or a time server that slews the clock: a moment is to have the same stamp each time. */
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
