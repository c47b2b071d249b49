/** Moments, durations and the time of day. A clock is passed in, so that tests can control it. */
declare const kind: unique symbol
/**
 * A point in time by painlens's own clock, in ms. The difference of two is a duration. It says nothing to another process,
 * nor after a restart.
 */
export type Moment = number & { readonly [kind]: 'moment' }
/** The time of day in ms since the epoch: for people, for other programs, and for what outlives painlens. It can be set. */
export type EpochMs = number & { readonly [kind]: 'epoch' }

/** A plain number fits every unit: what is computed has none until it is assigned. Two different units do not fit each other. */
type DurationIn<Unit extends string> = number & { readonly unit?: Unit }
export type Milliseconds = DurationIn<'ms'>
export type Seconds = DurationIn<'s'>

/** The unit that the end of a name says, in the config, in messages and in options; a value in an object has that of the object's name. */
type UnitOf<Name, Outer extends string> = Name extends `${string}_per_s` | `${string}PerS`
  ? never
  : Name extends `${string}_ms` | `${string}Ms`
    ? 'ms'
    : Name extends `${string}_s` | `${string}S` | 'seconds'
      ? 's'
      : Name extends `${string}_min`
        ? 'min'
        : Name extends `${string}_h`
          ? 'h'
          : Outer

/**
 * T with the durations in it by their names, so that seconds in the place of milliseconds do not compile: `clear_s` and `clearS` are
 * Seconds, `readMs` is Milliseconds.
 */
export type WithUnits<T, Unit extends string = never> = T extends number
  ? [Unit] extends [never]
    ? T
    : DurationIn<Unit>
  : T extends (...args: never) => unknown
    ? T
    : T extends object
      ? { [Name in keyof T]: WithUnits<T[Name], UnitOf<Name, Unit>> }
      : T

export interface Clock {
  /**
   * The present moment in ms. It is monotonic and independent of the box's clock, which may be set meanwhile; so ages and waits
   * are differences of moments. It starts as the time of day.
   */
  now(): Moment
  /**
   * The time of day at a moment, in ms since the epoch, as the box's clock has it at present. The moment itself for a
   * clock that has no such method.
   */
  timeOfDay?(moment: Moment): EpochMs
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
  const now = () => Math.round(beginning + monotonic()) as Moment
  return {
    now,
    timeOfDay: (moment) => {
      const off = timeOfDay() - now()
      if (Math.abs(off - set) >= settingMs) set = off
      return (moment + set) as EpochMs
    }
  }
}

export const systemClock = createClock({ timeOfDay: () => Date.now(), monotonic: () => performance.now() })

/** The moment itself, as a time of day, where the clock knows no other. */
export function timeOfDay(clock: Clock, moment: Moment): EpochMs {
  const same: number = moment
  return clock.timeOfDay?.(moment) ?? (same as EpochMs)
}

/** The moment of a time of day, as the box's clock is set at present. */
export function momentAt(clock: Clock, at: EpochMs): Moment {
  const now = clock.now()
  return (at - (timeOfDay(clock, now) - now)) as Moment
}

/** @param ms negative for what was before */
export const later = (moment: Moment, ms: Milliseconds): Moment => (moment + ms) as Moment

export const earliest = (one: Moment, other: Moment): Moment => (one < other ? one : other)

export const latest = (one: Moment, other: Moment): Moment => (one < other ? other : one)

/** A moment's time of day as messages have it. */
export const stamp = (clock: Clock, moment: Moment): string => iso(timeOfDay(clock, moment))

/** ISO 8601 UTC with milliseconds. */
export const iso = (at: EpochMs): string => new Date(at).toISOString()
