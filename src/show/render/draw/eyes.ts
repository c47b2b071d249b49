import { type Flat, type Skin, spline } from '../geometry.js'
import { clamp, css, mix, short } from '../numbers.js'
import type { EyeShape } from '../shape/eyes.js'
import type { FaceShape } from '../shape/index.js'
import type { Pen } from './pen.js'

const irisRadius = 9.4

/** Lids, eyeball and lashes; closed lids hide the eyeball. */
export function drawEyes(pen: Pen, shape: FaceShape): void {
  for (const eye of shape.eyes) {
    drawLids(pen, shape, eye)
    if (!eye.shut) drawEyeball(pen, shape, eye)
    drawLashes(pen, shape, eye)
  }
}

function drawLids(pen: Pen, { identity, au }: FaceShape, { centre: [x, y], side, opening, closed }: EyeShape): void {
  const width = identity.eyeWidth
  const above = opening * 0.55
  pen.blob('skin', [x, y - above * 0.6 - 1], [width * 0.9, 6 + 5 * closed], 0.5 + 0.3 * closed)
  pen.blob(
    'highlight',
    [x - side * 2, y - above - 2 + 5 * closed],
    [width * 0.75, 5 + 3 * closed],
    0.24 + 0.26 * closed
  )
  pen.blob(
    'highlight',
    [x, y + identity.eyeHeight * 0.38 + 4],
    [width * 0.8, 4],
    0.18 + 0.22 * au('AU6') + 0.12 * au('AU7')
  )
}

function drawEyeball(pen: Pen, { identity }: FaceShape, eye: EyeShape): void {
  const upper = pen.flat(eye.upper)
  const lower = pen.flat(eye.lower)
  const opening = spline([...upper, ...lower.reverse().slice(1, -1)], true)
  const gaze = pen.projection.pose.gaze ?? { x: 0, y: 0 }
  const [x, y] = pen.projection.skin([eye.centre[0], eye.centre[1] - 1])
  const pupil: Flat = [x + 9 * clamp(gaze.x, -1, 1), y + 4 * clamp(gaze.y, -1, 1)]
  pen.clipped(`eye${eye.side}`, opening, () => {
    pen.fill(opening, mix([230, 223, 217], identity.skin, 0.1))
    pen.blob('flush', [eye.inner[0] + eye.side * 2, eye.inner[1]], [7, 6], 0.6)
    pen.add(disc(pupil, irisRadius, css(mix(identity.iris, [10, 8, 8], 0.45))))
    pen.add(disc([pupil[0], pupil[1] + 1], irisRadius * 0.78, css(identity.iris)))
    pen.add(disc(pupil, irisRadius * 0.44, '#0a0808'))
    for (const [width, opacity] of [
      [8, 0.25],
      [4.5, 0.35]
    ] as const)
      pen.stroke(spline(upper), [30, 16, 14], width, opacity)
    pen.add(disc([pupil[0] + pen.light.direction * 4, pupil[1] - 3.2], 1.9, '#fff'))
  })
}

const disc = ([x, y]: Flat, radius: number, colour: string): string =>
  `<circle cx="${short(x)}" cy="${short(y)}" r="${short(radius)}" fill="${colour}"/>`

function drawLashes(pen: Pen, { identity, au }: FaceShape, eye: EyeShape): void {
  const { inner, outer, side, shut, closed } = eye
  const { lash } = pen.palette
  const first = eye.upper[0]!
  const line: Skin[] = [
    [first[0] - side * 1.5, first[1] + 1],
    ...eye.upper.slice(1),
    [outer[0] + side * 3.5, outer[1] + (shut ? 1 : -0.5)]
  ]
  pen.crease(line, shut ? 3.8 : identity.female ? 4.2 : 3.5, 0.92, lash)
  pen.crease([inner, ...eye.lower.slice(1)], 1.7, 0.45, lash)
  if (identity.female && !shut)
    pen.crease(
      [
        [outer[0], outer[1] - 1],
        [outer[0] + side * 4, outer[1] - 4]
      ],
      2,
      0.6,
      lash
    )
  pen.crease(eye.fold, 2.6, 0.6 - 0.2 * closed + 0.1 * au('AU4'))
  if (shut)
    pen.crease(
      eye.lower.map(([x, y]): Skin => [x, y + 4]),
      2.2,
      0.35 + 0.3 * au('AU7')
    )
}
