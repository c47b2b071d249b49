import type { ActionUnits } from '../action-units.js'
import type { Skin } from '../geometry.js'
import type { Identity } from '../identity.js'
import { shapeBrow } from './brows.js'
import { type EyeShape, shapeEye } from './eyes.js'
import { type HeadShape, shapeHead } from './head.js'
import { type MouthShape, shapeMouth } from './mouth.js'
import { type NoseShape, shapeNose } from './nose.js'
import { type Strength, sides, strengthOf } from './strength.js'

/**
 * Where everything of one face lies, before it is turned: the drawing, the landmarks and the regions that moved are all
 * read from these numbers, so that they cannot disagree.
 */
export interface FaceShape {
  identity: Identity
  au: Strength
  head: HeadShape
  /** The picture's left one first. */
  eyes: EyeShape[]
  brows: Skin[][]
  nose: NoseShape
  mouth: MouthShape
  /** How far the cheeks are pushed up, in face units. */
  cheekLift: number
}

/** One person's face with these units active. */
export function shapeFace(identity: Identity, units: ActionUnits): FaceShape {
  const au = strengthOf(units)
  const head = shapeHead(identity, au)
  return {
    identity,
    au,
    head,
    eyes: sides.map((side) => shapeEye(identity, au, side)),
    brows: sides.map((side) => shapeBrow(identity, au, side)),
    nose: shapeNose(identity, au),
    mouth: shapeMouth(identity, au, head),
    cheekLift: 9 * au('AU6') + 6 * au('AU12') + 4 * au('AU10') + 3 * au('AU9')
  }
}
