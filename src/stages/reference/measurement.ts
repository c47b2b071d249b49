/** Taking a reference: what the model gives for a face at rest, and the reasons for which it is refused. */
import { type ErrorCode, InputError } from '../../core/errors.js'
import type { Box, UnusableReason } from '../../core/types.js'
import { median, quantile, type Resting, restingOf } from '../../lib/statistics/index.js'
import { type ReferenceModel, reachOf, shiftOf } from './shift.js'

/** A face that was judged. The box is in widths of the camera's picture, the score unreferenced. */
export interface JudgedFace {
  zone: string | null
  box: Box
  logits: Float32Array
  score: number
}

/** What a measurement has found: numbers only. */
export interface RestingFace {
  zone: string | null
  resting: Resting
  place: Box
  frames: number
  /** By how much it lowers the alarm label's log odds at most, in units of the outputs. */
  reach: number
}

export interface ReferenceRules {
  /** The largest reach that is taken, in units of the outputs before the softmax. */
  maxShift: number
  /** An unreferenced score from here on is never lowered. */
  alwaysAlarm: number
}

/** Frames with a usable face. */
export const leastFrames = 20
/** A share of frames with several faces that is an oversight of the detector. */
const severalShare = 0.1
/** How far the face may be from its usual place in nine of ten frames, in its widths, and how much its size may change. */
const mostMove = 0.5
const mostGrowth = 1.3
/** A face at rest does not change as much as resting faces differ from one person to the next. */
const mostSpread = 1
/** Where the model's neutral faces are nearly alike, noise and small turns of the head alone change a person's outputs by as much. */
const leastSpread = 0.5
/** A quarter of the frames that shows pain is no twitch. */
const painQuantile = 0.75

export class Measurement {
  readonly #samples: JudgedFace[] = []
  readonly #why = new Map<UnusableReason, number>()
  #frames = 0
  #several = 0

  /** One frame's faces in the zone that is measured: those that were judged, and why others could not be. */
  take(samples: readonly JudgedFace[], unusable: readonly UnusableReason[]): void {
    if (samples.length + unusable.length === 0) return
    this.#frames++
    for (const why of unusable) this.#why.set(why, (this.#why.get(why) ?? 0) + 1)
    if (samples.length + unusable.length > 1) this.#several++
    else if (samples.length === 1) this.#samples.push(samples[0]!)
  }

  /**
   * @param where the bed, as errors name it
   * @throws InputError where these are not frames of one face at rest, or where a reference would hide pain
   */
  result(model: ReferenceModel, { maxShift, alwaysAlarm }: ReferenceRules, where: string): RestingFace {
    const refuse = (code: ErrorCode, what: string): never => {
      throw new InputError(code, what, where)
    }
    if (this.#several > severalShare * this.#frames)
      refuse('PL-REFERENCE-SEVERAL', `several faces were seen in ${this.#several} of ${this.#frames} frames`)
    const frames = this.#samples.length
    if (frames < leastFrames) refuse('PL-REFERENCE-NO-FACE', this.#tooFew())
    const zones = new Set(this.#samples.map(({ zone }) => zone))
    const place = placeOf(this.#samples)
    const moved = movement(this.#samples, place)
    if (zones.size > 1 || moved.far > mostMove || moved.growth > mostGrowth)
      refuse('PL-REFERENCE-MOVES', `the face moved by ${moved.far.toFixed(1)} of its widths`)
    const scores = this.#samples.map(({ score }) => score)
    const high = quantileOf(scores, painQuantile)
    if (high >= alwaysAlarm)
      refuse('PL-REFERENCE-PAIN', `the face shows pain: a quarter of the frames score ${high.toFixed(2)} or more`)
    const resting = restingOf(
      this.#samples.map(({ logits }) => logits),
      model.labels
    )!
    const unrest = model.labels.find(
      (label) => resting[label]![1] > mostSpread * Math.max(leastSpread, model.resting![label]![1])
    )
    if (unrest !== undefined)
      refuse('PL-REFERENCE-NOT-AT-REST', `the face was not at rest: what the model says of ${unrest} changed too much`)
    const reach = reachOf(shiftOf(resting, model), model)
    // What is not a number is not within it either.
    if (!(reach <= maxShift))
      refuse('PL-REFERENCE-SHIFT', `it would lower pain by ${reach.toFixed(1)}; max_shift is ${maxShift}`)
    return { zone: [...zones][0]!, resting, place, frames, reach }
  }

  #tooFew(): string {
    const found = `${this.#samples.length} frames had a usable face, ${leastFrames} are needed`
    const [most] = [...this.#why].sort(([, a], [, b]) => b - a)
    return most ? `${found}; most of the others were not usable (${most[0]})` : found
  }
}

function placeOf(samples: readonly JudgedFace[]): Box {
  const middleOf = (side: keyof Box) => median(samples.map(({ box }) => box[side]))
  return { x: middleOf('x'), y: middleOf('y'), width: middleOf('width'), height: middleOf('height') }
}

/** How far faces are from their place, in its widths, and how many times as large as others, each in nine of ten frames. */
function movement(samples: readonly JudgedFace[], place: Box): { far: number; growth: number } {
  const far = samples.map(
    ({ box }) =>
      Math.hypot(
        box.x + box.width / 2 - place.x - place.width / 2,
        box.y + box.height / 2 - place.y - place.height / 2
      ) / Math.max(place.width, place.height)
  )
  const sizes = samples.map(({ box }) => Math.sqrt(box.width * box.height))
  return { far: quantileOf(far, 0.9), growth: quantileOf(sizes, 0.95) / quantileOf(sizes, 0.05) }
}

const quantileOf = (values: readonly number[], share: number): number =>
  quantile(
    values.toSorted((a, b) => a - b),
    share
  )
