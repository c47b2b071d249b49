import { createRandom } from '../../../lib/random.js'
import type { Skin } from '../geometry.js'
import { clamp } from '../numbers.js'
import { nasolabialLine } from '../shape/folds.js'
import type { FaceShape } from '../shape/index.js'
import { type Side, sides } from '../shape/strength.js'
import type { Pen } from './pen.js'

/** Lines that age leaves and lines that the action units make. */
export function drawWrinkles(pen: Pen, shape: FaceShape): void {
  drawForehead(pen, shape)
  drawGlabella(pen, shape)
  drawNoseRoot(pen, shape)
  for (const side of sides) {
    drawFrown(pen, shape, side)
    drawAroundEye(pen, shape, side)
    drawNasolabialFold(pen, shape, side)
    drawMouthCorner(pen, shape, side)
  }
  drawChin(pen, shape)
}

/** AU1 and AU2: across the forehead. */
function drawForehead(pen: Pen, { identity, au }: FaceShape): void {
  const raised = Math.max(au('AU1'), au('AU2'))
  for (let i = 0; i < 4; i++) {
    const y = -54 - i * 10 - raised * 4
    const line: Skin[] = [
      [-52 + i * 3, y + 3],
      [-26, y - 2],
      [0, y + 1],
      [26, y - 2],
      [52 - i * 3, y + 3]
    ]
    const opacity = clamp(identity.age - 0.35) * 0.24 + (i < 3 ? 0.5 * raised : 0) - 0.1 * au('AU4')
    pen.crease(line, 2.6, opacity)
  }
}

function drawGlabella(pen: Pen, { au }: FaceShape): void {
  const [frown, wrinkle] = [au('AU4'), au('AU9')]
  pen.blob('highlight', [0, -38], [9, 14], 0.4 * frown)
  pen.blob('shadow', [0, -18], [15, 7], 0.4 * frown + 0.3 * wrinkle)
  pen.crease(
    [
      [-11, -19],
      [0, -16],
      [11, -19]
    ],
    3.2,
    0.4 * frown + 0.55 * wrinkle
  )
}

/** AU4: upright lines between the brows. */
function drawFrown(pen: Pen, { identity, au }: FaceShape, side: Side): void {
  const frown = au('AU4')
  pen.blob('shadow', [side * 20, -30 + 7 * frown], [16, 9], 0.45 * frown)
  const inner: Skin[] = [
    [side * 5, -22 + 3 * frown],
    [side * (6.5 - frown), -36],
    [side * (9 - 2 * frown), -48]
  ]
  pen.fold(inner, 3.6, 0.08 * identity.age + 0.72 * frown + 0.22 * au('AU9'))
  pen.crease(
    [
      [side * 11, -30],
      [side * 10, -40],
      [side * 13, -47]
    ],
    2.4,
    0.42 * frown
  )
}

/** AU9: across the root of the nose and down its flanks. */
function drawNoseRoot(pen: Pen, { au }: FaceShape): void {
  const wrinkle = au('AU9')
  for (let i = 0; i < 4; i++) {
    for (const side of sides) {
      const line: Skin[] = [
        [side * 5, -10 + 7 * i, 16],
        [side * 13, -7 + 7.5 * i, 8],
        [side * 21, -9 + 7 * i - 3 * wrinkle, 2]
      ]
      pen.crease(line, 3, (0.8 - 0.1 * i) * wrinkle)
    }
  }
  pen.crease(
    [
      [-7, -6, 16],
      [0, -8, 20],
      [7, -6, 16]
    ],
    2.6,
    0.6 * wrinkle
  )
  pen.crease(
    [
      [-6, 3, 18],
      [0, 1, 22],
      [6, 3, 18]
    ],
    2.2,
    0.45 * wrinkle
  )
  for (const side of sides) pen.blob('highlight', [side * 20, 14 - 4 * wrinkle, 6], [9, 14], 0.35 * wrinkle, side * -20)
}

/** AU6: crow's feet and the pouch under the eye. */
function drawAroundEye(pen: Pen, { identity, au }: FaceShape, side: Side): void {
  const { eyeX, eyeY, eyeWidth, age, eyeBags } = identity
  const corner = side * (eyeX + eyeWidth)
  const cheek = au('AU6')
  for (let i = 0; i < 4; i++) {
    const line: Skin[] = [
      [corner + side * 5, eyeY - 6 + i * 5],
      [corner + side * 13, eyeY - 11 + i * 7.5],
      [corner + side * 22, eyeY - 17 + i * 10.5]
    ]
    pen.crease(line, 2.4, 0.25 * clamp(age - 0.4) + 0.5 * cheek + 0.15 * au('AU43') * au('AU7'))
  }
  const pouch: Skin[] = [
    [side * (eyeX - 22), eyeY + 10 - 2 * cheek],
    [side * (eyeX - 6), eyeY + 19 - 5 * cheek],
    [side * (eyeX + 12), eyeY + 17 - 5 * cheek],
    [side * (eyeX + 26), eyeY + 9 - 3 * cheek]
  ]
  pen.fold(pouch, 3.4, 0.14 + 0.32 * eyeBags + 0.45 * cheek + 0.25 * au('AU7') + 0.2 * au('AU9'))
  const trough: Skin[] = [
    [side * (eyeX - 26), eyeY + 9],
    [side * (eyeX - 20), eyeY + 19 - 3 * au('AU9')],
    [side * (eyeX - 6), eyeY + 28 - 5 * au('AU9')]
  ]
  pen.crease(trough, 3.4, 0.13 * age + 0.5 * au('AU9') + 0.28 * au('AU10'))
}

/** From the nose's wing around the mouth: AU6, 9, 10, 12 and 20 deepen it. */
function drawNasolabialFold(pen: Pen, shape: FaceShape, side: Side): void {
  const { identity, au } = shape
  const depth =
    0.1 +
    0.26 * identity.age +
    0.7 * au('AU12') +
    0.66 * au('AU10') +
    0.55 * au('AU9') +
    0.2 * au('AU6') +
    0.2 * au('AU20')
  pen.crease(nasolabialLine(shape, side, 9), 10, 0.18 * depth, pen.palette.highlight)
  pen.fold(nasolabialLine(shape, side), 4.4, Math.min(0.95, 0.78 * depth))
}

function drawMouthCorner(pen: Pen, { identity, au, mouth, head }: FaceShape, side: Side): void {
  const line: Skin[] = [
    [side * (mouth.half + 6), mouth.line - 6 - 9 * au('AU12')],
    [side * (mouth.half + 9), mouth.line + 3 - 6 * au('AU12') + 8 * au('AU15')],
    [side * (mouth.half + 7), mouth.line + 16 + 6 * au('AU15') + head.jawDrop * 0.5]
  ]
  const age = clamp(identity.age - 0.4)
  pen.crease(line, 3, 0.05 + 0.3 * age + 0.5 * au('AU15') + 0.32 * au('AU12') + 0.4 * au('AU20'))
}

/** AU17: the furrow under the lip and the chin's dimples. */
function drawChin(pen: Pen, { identity, au, head, mouth }: FaceShape): void {
  const raised = au('AU17')
  const y = mouth.line + identity.lowerLip + 8 + head.jawDrop * 0.9 - 3 * raised
  pen.fold(
    [
      [-22, y + 1],
      [0, y - 2 - 2 * raised],
      [22, y + 1]
    ],
    3,
    0.25 + 0.45 * raised
  )
  if (raised < 0.1) return
  const random = createRandom(identity.seed + 7)
  for (let i = 0; i < 9; i++) {
    const [x, dy] = [-16 + (i % 3) * 14, head.chin - 27 + Math.floor(i / 3) * 7]
    pen.crease(
      [
        [x + random.normal(0, 2), dy],
        [x + 6 + random.normal(0, 2), dy + 2]
      ],
      4,
      0.4 * raised
    )
  }
}
