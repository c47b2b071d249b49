/** What a face may wear without being hidden. */
import { type Draw, line, oval, rgb, shape } from './drawing.js'

export const ornaments = ['nothing', 'glasses', 'beard', 'wrinkles'] as const

export const drawOrnament: Record<(typeof ornaments)[number], Draw> = {
  nothing: () => '',
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
