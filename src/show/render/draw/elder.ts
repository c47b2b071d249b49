import { createRandom, type Random } from '../../../lib/random.js'
import type { Elder } from '../elder.js'
import { type Skin, spline } from '../geometry.js'
import { mix } from '../numbers.js'
import type { EyeShape } from '../shape/eyes.js'
import { nasolabialLine } from '../shape/folds.js'
import type { FaceShape } from '../shape/index.js'
import { type Side, sides } from '../shape/strength.js'
import type { Pen } from './pen.js'

/** The lines of an elder's face at rest; nothing in other faces. They lie where the person's seed puts them, not where units draw theirs. */
export function drawFurrows(pen: Pen, shape: FaceShape): void {
  const { elder } = shape.identity
  if (!elder) return
  const random = createRandom(elder.seed * 11 + 17)
  drawBetweenBrows(pen, elder, random)
  drawForehead(pen, elder, random)
  for (const side of sides) {
    const deep = 1 + side * elder.skew
    drawAroundEye(pen, shape, { side, depth: elder.eyeLines * deep }, random)
    drawCheek(pen, shape, { side, depth: elder.cheekFolds * deep }, random)
    drawBesideMouth(pen, shape, { side, depth: elder.mouthLines * deep }, random)
  }
  drawOverLip(pen, shape, elder, random)
}

function drawBetweenBrows(pen: Pen, { frown, skew }: Elder, random: Random): void {
  const count = random.pick([1, 2, 2, 3] as const)
  const middle = random.normal(0, 1.5)
  for (let i = 0; i < count; i++) {
    const x = middle + (i - (count - 1) / 2) * random.uniform(9, 14)
    const top = -random.uniform(48, 60)
    const bend = random.normal(0, 2)
    const line: Skin[] = [
      [x * 0.8, -random.uniform(18, 24)],
      [x + bend, -37],
      [x * 1.2, top]
    ]
    pen.fold(line, random.uniform(3, 4.6), frown * (1 + Math.sign(x) * skew) * random.uniform(0.55, 0.85))
  }
  const root = -random.uniform(12, 18)
  pen.crease(
    [
      [-10, root - 1],
      [0, root + 2],
      [10, root - 1]
    ],
    3,
    0.5 * frown
  )
}

function drawForehead(pen: Pen, { forehead }: Elder, random: Random): void {
  const count = random.pick([3, 4, 5] as const)
  for (let i = 0; i < count; i++) {
    const y = -52 - i * random.uniform(7, 10)
    const half = random.uniform(38, 56)
    const middle = random.normal(0, 5)
    const line = ([-1, -0.5, 0, 0.5, 1] as const).map(
      (t): Skin => [middle + t * half, y + 3 * t * t + random.normal(0, 1.2)]
    )
    pen.fold(line, random.uniform(2.2, 3.4), forehead * random.uniform(0.3, 0.6))
  }
}

interface Lines {
  side: Side
  depth: number
}

function drawAroundEye(pen: Pen, { identity }: FaceShape, { side, depth }: Lines, random: Random): void {
  const { eyeX, eyeY, eyeWidth } = identity
  const corner = eyeX + eyeWidth
  for (let i = 0; i < 4; i++) {
    const slope = -9 + i * 8 + random.normal(0, 2)
    const line: Skin[] = [
      [side * (corner + 6), eyeY + slope * 0.45],
      [side * (corner + 14), eyeY + slope],
      [side * (corner + random.uniform(18, 26)), eyeY + slope * 1.6]
    ]
    pen.crease(line, 2.4, depth * random.uniform(0.3, 0.55))
  }
  const sag = random.uniform(16, 23)
  const pouch: Skin[] = [
    [side * (eyeX - 20), eyeY + 12],
    [side * (eyeX - 4), eyeY + sag],
    [side * (eyeX + 14), eyeY + sag - 2],
    [side * (eyeX + 25), eyeY + 11]
  ]
  pen.fold(pouch, 3.2, 0.55 * depth)
}

/** The fold from nose to mouth, and the hollow beside it. */
function drawCheek(pen: Pen, shape: FaceShape, { side, depth }: Lines, random: Random): void {
  pen.fold(nasolabialLine(shape, side, random.normal(1, 1.5)), 4.6, 0.6 * depth)
  pen.blob('shadow', [side * 62, 62], [20, 28], 0.3 * depth, side * 16)
}

function drawBesideMouth(pen: Pen, { mouth, head }: FaceShape, { side, depth }: Lines, random: Random): void {
  const line: Skin[] = [
    [side * (mouth.half + 3), mouth.corner + 1],
    [side * (mouth.half + random.uniform(5, 8)), mouth.corner + 12],
    [side * (mouth.half + random.uniform(1, 5)), Math.min(mouth.corner + 28, head.chin - 10)]
  ]
  pen.fold(line, 4, 0.65 * depth)
}

function drawOverLip(pen: Pen, { mouth, nose }: FaceShape, { mouthLines }: Elder, random: Random): void {
  for (let i = -3; i <= 3; i++) {
    const x = i * 7 + random.normal(0, 1)
    const line: Skin[] = [
      [x, mouth.upperTop + 1, 5],
      [x * 0.96, mouth.upperTop - 4, 5],
      [x * 0.9, Math.max(nose.base + 8, mouth.upperTop - random.uniform(7, 11)), 5]
    ]
    pen.crease(line, 1.8, 0.4 * mouthLines)
  }
}

/** How far the skin hangs below the lid's edge at most, from the inner to the outer corner. */
const hang = [0, 0, 1.5, 4, 6.5, 3] as const

/** Skin that hangs over the upper lids; drawn over the eyes. */
export function drawHoods(pen: Pen, { identity, eyes }: FaceShape): void {
  const hood = identity.elder?.hood ?? 0
  if (hood < 0.05) return
  for (const eye of eyes) drawHood(pen, eye, hood)
}

function drawHood(pen: Pen, { upper, fold }: EyeShape, hood: number): void {
  const edge = upper.map(([x, y], i): Skin => [x, y + hang[i]! * hood])
  const outline = spline(pen.flat([...fold, ...edge.toReversed()]), true)
  pen.fill(outline, mix(pen.palette.skin, pen.palette.shadow, 0.18), Math.min(0.95, 1.6 * hood))
  pen.fold(edge.slice(1), 2.6, 0.7 * hood)
}
