/** The time of day in ms since the epoch. Passed in, so that tests can hold it still. */
export interface Clock {
  now(): number
}

export const systemClock: Clock = { now: () => Date.now() }

/** ISO 8601 UTC with milliseconds. */
export const iso = (at: number): string => new Date(at).toISOString()
