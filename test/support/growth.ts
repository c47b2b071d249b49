import { expect } from 'vitest'
import { countProcessorMs } from './processor-time.js'

/** UTF-16 units; each length is four times the one before. */
const [shortest, longest] = [1 << 12, 1 << 18]
/** Four times the text may take so many times as long: linear is 4, quadratic 16. */
const most = 10
/** Below this the compiler and the garbage collector are what is measured. */
const noiseMs = 60

/** Text made of these pieces, over and over, of exactly that many UTF-16 units. */
export const repeated =
  (...pieces: readonly string[]) =>
  (length: number): string => {
    const piece = pieces.join('')
    return piece.repeat(Math.ceil(length / piece.length)).slice(0, length)
  }

/**
 * Fails where `run` takes more than linear time, up to texts of `mostLength`, a quarter of a million characters unless given. Held are the processor
 * times for a text and one four times as long, both taken here and now, so that a slow or busy machine is as good as a fast one.
 */
export function expectLinear(
  run: (text: string) => unknown,
  hostile: (length: number) => string,
  mostLength = longest
): void {
  let before = noiseMs
  for (let length = shortest; length <= mostLength; length *= 4) {
    const text = hostile(length)
    const limit = Math.max(before, noiseMs) * most
    let took = time(() => run(text))
    // What is far beyond the limit is no accident.
    for (let again = 0; again < 2 && took > limit / 2 && took < limit * 1.3; again++)
      took = Math.min(
        took,
        time(() => run(text))
      )
    expect(took, `ms for ${length} characters, after ${before.toFixed(1)} for a quarter`).toBeLessThan(limit)
    before = took
  }
}

function time(run: () => unknown): number {
  const spent = countProcessorMs()
  run()
  return spent()
}
