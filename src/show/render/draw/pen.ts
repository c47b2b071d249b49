import { type Flat, type Projection, pair, polyline, type Skin, spline, splineAt } from '../geometry.js'
import type { Light } from '../light.js'
import { clamp, css, type Rgb, short } from '../numbers.js'
import type { Side } from '../shape/strength.js'
import type { Palette } from './palette.js'

export type Tint = 'skin' | 'shadow' | 'deep' | 'highlight' | 'flush' | 'socket'
const tints: readonly Tint[] = ['skin', 'shadow', 'deep', 'highlight', 'flush', 'socket']

/** Opacity over the radius, near a Gaussian: librsvg's blur filters cost a surface each, gradients nothing. */
const falloff = [
  [0, 1],
  [0.25, 0.86],
  [0.45, 0.6],
  [0.65, 0.3],
  [0.85, 0.07],
  [1, 0]
] as const

/** Collects the SVG of one face. Skin points are projected here; flat points are taken as they are. */
export class Pen {
  readonly #defs: string[] = []
  readonly #body: string[] = []

  constructor(
    readonly projection: Projection,
    readonly palette: Palette,
    readonly light: Light
  ) {
    for (const tint of tints) this.define(softGradient(tint, palette[tint]))
  }

  get defs(): string {
    return this.#defs.join('')
  }

  get body(): string {
    return this.#body.join('')
  }

  define(svg: string): void {
    this.#defs.push(svg)
  }

  add(svg: string): void {
    this.#body.push(svg)
  }

  flat(points: readonly Skin[]): Flat[] {
    return points.map((point) => this.projection.skin(point))
  }

  /** The path of a spline over the skin. */
  curve(points: readonly Skin[], closed = false): string {
    return spline(this.flat(points), closed)
  }

  fill(path: string, paint: Rgb | string, opacity = 1): void {
    const colour = typeof paint === 'string' ? paint : css(paint)
    this.add(`<path d="${path}" fill="${colour}"${opacity < 1 ? ` fill-opacity="${opacity.toFixed(2)}"` : ''}/>`)
  }

  stroke(path: string, colour: Rgb, width: number, opacity = 1): void {
    this.add(
      `<path d="${path}" fill="none" stroke="${css(colour)}" stroke-width="${short(width)}" stroke-opacity="${clamp(opacity).toFixed(2)}"/>`
    )
  }

  /** What `draw` draws is cut off at the path. */
  clipped(name: string, path: string, draw: () => void): void {
    this.define(`<clipPath id="${name}"><path d="${path}"/></clipPath>`)
    this.add(`<g clip-path="url(#${name})">`)
    draw()
    this.add('</g>')
  }

  /** A soft spot; `radius` is [across, down] at the front of the face, narrowed where the skin turns away. `turn` in degrees. */
  blob(tint: Tint, at: Skin, radius: readonly [number, number], opacity: number, turn = 0): void {
    if (opacity <= 0.01) return
    const [x, y, lift = 0] = at
    const centre = this.projection.skin(at)
    const [right] = this.projection.skin([x + radius[0] * 0.6, y, lift])
    const [left] = this.projection.skin([x - radius[0] * 0.6, y, lift])
    const rotation = turn === 0 ? '' : ` transform="rotate(${short(turn)} ${pair(centre)})"`
    this.add(
      `<ellipse cx="${short(centre[0])}" cy="${short(centre[1])}" rx="${short(Math.abs(right - left) / 1.2)}" ry="${short(radius[1])}" fill="url(#${tint})" fill-opacity="${clamp(opacity).toFixed(2)}"${rotation}/>`
    )
  }

  /** A line that is widest in its middle: a wrinkle; lines of even width look drawn. */
  crease(points: readonly Skin[], width: number, opacity: number, colour: Rgb = this.palette.shadow): void {
    if (opacity < 0.03) return
    this.fill(lens(this.flat(points), width), colour, clamp(opacity))
  }

  /** A wrinkle with soft edges. */
  fold(points: readonly Skin[], width: number, opacity: number, colour: Rgb = this.palette.shadow): void {
    this.crease(points, width * 2.4, opacity * 0.25, colour)
    this.crease(points, width * 1.5, opacity * 0.35, colour)
    this.crease(points, width * 0.8, opacity * 0.55, colour)
  }

  /** How dark a side of the face is: 0 in full light to about 1. */
  shade(side: Side): number {
    return clamp(0.55 - 0.45 * side * this.light.direction, 0.12, 1) * this.light.contrast
  }
}

function softGradient(id: string, colour: Rgb): string {
  const stops = falloff.map(
    ([at, opacity]) => `<stop offset="${at}" stop-color="${css(colour)}" stop-opacity="${opacity}"/>`
  )
  return `<radialGradient id="${id}">${stops.join('')}</radialGradient>`
}

function lens(line: readonly Flat[], width: number): string {
  const steps = 8
  const [above, below]: [Flat[], Flat[]] = [[], []]
  for (let i = 0; i <= steps; i++) {
    const t = i / steps
    const [x, y] = splineAt(line, t)
    const [before, after] = [splineAt(line, Math.max(0, t - 0.03)), splineAt(line, Math.min(1, t + 0.03))]
    const [dx, dy] = [after[0] - before[0], after[1] - before[1]]
    const half = ((width / 2) * Math.sin(Math.PI * (0.08 + 0.84 * t))) / (Math.hypot(dx, dy) || 1)
    above.push([x - dy * half, y + dx * half])
    below.unshift([x + dy * half, y - dx * half])
  }
  return `${polyline([...above, ...below])}Z`
}
