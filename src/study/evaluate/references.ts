/** Each subject's own resting face, taken of neutral crops by the daemon's rules. These crops are held out: no figure is made of them. */
import { type ErrorCode, InputError } from '../../core/errors.js'
import { groupedBy } from '../../core/grouped.js'
import { leastFrames, Measurement, type ReferenceRules, type RestingFace } from '../../stages/reference/measurement.js'
import { type ReferenceModel, referenced, shiftOf } from '../../stages/reference/shift.js'
import { neutral } from '../dataset.js'
import type { Judged, OneModel } from './judged.js'

/** A subject, and all of its crops that are not held out. */
export interface ReferencedSubject {
  subject: string
  /** How many neutral crops were held out. */
  heldOut: number
  /** Why the daemon would take no reference of these; null where it would. */
  refused: ErrorCode | null
  /** By how much the reference lowers the alarm label's log odds at most, in units of the outputs; null without one. */
  reach: number | null
  /** Held against the reference, where there is one. */
  judged: Judged[]
}

/** More are no longer what a nurse takes in 30 s, and are missing from the figures. */
const mostHeldOut = 60
/** Crops are cut out already: these of a face are where it lies. */
const box = { x: 0, y: 0, width: 1, height: 1 }

type Crop = Judged & { output: Float32Array }

/**
 * Takes the reference of each subject, as a nurse would, at one time: of the first neutral crops by video and time, half of those that there are,
 * 20 at least and 60 at most. Of a subject with fewer than 20 none is held out, and there is no reference.
 * @param judged in the order of the model's outputs by crop
 */
export function referencedSubjects(
  judged: readonly Judged[],
  one: OneModel,
  rules: ReferenceRules
): ReferencedSubject[] {
  const crops = judged.map((own, i): Crop => ({ ...own, output: one.outputs[i]! }))
  const subjects = groupedBy(crops, ({ row }) => row.subject)
  return [...subjects].map(([subject, crops]) => referencedSubject(subject, crops, one.reference, rules))
}

function referencedSubject(
  subject: string,
  crops: readonly Crop[],
  model: ReferenceModel,
  rules: ReferenceRules
): ReferencedSubject {
  const heldOut = heldOutOf(crops)
  const taken = takeFrom(heldOut, model, rules, subject)
  const left = crops.filter((crop) => !heldOut.includes(crop))
  const shift = typeof taken === 'string' ? null : shiftOf(taken.resting, model)
  return {
    subject,
    heldOut: heldOut.length,
    refused: typeof taken === 'string' ? taken : null,
    reach: typeof taken === 'string' ? null : taken.reach,
    judged: left.map(({ output, ...own }) => {
      const rule = { scoreOf: model.scoreOf, alwaysAlarm: rules.alwaysAlarm }
      const { score } = referenced(output, own.probabilities[model.alarmIndex]!, shift, rule)
      return shift === null ? own : { ...own, lowered: score }
    })
  }
}

function heldOutOf(crops: readonly Crop[]): Crop[] {
  const resting = crops.filter(({ row }) => row.label === neutral)
  if (resting.length < leastFrames) return []
  const count = Math.min(mostHeldOut, Math.max(leastFrames, Math.floor(resting.length / 2)))
  return resting.toSorted(byTime).slice(0, count)
}

/** Crops without a time stay in the order of the data set. */
const byTime = ({ row: a }: Crop, { row: b }: Crop): number =>
  a.source.localeCompare(b.source) || a.video.localeCompare(b.video) || (a.timeS ?? 0) - (b.timeS ?? 0)

/** @returns the daemon's reason where it would refuse these crops */
function takeFrom(
  crops: readonly Crop[],
  model: ReferenceModel,
  rules: ReferenceRules,
  subject: string
): RestingFace | ErrorCode {
  const measurement = new Measurement()
  for (const { output: logits, probabilities } of crops)
    measurement.take([{ zone: null, box, logits, score: probabilities[model.alarmIndex]! }], [])
  try {
    return measurement.result(model, rules, subject)
  } catch (error) {
    if (error instanceof InputError) return error.code
    throw error
  }
}
