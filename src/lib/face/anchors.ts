/** The SSD's default boxes (Liu et al., SSD: Single Shot MultiBox Detector, 2016, section 2.2), for any input size. */

/** The input size that the scales refer to. */
const base = 512
/** Pixels of the input per cell on the finest level; each further level halves the grid. */
const finestStride = 16
const scales = [0.2, 0.35, 0.5, 0.65, 0.8, 0.95, 1] as const
/** Height : width of a level's boxes, beside the square ones. */
const elongations = [1 / Math.SQRT2, Math.SQRT2] as const

/** Four numbers for each box, in pixels of the input: centre y, centre x, height, width. */
export type Anchors = Float32Array

const flatter = Math.sqrt(3)

/** Heights and widths of a level's boxes, in pixels of the input. */
function shapes(level: number): [number, number][] {
  const scale = scales[level]! * base
  const pair = elongations.map((e): [number, number] => [scale * e, scale / e])
  // The finest level has three boxes, the square one at half its scale.
  if (level === 0) return [[0.1 * base, 0.1 * base], ...pair]
  const between = Math.sqrt(scales[level]! * scales[level + 1]!) * base
  return [
    [scale, scale],
    [between, between],
    ...pair,
    [scale / flatter, scale * flatter],
    [scale * flatter, scale / flatter]
  ]
}

/** All boxes of an input of that size, level by level, row by row, in the order of the detector's outputs. */
export function anchorsOf(rows: number, columns: number): Anchors {
  const boxes: number[] = []
  let [height, width, stride] = [Math.ceil(rows / finestStride), Math.ceil(columns / finestStride), finestStride]
  for (let level = 0; level < 6; level++) {
    const levelShapes = shapes(level)
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++)
        for (const [boxHeight, boxWidth] of levelShapes)
          boxes.push((y + 0.5) * stride, (x + 0.5) * stride, boxHeight, boxWidth)
    ;[height, width, stride] = [Math.ceil(height / 2), Math.ceil(width / 2), stride * 2]
  }
  return Float32Array.from(boxes)
}
