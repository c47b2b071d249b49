import { createRandom } from '../../lib/random.js'
import { type ActionUnits, type Pose, type UnitName, unitNames } from '../render/index.js'

/** A slow, never quite repeating wave through -1..1: sines whose periods (s) share no multiple within a day. */
function wave(seed: number, seconds: number, periods: readonly number[]): number {
  const random = createRandom(seed)
  const sum = periods.reduce((total, period) => total + Math.sin(2 * Math.PI * (seconds / period + random())), 0)
  return sum / periods.length
}

const blinkEverySeconds = 4.2
const blinkSeconds = 0.36

/** How far a blink has closed the eyes, 0..1. One blink falls into each 4.2 s, at a time of its own. */
export function blinkAt(seed: number, seconds: number): number {
  const turn = Math.floor(seconds / blinkEverySeconds)
  const begin = turn * blinkEverySeconds + createRandom(seed * 31 + turn).uniform(0, blinkEverySeconds - blinkSeconds)
  const t = (seconds - begin) / blinkSeconds
  return t > 0 && t < 1 ? Math.sin(Math.PI * t) ** 2 : 0
}

/** No expression stands still: every unit swells and ebbs by up to a tenth of itself. */
export function liveliness(units: ActionUnits, seed: number, seconds: number): ActionUnits {
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
