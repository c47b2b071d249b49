import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Crop } from '../../../../src/core/types.js'
import { createRandom } from '../../../../src/lib/random.js'
import {
  areaOf,
  flippedShares,
  judgeFlipping,
  randomCurves,
  relevanceCurves
} from '../../../../src/stages/explain/checks/index.js'
import {
  copySquare,
  localMeans,
  randomOrder,
  relevanceOf,
  squaresOf
} from '../../../../src/stages/explain/checks/pixel-flipping.js'

const sizes = fc.record({ width: fc.integer({ min: 1, max: 50 }), height: fc.integer({ min: 1, max: 50 }) })

describe('the squares of a crop', () => {
  it('cover each pixel exactly once', () => {
    fc.assert(
      fc.property(sizes, (size) => {
        const covered = new Uint8Array(size.width * size.height)
        for (const { x, y, width, height } of squaresOf(size))
          for (let row = y; row < y + height; row++)
            for (let column = x; column < x + width; column++) covered[row * size.width + column]!++
        expect(covered.every((count) => count === 1)).toBe(true)
      })
    )
    expect(squaresOf({ width: 64, height: 64 })).toHaveLength(256)
  })

  it('have the mean relevance of their pixels', () => {
    const size = { width: 17, height: 17 }
    const relevance = Float32Array.from({ length: 17 * 17 }, (_, i) => i % 17)
    // Squares of two pixels; the last column's are one wide.
    expect([...relevanceOf(relevance, size, squaresOf(size)).subarray(0, 9)]).toEqual([
      0.5, 2.5, 4.5, 6.5, 8.5, 10.5, 12.5, 14.5, 16
    ])
  })

  it('are put in each order equally often', () => {
    const random = createRandom(5)
    const counts = new Map<string, number>()
    for (let i = 0; i < 6000; i++) {
      const order = randomOrder(3, random).join('')
      counts.set(order, (counts.get(order) ?? 0) + 1)
    }
    expect([...counts.keys()].sort()).toEqual(['012', '021', '102', '120', '201', '210'])
    for (const count of counts.values()) expect(Math.abs(count - 1000)).toBeLessThan(150)
  })

  it('are copied without changing pixels around them', () => {
    const size = { width: 5, height: 4 }
    const to = new Uint8Array(60)
    copySquare(new Uint8Array(60).fill(9), to, { x: 1, y: 2, width: 3, height: 1 }, size)
    expect([...to.keys()].filter((i) => to[i] === 9)).toEqual([33, 34, 35, 36, 37, 38, 39, 40, 41])
  })
})

describe('the local mean of a pixel', () => {
  it('equals the sum over the square around it, divided by the count', () => {
    const size = { width: 21, height: 18 }
    const random = createRandom(3)
    const data = Uint8Array.from({ length: 3 * 21 * 18 }, () => Math.floor(random() * 256))
    const means = localMeans({ ...size, data })
    const radius = 2
    for (let y = 0; y < 18; y++)
      for (let x = 0; x < 21; x++)
        for (let colour = 0; colour < 3; colour++) {
          let [sum, count] = [0, 0]
          for (let row = Math.max(0, y - radius); row <= Math.min(17, y + radius); row++)
            for (let column = Math.max(0, x - radius); column <= Math.min(20, x + radius); column++, count++)
              sum += data[3 * (row * 21 + column) + colour]!
          expect(Math.abs(means[3 * (y * 21 + x) + colour]! - sum / count)).toBeLessThan(0.51)
        }
  })
})

/** A white crop with a black spot in the middle; the "model" returns the spot's darkness. */
const crop: Crop = {
  width: 32,
  height: 32,
  data: new Uint8Array(3 * 32 * 32).fill(255),
  landmarks: new Float32Array(136)
}
const inSpot = (pixel: number): boolean => Math.hypot((pixel % 32) - 15.5, Math.floor(pixel / 32) - 15.5) < 5
for (let pixel = 0; pixel < 1024; pixel++) if (inSpot(pixel)) crop.data.fill(0, 3 * pixel, 3 * pixel + 3)
const spot = Array.from({ length: 1024 }, (_, pixel) => pixel).filter(inSpot)
const darkness = async (pictures: readonly Uint8Array[]): Promise<number[]> =>
  pictures.map((picture) => spot.reduce((sum, pixel) => sum + 1 - picture[3 * pixel]! / 255, 0) / spot.length)

const judged = async (relevance: Float32Array) =>
  judgeFlipping([
    { ...(await relevanceCurves(crop, relevance, darkness)), random: await randomCurves(crop, darkness, 1) }
  ])

describe('pixel flipping', () => {
  it('starts with the whole picture and ends with all squares replaced, in any order', async () => {
    const random = createRandom(1)
    const { mostRelevantFirst, leastRelevantFirst } = await relevanceCurves(
      crop,
      Float32Array.from({ length: 1024 }, () => random() - 0.5),
      darkness
    )
    const [all] = await darkness([localMeans(crop)])
    for (const curve of [mostRelevantFirst, leastRelevantFirst, ...(await randomCurves(crop, darkness, 0))]) {
      expect(curve).toHaveLength(flippedShares.length)
      expect(curve[0]).toBe(1)
      expect(curve.at(-1)).toBeCloseTo(all!, 6)
    }
  })

  it('does not modify the crop', async () => {
    const before = Uint8Array.from(crop.data)
    await randomCurves(crop, darkness, 0)
    expect(crop.data).toEqual(before)
  })

  it('passes a map of the pixels that the model uses, and fails its negative', async () => {
    const right = Float32Array.from({ length: 1024 }, (_, pixel) => (inSpot(pixel) ? 1 : 0))
    const good = await judged(right)
    expect(good.passed).toBe(true)
    expect(good.mostRelevantFirst).toBeLessThan(good.random)
    expect(good.leastRelevantFirst).toBeGreaterThan(good.random)
    expect((await judged(right.map((value) => -value))).passed).toBe(false)
  })

  it('passes random maps only as often as chance allows', async () => {
    let passed = 0
    for (let seed = 0; seed < 40; seed++) {
      const random = createRandom(seed + 100)
      if ((await judged(Float32Array.from({ length: 1024 }, () => random() - 0.5))).passed) passed++
    }
    expect(passed).toBeLessThanOrEqual(5)
  })

  it('fails if no change of the picture changes the output', async () => {
    const flat = flippedShares.map(() => 0.4)
    const pictures = [{ mostRelevantFirst: flat, leastRelevantFirst: flat, random: [flat, flat] }]
    expect(judgeFlipping(pictures)).toMatchObject({ passed: false, standardErrors: 0 })
    expect(areaOf(flat)).toBeCloseTo(0.4, 10)
  })

  it('divides the gain by the standard deviation of random orders', () => {
    const curve = (height: number) => flippedShares.map(() => height)
    const picture = { mostRelevantFirst: curve(0.3), leastRelevantFirst: curve(0.9), random: [curve(0.4), curve(0.6)] }
    const one = judgeFlipping([picture])
    // Variance 0.02, times 1 + 1/2.
    expect(one.standardErrors).toBeCloseTo(0.2 / Math.sqrt(0.03), 10)
    expect(one.passed).toBe(false)
    const four = judgeFlipping([picture, picture, picture, picture])
    expect(four.standardErrors).toBeCloseTo(2 * one.standardErrors, 10)
    expect(four.passed).toBe(true)
  })
})
