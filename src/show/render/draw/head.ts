import { spline } from '../geometry.js'
import { css, mix, type Rgb, short } from '../numbers.js'
import type { FaceShape } from '../shape/index.js'
import { sides } from '../shape/strength.js'
import type { Pen } from './pen.js'

/** The outline of the head as a path. */
export const headPath = (pen: Pen, { head }: FaceShape): string =>
  spline(
    head.outline.map((point) => pen.projection.solid(point)),
    true
  )

/** Both ears; the head is drawn over them. */
export function drawEars(pen: Pen, { identity }: FaceShape): void {
  const { skin, shadow } = pen.palette
  for (const side of sides) {
    const [x, y] = pen.projection.solid([side * 101 * identity.faceWidth, 6, -12])
    const ear = (dx: number, rx: number, ry: number, paint: string): string =>
      `<ellipse cx="${short(x + dx)}" cy="${short(y)}" rx="${rx}" ry="${ry}" fill="${paint}" transform="rotate(${side * 8} ${short(x)} ${short(y)})"/>`
    pen.add(ear(0, 12, 27, css(mix(skin, shadow, 0.25))) + ear(side, 7, 17, 'url(#shadow)'))
  }
}

/** The skin's ground: round, and darker away from the light. */
export function drawHead(pen: Pen, path: string): void {
  const { skin, shadow, highlight } = pen.palette
  const { direction, contrast } = pen.light
  const centre = 50 + direction * 16 + Math.sin(pen.projection.pose.yaw) * 14
  pen.define(
    `<radialGradient id="ground" cx="${short(centre)}%" cy="44%" r="66%">${stops([
      [0, mix(skin, highlight, 0.3)],
      [0.5, skin],
      [0.82, mix(skin, shadow, 0.3)],
      [1, mix(skin, shadow, 0.62)]
    ])}</radialGradient>`
  )
  const [lit, dark] = direction < 0 ? [0, 1] : [1, 0]
  const strength = Math.abs(direction)
  pen.define(
    `<linearGradient id="sidelight" x1="${lit}" x2="${dark}" y1="0.2" y2="0.5">${stops([
      [0, highlight, 0.3 * strength],
      [0.45, shadow, 0],
      [1, mix(shadow, [15, 8, 10], 0.5), 0.7 * strength * contrast]
    ])}</linearGradient>`
  )
  pen.fill(path, 'url(#ground)')
  pen.fill(path, 'url(#sidelight)')
}

/** The stops of an SVG gradient; opaque unless said otherwise. */
export const stops = (list: readonly (readonly [at: number, colour: Rgb, opacity?: number])[]): string =>
  list
    .map(
      ([at, colour, opacity = 1]) =>
        `<stop offset="${at}" stop-color="${css(colour)}" stop-opacity="${opacity.toFixed(2)}"/>`
    )
    .join('')

/** Forehead, temples, eye sockets, cheeks and chin. */
export function drawForms(pen: Pen, { identity, au, head, mouth, cheekLift }: FaceShape): void {
  const { eyeX, eyeY, age } = identity
  const { direction } = pen.light
  pen.blob('highlight', [0, -70], [62, 34], 0.36)
  for (const side of sides) {
    const shade = pen.shade(side)
    pen.blob('shadow', [side * 78, -52], [30, 46], 0.3 * shade)
    pen.blob('socket', [side * (eyeX - 2), eyeY - 5], [36, 23], 0.46 + 0.2 * au('AU4'))
    pen.blob('deep', [side * (eyeX - 22), eyeY - 8], [14, 18], 0.4 + 0.15 * au('AU4'))
    pen.blob('shadow', [side * 84, 70], [30, 58], 0.42 * shade, side * 14)
    pen.blob('shadow', [side * 56, 66], [26, 30], 0.14 + 0.22 * age + 0.16 * au('AU12'), side * 20)
    pen.blob('flush', [side * 57, 34 - cheekLift], [34, 27], 0.28 + 0.12 * au('AU6'))
    const apple = (0.36 + 0.3 * au('AU6') + 0.22 * au('AU12')) * (1.2 - shade * 0.6)
    pen.blob(
      'highlight',
      [side * (55 - 3 * side * direction), 24 - cheekLift],
      [27, 19 + 3 * au('AU6')],
      apple,
      side * -18
    )
  }
  pen.blob('shadow', [0, head.chin - 2], [60, 18], 0.42)
  pen.blob('highlight', [0, head.chin - 24], [22, 15], 0.3 + 0.1 * au('AU17'))
  pen.blob('shadow', [0, mouth.lowerBottom + 8], [24, 8], 0.45 + 0.15 * au('AU17'))
}
