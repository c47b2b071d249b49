/** A face's own axes, and shapes, lines and colours drawn in them as SVG. */
import type { Point, Size } from '#painlens/core/types.js'
import type { Random } from '#painlens/lib/random.js'

/** A face's own axes: x to the subject's left in units of the eyes' distance, y down to the chin, from between the eyes. */
export interface Axes {
  place(x: number, y: number): Point
  /** Pixels of an eye distance. */
  unit: number
  mouthY: number
  chinY: number
  noseY: number
  /** How far the jaw reaches to either side. */
  jaw: number
  /** Colour between eye and mouth. */
  skin: Colour
}

const clamp = (at: number, size: number): number => Math.min(size - 1, Math.max(0, Math.round(at)))

/** @param landmarks 68 points, in pixels of the picture */
export function axesOf({ data, width, height }: Size & { data: Uint8Array }, points: Float32Array): Axes {
  const mean = (from: number, to: number): Point => {
    let [x, y] = [0, 0]
    for (let i = from; i <= to; i++) {
      x += points[2 * i]! / (to - from + 1)
      y += points[2 * i + 1]! / (to - from + 1)
    }
    return { x, y }
  }
  const [left, right] = [mean(36, 41), mean(42, 47)]
  const origin = { x: (left.x + right.x) / 2, y: (left.y + right.y) / 2 }
  const [ux, uy] = [right.x - left.x, right.y - left.y]
  const unit = Math.hypot(ux, uy)
  const down = ({ x, y }: Point): number => (-(x - origin.x) * uy + (y - origin.y) * ux) / unit ** 2
  const across = ({ x, y }: Point): number => ((x - origin.x) * ux + (y - origin.y) * uy) / unit ** 2
  const place = (x: number, y: number): Point => ({ x: origin.x + x * ux - y * uy, y: origin.y + x * uy + y * ux })
  const cheek = place(0.5, 0.6)
  const at = 3 * (clamp(cheek.y, height) * width + clamp(cheek.x, width))
  return {
    place,
    skin: [data[at]!, data[at + 1]!, data[at + 2]!],
    unit,
    mouthY: down(mean(48, 67)),
    chinY: down(mean(8, 8)),
    noseY: down(mean(30, 33)),
    jaw: (across(mean(15, 16)) - across(mean(0, 1))) / 2
  }
}

/** A place on a face, in its own axes. */
export type Spot = readonly [x: number, y: number]

/** A closed smooth shape through points of the face. */
export function shape({ place }: Axes, points: readonly Spot[], style: string): string {
  const at = points.map(([x, y]) => place(x, y))
  const n = at.length
  const pair = ({ x, y }: Point): string => `${x.toFixed(1)} ${y.toFixed(1)}`
  let path = `M${pair(at[0]!)}`
  for (let i = 0; i < n; i++) {
    const [before, from, to, after] = [at[(i + n - 1) % n]!, at[i]!, at[(i + 1) % n]!, at[(i + 2) % n]!]
    const leave = { x: from.x + (to.x - before.x) / 6, y: from.y + (to.y - before.y) / 6 }
    const arrive = { x: to.x - (after.x - from.x) / 6, y: to.y - (after.y - from.y) / 6 }
    path += `C${pair(leave)} ${pair(arrive)} ${pair(to)}`
  }
  return `<path d="${path}Z" ${style}/>`
}

export function line(axes: Axes, points: readonly Spot[], colour: string, width: number): string {
  const at = points.map(([x, y]) => axes.place(x, y)).map(({ x, y }) => `${x.toFixed(1)} ${y.toFixed(1)}`)
  return `<polyline points="${at.join(' ')}" fill="none" stroke="${colour}" stroke-linecap="round" stroke-width="${(width * axes.unit).toFixed(2)}"/>`
}

export const oval = (x: number, y: number, rx: number, ry: number): Spot[] =>
  Array.from({ length: 10 }, (_, i) => [x + rx * Math.cos((i * Math.PI) / 5), y + ry * Math.sin((i * Math.PI) / 5)])

export const rgb = (r: number, g: number, b: number): string => `rgb(${r | 0},${g | 0},${b | 0})`
export type Colour = readonly [r: number, g: number, b: number]
/** A colour in more or less light. */
export const shade = ([r, g, b]: Colour, level: number): string =>
  rgb(Math.min(255, r * level), Math.min(255, g * level), Math.min(255, b * level))
export const skins = [
  [236, 200, 176],
  [205, 155, 125],
  [150, 105, 78],
  [92, 62, 46]
] as const
export const cloths = [
  [238, 238, 236],
  [190, 205, 222],
  [150, 170, 150],
  [120, 110, 130],
  [225, 205, 170],
  [70, 85, 120]
] as const

export type Draw = (axes: Axes, random: Random) => string
