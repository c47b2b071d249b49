/** What a bed's resting face takes from a verdict: a constant in front of the temperature, which only ever lowers pain. */
import type { Resting } from '../../lib/statistics/index.js'

/** What the stage has to know of the model. */
export interface ReferenceModel {
  /** SHA-256 of its file: a reference of another one is worth nothing. */
  sha256: string
  labels: readonly string[]
  alarmIndex: number
  /** Its outputs on neutral faces, as its manifest has them; null where that was never measured: then there are no references. */
  resting: Resting | null
  /** The alarm label's probability, 0..1, for logits by label. */
  scoreOf: (logits: Float32Array) => number
  /** Whether each label's probability is its own, or all sum up to 1. */
  reading: 'softmax' | 'sigmoid'
}

/** A verdict's score, held against the resting face of its bed. */
export interface Referenced {
  /** The score that alarms go by, 0..1; never above `unreferenced`. */
  score: number
  /** What the model says, 0..1. */
  unreferenced: number
}

/** By label, how far the bed's resting outputs lie above the model's own, in units of the outputs before the softmax. */
export function shiftOf(bed: Resting, { labels, resting }: ReferenceModel): Float32Array {
  return Float32Array.from(labels, (label) => bed[label]![0] - resting![label]![0])
}

/**
 * By how much a shift may lower the alarm label's log odds at temperature 1, whatever the outputs are; 0 where it can only raise
 * them. With a softmax the odds are against the sum of all others, of which the one with the lowest shift may be all there is.
 */
export function reachOf(shift: Float32Array, { alarmIndex, reading }: Pick<ReferenceModel, 'alarmIndex' | 'reading'>) {
  const own = shift[alarmIndex]!
  if (reading === 'sigmoid') return Math.max(0, own)
  return Math.max(0, own - Math.min(...shift.filter((_, i) => i !== alarmIndex)))
}

/**
 * The score of a face whose bed has that shift. Without one, and from `alwaysAlarm` on, it is what the model says, to the bit.
 * @param unreferenced the score of the same logits
 */
export function referenced(
  logits: Float32Array,
  unreferenced: number,
  shift: Float32Array | null,
  { scoreOf, alwaysAlarm }: Pick<ReferenceModel, 'scoreOf'> & { alwaysAlarm: number }
): Referenced {
  if (shift === null || !(unreferenced < alwaysAlarm)) return { score: unreferenced, unreferenced }
  const score = scoreOf(logits.map((logit, i) => logit - shift[i]!))
  return { score: score < unreferenced ? score : unreferenced, unreferenced }
}
