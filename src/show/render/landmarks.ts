import { type Flat, type Projection, type Skin, splineAt, spreadPoints } from './geometry.js'
import type { EyeShape } from './shape/eyes.js'
import type { FaceShape } from './shape/index.js'
import type { Side } from './shape/strength.js'

/**
 * The 68 points of the iBUG 300-W scheme (Sagonas et al. 2013) on the drawn face, flat, in face units, after the head's
 * roll. They lie where a landmark network puts them rather than where an anatomist would: the offsets below are the
 * medians of face-api's 68-point network against the bare geometry on rendered faces of all tones (eyes a little
 * narrower and higher than the lids, brows along their upper edge), so that faces aligned by either look the same.
 */
export function landmarksOf(shape: FaceShape, projection: Projection): Flat[] {
  const skin = (points: readonly Skin[]): Flat[] => points.map((point) => projection.skin(point))
  const [leftEye, rightEye] = shape.eyes as [EyeShape, EyeShape]
  const [leftBrow, rightBrow] = shape.brows as [Skin[], Skin[]]
  return [
    ...jaw(shape, projection),
    ...browPoints(skin(leftBrow), -1).reverse(),
    ...browPoints(skin(rightBrow), 1),
    ...nosePoints(shape, projection),
    ...eyePoints(leftEye, projection, 'outer first'),
    ...eyePoints(rightEye, projection, 'inner first'),
    ...mouthPoints(shape, projection)
  ].map((point) => projection.rolled(point))
}

/** 0..16: evenly along the outline from beside the eyes over the chin. */
function jaw({ head, eyes }: FaceShape, projection: Projection): Flat[] {
  const top = eyes[0]!.centre[1] - 5
  const below = head.half.filter(([, y]) => y > top)
  const first = below[0]!
  const right = [[first[0] * 1.005, top, first[2]] as const, ...below]
  const half = (mirror: 1 | -1): Flat[] => {
    const line = [...right, [0, head.chin + 3, 38] as const].map(([x, y, z]) => projection.solid([mirror * x, y, z]))
    const smooth = Array.from({ length: 41 }, (_, i) => splineAt(line, i / 40))
    return spreadPoints(smooth, 9)
  }
  return [...half(-1), ...half(1).reverse().slice(1)]
}

/** Five points over a brow, inner end first. */
const browPoints = (line: readonly Flat[], side: Side): Flat[] =>
  [0.03, 0.26, 0.5, 0.75, 0.98].map((t) => {
    const [x, y] = splineAt(line, t)
    return [x + side * 6.5, y - 7]
  })

/** 27..30 down the bridge to the tip, 31..35 under the nostrils. */
function nosePoints({ nose, eyes }: FaceShape, projection: Projection): Flat[] {
  const top = eyes[0]!.centre[1] + 1
  const tip = nose.base - 8
  const bridge = [0, 1, 2, 3].map((i) => projection.skin([0, top + ((tip - top) * i) / 3, 10 + 5 * i]))
  const base = [-0.57, -0.32, 0, 0.32, 0.57].map((t) =>
    projection.skin([t * nose.half, nose.base + 6 - 5 * Math.abs(t), 22 - 14 * Math.abs(t)])
  )
  return [...bridge, ...base]
}

/** Clockwise as seen in the picture, from the corner on the picture's left. */
function eyePoints(eye: EyeShape, projection: Projection, order: 'outer first' | 'inner first'): Flat[] {
  const flat = (points: readonly Skin[]): Flat[] => points.map((point) => projection.skin(point))
  const turn = (points: Flat[]): Flat[] => (order === 'outer first' ? points.reverse() : points)
  const upper = turn([0.33, 0.66].map((t) => splineAt(flat(eye.upper), t)))
  const lower = turn([0.33, 0.66].map((t) => splineAt(flat(eye.lower), t))).reverse()
  const [first, last] = turn(flat([eye.inner, eye.outer])) as [Flat, Flat]
  const centre = projection.skin(eye.centre)[0]
  return [first, ...upper, last, ...lower].map(([x, y]) => [centre + (x - centre) * 0.79 - eye.side * 1.2, y - 3.1])
}

/** 48..59 around the lips, 60..67 around the opening; on a closed mouth the inner points meet on its line. */
function mouthPoints({ mouth }: FaceShape, projection: Projection): Flat[] {
  const flat = (points: readonly Skin[]): Flat[] => points.map((point) => projection.skin(point))
  const outerBelow = flat(mouth.lowerOuter).reverse().slice(1, -1)
  const [upper, lower] = [flat(mouth.upperInner), flat(mouth.lowerInner)]
  const middle = (line: readonly Flat[]): Flat[] => [0.33, 0.5, 0.67].map((t) => splineAt(line, t))
  const inner = [splineAt(upper, 0.07), ...middle(upper), splineAt(upper, 0.93), ...middle(lower).reverse()]
  const outer = [...flat(mouth.upperOuter), ...outerBelow]
  const corner = (i: number): number => (i === 0 ? 2.7 : i === 6 ? -2.7 : 0)
  return [...outer.map(([x, y], i): Flat => [x + corner(i), y - 1.5]), ...inner.map(([x, y]): Flat => [x, y - 1.8])]
}
