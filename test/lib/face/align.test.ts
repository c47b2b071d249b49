import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Size } from '../../../src/core/types.js'
import { type Alignment, alignFace, defaultAlignment, type Pixels } from '../../../src/lib/face/align.js'

/** 68 points of which only the eyes matter: six points around each centre. */
function landmarksWithEyes(left: [number, number], right: [number, number]): Float32Array {
  const points = new Float32Array(136)
  for (let i = 0; i < 6; i++) {
    const angle = (i / 6) * 2 * Math.PI
    for (const [first, [x, y]] of [
      [36, left],
      [42, right]
    ] as const) {
      points[2 * (first + i)] = x + 3 * Math.cos(angle)
      points[2 * (first + i) + 1] = y + 2 * Math.sin(angle)
    }
  }
  return points
}

function noise({ width, height }: Size, seed: number): Pixels {
  const data = new Uint8Array(width * height * 3)
  let state = seed >>> 0
  for (let i = 0; i < data.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    data[i] = state >>> 24
  }
  return { width, height, data }
}

type Complex = [number, number]
const mul = ([a, b]: Complex, [c, d]: Complex): Complex => [a * c - b * d, a * d + b * c]
const sub = (p: Complex, q: Complex): Complex => [p[0] - q[0], p[1] - q[1]]
const add = (p: Complex, q: Complex): Complex => [p[0] + q[0], p[1] + q[1]]
const div = (p: Complex, [c, d]: Complex): Complex => {
  const [x, y] = mul(p, [c, -d])
  return [x / (c * c + d * d), y / (c * c + d * d)]
}

/**
 * The same in complex numbers: frame = m·crop + t, solved from the two eyes; each sample one tent-weighted sum. NaN
 * where a sample lies so near the frame's edge that 32-bit landmarks decide on which side it falls.
 */
function naiveAlign(frame: Pixels, left: Complex, right: Complex, size: Size, alignment: Alignment): number[] {
  const half = (alignment.eyeDistance * size.width) / 2
  const cropLeft: Complex = [size.width / 2 - half, alignment.eyeY * size.height]
  const cropRight: Complex = [size.width / 2 + half, alignment.eyeY * size.height]
  const m = div(sub(right, left), sub(cropRight, cropLeft))
  const t = sub(left, mul(m, cropLeft))
  const n = Math.max(1, Math.ceil(Math.hypot(...m) / 1.5))
  const pixel = (x: number, y: number, c: number): number => {
    const column = Math.min(Math.max(x, 0), frame.width - 1)
    const row = Math.min(Math.max(y, 0), frame.height - 1)
    return frame.data[(row * frame.width + column) * 3 + c]!
  }
  const sample = ([x, y]: Complex, c: number): number => {
    const edges = [x, y, frame.width - x, frame.height - y]
    if (edges.some((distance) => Math.abs(distance) < 1e-3)) return Number.NaN
    if (edges.some((distance) => distance < 0)) return 0
    let value = 0
    for (let j = Math.floor(y) - 1; j <= Math.floor(y) + 1; j++)
      for (let i = Math.floor(x) - 1; i <= Math.floor(x) + 1; i++) {
        const weight = Math.max(0, 1 - Math.abs(x - i - 0.5)) * Math.max(0, 1 - Math.abs(y - j - 0.5))
        value += weight * pixel(i, j, c)
      }
    return value
  }
  const out: number[] = []
  for (let row = 0; row < size.height; row++)
    for (let column = 0; column < size.width; column++)
      for (let c = 0; c < 3; c++) {
        let sum = 0
        for (let k = 0; k < n * n; k++) {
          const at: Complex = [column + ((k % n) + 0.5) / n, row + (Math.floor(k / n) + 0.5) / n]
          sum += sample(add(mul(m, at), t), c)
        }
        out.push(sum / (n * n))
      }
  return out
}

const eyes = fc
  .record({
    x: fc.double({ min: -10, max: 110, noNaN: true }),
    y: fc.double({ min: -10, max: 90, noNaN: true }),
    distance: fc.double({ min: 4, max: 90, noNaN: true }),
    roll: fc.double({ min: -Math.PI, max: Math.PI, noNaN: true })
  })
  .map(({ x, y, distance, roll }) => {
    const dx = (Math.cos(roll) * distance) / 2
    const dy = (Math.sin(roll) * distance) / 2
    return { left: [x - dx, y - dy] as Complex, right: [x + dx, y + dy] as Complex }
  })

describe('alignFace', () => {
  it('an aligned face equals the naive one for any roll, size and place, also half outside the frame', () => {
    const frame = noise({ width: 100, height: 80 }, 7)
    const sizes = fc.constantFrom({ width: 12, height: 12 }, { width: 9, height: 14 })
    const property = fc.property(eyes, sizes, ({ left, right }, size) => {
      const got = alignFace(frame, landmarksWithEyes(left, right), size)
      const want = naiveAlign(frame, left, right, size, defaultAlignment)
      want.forEach((value, i) => {
        if (!Number.isNaN(value)) expect(Math.abs(got.data[i]! - value)).toBeLessThan(0.6)
      })
    })
    fc.assert(property, { numRuns: 60, seed: 1 })
  })

  it('the eye centres of an aligned face are where the alignment says', () => {
    const frame = noise({ width: 40, height: 30 }, 1)
    const property = fc.property(eyes, ({ left, right }) => {
      const size = { width: 64, height: 48 }
      const crop = alignFace(frame, landmarksWithEyes(left, right), size, { eyeDistance: 0.5, eyeY: 0.25 })
      const centre = (first: number, axis: number): number =>
        [0, 1, 2, 3, 4, 5].reduce((sum, i) => sum + crop.landmarks[2 * (first + i) + axis]! / 6, 0)
      expect(centre(36, 0)).toBeCloseTo(16, 2)
      expect(centre(42, 0)).toBeCloseTo(48, 2)
      expect(centre(36, 1)).toBeCloseTo(12, 2)
      expect(centre(42, 1)).toBeCloseTo(12, 2)
    })
    fc.assert(property, { numRuns: 50, seed: 2 })
  })

  it('a face that already has the wanted position is copied unchanged', () => {
    const frame = noise({ width: 50, height: 50 }, 3)
    const crop = alignFace(frame, landmarksWithEyes([15.5, 18], [34.5, 18]), { width: 50, height: 50 })
    expect(Buffer.compare(crop.data, frame.data)).toBe(0)
  })

  it('a fine checkerboard becomes grey without aliasing, and places outside the frame are black', () => {
    const frame = { width: 600, height: 600, data: new Uint8Array(600 * 600 * 3) }
    for (let i = 0; i < 600 * 600; i++) frame.data.fill((i + Math.floor(i / 600)) % 2 ? 255 : 0, 3 * i, 3 * i + 3)
    const { data } = alignFace(frame, landmarksWithEyes([220, 250], [373, 250]), { width: 64, height: 64 })
    const inside = Array.from(data.subarray((32 * 64 + 20) * 3, (32 * 64 + 40) * 3))
    for (const value of inside) expect(Math.abs(value - 127.5)).toBeLessThan(12)
    const beyond = alignFace(frame, landmarksWithEyes([2000, 2000], [2100, 2000]), { width: 8, height: 8 })
    expect(beyond.data.every((value) => value === 0)).toBe(true)
  })

  it('the colour channels keep their order in an aligned face', () => {
    const frame = { width: 30, height: 30, data: new Uint8Array(2700) }
    for (let i = 0; i < 900; i++) frame.data.set([10, 20, 30], 3 * i)
    const { data } = alignFace(frame, landmarksWithEyes([11, 14], [19, 14]), { width: 10, height: 10 })
    expect([...data.subarray(150, 153)]).toEqual([10, 20, 30])
  })
})
