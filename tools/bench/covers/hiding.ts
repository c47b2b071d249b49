/** What hides so much of a face that its expression cannot be judged: each drawn in many ways, for wards have more than one make. */
import type { Random } from '#painlens/lib/random.js'
import { type Axes, cloths, type Draw, line, oval, rgb, type Spot, shade, shape, skins } from './drawing.js'

export const covers = [
  'oxygen mask',
  'clear mask',
  'surgical mask',
  'hand',
  'blanket',
  'dark glasses',
  'towel',
  'half'
] as const

/** Outline of a mask over nose and mouth. */
function maskRim({ noseY, chinY }: Axes, top: number, wide: number): Spot[] {
  const half: Spot[] = [
    [wide * 0.6, top + 0.3],
    [wide, (noseY + chinY) / 2],
    [wide * 0.8, chinY]
  ]
  const other = half.map(([x, y]): Spot => [-x, y]).reverse()
  return [[0, top], ...half, [0, chinY + 0.12], ...other]
}

/** Bands from a mask to the ears, and at times one over the forehead and a hose. */
function straps(axes: Axes, random: Random, wide: number, colour: string): string {
  const { noseY, chinY, jaw } = axes
  const [width, y] = [random.uniform(0.04, 0.1), random.uniform(-0.15, 0.3)]
  const bands = [-1, 1].map((side) =>
    line(
      axes,
      [
        [side * wide, noseY + 0.1],
        [side * jaw, y]
      ],
      colour,
      width
    )
  )
  if (random.chance(0.25))
    bands.push(
      line(
        axes,
        [
          [-jaw, -0.75],
          [0, -0.85],
          [jaw, -0.75]
        ],
        colour,
        width * 1.5
      ),
      line(
        axes,
        [
          [0, noseY - 0.2],
          [0, -0.85]
        ],
        colour,
        width
      )
    )
  if (random.chance(0.5))
    bands.push(
      line(
        axes,
        [
          [0, chinY - 0.2],
          [random.uniform(-0.6, 0.6), chinY + 1.2]
        ],
        colour,
        random.uniform(0.12, 0.3)
      )
    )
  return bands.join('')
}

function mask(axes: Axes, random: Random, opacity: number): string {
  const top = axes.noseY - random.uniform(0.2, 0.5)
  const wide = random.uniform(0.46, 0.64)
  const tint = random.pick([
    [200, 230, 215],
    [225, 232, 238],
    [205, 225, 245],
    [235, 235, 225]
  ] as const)
  const edge = shade(tint, random.uniform(0.6, 1.05))
  const shine = [0, 1, 2].slice(random.chance(0.5) ? 1 : 0).map(() => {
    const [x, y] = [random.uniform(-0.4, 0.4), axes.noseY + random.uniform(0, 0.6)]
    const form = oval(x, y, random.uniform(0.03, 0.1), random.uniform(0.06, 0.25))
    return shape(axes, form, `fill="white" fill-opacity="${random.uniform(0.25, 0.8)}"`)
  })
  const port = oval(random.uniform(-0.06, 0.06), axes.noseY + random.uniform(0.35, 0.55), 0.2, 0.17)
  const style = `fill="${shade(tint, 1)}" fill-opacity="${opacity}" stroke="${edge}" stroke-width="${axes.unit * random.uniform(0.02, 0.07)}"`
  return [
    straps(axes, random, wide, edge),
    shape(axes, maskRim(axes, top, wide), style),
    ...shine,
    random.chance(0.7)
      ? shape(axes, port, `fill="${shade(tint, random.uniform(0.5, 0.9))}" fill-opacity="${random.uniform(0.5, 1)}"`)
      : ''
  ].join('')
}

/** A palm and fingers at a place, in the skin of this face or of another person. */
function hand(axes: Axes, random: Random): string {
  const skin = random.chance(0.5) ? axes.skin : random.pick(skins)
  const level = random.uniform(0.75, 1.1)
  const fill = `fill="${shade(skin, level)}" stroke="${shade(skin, level * 0.7)}" stroke-width="${axes.unit * random.uniform(0.01, 0.03)}"`
  const [x, y] = [random.uniform(-0.25, 0.25), random.chance(0.6) ? axes.mouthY - random.uniform(0, 0.15) : 0.1]
  const angle = random.uniform(-1.2, 1.2) + (random.chance(0.5) ? Math.PI : 0)
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)]
  const turned = (points: readonly Spot[]): Spot[] =>
    points.map(([dx, dy]) => [x + dx * cos - dy * sin, y + dx * sin + dy * cos])
  const palm = turned(oval(0.5, 0.05, random.uniform(0.45, 0.65), random.uniform(0.5, 0.65)))
  if (random.chance(0.25))
    return shape(axes, turned(oval(0, 0, random.uniform(0.5, 0.8), random.uniform(0.4, 0.6))), fill)
  const fingers = [-0.45, -0.16, 0.14, 0.42].map((dy) =>
    turned(oval(-0.35, dy * 0.95, random.uniform(0.55, 0.75), 0.17))
  )
  return [palm, ...fingers].map((points) => shape(axes, points, fill)).join('')
}

/** Cloth: plain, with folds, or striped. */
function cloth(axes: Axes, random: Random, edge: readonly Spot[], folds: readonly (readonly Spot[])[]): string {
  const colour = random.pick(cloths)
  const level = random.uniform(0.6, 1.05)
  if (random.chance(0.25)) {
    const turn = `patternTransform="rotate(${random.uniform(0, 180)})"`
    const side = axes.unit * random.uniform(0.1, 0.4)
    const stripes = `<pattern id="cloth" width="${side}" height="${side}" patternUnits="userSpaceOnUse" ${turn}><rect width="${side}" height="${side}" fill="${shade(colour, level)}"/><rect width="${side / 2}" height="${side}" fill="${shade(random.pick(cloths), level)}"/></pattern>`
    return stripes + shape(axes, edge, 'fill="url(#cloth)"')
  }
  const creases = folds.map((fold) =>
    line(axes, fold, shade(colour, level * random.uniform(0.75, 0.95)), random.uniform(0.03, 0.1))
  )
  return shape(axes, edge, `fill="${shade(colour, level)}"`) + creases.join('')
}

/** One lens: round, a rectangle, a drop. */
function lens(random: Random): (side: number) => Spot[] {
  const [rx, ry, y] = [random.uniform(0.34, 0.48), random.uniform(0.22, 0.38), random.uniform(0.02, 0.12)]
  const kind = random.pick(['oval', 'box', 'drop'] as const)
  return (side) => {
    const round = oval(side * 0.5, y, rx, ry)
    if (kind === 'oval') return round
    const drop = (x: number, dy: number): Spot => [x + side * 0.08 * (dy / ry), y + dy * (kind === 'box' ? 0.9 : 1.1)]
    return round.map(([x, at]) =>
      drop(side * 0.5 + Math.sign(x - side * 0.5) * Math.min(rx, Math.abs(x - side * 0.5) * 1.3), at - y)
    )
  }
}

export const drawCover: Record<(typeof covers)[number], Draw> = {
  'oxygen mask': (axes, random) => mask(axes, random, random.uniform(0.45, 0.8)),
  'clear mask': (axes, random) => mask(axes, random, random.uniform(0.1, 0.4)),
  'surgical mask': (axes, random) => {
    const { noseY, chinY, jaw } = axes
    const top = noseY - random.uniform(0.2, 0.4)
    const colour = random.pick([
      [150, 195, 225],
      [150, 195, 225],
      [240, 240, 240],
      [165, 215, 190],
      [60, 60, 66]
    ] as const)
    const half: Spot[] = [
      [jaw * 0.95, top + 0.25],
      [jaw * 0.9, chinY - 0.2]
    ]
    const rim: Spot[] = [[0, top], ...half, [0, chinY + 0.15], ...half.map(([x, y]): Spot => [-x, y]).reverse()]
    const pleats = random.chance(0.5)
      ? [0.35, 0.6, 0.85].map((at): Spot[] => [
          [-jaw * 0.85, top + at * (chinY - top)],
          [jaw * 0.85, top + at * (chinY - top)]
        ])
      : []
    const style = `fill="${shade(colour, 1)}" stroke="${shade(colour, 0.85)}" stroke-width="${axes.unit * 0.03}"`
    return shape(axes, rim, style) + pleats.map((pleat) => line(axes, pleat, shade(colour, 0.88), 0.025)).join('')
  },
  hand,
  blanket: (axes, random) => {
    const top = axes.noseY - random.uniform(0, 0.25)
    const tilt = random.uniform(-0.2, 0.2)
    const rest = (): number => random.uniform(-0.05, 0.1)
    const edge: Spot[] = [
      [-2.6, top + tilt],
      [-0.6, top + rest()],
      [0.6, top + rest()],
      [2.6, top - tilt],
      [2.6, axes.chinY + 1.5],
      [-2.6, axes.chinY + 1.5]
    ]
    const folds = [0.25, 0.6, 1].map((dy): Spot[] => [
      [-2, top + dy + tilt],
      [0, top + dy + 0.08],
      [2, top + dy - tilt]
    ])
    return cloth(axes, random, edge, folds)
  },
  'dark glasses': (axes, random) => {
    const dark = random.uniform(8, 50)
    const tint = random.pick([
      [1, 1, 1.1],
      [1.3, 0.95, 0.7],
      [0.8, 1.1, 0.9]
    ] as const)
    const [top, low] = [
      rgb(dark * tint[0], dark * tint[1], dark * tint[2]),
      rgb(dark * tint[0] * 1.8, dark * tint[1] * 1.8, dark * tint[2] * 1.8)
    ]
    const fade = `<linearGradient id="lens" x2="0" y2="1"><stop offset="0" stop-color="${top}"/><stop offset="1" stop-color="${random.chance(0.4) ? low : top}"/></linearGradient>`
    const style = `fill="url(#lens)" fill-opacity="${random.uniform(0.8, 1)}"`
    const at = lens(random)
    const frame = random.pick(['rgb(30,30,30)', 'rgb(90,60,40)', 'rgb(150,150,150)'] as const)
    const glint = random.chance(0.4)
      ? [-1, 1].map((side) =>
          shape(
            axes,
            oval(side * 0.5 - 0.12, -0.02, 0.08, 0.05),
            `fill="white" fill-opacity="${random.uniform(0.2, 0.7)}"`
          )
        )
      : []
    const arms = [-1, 1].map((side) =>
      line(
        axes,
        [
          [side * axes.jaw, -0.05],
          [side * 0.88, 0]
        ],
        frame,
        0.06
      )
    )
    return [
      fade,
      shape(axes, at(-1), style),
      shape(axes, at(1), style),
      ...glint,
      ...arms,
      line(
        axes,
        [
          [-0.2, 0],
          [0.2, 0]
        ],
        frame,
        0.07
      )
    ].join('')
  },
  // Over eyes and forehead.
  towel: (axes, random) => {
    const low = random.uniform(0.18, 0.5)
    const tilt = random.uniform(-0.12, 0.12)
    const top = -random.uniform(0.7, 1.8)
    const edge: Spot[] = [
      [-1.7, top],
      [1.7, top],
      [1.7, low - tilt],
      [0.5, low + 0.05],
      [-0.5, low + 0.05],
      [-1.7, low + tilt]
    ]
    return cloth(axes, random, edge, [
      [
        [-1.6, low - 0.25],
        [1.6, low - 0.2]
      ],
      [
        [-1.6, low - 0.6],
        [1.6, low - 0.5]
      ]
    ])
  },
  half: (axes, random) => {
    const side = random.chance(0.5) ? 1 : -1
    const at = random.uniform(-0.1, 0.12)
    const far = axes.chinY + 1
    const edge: Spot[] = [
      [side * at, -2],
      [side * (at + random.uniform(-0.06, 0.06)), 0],
      [side * at, far],
      [side * 2.6, far],
      [side * 2.8, 0],
      [side * 2.6, -2]
    ]
    return cloth(axes, random, edge, [
      [
        [side * 0.8, -1.5],
        [side * 1.1, far]
      ]
    ])
  }
}

/** Any shape in any colours over mouth, eyes or a side: what a fit sees so that it does not learn the covers by heart. */
export const drawAnything: Draw = (axes, random) => {
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
  const colour = (): string =>
    shade(random.chance(0.4) ? random.pick(skins) : random.pick(cloths), random.uniform(0.4, 1.1))
  const stops = [0, 0.5, 1].map((at) => `<stop offset="${at}" stop-color="${colour()}"/>`).join('')
  const turn = `gradientTransform="rotate(${random.uniform(0, 360)})" spreadMethod="${random.chance(0.3) ? 'repeat' : 'pad'}"`
  const end = random.chance(0.3) ? random.uniform(0.05, 0.3) : 1
  const gradient = `<linearGradient id="any" x2="${end}" ${turn}>${stops}</linearGradient>`
  return gradient + shape(axes, around, `fill="url(#any)" fill-opacity="${random.uniform(0.75, 1)}"`)
}
