import type { Random } from '../../lib/random.js'
import { short } from './numbers.js'

/** A place on the skin in face units: x, y, and how far it stands out from the head's round surface. */
export type Skin = readonly [x: number, y: number, lift?: number]
/** A place in space in face units; z towards the camera. */
export type Solid = readonly [x: number, y: number, z: number]
/** A place in the picture plane, before the head's roll, in face units. */
export type Flat = readonly [x: number, y: number]

/** How the head is held: yaw (to the picture's right) and pitch (up) in radians, roll (clockwise) in degrees. */
export interface Pose {
  yaw: number
  pitch: number
  roll: number
  /** Where the eyes look, -1..1 each; straight ahead where missing. */
  gaze?: { x: number; y: number }
}

/** Straight into the camera. */
export const frontal: Pose = { yaw: 0, pitch: 0, roll: 0 }

/** A pose as residents in bed hold it; `strength` 1 is the ordinary spread. */
export function randomPose(random: Random, strength = 1): Pose {
  return {
    yaw: random.normal(0, 0.14 * strength),
    pitch: random.normal(0.02, 0.08 * strength),
    roll: random.normal(0, 9 * strength),
    gaze: { x: random.normal(0, 0.28), y: random.normal(0, 0.16) }
  }
}

/** The head rolls about this point on the neck. */
export const pivot: Flat = [0, 90]

/** Orthographic camera before a head that is an ellipsoid of 118 x 190 x 88 face units. */
export class Projection {
  readonly #sinYaw: number
  readonly #cosYaw: number
  readonly #sinPitch: number
  readonly #cosPitch: number
  readonly #sinRoll: number
  readonly #cosRoll: number

  constructor(readonly pose: Pose) {
    this.#sinYaw = Math.sin(pose.yaw)
    this.#cosYaw = Math.cos(pose.yaw)
    this.#sinPitch = Math.sin(pose.pitch)
    this.#cosPitch = Math.cos(pose.pitch)
    this.#sinRoll = Math.sin((pose.roll * Math.PI) / 180)
    this.#cosRoll = Math.cos((pose.roll * Math.PI) / 180)
  }

  solid([x, y, z]: Solid): Flat {
    const depth = z * this.#cosYaw - x * this.#sinYaw
    return [x * this.#cosYaw + z * this.#sinYaw, y * this.#cosPitch - depth * this.#sinPitch]
  }

  skin([x, y, lift = 0]: Skin): Flat {
    const round = Math.sqrt(Math.max(0.04, 1 - (x / 118) ** 2 - ((y + 5) / 190) ** 2))
    return this.solid([x, y, 88 * round + lift])
  }

  /** Where a flat point ends up once the head is rolled; the drawing itself is rolled by an SVG transform. */
  rolled([x, y]: Flat): Flat {
    const dx = x - pivot[0]
    const dy = y - pivot[1]
    return [pivot[0] + dx * this.#cosRoll - dy * this.#sinRoll, pivot[1] + dx * this.#sinRoll + dy * this.#cosRoll]
  }
}

/** A point as SVG paths write it. */
export const pair = ([x, y]: Flat): string => `${short(x)} ${short(y)}`
/** Straight lines from point to point: an open SVG path. */
export const polyline = (points: readonly Flat[]): string => `M${points.map(pair).join('L')}`

/** A Catmull-Rom spline through the points as cubic Béziers: an SVG path. */
export function spline(points: readonly Flat[], closed = false): string {
  const count = points.length
  const at = (i: number): Flat => points[closed ? (i + count) % count : Math.min(count - 1, Math.max(0, i))]!
  let path = `M${pair(at(0))}`
  for (let i = 0; i < (closed ? count : count - 1); i++) {
    const [before, from, to, after] = [at(i - 1), at(i), at(i + 1), at(i + 2)]
    const leave: Flat = [from[0] + (to[0] - before[0]) / 6, from[1] + (to[1] - before[1]) / 6]
    const arrive: Flat = [to[0] - (after[0] - from[0]) / 6, to[1] - (after[1] - from[1]) / 6]
    path += `C${pair(leave)} ${pair(arrive)} ${pair(to)}`
  }
  return closed ? `${path}Z` : path
}

/** The point of the open spline through `points` at t = 0..1, by point number. */
export function splineAt(points: readonly Flat[], t: number): Flat {
  const place = t * (points.length - 1)
  const i = Math.min(points.length - 2, Math.floor(place))
  const s = place - i
  const [a, b, c, d] = [
    points[Math.max(0, i - 1)]!,
    points[i]!,
    points[i + 1]!,
    points[Math.min(points.length - 1, i + 2)]!
  ]
  const along = (k: 0 | 1): number =>
    0.5 *
    (2 * b[k] +
      (c[k] - a[k]) * s +
      (2 * a[k] - 5 * b[k] + 4 * c[k] - d[k]) * s ** 2 +
      (3 * b[k] - a[k] - 3 * c[k] + d[k]) * s ** 3)
  return [along(0), along(1)]
}

/** `count` points that lie at equal distances along a polyline, both ends included. */
export function spreadPoints(points: readonly Flat[], count: number): Flat[] {
  const lengths = points.slice(1).map(([x, y], i) => Math.hypot(x - points[i]![0], y - points[i]![1]))
  const step = lengths.reduce((sum, length) => sum + length, 0) / (count - 1)
  const places: Flat[] = []
  for (let k = 0; k < count; k++) {
    let left = k * step
    let i = 0
    while (i < lengths.length - 1 && left > lengths[i]!) left -= lengths[i++]!
    const t = Math.min(1, left / (lengths[i]! || 1))
    const [from, to] = [points[i]!, points[i + 1]!]
    places.push([from[0] + (to[0] - from[0]) * t, from[1] + (to[1] - from[1]) * t])
  }
  return places
}
