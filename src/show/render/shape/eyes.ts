import type { Elder } from '../elder.js'
import type { Skin } from '../geometry.js'
import type { Identity } from '../identity.js'
import { clamp, lerp } from '../numbers.js'
import type { Side, Strength } from './strength.js'

export interface EyeShape {
  side: Side
  centre: Skin
  inner: Skin
  outer: Skin
  /** The lids' edges from the inner to the outer corner, corners included. */
  upper: Skin[]
  lower: Skin[]
  /** The crease over the upper lid. */
  fold: Skin[]
  /** Height of the opening and how far the lids are closed, 0..1. */
  opening: number
  closed: number
  shut: boolean
}

const upperArc = [
  [0, 0],
  [0.18, 0.62],
  [0.42, 1],
  [0.68, 0.93],
  [0.88, 0.5],
  [1, 0]
] as const
const lowerArc = [
  [0, 0],
  [0.12, 0.45],
  [0.35, 0.9],
  [0.6, 1],
  [0.85, 0.62],
  [1, 0]
] as const
const foldArc = [
  [0.02, 0.15],
  [0.2, 0.75],
  [0.45, 1],
  [0.7, 0.95],
  [0.95, 0.55],
  [1.1, 0.1]
] as const

/** AU43 and AU45 close, AU5 opens, AU6, 7, 9 and 12 narrow from below and above. Lids of elders hang, whatever they do. */
export function shapeEye(identity: Identity, au: Strength, side: Side): EyeShape {
  const closed = clamp(Math.max(au('AU43'), au('AU45')))
  const narrowing =
    0.3 * au('AU7') + 0.2 * au('AU6') + 0.12 * au('AU12') * au('AU6') + 0.15 * au('AU9') + 0.1 * au('AU4')
  const { lidDroop = 0, hood = 0 }: Partial<Elder> = identity.elder ?? {}
  const raised = identity.eyeHeight * 0.62 * (1 - Math.min(0.62, narrowing)) * (1 - 0.55 * lidDroop) + 2.5 * au('AU5')
  const pushed = 3.4 * au('AU6') + 2.6 * au('AU7') + 1.8 * au('AU9')
  const low = Math.max(0.6, identity.eyeHeight * 0.38 - pushed * (1 - 0.5 * closed))
  const lid = lerp(-raised, low * 0.85, closed)
  const x = side * identity.eyeX
  const y = identity.eyeY + side * identity.eyeSkew
  const inner: Skin = [x - side * identity.eyeWidth, y + 2 + identity.eyeTilt * 0.3]
  const outer: Skin = [x + side * identity.eyeWidth, y - identity.eyeTilt]
  const at = (t: number, dy: number): Skin => [lerp(inner[0], outer[0], t), lerp(inner[1], outer[1], t) + dy]
  const foldHeight = Math.max(2, -lid) + identity.lidFold * (1 - 0.5 * au('AU4')) * (1 - 0.6 * hood)
  return {
    side,
    centre: [x, y],
    inner,
    outer,
    upper: upperArc.map(([t, height]) => at(t, height * lid)),
    lower: lowerArc.map(([t, height]) => at(t, height * low)),
    fold: foldArc.map(([t, height]) => at(t, -height * foldHeight + 2 * au('AU4') * (1 - t))),
    opening: low - lid,
    closed,
    shut: low - lid < 2.2
  }
}
