import { type Flat, pair, type Skin, spline } from '../geometry.js'
import type { FaceShape } from '../shape/index.js'
import { sides } from '../shape/strength.js'
import type { Pen } from './pen.js'

const lens: readonly Flat[] = [
  [-26, -14],
  [-10, -18],
  [14, -18],
  [27, -13],
  [26, 8],
  [12, 19],
  [-12, 18],
  [-25, 6]
]

/** Frame, glass and temples, where the person wears them. */
export function drawGlasses(pen: Pen, { identity }: FaceShape): void {
  const { eyeX, eyeY, faceWidth, glasses, glassesColour } = identity
  if (glasses === 'none') return
  const width = glasses === 'thick' ? 4.5 : 1.8
  for (const side of sides) {
    const rim = lens.map(([x, y]): Skin => [side * (eyeX + x), eyeY + 4 + y, 8])
    const path = pen.curve(rim, true)
    pen.fill(path, [223, 232, 240], 0.08)
    pen.stroke(path, glassesColour, width)
    const hinge = pen.projection.skin([side * (eyeX + 27), eyeY - 6, 8])
    const ear = pen.projection.solid([side * 100 * faceWidth, eyeY - 6, 0])
    pen.stroke(`M${pair(hinge)}L${pair(ear)}`, glassesColour, width)
    pen.blob('highlight', [side * eyeX - 8, eyeY - 4], [9, 7], 0.22)
  }
  const [left, top, right] = pen.flat([
    [-eyeX + 26, eyeY - 2, 8],
    [0, eyeY - 9, 16],
    [eyeX - 26, eyeY - 2, 8]
  ]) as [Flat, Flat, Flat]
  pen.stroke(`M${pair(left)}Q${pair(top)} ${pair(right)}`, glassesColour, width)
}

/** The tube of an oxygen cannula, ear to ear under the nose. */
export function drawCannula(pen: Pen, { identity, nose }: FaceShape): void {
  if (!identity.cannula) return
  const half = (side: -1 | 1): Flat[] => [
    pen.projection.solid([side * 102, 14, 0]),
    ...pen.flat([
      [side * 74, 48],
      [side * 32, nose.base + 11, 4]
    ])
  ]
  const under = pen.projection.skin([0, nose.base + 9, 12])
  pen.stroke(spline([...half(-1), under, ...half(1).reverse()]), [207, 230, 228], 4, 0.75)
}
