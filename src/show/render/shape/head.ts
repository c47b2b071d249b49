import type { Solid } from '../geometry.js'
import type { Identity } from '../identity.js'
import { lerp } from '../numbers.js'
import type { Strength } from './strength.js'

export interface HeadShape {
  /** Closed, from the crown along the picture's right side to the chin and back. */
  outline: Solid[]
  /** The right half from crown (excluded) to chin (excluded). */
  half: Solid[]
  chin: number
  /** How far the lower jaw hangs, in face units. */
  jawDrop: number
}

/** AU26 and AU27 let the jaw hang, AU17 pushes the chin up. */
export function shapeHead(identity: Identity, au: Strength): HeadShape {
  const { crown, jaw, chinWidth, foreheadWidth, faceWidth } = identity
  const jawDrop = 15 * au('AU26') + 32 * au('AU27')
  const chin = identity.chin + jawDrop * 0.75 - 3 * au('AU17')
  const half = (
    [
      [34, crown + 4, -14],
      [64 * foreheadWidth, crown + 20, -8],
      [88 * foreheadWidth, -90, -3],
      [97, -40, 0],
      [97, 8, 0],
      [lerp(91, 95, jaw), 48 + jawDrop * 0.1, 0],
      [88 * jaw + 4, 88 + jawDrop * 0.4, 10],
      [lerp(54, 66, chinWidth), lerp(88, chin, 0.68), 22],
      [58 * chinWidth + 4, chin - 4, 34]
    ] as const
  ).map(([x, y, z]): Solid => [x * faceWidth, y, z])
  const mirrored = half.map(([x, y, z]): Solid => [-x, y, z]).reverse()
  return { half, outline: [[0, crown, -14], ...half, [0, chin, 38], ...mirrored], chin, jawDrop }
}
