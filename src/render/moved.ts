import type { Point, RegionName } from '../core/types.js'
import type { ActionUnits, UnitName } from './action-units.js'
import { unitNames } from './action-units.js'
import { nasolabialLine } from './draw/wrinkles.js'
import type { Flat, Projection, Skin } from './geometry.js'
import type { FaceShape } from './shape/index.js'
import { type Side, sides } from './shape/strength.js'

/** A place of the face that an active unit moved, in face units before it is placed in a picture. */
export interface MovedPlace {
  unit: UnitName
  region: RegionName
  polygon: Flat[]
}

type Place = 'brows' | 'glabella' | 'forehead' | 'eyes' | 'cheeks' | 'nose' | 'nostrils' | 'folds' | 'mouth' | 'chin'

const regionOf: Record<Place, RegionName> = {
  brows: 'brows',
  glabella: 'brows',
  forehead: 'forehead',
  eyes: 'eyes',
  cheeks: 'cheeks',
  nose: 'nose',
  nostrils: 'nostrils',
  folds: 'nasolabial_folds',
  mouth: 'mouth',
  chin: 'chin'
}

/** Which places a unit visibly changes, after the FACS manual's appearance changes. */
const placesOf: Record<UnitName, readonly Place[]> = {
  AU1: ['brows', 'forehead'],
  AU2: ['brows', 'forehead'],
  AU4: ['brows', 'glabella'],
  AU5: ['eyes'],
  AU6: ['cheeks', 'eyes'],
  AU7: ['eyes'],
  AU9: ['nose', 'nostrils', 'glabella'],
  AU10: ['folds', 'mouth'],
  AU12: ['mouth', 'folds', 'cheeks'],
  AU15: ['mouth'],
  AU16: ['mouth'],
  AU17: ['chin', 'mouth'],
  AU20: ['mouth', 'folds'],
  AU25: ['mouth'],
  AU26: ['mouth', 'chin'],
  AU27: ['mouth', 'chin'],
  AU43: ['eyes'],
  AU45: ['eyes']
}

/** From this strength on a unit counts as having moved something. */
export const visibleStrength = 0.15

/** The exact places that the face's active units moved, after pose and roll; one polygon per place and side. */
export function movedPlaces(shape: FaceShape, units: ActionUnits, projection: Projection): MovedPlace[] {
  return unitNames
    .filter((unit) => (units[unit] ?? 0) >= visibleStrength)
    .flatMap((unit) =>
      placesOf[unit].flatMap((place) =>
        outlines[place](shape).map((outline) => ({
          unit,
          region: regionOf[place],
          polygon: outline.map((point) => projection.rolled(projection.skin(point)))
        }))
      )
    )
}

const rectangle = (x0: number, y0: number, x1: number, y1: number): Skin[] => [
  [x0, y0],
  [(x0 + x1) / 2, y0],
  [x1, y0],
  [x1, y1],
  [(x0 + x1) / 2, y1],
  [x0, y1]
]

const bothSides = (draw: (side: Side) => Skin[]): Skin[][] => sides.map(draw)

const outlines: Record<Place, (shape: FaceShape) => Skin[][]> = {
  brows: ({ brows, identity: { browThickness } }) =>
    brows.map((line) => [
      ...line.map(([x, y]): Skin => [x, y - browThickness]),
      ...line.map(([x, y]): Skin => [x, y + browThickness]).reverse()
    ]),
  glabella: ({ brows, identity }) => {
    const [inner] = brows[1]![0]!
    return [rectangle(-inner, identity.browY - 16, inner, identity.eyeY)]
  },
  forehead: ({ identity }) => [rectangle(-56, Math.max(identity.hairline + 4, -96), 56, identity.browY - 12)],
  eyes: ({ eyes }) =>
    eyes.map(({ upper, fold, lower, side }) => [
      ...upper.map(([x], i): Skin => [x, Math.min(upper[i]![1], fold[i]![1]) - 2]),
      ...lower.map(([x, y]): Skin => [x, y + 8]).reverse(),
      [upper[0]![0] - side * 3, upper[0]![1]]
    ]),
  cheeks: ({ cheekLift, nose, mouth, identity }) =>
    bothSides((side) => {
      const top = identity.eyeY + 16
      return [
        [side * (nose.half + 10), top + 6],
        [side * 66, top],
        [side * 90, top + 8],
        [side * 84, mouth.line - 18 - cheekLift * 0.5],
        [side * (mouth.half + 18), mouth.line - 12],
        [side * (nose.half + 16), nose.base + 2]
      ]
    }),
  nose: ({ nose, identity }) => [
    [
      [-nose.bridge - 8, identity.eyeY - 4, 4],
      [nose.bridge + 8, identity.eyeY - 4, 4],
      [nose.half, nose.base - 12, 8],
      [-nose.half, nose.base - 12, 8]
    ]
  ],
  nostrils: ({ nose }) => [
    [
      [-nose.half - 5, nose.base - 18, 8],
      [nose.half + 5, nose.base - 18, 8],
      [nose.half + 5, nose.base + 8, 8],
      [-nose.half - 5, nose.base + 8, 8]
    ]
  ],
  folds: (shape) =>
    bothSides((side) => [...nasolabialLine(shape, side, -5), ...nasolabialLine(shape, side, 9).reverse()]),
  mouth: ({ mouth }) => {
    const middle = (mouth.upperTop + mouth.lowerBottom) / 2
    const grow = ([x, y]: Skin): Skin => [x * 1.1, middle + (y - middle) * 1.15]
    return [[...mouth.upperOuter.map(grow), ...mouth.lowerOuter.slice(1, -1).reverse().map(grow)]]
  },
  chin: ({ mouth, head }) => [
    [
      [-30, mouth.lowerBottom + 4],
      [30, mouth.lowerBottom + 4],
      [32, head.chin - 8],
      [0, head.chin],
      [-32, head.chin - 8]
    ]
  ]
}

export const toPoint = ([x, y]: Flat): Point => ({ x, y })
