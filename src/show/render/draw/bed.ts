import { createRandom, type Random } from '../../../lib/random.js'
import type { Identity } from '../identity.js'
import type { Light } from '../light.js'
import { css, mix, type Rgb, short } from '../numbers.js'
import { stops } from './head.js'

const walls: readonly Rgb[] = [
  [206, 204, 196],
  [188, 198, 204],
  [214, 206, 188],
  [172, 186, 178],
  [160, 164, 172]
]
const pillows: readonly Rgb[] = [
  [236, 236, 234],
  [226, 230, 236],
  [214, 222, 230]
]
const blankets: readonly Rgb[] = [
  [120, 150, 176],
  [170, 180, 186],
  [196, 188, 172],
  [110, 136, 128],
  [150, 120, 130]
]
const boards: readonly Rgb[] = [
  [120, 92, 66],
  [150, 150, 154],
  [90, 72, 58]
]

const darker = (colour: Rgb, t: number): Rgb => mix(colour, [20, 20, 30], t)
const lighter = (colour: Rgb, t: number): Rgb => mix(colour, [255, 255, 255], t)

export interface BedDrawing {
  defs: string
  body: string
}

/** Wall, bed, pillow, neck, gown and blanket around a head that lies at the origin, in face units. */
export function drawBed(identity: Identity, light: Light, seed: number): BedDrawing {
  const random = createRandom(seed * 5 + 9001)
  const colours = {
    wall: random.pick(walls),
    pillow: random.pick(pillows),
    blanket: random.pick(blankets),
    board: random.pick(boards)
  }
  const pillow = { width: random.uniform(215, 265), height: random.uniform(165, 195), turn: random.normal(0, 3) }
  return {
    defs: gradients(identity, light, colours),
    body: [
      room(colours.board, colours.pillow),
      cushion(random, light, colours.pillow, pillow),
      shoulders(identity, light),
      blanket(random, colours.blanket)
    ].join('')
  }
}

interface BedColours {
  wall: Rgb
  pillow: Rgb
  blanket: Rgb
  board: Rgb
}

function gradients({ skin }: Identity, { direction }: Light, colours: BedColours): string {
  const neck = mix(skin, [50, 22, 16], 0.45)
  const [near, far] = direction < 0 ? [-700, 700] : [700, -700]
  const [left, right] = direction < 0 ? [0.5, 1] : [1, 0.5]
  return (
    `<linearGradient id="wall" gradientUnits="userSpaceOnUse" x1="${near}" y1="-300" x2="${far}" y2="200">${stops([
      [0, colours.wall],
      [1, darker(colours.wall, 0.4)]
    ])}</linearGradient>` +
    `<radialGradient id="pillow" cx="${short(50 + direction * 25)}%" cy="35%" r="75%">${stops([
      [0, colours.pillow],
      [1, darker(colours.pillow, 0.38)]
    ])}</radialGradient>` +
    `<linearGradient id="blanket" x1="0" x2="0" y1="0" y2="1">${stops([
      [0, colours.blanket],
      [1, darker(colours.blanket, 0.6)]
    ])}</linearGradient>` +
    `<linearGradient id="neck" x1="0" x2="1">${stops([
      [0, mix(skin, neck, left)],
      [0.5, mix(skin, neck, 0.45)],
      [1, mix(skin, neck, right)]
    ])}</linearGradient>` +
    softSpot('under', darker(colours.pillow, 0.8)) +
    softSpot('throat', mix(neck, [20, 10, 10], 0.4))
  )
}

const softSpot = (id: string, colour: Rgb): string =>
  `<radialGradient id="${id}">${stops([
    [0, colour, 1],
    [0.45, colour, 0.75],
    [0.75, colour, 0.3],
    [1, colour, 0]
  ])}</radialGradient>`

const room = (board: Rgb, linen: Rgb): string =>
  '<rect x="-3000" y="-3000" width="6000" height="6000" fill="url(#wall)"/>' +
  `<rect x="-430" y="-235" width="860" height="400" rx="26" fill="${css(board)}"/>` +
  `<rect x="-430" y="-235" width="860" height="26" rx="13" fill="${css(lighter(board, 0.25))}"/>` +
  `<rect x="-470" y="40" width="940" height="2000" rx="40" fill="${css(darker(linen, 0.12))}"/>`

type Cushion = { width: number; height: number; turn: number }

function cushion(random: Random, { direction }: Light, colour: Rgb, { width: w, height: h, turn }: Cushion): string {
  const [x, y] = [short(w), short(h)]
  const outline = `M-${x} 10C-${x} -${y} ${short(-w * 0.8)} ${short(-h * 0.95)} 0 -${y}S${x} -${y} ${x} 10S${short(w * 0.85)} ${short(h + 10)} 0 ${short(h + 20)}S-${x} ${y} -${x} 10Z`
  const shade = css(darker(colour, 0.75))
  let folds = ''
  for (let i = 0; i < 7; i++) {
    const angle = random.uniform(0, 2 * Math.PI)
    const [fx, fy] = [Math.cos(angle) * w * 0.85, 10 + Math.sin(angle) * h * 0.8]
    folds += `M${short(fx)} ${short(fy)}Q${short(fx * 0.75 + random.normal(0, 15))} ${short(fy * 0.75)} ${short(fx * 0.5 + random.normal(0, 20))} ${short(fy * 0.55)}`
  }
  return (
    `<g transform="rotate(${short(turn)})">` +
    [20, 12, 5]
      .map(
        (width) =>
          `<path d="${outline}" fill="none" stroke="${shade}" stroke-opacity=".12" stroke-width="${width}" transform="translate(4 8)"/>`
      )
      .join('') +
    `<path d="${outline}" fill="url(#pillow)"/></g>` +
    [16, 9, 4]
      .map(
        (width) =>
          `<path d="${folds}" fill="none" stroke-linecap="round" stroke="${css(darker(colour, 0.35))}" stroke-opacity=".14" stroke-width="${width}"/>`
      )
      .join('') +
    `<ellipse cx="${short(-direction * 24)}" cy="0" rx="165" ry="185" fill="url(#under)" fill-opacity=".62"/>`
  )
}

function shoulders({ gown, skin }: Identity, { direction }: Light): string {
  const collar = 'M-100 198Q0 262 100 198'
  const seam = css(darker(gown, 0.5))
  return (
    `<path d="M-300 420C-280 240 -170 208 -78 186L78 186C170 208 280 240 300 420Z" fill="${css(gown)}"/>` +
    '<path d="M-60 70L-63 165Q-70 190 -100 198Q0 262 100 198Q70 190 63 165L60 70Z" fill="url(#neck)"/>' +
    `<path d="${collar}" fill="none" stroke="${css(darker(gown, 0.3))}" stroke-width="7"/>` +
    `<ellipse cx="${short(-direction * 14)}" cy="126" rx="74" ry="58" fill="url(#throat)"/>` +
    `<path d="M-26 205Q0 222 26 205" fill="none" stroke="${css(mix(skin, [60, 30, 20], 0.5))}" stroke-opacity=".3" stroke-width="5"/>` +
    [16, 8]
      .map(
        (width) =>
          `<path d="M-150 240Q-120 280 -130 290M150 240Q120 280 130 290" fill="none" stroke-linecap="round" stroke="${seam}" stroke-opacity=".2" stroke-width="${width}"/>`
      )
      .join('')
  )
}

function blanket(random: Random, colour: Rgb): string {
  const hem = 'M-3500 345C-900 300 -300 262 0 292S900 300 3500 345'
  let folds = ''
  for (let i = 0; i < 12; i++) {
    const [x, y] = [random.uniform(-700, 700), random.uniform(285, 420)]
    const [bendX, bendY, endX, endY] = [
      random.uniform(-60, 60),
      random.uniform(40, 120),
      random.uniform(-80, 80),
      random.uniform(120, 300)
    ]
    const tone = random.chance(0.5) ? darker(colour, 0.4) : lighter(colour, 0.4)
    const width = random.uniform(10, 34)
    for (const share of [1, 0.6, 0.3]) {
      const half = width * share
      // There on one side and back on the other: a fold that runs out at both ends.
      folds += `<path d="M${short(x)} ${short(y)}q${short(bendX + half)} ${short(bendY)} ${short(endX)} ${short(endY)}q${short(bendX - half - endX)} ${short(bendY - endY)} ${short(-endX)} ${short(-endY)}" fill="${css(tone)}" fill-opacity=".16"/>`
    }
  }
  return (
    `<path d="${hem}V3000H-3500Z" fill="url(#blanket)"/>${folds}` +
    `<path d="${hem}V389C900 340 300 334 0 334S-900 340 -3500 389Z" fill="${css(lighter(colour, 0.55))}"/>`
  )
}
