/** Things over a face, drawn by its landmarks: what hides it, and what a face may wear without being hidden. */
import sharp from 'sharp'
import type { Point, Size } from '#painlens/core/types.js'
import type { Random } from '#painlens/lib/random.js'

/** What hides so much of a face that its expression cannot be judged. */
export const covers = ['oxygen mask', 'surgical mask', 'hand', 'blanket', 'dark glasses', 'half'] as const
/** What does not. */
export const ornaments = ['nothing', 'glasses', 'beard', 'wrinkles'] as const
export type Cover = (typeof covers)[number] | (typeof ornaments)[number] | 'anything'

/** A face's own axes: x to the subject's left in units of the eyes' distance, y down to the chin, from between the eyes. */
interface Axes {
  place(x: number, y: number): Point
  /** Pixels of an eye distance. */
  unit: number
  mouthY: number
  chinY: number
  noseY: number
  /** How far the jaw reaches to either side. */
  jaw: number
}

function axesOf(points: Float32Array): Axes {
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
  return {
    place: (x, y) => ({ x: origin.x + x * ux - y * uy, y: origin.y + x * uy + y * ux }),
    unit,
    mouthY: down(mean(48, 67)),
    chinY: down(mean(8, 8)),
    noseY: down(mean(30, 33)),
    jaw: (across(mean(15, 16)) - across(mean(0, 1))) / 2
  }
}

/** A closed smooth shape through points of the face. */
function shape({ place }: Axes, points: readonly (readonly [number, number])[], style: string): string {
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

function line(axes: Axes, points: readonly (readonly [number, number])[], colour: string, width: number): string {
  const at = points.map(([x, y]) => axes.place(x, y)).map(({ x, y }) => `${x.toFixed(1)} ${y.toFixed(1)}`)
  return `<polyline points="${at.join(' ')}" fill="none" stroke="${colour}" stroke-linecap="round" stroke-width="${(width * axes.unit).toFixed(2)}"/>`
}

const oval = (x: number, y: number, rx: number, ry: number): [number, number][] =>
  Array.from({ length: 10 }, (_, i) => [x + rx * Math.cos((i * Math.PI) / 5), y + ry * Math.sin((i * Math.PI) / 5)])

const rgb = (r: number, g: number, b: number): string => `rgb(${r | 0},${g | 0},${b | 0})`
const skins = [
  [236, 200, 176],
  [205, 155, 125],
  [150, 105, 78],
  [92, 62, 46]
] as const
const cloths = [
  [238, 238, 236],
  [190, 205, 222],
  [150, 170, 150],
  [120, 110, 130],
  [225, 205, 170],
  [70, 85, 120]
] as const

type Draw = (axes: Axes, random: Random) => string

const draw: Record<Cover, Draw> = {
  nothing: () => '',
  'oxygen mask': (axes, random) => {
    const { noseY, chinY } = axes
    const top = noseY - random.uniform(0.25, 0.45)
    const wide = random.uniform(0.5, 0.62)
    const opacity = random.uniform(0.45, 0.8)
    const rim: [number, number][] = [
      [0, top],
      [wide * 0.6, top + 0.3],
      [wide, (noseY + chinY) / 2],
      [wide * 0.8, chinY],
      [0, chinY + 0.12],
      [-wide * 0.8, chinY],
      [-wide, (noseY + chinY) / 2],
      [-wide * 0.6, top + 0.3]
    ]
    const tint = random.chance(0.5) ? rgb(200, 230, 215) : rgb(225, 232, 238)
    const port = oval(random.uniform(-0.06, 0.06), noseY + 0.45, 0.2, 0.17)
    return [
      shape(
        axes,
        rim,
        `fill="${tint}" fill-opacity="${opacity}" stroke="${rgb(170, 190, 185)}" stroke-width="${axes.unit * 0.05}"`
      ),
      shape(axes, oval(-wide * 0.4, noseY + 0.2, 0.05, 0.22), 'fill="white" fill-opacity="0.7"'),
      shape(axes, port, `fill="${rgb(120, 170, 150)}"`),
      line(
        axes,
        [
          [wide, noseY + 0.1],
          [axes.jaw, -0.05]
        ],
        rgb(190, 215, 200),
        0.06
      ),
      line(
        axes,
        [
          [-wide, noseY + 0.1],
          [-axes.jaw, -0.05]
        ],
        rgb(190, 215, 200),
        0.06
      )
    ].join('')
  },
  'surgical mask': (axes, random) => {
    const { noseY, chinY, jaw } = axes
    const top = noseY - random.uniform(0.2, 0.4)
    const [r, g, b] = random.chance(0.6) ? [150, 195, 225] : [240, 240, 240]
    return shape(
      axes,
      [
        [0, top],
        [jaw * 0.95, top + 0.25],
        [jaw * 0.9, chinY - 0.2],
        [0, chinY + 0.15],
        [-jaw * 0.9, chinY - 0.2],
        [-jaw * 0.95, top + 0.25]
      ],
      `fill="${rgb(r, g, b)}" stroke="${rgb(r * 0.85, g * 0.85, b * 0.85)}" stroke-width="${axes.unit * 0.03}"`
    )
  },
  hand: (axes, random) => {
    const [r, g, b] = skins[Math.floor(random() * skins.length)]!
    const x = random.uniform(-0.25, 0.25)
    const y = random.chance(0.6) ? axes.mouthY - 0.1 : 0.1
    const fill = `fill="${rgb(r, g, b)}" stroke="${rgb(r * 0.7, g * 0.68, b * 0.66)}" stroke-width="${axes.unit * 0.03}"`
    const fingers = [-0.45, -0.16, 0.14, 0.42].map((dy) => shape(axes, oval(x - 0.35, y + dy * 0.95, 0.7, 0.17), fill))
    return [shape(axes, oval(x + 0.5, y + 0.05, 0.55, 0.62), fill), ...fingers].join('')
  },
  blanket: (axes, random) => {
    const [r, g, b] = cloths[Math.floor(random() * cloths.length)]!
    const top = axes.noseY - random.uniform(0, 0.25)
    const tilt = random.uniform(-0.2, 0.2)
    const folds = [0.25, 0.6, 1].map((dy) =>
      line(
        axes,
        [
          [-2, top + dy + tilt],
          [0, top + dy + 0.08],
          [2, top + dy - tilt]
        ],
        rgb(r * 0.85, g * 0.85, b * 0.85),
        0.05
      )
    )
    const edge: [number, number][] = [
      [-2.6, top + tilt],
      [-0.6, top + random.uniform(-0.05, 0.1)],
      [0.6, top + random.uniform(-0.05, 0.1)],
      [2.6, top - tilt],
      [2.6, axes.chinY + 1.5],
      [-2.6, axes.chinY + 1.5]
    ]
    return shape(axes, edge, `fill="${rgb(r, g, b)}"`) + folds.join('')
  },
  'dark glasses': (axes, random) => {
    const dark = random.uniform(10, 45)
    const style = `fill="${rgb(dark, dark, dark * 1.1)}" fill-opacity="${random.uniform(0.9, 1)}"`
    const [rx, ry] = [random.uniform(0.36, 0.44), random.uniform(0.26, 0.36)]
    return [
      shape(axes, oval(-0.5, 0.06, rx, ry), style),
      shape(axes, oval(0.5, 0.06, rx, ry), style),
      line(
        axes,
        [
          [-axes.jaw, -0.05],
          [-0.5 - rx, 0]
        ],
        rgb(30, 30, 30),
        0.06
      ),
      line(
        axes,
        [
          [axes.jaw, -0.05],
          [0.5 + rx, 0]
        ],
        rgb(30, 30, 30),
        0.06
      ),
      line(
        axes,
        [
          [-0.2, 0],
          [0.2, 0]
        ],
        rgb(30, 30, 30),
        0.07
      )
    ].join('')
  },
  half: (axes, random) => {
    const [r, g, b] = cloths[Math.floor(random() * cloths.length)]!
    const side = random.chance(0.5) ? 1 : -1
    const at = random.uniform(-0.1, 0.12)
    const edge: [number, number][] = [
      [side * at, -2],
      [side * (at + random.uniform(-0.06, 0.06)), 0],
      [side * at, axes.chinY + 1],
      [side * 2.6, axes.chinY + 1],
      [side * 2.8, 0],
      [side * 2.6, -2]
    ]
    return shape(axes, edge, `fill="${rgb(r, g, b)}"`)
  },
  // Any shape in any colours over mouth, eyes or a side: what a fit sees so that it does not learn the covers by heart.
  anything: (axes, random) => {
    const { mouthY, chinY } = axes
    const [x, y, rx, ry] = random.pick([
      [0, mouthY - 0.1, random.uniform(0.45, 1.2), random.uniform(0.35, 0.8)],
      [0, 0.05, random.uniform(0.8, 1.4), random.uniform(0.22, 0.5)],
      [random.chance(0.5) ? 0.8 : -0.8, chinY / 2, random.uniform(0.7, 0.9), random.uniform(1, 1.8)],
      [0, mouthY + 0.6, random.uniform(0.9, 1.8), random.uniform(0.8, 1.1)]
    ] as const)
    const around: [number, number][] = Array.from({ length: 9 }, (_, i) => {
      const [angle, far] = [(i * 2 * Math.PI) / 9, random.uniform(0.85, 1.2)]
      return [x + rx * far * Math.cos(angle), y + ry * far * Math.sin(angle)]
    })
    const colour = (): string => {
      const [r, g, b] = random.chance(0.4) ? random.pick(skins) : random.pick(cloths)
      const level = random.uniform(0.4, 1.1)
      return rgb(Math.min(255, r * level), Math.min(255, g * level), Math.min(255, b * level))
    }
    const stops = [0, 0.5, 1].map((at) => `<stop offset="${at}" stop-color="${colour()}"/>`).join('')
    const turn = `gradientTransform="rotate(${random.uniform(0, 360)})" spreadMethod="${random.chance(0.3) ? 'repeat' : 'pad'}"`
    const end = random.chance(0.3) ? random.uniform(0.05, 0.3) : 1
    const gradient = `<linearGradient id="any" x2="${end}" ${turn}>${stops}</linearGradient>`
    return gradient + shape(axes, around, `fill="url(#any)" fill-opacity="${random.uniform(0.75, 1)}"`)
  },
  glasses: (axes, random) => {
    const dark = random.uniform(10, 110)
    const style = `fill="white" fill-opacity="${random.uniform(0, 0.12)}" stroke="${rgb(dark, dark * 0.8, dark * 0.7)}" stroke-width="${axes.unit * random.uniform(0.03, 0.07)}"`
    const [rx, ry] = [random.uniform(0.34, 0.42), random.uniform(0.24, 0.32)]
    return [
      shape(axes, oval(-0.5, 0.06, rx, ry), style),
      shape(axes, oval(0.5, 0.06, rx, ry), style),
      line(
        axes,
        [
          [-0.15, 0],
          [0.15, 0]
        ],
        rgb(dark, dark, dark),
        0.05
      )
    ].join('')
  },
  beard: (axes, random) => {
    const level = random.uniform(20, 200)
    const [r, g, b] = [level, level * 0.92, level * 0.84]
    const { mouthY, chinY, jaw, noseY } = axes
    const hairs = Array.from({ length: 420 }, () => {
      const x = random.uniform(-1, 1) * jaw * 0.92
      const low = chinY * Math.sqrt(Math.max(0, 1 - (x / (jaw * 1.05)) ** 4))
      const y = random.uniform(Math.abs(x) > 0.55 ? mouthY - 0.35 : noseY + 0.12, low + 0.08)
      if (Math.abs(x) < 0.4 && Math.abs(y - mouthY) < 0.13) return ''
      return line(
        axes,
        [
          [x, y],
          [x + random.uniform(-0.03, 0.03), y + 0.1]
        ],
        rgb(r, g, b),
        random.uniform(0.015, 0.04)
      )
    })
    return hairs.join('')
  },
  wrinkles: (axes, random) => {
    const { mouthY, noseY } = axes
    const style = 'rgba(60,35,25,0.45)'
    const folds = [-1, 1].flatMap((side) => [
      line(
        axes,
        [
          [side * 0.3, noseY],
          [side * 0.5, (noseY + mouthY) / 2 + 0.05],
          [side * 0.55, mouthY + 0.15]
        ],
        style,
        0.035
      ),
      ...[0, 1, 2].map((i) =>
        line(
          axes,
          [
            [side * 0.85, -0.08 + 0.09 * i],
            [side * (1.02 + 0.03 * i), -0.16 + 0.16 * i]
          ],
          style,
          0.02
        )
      ),
      line(
        axes,
        [
          [side * 0.28, 0.22],
          [side * 0.52, 0.28],
          [side * 0.75, 0.2]
        ],
        style,
        0.03
      )
    ])
    const brow = [0, 1, 2, 3].map((i) => {
      const y = -0.62 - 0.15 * i + random.uniform(-0.02, 0.02)
      return line(
        axes,
        [
          [-0.7, y],
          [0, y - 0.05],
          [0.7, y]
        ],
        style,
        0.025
      )
    })
    return [...folds, ...brow].join('')
  }
}

/**
 * Draws something over a face, in place of nothing: the picture is left as it is, and a new one comes back.
 * @param landmarks of the face, in pixels of the picture
 */
export async function cover(
  picture: Size & { data: Uint8Array },
  landmarks: Float32Array,
  kind: Cover,
  random: Random
): Promise<Uint8Array<ArrayBuffer>> {
  const { width, height, data } = picture
  const body = draw[kind](axesOf(landmarks), random)
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">${body}</svg>`
  const raw = { width, height, channels: 3 as const }
  const drawn = await sharp(data, { raw })
    .composite([{ input: Buffer.from(svg) }])
    .removeAlpha()
    .raw()
    .toBuffer()
  return new Uint8Array(drawn)
}
