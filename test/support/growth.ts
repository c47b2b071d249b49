import { expect } from 'vitest'

/** UTF-16 units; each is four times the one before. */
const lengths = [1 << 12, 1 << 14, 1 << 16, 1 << 18, 1 << 20]
/** Four times the text may take so many times as long: linear is 4, quadratic 16. */
const most = 10
/** Below this the clock, the compiler and the garbage collector are what is measured. */
const noiseMs = 60

/** Text made of these pieces, over and over, of exactly that many UTF-16 units. */
export const repeated =
  (...pieces: readonly string[]) =>
  (length: number): string => {
    const piece = pieces.join('')
    return piece.repeat(Math.ceil(length / piece.length)).slice(0, length)
  }

/**
 * Fails where `run` takes more than linear time, up to texts of a million characters. Held are the times for a text and one
 * four times as long, both taken here and now, so that a slow machine is as good as a fast one.
 */
export function expectLinear(run: (text: string) => unknown, hostile: (length: number) => string): void {
  let before = noiseMs
  for (const length of lengths) {
    const text = hostile(length)
    const limit = Math.max(before, noiseMs) * most
    let took = Number.POSITIVE_INFINITY
    for (let attempt = 0; attempt < 3 && (attempt === 0 || took > limit / 2); attempt++)
      took = Math.min(
        took,
        time(() => run(text))
      )
    expect(took, `ms for ${length} characters, after ${before.toFixed(1)} for a quarter`).toBeLessThan(limit)
    before = took
  }
}

function time(run: () => unknown): number {
  const started = performance.now()
  run()
  return performance.now() - started
}
