import { createRandom } from '../../../lib/random.js'
import { type Flat, pair, type Skin, spline, splineAt } from '../geometry.js'
import { mix } from '../numbers.js'
import type { FaceShape } from '../shape/index.js'
import { type Side, sides } from '../shape/strength.js'
import type { Pen } from './pen.js'

const hairs = 46
/** How thick the brow is above and below its middle line, from the inner to the outer end. */
const above = [0.45, 0.5, 0.42, 0.1] as const
const below = [0.1, 0.35, 0.5, 0.45] as const

/** A soft ground and single hairs along each brow's line. */
export function drawBrows(pen: Pen, { identity, brows }: FaceShape): void {
  const { brow, browDensity, browThickness, tone } = identity
  const dark = mix(brow, [16, 11, 10], 0.35 + 0.3 * tone)
  for (const [i, side] of sides.entries()) {
    const line = brows[i]!
    for (const [spread, opacity] of [
      [1.25, 0.2],
      [1, 0.34],
      [0.72, 0.36]
    ] as const) {
      const edge = (share: readonly number[], up: 1 | -1): Skin[] =>
        line.map(([x, y], k) => [x, y + up * browThickness * spread * share[k]!])
      const outline = spline(pen.flat([...edge(above, -1), ...edge(below, 1).reverse()]), true)
      pen.fill(outline, mix(brow, dark, 0.5), browDensity * opacity * 1.15)
    }
    pen.stroke(browHairs(pen, line, side, identity.seed, browThickness), dark, 1.2, browDensity)
  }
}

/** The same hairs whatever the face does: they come from the person's seed. */
function browHairs(pen: Pen, line: readonly Skin[], side: Side, seed: number, thickness: number): string {
  const random = createRandom(seed * 3 + side)
  const flat = pen.flat(line)
  let path = ''
  for (let i = 0; i < hairs; i++) {
    const t = random() ** 0.9
    const [x, y] = splineAt(flat, t)
    const start: Flat = [x, y + random.uniform(-0.5, 0.5) * thickness * (1 - t * 0.6)]
    const length = random.uniform(5, 9)
    const angle = -1.15 + 1.25 * Math.min(1, t * 1.3)
    const end: Flat = [start[0] + side * length * Math.cos(angle), start[1] + 0.7 * length * Math.sin(angle)]
    path += `M${pair(start)}L${pair(end)}`
  }
  return path
}
