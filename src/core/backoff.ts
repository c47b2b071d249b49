/** Waits between tries that go on failing. */
export interface BackoffRange {
  minMs: number
  maxMs: number
}

/** Far below where a power of two is no number any more. */
const mostDoublings = 20

/** `minMs` doubled with each failure, `maxMs` at most. */
export function doubled({ minMs, maxMs }: BackoffRange, failures: number): number {
  return Math.min(maxMs, minMs * 2 ** Math.min(failures, mostDoublings))
}

/**
 * Between half of a wait and all of it, so that a house full of boxes, or cameras on one switch, do not return as one.
 * @param random 0 up to but not 1
 */
export const jittered = (ms: number, random: () => number): number => ms * (0.5 + random() / 2)
