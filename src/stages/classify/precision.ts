/** Whether a model in other numbers may judge in the place of its float32 twin, on this processor. */
import type { InferenceSession } from 'onnxruntime-node'
import { ModelError, type Problem } from '../../core/errors.js'
import type { Precision } from '../../core/types.js'
import { declaredDims } from '../../lib/model/manifest.js'
import { median } from '../../lib/statistics/index.js'

/** A model in other numbers beside its float32 twin, on the same faces. */
export interface PrecisionComparison {
  faces: number
  /** By how much probabilities differ, 0..1: on average over faces and labels, and at most. */
  mean: number
  max: number
  /** How many times as fast it is. */
  speed: number
}

/** In what numbers faces are judged, and why. */
export interface PrecisionStatus {
  used: Precision
  /** Null where there was nothing to compare. */
  compared: PrecisionComparison | null
  /** Why it is not the one that was asked for; null where it is. */
  problem: Problem | null
}

/**
 * The largest differences that pass. Weights of 7 bits differ by 0.007 on average and by 0.09 at most (516 rendered faces); weights of 8
 * bits that saturate on a processor without VNNI by 0.044 and 0.66, and lose 17 of 100 alarms.
 */
const largestDifference = { mean: 0.02, max: 0.12 } as const
/** A smaller gain is not worth a second session's memory. */
const leastSpeed = 1.1

/** Probabilities by label of one crop (RGB24 of the model's size). */
export type Judge = (crop: Uint8Array) => Promise<ArrayLike<number>>

/** What a model takes and gives. */
export interface Ends {
  inputType: string
  inputDims: readonly (number | null)[]
  output: string
  /** Scores for each crop. */
  outputs: number
}

type Metadata = Pick<InferenceSession, 'inputMetadata' | 'outputMetadata'>

/**
 * Whether a file that is to judge in the place of another takes and gives what that does, as far as both say: one of another model would
 * fail in the middle of an inference, with a sentence about that.
 * @throws ModelError
 */
export function checkTwin(twin: Metadata, wanted: Ends, file: string): void {
  const why = differenceOf(twin, wanted)
  if (why !== null) throw new ModelError('PL-PRECISION-FILE', `it was made of another model: ${why}`, file)
}

function differenceOf({ inputMetadata, outputMetadata }: Metadata, wanted: Ends): string | null {
  const input = inputMetadata[0]
  if (!input?.isTensor || inputMetadata.length !== 1) return 'it does not take one picture'
  const [own, other] = [declaredDims(input.shape), wanted.inputDims]
  const fits = own.length === other.length && own.every((dim, i) => (dim ?? other[i]) === (other[i] ?? dim))
  if (input.type !== wanted.inputType || !fits)
    return `it takes ${inShort(input.type, own)}, the float32 file ${inShort(wanted.inputType, other)}`
  const output = outputMetadata.find(({ name }) => name === wanted.output)
  if (!output?.isTensor) return `it has no output "${wanted.output}", which the float32 file has`
  const scores = declaredDims(output.shape).slice(1)
  const count = scores.includes(null) ? null : scores.reduce<number>((all, dim) => all * dim!, 1)
  if (count === null || count === wanted.outputs) return null
  return `it gives ${count} scores, the float32 file ${wanted.outputs}`
}

const inShort = (type: string, dims: readonly (number | null)[]): string =>
  `${type} [${dims.map((dim) => dim ?? 'any').join(', ')}]`

/** Judges each crop with both, in turns; both are warm after the first, which is not timed. */
export async function comparePrecision(
  float32: Judge,
  other: Judge,
  crops: readonly Uint8Array[]
): Promise<PrecisionComparison> {
  const times: [float32: number[], other: number[]] = [[], []]
  const timed = async (judge: Judge, crop: Uint8Array, into: number[]): Promise<ArrayLike<number>> => {
    const startedAt = performance.now()
    const probabilities = await judge(crop)
    into.push(performance.now() - startedAt)
    return probabilities
  }
  const differences: number[] = []
  await Promise.all([float32(crops[0]!), other(crops[0]!)])
  for (const crop of crops) {
    const right = await timed(float32, crop, times[0])
    const found = await timed(other, crop, times[1])
    for (let i = 0; i < right.length; i++) {
      const difference = Math.abs(right[i]! - found[i]!)
      // A probability that is no number differs as much as can be.
      differences.push(Number.isNaN(difference) ? 1 : difference)
    }
  }
  return {
    faces: crops.length,
    mean: differences.reduce((sum, each) => sum + each, 0) / differences.length,
    max: Math.max(...differences),
    speed: median(times[0]) / median(times[1])
  }
}

/**
 * Why float32 goes on judging after that comparison; null where it need not.
 * @param mustPay also a gain in speed that is too small is a reason
 */
export function objectionTo(precision: Precision, found: PrecisionComparison, mustPay: boolean): Problem | null {
  if (found.mean > largestDifference.mean || found.max > largestDifference.max)
    return {
      code: 'PL-PRECISION-DIFFERS',
      message: `${precision} judges otherwise than float32: ${precisionInWords(found)}`
    }
  if (!mustPay || found.speed >= leastSpeed) return null
  return { code: 'PL-PRECISION-SLOW', message: `${precision} is not worth its memory here: ${precisionInWords(found)}` }
}

/** `differences of 0.007 on average and 0.031 at most on 24 faces, 2.9 times as fast`. */
export function precisionInWords({ faces, mean, max, speed }: PrecisionComparison): string {
  return `differences of ${mean.toFixed(3)} on average and ${max.toFixed(3)} at most on ${faces} faces, ${speed.toFixed(1)} times as fast`
}
