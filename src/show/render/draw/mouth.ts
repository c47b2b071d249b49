import { pair, type Skin, spline } from '../geometry.js'
import { clamp, css, lerp, mix } from '../numbers.js'
import type { FaceShape } from '../shape/index.js'
import { sides } from '../shape/strength.js'
import { stops } from './head.js'
import type { Pen } from './pen.js'

/** Lips, and between them a dark line or the open mouth. */
export function drawMouth(pen: Pen, shape: FaceShape): void {
  const { mouth } = shape
  const { lip, lipShadow, shadow, highlight, skin } = pen.palette
  for (const side of sides) pen.blob('shadow', [side * (mouth.half + 2), mouth.corner + 2], [7, 7], 0.45)
  const around = [...mouth.upperOuter, ...mouth.lowerOuter.slice(1, -1).reverse()]
  pen.stroke(pen.curve(around, true), mix(skin, lip, 0.6), 3, 0.3)
  pen.define(
    `<linearGradient id="upperlip" x1="0" x2="0" y1="0" y2="1">${stops([
      [0, lip],
      [1, lipShadow]
    ])}</linearGradient>` +
      `<linearGradient id="lowerlip" x1="0" x2="0" y1="0" y2="1">${stops([
        [0, lipShadow],
        [0.4, mix(lip, highlight, 0.24)],
        [1, mix(lip, shadow, 0.25)]
      ])}</linearGradient>`
  )
  pen.fill(pen.curve([...mouth.upperOuter, ...inside(mouth.upperInner).reverse()], true), 'url(#upperlip)')
  pen.fill(pen.curve([...mouth.lowerInner, ...inside(mouth.lowerOuter).reverse()], true), 'url(#lowerlip)')
  const gloss = mouth.lowerEdge + mouth.lowerLip * 0.5
  pen.blob('highlight', [pen.light.direction * 5, gloss, 6], [mouth.half * 0.4, mouth.lowerLip * 0.34], 0.5)
  pen.blob('highlight', [0, mouth.upperTop - 4], [5, 4], 0.3)
  if (mouth.open) drawOpening(pen, shape)
  else drawClosedLine(pen, shape)
}

const inside = (points: readonly Skin[]): Skin[] => points.slice(1, -1)

function drawClosedLine(pen: Pen, { mouth }: FaceShape): void {
  const line: Skin[] = [
    [-mouth.half - 1.5, mouth.corner],
    ...inside(mouth.upperInner),
    [mouth.half + 1.5, mouth.corner]
  ]
  pen.crease(line, 3.4, 0.92, pen.palette.gap)
}

/** The dark inside with tongue and teeth. */
function drawOpening(pen: Pen, shape: FaceShape): void {
  const { mouth, head } = shape
  const opening = pen.curve([...mouth.upperInner, ...inside(mouth.lowerInner).reverse()], true)
  const upperLine = spline(pen.flat(mouth.upperInner))
  pen.clipped('mouth', opening, () => {
    pen.fill(opening, [44, 14, 14])
    if (head.jawDrop > 6) {
      pen.blob('flush', [0, mouth.lowerEdge - 2], [mouth.half * 0.6, head.jawDrop * 0.4 + 3], 0.85)
    }
    drawUpperTeeth(pen, shape)
    drawLowerTeeth(pen, shape)
    for (const side of sides) pen.blob('deep', [side * mouth.half * 0.9, mouth.corner], [mouth.half * 0.35, 12], 0.95)
    for (const [width, opacity] of [
      [5, 0.3],
      [2.4, 0.5]
    ] as const)
      pen.stroke(upperLine, [30, 8, 8], width, opacity)
  })
  pen.stroke(upperLine, pen.palette.gap, 1.2, 0.6)
}

const toothColour = (age: number) => mix([236, 228, 212], [214, 196, 160], age * 0.6)

function drawUpperTeeth(pen: Pen, { mouth, head, au, identity }: FaceShape): void {
  const height = clamp(3 + mouth.lift + 7 * au('AU12') + 3 * au('AU20') + head.jawDrop * 0.18, 0, 11)
  const gums = mouth.upperInner.map(([x, y]): Skin => [x * 0.93, y - 4])
  const edge = mouth.upperInner.map(
    ([x, y]): Skin => [x * 0.9, y + height * Math.sqrt(Math.max(0, 1 - (x / mouth.half) ** 2))]
  )
  pen.fill(pen.curve([...gums, ...edge.reverse()], true), toothColour(identity.age))
  let gaps = ''
  for (let i = -4; i <= 4; i++) {
    const [top, bottom] = pen.flat([
      [i * 7.4 + 3.7, mouth.upperEdge - 3],
      [i * 7.2 + 3.6, mouth.upperEdge + height - 1]
    ]) as [readonly [number, number], readonly [number, number]]
    gaps += `M${pair(top)}L${pair(bottom)}`
  }
  pen.add(`<path d="${gaps}" stroke="${css([122, 102, 80])}" stroke-opacity=".28" stroke-width=".8"/>`)
}

function drawLowerTeeth(pen: Pen, { mouth, head, au, identity }: FaceShape): void {
  const height = 5 * au('AU16') + 4 * au('AU20') + head.jawDrop * 0.12
  if (height < 1) return
  const outline = ([-0.6, -0.3, 0, 0.3, 0.6] as const).map((t): Skin => {
    const bite = lerp(height, -2, Math.abs(t) / 0.6)
    return [t * mouth.half, mouth.lowerEdge - bite]
  })
  pen.fill(pen.curve([...outline, [0, mouth.lowerEdge + 6]], true), mix(toothColour(identity.age), [120, 90, 80], 0.25))
}
