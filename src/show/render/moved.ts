import type { RegionName } from '../../core/types.js'
import { type ActionUnits, type UnitName, unitNames } from './action-units.js'
import type { Flat, Projection, Skin } from './geometry.js'
import { nasolabialLine } from './shape/folds.js'
import { type FaceShape, shapeFace } from './shape/index.js'
import { type Side, sides } from './shape/strength.js'

/** A place of the face that an active unit moved, in face units before it is placed in a picture. */
export interface MovedPlace {
  unit: UnitName
  region: RegionName
  polygon: Flat[]
}

type Place =
  | 'brows'
  | 'glabella'
  | 'forehead'
  | 'eyes'
  | 'crowsFeet'
  | 'cheeks'
  | 'nose'
  | 'nostrils'
  | 'folds'
  | 'mouth'
  | 'mouthCorners'
  | 'chin'
  | 'jaw'

const regionOf: Record<Place, RegionName> = {
  brows: 'brows',
  glabella: 'brows',
  forehead: 'forehead',
  eyes: 'eyes',
  crowsFeet: 'eyes',
  cheeks: 'cheeks',
  nose: 'nose',
  nostrils: 'nostrils',
  folds: 'nasolabial_folds',
  mouth: 'mouth',
  mouthCorners: 'mouth',
  chin: 'chin',
  jaw: 'chin'
}

/** Which places a unit visibly changes, after the FACS manual's appearance changes. */
const placesOf: Record<UnitName, readonly Place[]> = {
  AU1: ['brows', 'forehead'],
  AU2: ['brows', 'forehead'],
  AU4: ['brows', 'glabella'],
  AU5: ['eyes'],
  AU6: ['cheeks', 'eyes', 'crowsFeet'],
  AU7: ['eyes'],
  AU9: ['nose', 'nostrils', 'glabella', 'brows', 'folds', 'mouth'],
  AU10: ['folds', 'mouth', 'nostrils'],
  AU12: ['mouth', 'mouthCorners', 'folds', 'cheeks'],
  AU15: ['mouth', 'mouthCorners'],
  AU16: ['mouth', 'chin'],
  AU17: ['chin', 'mouth'],
  AU20: ['mouth', 'mouthCorners', 'folds'],
  AU25: ['mouth'],
  AU26: ['mouth', 'chin', 'jaw'],
  AU27: ['mouth', 'chin', 'jaw'],
  AU43: ['eyes'],
  AU45: ['eyes']
}

/** From this strength on a unit counts as having moved something. */
const visibleStrength = 0.15

/**
 * The exact places that the face's active units moved, after pose and roll: where a part lies now and, where that is
 * elsewhere, where it lay at rest. One polygon per place, side and position.
 */
export function movedPlaces(shape: FaceShape, units: ActionUnits, projection: Projection): MovedPlace[] {
  const rest = shapeFace(shape.identity, {})
  const flat = (outline: readonly Skin[]): Flat[] => outline.map((point) => projection.rolled(projection.skin(point)))
  return unitNames
    .filter((unit) => (units[unit] ?? 0) >= visibleStrength)
    .flatMap((unit) =>
      placesOf[unit].flatMap((place) => {
        const now = outlines[place](shape).map(flat)
        const before = outlines[place](rest).map(flat)
        const left = before.filter((outline, i) => distance(outline, now[i]!) > 1)
        return [...now, ...left].map((polygon) => ({ unit, region: regionOf[place], polygon }))
      })
    )
}

/** How far the point that moved the most has moved, in face units. */
const distance = (a: readonly Flat[], b: readonly Flat[]): number =>
  Math.max(...a.map(([x, y], i) => Math.hypot(x - b[i]![0], y - b[i]![1])))

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
      [upper[0]![0] - side * 4, upper[0]![1]],
      ...upper.map(([x], i): Skin => [x, Math.min(upper[i]![1], fold[i]![1]) - 5]),
      [lower.at(-1)![0] + side * 6, lower.at(-1)![1]],
      ...lower.map(([x, y]): Skin => [x, y + 14]).reverse()
    ]),
  crowsFeet: ({ eyes }) =>
    eyes.map(({ outer: [x, y], side }) => [
      [x + side * 2, y - 8],
      [x + side * 28, y - 24],
      [x + side * 30, y + 22],
      [x + side * 2, y + 16]
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
  mouthCorners: ({ mouth }) =>
    bothSides((side) => [
      [side * (mouth.half - 8), mouth.corner - 14],
      [side * (mouth.half + 16), mouth.corner - 14],
      [side * (mouth.half + 16), mouth.corner + 22],
      [side * (mouth.half - 8), mouth.corner + 22]
    ]),
  chin: ({ mouth, head }) => [
    [
      [-30, mouth.lowerBottom],
      [30, mouth.lowerBottom],
      [48, head.chin - 14],
      [40, head.chin + 1],
      [0, head.chin + 4],
      [-40, head.chin + 1],
      [-48, head.chin - 14]
    ]
  ],
  jaw: ({ mouth, head }) =>
    bothSides((side) => [
      [side * (mouth.half + 4), mouth.corner],
      [side * 96, 70],
      [side * 96, 100],
      [side * 66, head.chin],
      [side * 30, head.chin + 6],
      [side * 30, mouth.lowerBottom]
    ])
}
