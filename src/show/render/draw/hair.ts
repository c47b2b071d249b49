import { createRandom, type Random } from '../../../lib/random.js'
import { type Flat, pair, type Solid, spline, splineAt } from '../geometry.js'
import type { HairStyle, Identity } from '../identity.js'
import { clamp, css, mix, type Rgb, short } from '../numbers.js'
import type { FaceShape } from '../shape/index.js'
import { stops } from './head.js'
import type { Pen } from './pen.js'

interface Cut {
  /** How far it stands off the head; `own` takes the person's. */
  volume: number | 'own'
  /** How far down the sides it grows (y), how far the hairline is moved (y) and the temples laid bare. */
  sides: number
  hairline: number
  temples: number
  opacity: number
  /** Length of the hair behind the head, y. */
  back?: number
  texture: 'combed' | 'fringe' | 'curls' | 'stubble'
}

const cuts: Record<Exclude<HairStyle, 'bald'>, Cut> = {
  short: { volume: 'own', sides: 0, hairline: 0, temples: 4, opacity: 1, texture: 'combed' },
  long: { volume: 'own', sides: 14, hairline: -2, temples: 0, opacity: 1, back: 190, texture: 'combed' },
  bob: { volume: 'own', sides: 14, hairline: 22, temples: -3, opacity: 1, back: 95, texture: 'fringe' },
  bun: { volume: 5, sides: -6, hairline: -4, temples: 2, opacity: 1, texture: 'combed' },
  curly: { volume: 22, sides: 2, hairline: 2, temples: 0, opacity: 1, texture: 'curls' },
  buzz: { volume: 2, sides: -14, hairline: -4, temples: 5, opacity: 0.72, texture: 'stubble' },
  receding: { volume: 7, sides: -14, hairline: -16, temples: 10, opacity: 0.95, texture: 'combed' }
}

interface HairColours {
  mid: Rgb
  dark: Rgb
  light: Rgb
}

const coloursOf = ({ hair }: Identity): HairColours => ({
  mid: hair,
  dark: mix(hair, [8, 6, 6], 0.55),
  light: mix(hair, [255, 240, 220], 0.28)
})

const cutOf = ({ hairStyle }: Identity): Cut | undefined => (hairStyle === 'bald' ? undefined : cuts[hairStyle])

/** What lies behind the head: long hair, curls, a bun. */
export function drawHairBehind(pen: Pen, { identity }: FaceShape): void {
  const cut = cutOf(identity)
  const colours = coloursOf(identity)
  if (identity.hairStyle === 'bun')
    pen.add(`<ellipse cx="0" cy="${short(identity.crown - 14)}" rx="34" ry="26" fill="${css(colours.dark)}"/>`)
  if (cut?.texture === 'curls') drawLocks(pen, identity, colours)
  if (cut?.back !== undefined) drawLength(pen, identity, cut.back, colours)
}

/** Round locks along the edge of curly hair. */
function drawLocks(pen: Pen, { seed, crown }: Identity, { mid, dark }: HairColours): void {
  const random = createRandom(seed + 91)
  for (let i = 0; i < 34; i++) {
    const angle = Math.PI * (1.06 - (1.12 * (i % 17)) / 16) + random.normal(0, 0.04)
    const [x, y] = pen.projection.solid([Math.cos(angle) * 106, -38 + Math.sin(angle) * (crown + 20), -20])
    const radius = random.uniform(15, 22)
    pen.add(
      `<circle cx="${short(x)}" cy="${short(y)}" r="${short(radius)}" fill="${css(mix(mid, dark, i < 17 ? 0.8 : random.uniform(0.2, 0.7)))}"/>`
    )
  }
}

function drawLength(pen: Pen, { hairVolume, seed }: Identity, end: number, { mid, dark, light }: HairColours): void {
  const half: Flat[] = [
    [100, -80],
    [118, 0],
    [128 + hairVolume, end * 0.6],
    [112, end],
    [62, end * 0.94]
  ]
  const outline = [...half, [0, 60] as Flat, ...half.map(([x, y]): Flat => [-x, y]).reverse(), [0, -118] as Flat]
  pen.define(
    `<linearGradient id="length">${stops([
      [0, mid],
      [0.25, dark],
      [0.75, dark],
      [1, mix(mid, dark, 0.4)]
    ])}</linearGradient>`
  )
  pen.fill(spline(outline, true), 'url(#length)')
  const random = createRandom(seed + 71)
  for (const colour of [dark, light]) {
    let path = ''
    for (let i = 0; i < 26; i++) {
      const side = i % 2 === 0 ? 1 : -1
      const x = 86 + random.uniform(0, 32 + hairVolume * 0.6)
      const tip: Flat = [side * (x + random.normal(0, 4)), end * random.uniform(0.72, 0.93)]
      path += `M${side * 98} -50Q${short(side * (x + 6))} 20 ${pair(tip)}`
    }
    pen.stroke(path, colour, 2, 0.35)
  }
}

/** The hair on the head, with its hairline. */
export function drawHair(pen: Pen, { identity }: FaceShape, head: string): void {
  const cut = cutOf(identity)
  if (!cut) return
  const colours = coloursOf(identity)
  const volume = cut.volume === 'own' ? identity.hairVolume : cut.volume
  const outer = outerEdge(pen, identity, cut, volume)
  const inner = innerEdge(pen, identity, cut)
  const path = `${spline(outer)}L${spline(inner).slice(1)}Z`
  const shade = cut.texture === 'stubble' ? 0.07 : 0.14
  pen.clipped('headhair', head, () => {
    for (const width of [6, 14, 24]) pen.stroke(spline(inner), pen.palette.shadow, width, shade)
  })
  pen.define(
    `<radialGradient id="hair" cx="${short(50 + pen.light.direction * 25)}%" cy="25%" r="75%">${stops([
      [0, mix(colours.mid, colours.light, 0.6)],
      [0.6, colours.mid],
      [1, colours.dark]
    ])}</radialGradient>`
  )
  pen.fill(path, 'url(#hair)', cut.opacity)
  pen.clipped('hairline', `${spline(outer)}L${spline(inner.map(([x, y]): Flat => [x, y + 5])).slice(1)}Z`, () => {
    const random = createRandom(identity.seed + 55)
    const strands = cut.texture === 'curls' ? curls(pen, random) : combed(random, outer, inner, cut)
    for (const [i, colour] of [colours.dark, colours.light, colours.mid].entries())
      pen.stroke(strands[i]!, colour, 1.5, cut.opacity * 0.42)
  })
}

/** From the picture's left temple over the crown to the right one. */
function outerEdge(pen: Pen, { crown, faceWidth }: Identity, cut: Cut, volume: number): Flat[] {
  const half: Solid[] = [
    [33, crown + 3 - volume * 0.9, -20],
    [64 + volume * 0.3, crown + 18 - volume * 0.7, -20],
    [91 + volume * 0.6, -92, -20],
    [103 + volume * 0.4, -40, -20],
    [101, cut.sides, -20]
  ]
  const left = half.map(([x, y, z]): Solid => [-x, y, z]).reverse()
  return [...left, [0, crown - volume - 1, -20] as Solid, ...half].map(([x, y, z]) =>
    pen.projection.solid([x * faceWidth, y, z])
  )
}

/** The hairline, from the right to the left: sideburn, temple, corner, middle. */
function innerEdge(pen: Pen, { hairline, parting, faceWidth, crown }: Identity, cut: Cut): Flat[] {
  const y = hairline + cut.hairline
  const bare = cut.temples
  const random = createRandom(Math.round(parting * 100))
  const half: Solid[] = [
    [97, cut.sides - 4, 8],
    [91, -30 - bare, 24],
    [84 - bare, -56 - bare, 30],
    [70 - bare, y + 16 - bare, 40],
    [46, y - 2 - bare * 1.2, 48],
    [24, y - 3 + random.normal(0, 1.5), 54]
  ]
  const left = half.map(([x, height, z]): Solid => [-x, height + random.normal(0, 1.2), z]).reverse()
  const peak = cut.texture === 'fringe' ? -3 : 2
  const turned = 25 * Math.sin(pen.projection.pose.yaw)
  return [...half, [parting * 0.2, y + peak, 56] as Solid, ...left].map(([x, height, z]) => {
    const belowCrown = Math.max(height, crown + 24 + Math.abs(x) * 0.12)
    const [flatX, flatY] = pen.projection.solid([x * faceWidth, belowCrown, z])
    return [clamp(flatX, -99 * faceWidth - turned, 99 * faceWidth - turned), flatY]
  })
}

/** Strands from the hairline over the head (combed back) or from the crown down to it (a fringe), in three colours. */
function combed(random: Random, outer: readonly Flat[], inner: readonly Flat[], cut: Cut): string[] {
  const paths = ['', '', '']
  for (let i = 0; i < 130; i++) {
    const t = random()
    const root = splineAt(inner, 1 - t)
    const sweep = cut.texture === 'fringe' ? 0.5 + (t - 0.5) * 0.35 : t
    const tip = splineAt(outer, clamp(sweep + random.normal(0, 0.03)))
    const middle: Flat = [
      (root[0] + tip[0]) / 2 + (root[0] - tip[0]) * 0.25 + random.normal(0, 3),
      (root[1] + tip[1]) / 2 - 6
    ]
    const start: Flat = [root[0] + random.normal(0, 1.5), root[1] + random.uniform(-2, 4)]
    paths[i % 3] += `M${pair(start)}Q${pair(middle)} ${pair(tip)}`
  }
  return paths
}

function curls(pen: Pen, random: Random): string[] {
  const paths = ['', '', '']
  for (let i = 0; i < 210; i++) {
    const angle = random.uniform(-3.3, 0.15)
    const radius = random.uniform(0.72, 1.2)
    const start = pen.projection.solid([118 * radius * Math.cos(angle), -30 + 138 * radius * Math.sin(angle), 0])
    const [bend, end]: [Flat, Flat] = [
      [random.uniform(-9, 9), random.uniform(-9, 9)],
      [random.uniform(-8, 8), random.uniform(2, 9)]
    ]
    paths[i % 3] += `M${pair(start)}q${pair(bend)} ${pair(end)}`
  }
  return paths
}
