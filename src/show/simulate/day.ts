import { createRandom } from '../../lib/random.js'
import {
  type ActionUnits,
  blendUnits,
  type Expression,
  expressionUnits,
  type Pose,
  type UnitName,
  unitNames
} from '../render/index.js'

/** A part of the day in which the resident shows one expression. */
export interface Stretch {
  expression: Expression
  /** 0..1. */
  intensity: number
  seconds: number
}

/** The scripted day of a simulated resident. */
export interface Day {
  stretches: readonly Stretch[]
  /** The day repeats when it is over; without this the last stretch continues. */
  loop: boolean
  /** The seed of all variation: variants of the expressions, blinks, movements. */
  seed: number
}

/**
 * A minute and a half. Pain lasts long enough for an onset of 2 s, and what follows long enough for a clear of 3 s and some
 * more; pain comes once from happiness and once from disgust, because a change is where a classifier is most easily wrong.
 */
export const defaultDay: Day = {
  stretches: [
    { expression: 'neutral', intensity: 0, seconds: 10 },
    { expression: 'happiness', intensity: 0.9, seconds: 12 },
    { expression: 'pain', intensity: 0.95, seconds: 14 },
    { expression: 'neutral', intensity: 0, seconds: 13 },
    { expression: 'disgust', intensity: 0.9, seconds: 12 },
    { expression: 'pain', intensity: 0.9, seconds: 14 },
    { expression: 'neutral', intensity: 0, seconds: 15 }
  ],
  loop: true,
  seed: 1
}

/** The time that the face takes from one expression to the next. */
export const transitionSeconds = 1

/** The present stretch, counted through all rounds of the day, and when it began. */
export interface PlacedStretch {
  stretch: Stretch
  index: number
  from: number
}

/** How long one round of the day takes. */
export const daySeconds = ({ stretches }: Day): number => stretches.reduce((sum, { seconds }) => sum + seconds, 0)

/** The stretch at a time of the day, in seconds since its begin. @throws RangeError for a day without a stretch */
export function stretchAt(day: Day, seconds: number): PlacedStretch {
  const { stretches, loop } = day
  if (stretches.length === 0) throw new RangeError('a day needs at least one stretch')
  const length = daySeconds(day)
  const rounds = loop && length > 0 ? Math.floor(Math.max(0, seconds) / length) : 0
  let from = rounds * length
  let index = 0
  while (index < stretches.length - 1 && seconds >= from + stretches[index]!.seconds)
    from += stretches[index++]!.seconds
  return { stretch: stretches[index]!, index: rounds * stretches.length + index, from }
}

/** The face at a time of the day: a pure function, so that the same day looks the same again. */
export function unitsAt(day: Day, seconds: number): ActionUnits {
  const { stretch, index, from } = stretchAt(day, seconds)
  const target = unitsOf(day, stretch, index)
  const before = index === 0 ? {} : unitsOf(day, day.stretches[(index - 1) % day.stretches.length]!, index - 1)
  const eased = blendUnits(before, target, smoothstep((seconds - from) / transitionSeconds))
  const units = liveliness(eased, day.seed, seconds)
  const blink = blinkAt(day.seed, seconds)
  return blink > 0 ? { ...units, AU45: blink } : units
}

/** Outside pain the eyes stay open: the resident does not fall asleep in this script. */
function unitsOf(day: Day, { expression, intensity }: Stretch, index: number): ActionUnits {
  const units = expressionUnits(expression, intensity, createRandom(day.seed * 8191 + index))
  return expression === 'pain' ? units : { ...units, AU43: Math.min(units.AU43 ?? 0, 0.3 * intensity) }
}

function smoothstep(t: number): number {
  const s = Math.min(1, Math.max(0, t))
  return s * s * (3 - 2 * s)
}

/** A slow, never quite repeating wave through -1..1: sines whose periods (s) share no multiple within a day. */
function wave(seed: number, seconds: number, periods: readonly number[]): number {
  const random = createRandom(seed)
  const sum = periods.reduce((total, period) => total + Math.sin(2 * Math.PI * (seconds / period + random())), 0)
  return sum / periods.length
}

const blinkEverySeconds = 4.2
const blinkSeconds = 0.36

/** How far a blink has closed the eyes, 0..1. One blink falls into each 4.2 s, at a time of its own. */
function blinkAt(seed: number, seconds: number): number {
  const turn = Math.floor(seconds / blinkEverySeconds)
  const begin = turn * blinkEverySeconds + createRandom(seed * 31 + turn).uniform(0, blinkEverySeconds - blinkSeconds)
  const t = (seconds - begin) / blinkSeconds
  return t > 0 && t < 1 ? Math.sin(Math.PI * t) ** 2 : 0
}

/** No expression stands still: every unit swells and ebbs by up to a tenth of itself. */
function liveliness(units: ActionUnits, seed: number, seconds: number): ActionUnits {
  const lively: ActionUnits = {}
  // By the unit's own number: its place among those that are active changes, and its wave would jump.
  for (const [name, strength] of Object.entries(units) as [UnitName, number][])
    lively[name] = Math.min(1, strength * (1 + 0.1 * wave(seed * 101 + unitNames.indexOf(name), seconds, [2.3, 5.1])))
  return lively
}

/** Small, slow movements of head and eyes. */
export function poseAt(seed: number, seconds: number): Pose {
  const swing = (part: number, periods: readonly number[]): number => wave(seed * 211 + part, seconds, periods)
  return {
    yaw: 0.09 * swing(1, [11, 17.3]),
    pitch: 0.02 + 0.04 * swing(2, [9.1, 14.7]),
    roll: 3.5 * swing(3, [13.9, 21.1]),
    gaze: { x: 0.35 * swing(4, [3.7, 8.3]), y: 0.15 * swing(5, [4.9, 7.7]) }
  }
}
