import type { Box, Crop, Size } from '../../../core/types.js'
import type { Random } from '../../../lib/random.js'

/** Squares along a crop's width and height. */
const perSide = 16

/** The crop in squares of a sixteenth of its longer side, row by row; those at the right and lower edge may be smaller. */
export function squaresOf({ width, height }: Size): Box[] {
  const side = Math.max(1, Math.ceil(Math.max(width, height) / perSide))
  const squares: Box[] = []
  for (let y = 0; y < height; y += side)
    for (let x = 0; x < width; x += side)
      squares.push({ x, y, width: Math.min(side, width - x), height: Math.min(side, height - y) })
  return squares
}

/** The mean relevance in each square. */
export function relevanceOf(relevance: Float32Array, { width }: Size, squares: readonly Box[]): Float64Array {
  return Float64Array.from(squares, (square) => {
    let sum = 0
    for (let row = square.y; row < square.y + square.height; row++)
      for (let column = square.x; column < square.x + square.width; column++) sum += relevance[row * width + column]!
    return sum / (square.width * square.height)
  })
}

/** Indices from the largest value to the smallest. */
export function descending(values: Float64Array): number[] {
  return [...values.keys()].sort((a, b) => values[b]! - values[a]!)
}

/** Indices 0 … count - 1 in random order (Fisher and Yates). */
export function randomOrder(count: number, random: Random): number[] {
  const order = Array.from({ length: count }, (_, i) => i)
  for (let i = count - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1))
    const [a, b] = [order[i]!, order[j]!]
    order[i] = b
    order[j] = a
  }
  return order
}

/**
 * What a square is replaced with: each pixel's mean colour over the square around it of three times the size, so that what
 * was there is gone and no edge that never was comes in.
 * @returns RGB24 of the whole crop
 */
export function localMeans({ width, height, data }: Pick<Crop, 'width' | 'height' | 'data'>): Uint8Array {
  const radius = Math.ceil((1.5 * Math.max(width, height)) / perSide)
  const across = meansAlong(
    Float32Array.from(data),
    { count: width, step: 3 },
    { count: height, step: 3 * width },
    radius
  )
  const means = meansAlong(across, { count: height, step: 3 * width }, { count: width, step: 3 }, radius)
  return Uint8Array.from(means, Math.round)
}

interface Axis {
  count: number
  /** From one value to the next. */
  step: number
}

/** The mean of up to 2·radius+1 values along one axis, for each colour, by a sum that slides. */
function meansAlong(values: Float32Array, along: Axis, lines: Axis, radius: number): Float32Array {
  const means = new Float32Array(values.length)
  for (let line = 0; line < lines.count; line++) {
    for (let colour = 0; colour < 3; colour++) {
      const at = (i: number): number => line * lines.step + i * along.step + colour
      let sum = 0
      let [from, to] = [0, 0]
      for (let i = 0; i < along.count; i++) {
        while (to < Math.min(along.count, i + radius + 1)) sum += values[at(to++)]!
        while (from < i - radius) sum -= values[at(from++)]!
        means[at(i)] = sum / (to - from)
      }
    }
  }
  return means
}

/** Copies a square of one picture into another of the same width. */
export function copySquare(from: Uint8Array, to: Uint8Array, { x, y, width, height }: Box, size: Size): void {
  for (let row = y; row < y + height; row++) {
    const start = 3 * (row * size.width + x)
    to.set(from.subarray(start, start + 3 * width), start)
  }
}
