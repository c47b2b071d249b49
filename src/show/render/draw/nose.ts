import type { Skin } from '../geometry.js'
import { short } from '../numbers.js'
import type { FaceShape } from '../shape/index.js'
import { type Side, sides } from '../shape/strength.js'
import type { Pen } from './pen.js'

/** Bridge, tip, wings and nostrils. */
export function drawNose(pen: Pen, shape: FaceShape): void {
  const { nose, identity } = shape
  const { base, half } = nose
  const { direction } = pen.light
  for (const side of sides) drawFlank(pen, shape, side)
  pen.blob('shadow', [0, base + 7, 16], [half * 1.05, 9], 0.6)
  pen.blob('highlight', [direction * 2, 4, 14], [identity.bridge * 0.95, 40], 0.44)
  pen.blob('highlight', [direction * 4, base - 13, 26], [13, 12], 0.6)
  pen.blob('flush', [0, base - 8, 24], [20, 15], 0.2)
  for (const side of sides) drawWing(pen, shape, side)
  const septum: Skin[] = [
    [-half * 0.55, base + 2, 18],
    [-8, base + 1, 24],
    [0, base + 4, 26],
    [8, base + 1, 24],
    [half * 0.55, base + 2, 18]
  ]
  pen.crease(septum, 2.4, 0.5)
}

function drawFlank(pen: Pen, { nose: { base, half, bridge } }: FaceShape, side: Side): void {
  const outline: Skin[] = [
    [side * (bridge + 3), -22, 4],
    [side * (bridge + 1), 8, 10],
    [side * half * 0.62, base - 16, 16],
    [side * half * 1.02, base - 6, 6],
    [side * (half + 6), base],
    [side * (half + 3), 20],
    [side * (bridge + 9), -6]
  ]
  pen.fill(pen.curve(outline, true), pen.palette.shadow, 0.07 + 0.16 * pen.shade(side))
  pen.blob('shadow', [side * (bridge + 7), 8, 8], [9, 30], 0.2 + 0.3 * pen.shade(side), side * -6)
}

function drawWing(pen: Pen, { nose: { base, half }, au }: FaceShape, side: Side): void {
  pen.blob('shadow', [side * half * 0.48, base - 10, 18], [6, 12], 0.3, side * 20)
  pen.blob('highlight', [side * half * 0.78, base - 10, 12], [7, 8], 0.28)
  const rim: Skin[] = [
    [side * half * 0.8, base - 19, 12],
    [side * half * 1.04, base - 12, 8],
    [side * half * 1.02, base - 2, 8],
    [side * half * 0.8, base + 2, 12]
  ]
  pen.fold(rim, 3.6, 0.75 + 0.2 * au('AU9'))
  const [x, y] = pen.projection.skin([side * half * 0.46, base, 20])
  pen.define(`<g id="nostril${side}"><ellipse rx="${short(half * 0.25)}" ry="${short(3.2 + au('AU9'))}"/></g>`)
  pen.add(
    `<use href="#nostril${side}" fill="rgb(${pen.palette.gap.map(Math.round).join(',')})" fill-opacity=".88" transform="translate(${short(x)} ${short(y)}) rotate(${side * -14})"/>`
  )
}
