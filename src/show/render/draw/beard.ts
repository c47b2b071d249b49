import { createRandom } from '../../../lib/random.js'
import { type Flat, pair, type Skin } from '../geometry.js'
import { mix } from '../numbers.js'
import type { FaceShape } from '../shape/index.js'
import type { Pen } from './pen.js'

const shapes = {
  none: [],
  stubble: ['cheeks', 'lip'],
  full: ['cheeks', 'lip'],
  goatee: ['chin', 'lip'],
  moustache: ['lip']
} as const

/** Drawn under the mouth. */
export function drawBeard(pen: Pen, shape: FaceShape): void {
  const { beard, hair, skin } = shape.identity
  const stubble = beard === 'stubble'
  const colour = mix(mix(hair, [40, 34, 32], 0.3), skin, stubble ? 0.3 : 0.1)
  for (const part of shapes[beard]) {
    const path = pen.curve(outlines[part](shape), true)
    pen.fill(path, colour, stubble ? 0.24 : 0.72)
    for (const width of stubble ? [8, 16, 26] : [5, 10]) pen.stroke(path, colour, width, stubble ? 0.06 : 0.16)
    if (!stubble) pen.stroke(hairsIn(pen, shape, part), mix(colour, [20, 16, 14], 0.4), 1, 0.55)
  }
}

type Part = 'cheeks' | 'chin' | 'lip'

const mirror = (half: readonly Skin[], middle: Skin[] = []): Skin[] => [
  ...half,
  ...middle,
  ...half.map(([x, y]): Skin => [-x, y]).reverse()
]

const outlines: Record<Part, (shape: FaceShape) => Skin[]> = {
  lip: ({ mouth, nose, identity, au }) => {
    const under = mouth.line - identity.upperLip - 4 * au('AU10')
    return [
      ...mirror(
        [
          [mouth.half + 5, mouth.line + 3],
          [20, nose.base + 15]
        ],
        [[0, nose.base + 13]]
      ),
      [-15, under],
      [15, under]
    ]
  },
  chin: ({ mouth, head }) => {
    const top = mouth.lowerBottom + 6
    return mirror(
      [
        [20, top + 3],
        [27, head.chin - 14],
        [20, head.chin + 2]
      ],
      [[0, head.chin + 6]]
    ).concat([[0, top]])
  },
  cheeks: ({ mouth, head }) => {
    const below = mouth.lowerBottom + 6
    const inner: Skin[] = [
      [98, 8],
      [86, 52],
      [mouth.half + 12, mouth.line - 4],
      [mouth.half + 5, mouth.line + 14],
      [22, below + 2]
    ]
    const outer: Skin[] = [
      [-110, 90],
      [-60, head.chin + 14],
      [0, head.chin + 18],
      [60, head.chin + 14],
      [110, 90]
    ]
    return [...mirror(inner), ...outer]
  }
}

function hairsIn(pen: Pen, { identity, mouth, nose, head }: FaceShape, part: Part): string {
  const random = createRandom(identity.seed + 13)
  const root: Record<Part, () => Skin> = {
    lip: () => [random.uniform(-28, 28), random.uniform(nose.base + 13, mouth.line - identity.upperLip)],
    chin: () => [random.uniform(-20, 20), random.uniform(mouth.lowerBottom + 6, head.chin - 4)],
    cheeks: () => {
      const x = random.uniform(-92, 92)
      const top = Math.abs(x) < 45 ? mouth.lowerBottom + 6 : 40 + (92 - Math.abs(x)) * 0.9
      return [x, random.uniform(Math.min(top, 126), 128)]
    }
  }
  let path = ''
  for (let i = 0; i < (part === 'cheeks' ? 240 : 60); i++) {
    const from = root[part]()
    const length = random.uniform(3, 8)
    const [start, end] = pen.flat([from, [from[0] * 1.03 + random.normal(0, 1.5), from[1] + length]]) as [Flat, Flat]
    path += `M${pair(start)}L${pair(end)}`
  }
  return path
}
