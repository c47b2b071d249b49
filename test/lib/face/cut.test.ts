import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Size } from '../../../src/core/types.js'
import { cut } from '../../../src/lib/face/cut.js'
import { quarterTurned, type Small, shrink } from '../../../src/lib/face/shrink.js'
import { ofSquare, type Pixels, toFrame } from '../../../src/lib/face/similarity.js'
import { createRandom } from '../../../src/lib/random.js'

function noise({ width, height }: Size, seed: number): Pixels {
  const random = createRandom(seed)
  return { width, height, data: Uint8Array.from({ length: width * height * 3 }, () => random() * 256) }
}

/** Grey levels that grow evenly to the right and downwards, of which any mean is the level at its middle. */
function slope({ width, height }: Size): Pixels {
  const data = new Uint8Array(width * height * 3)
  for (let y = 0, at = 0; y < height; y++)
    for (let x = 0; x < width; x++, at += 3) data.fill(20 + Math.round((200 * (x + y)) / (width + height)), at, at + 3)
  return { width, height, data }
}

const sizes = fc.record({ width: fc.integer({ min: 12, max: 90 }), height: fc.integer({ min: 12, max: 90 }) })

describe('pictures cut out of a frame', () => {
  it('show at each pixel what the frame has there, at any turn and scale, and black beside it', () => {
    const frame = slope({ width: 200, height: 160 })
    const turns = fc.double({ min: -180, max: 180, noNaN: true })
    const sides = fc.double({ min: 20, max: 400, noNaN: true })
    const centres = fc.record({ x: fc.integer({ min: -50, max: 250 }), y: fc.integer({ min: -50, max: 210 }) })
    fc.assert(
      fc.property(turns, sides, centres, (roll, side, centre) => {
        const way = ofSquare({ centre, side, roll }, 24)
        const data = cut(frame, way, { width: 24, height: 24 })
        const margin = side / 24 + 2
        for (let i = 0; i < 24 * 24; i++) {
          const { x, y } = toFrame(way, { x: (i % 24) + 0.5, y: Math.floor(i / 24) + 0.5 })
          const within = Math.min(x, y, frame.width - x, frame.height - y)
          if (within < -1) expect(data[3 * i]).toBe(0)
          if (within > margin) expect(Math.abs(data[3 * i]! - (20 + (200 * (x + y - 1)) / 360))).toBeLessThan(3)
        }
      }),
      { seed: 11 }
    )
  })

  it('are the rounded means of the pixels around each place, at every scale and up to the edges of the frame', () => {
    const frame = noise({ width: 60, height: 40 }, 7)
    const side = 10
    const mean = (k: number, x: number, y: number, channel: number): number => {
      if (!(x >= 0 && y >= 0 && x < frame.width && y < frame.height)) return 0
      const left = Math.min(Math.max(0, Math.round(x - k / 2)), frame.width - k)
      const top = Math.min(Math.max(0, Math.round(y - k / 2)), frame.height - k)
      let sum = 0
      for (let i = 0; i < k * k; i++)
        sum += frame.data[((top + Math.floor(i / k)) * frame.width + left + (i % k)) * 3 + channel]!
      return Math.floor((sum + Math.floor((k * k) / 2)) / (k * k))
    }
    fc.assert(
      fc.property(
        fc.constantFrom(2, 3, 4, 5),
        fc.integer({ min: -3, max: 63 }),
        fc.integer({ min: -3, max: 43 }),
        (k, x, y) => {
          // Upright and at a whole scale, so that both add up to the same places.
          const way = { a: k, b: 0, tx: x, ty: y }
          const data = cut(frame, way, { width: side, height: side })
          const means = data.map((_, i) => {
            const pixel = Math.floor(i / 3)
            return mean(k, x + k * ((pixel % side) + 0.5), y + k * (Math.floor(pixel / side) + 0.5), i % 3)
          })
          expect(Buffer.from(data).equals(means), `k = ${k} from ${x}, ${y}`).toBe(true)
        }
      )
    )
  })

  it("average a camera's noise where they are smaller than the frame", () => {
    const frame = noise({ width: 240, height: 240 }, 3)
    const data = cut(frame, ofSquare({ centre: { x: 120, y: 120 }, side: 160, roll: 33 }, 40), {
      width: 40,
      height: 40
    })
    const mean = data.reduce((sum, value) => sum + value, 0) / data.length
    const deviation = Math.sqrt(data.reduce((sum, value) => sum + (value - mean) ** 2, 0) / data.length)
    // Even noise over 256 levels deviates by 74; 16 pixels' mean by a quarter.
    expect(deviation).toBeLessThan(25)
    expect(Math.abs(mean - 127.5)).toBeLessThan(5)
  })
})

describe('a frame made small', () => {
  it('has the means of its pixels, for any factor and size', () => {
    fc.assert(
      fc.property(sizes, fc.integer({ min: 1, max: 5 }), fc.nat(), (size, factor, seed) => {
        const frame = noise(size, seed)
        const small = shrink(frame, factor)
        expect(small.width).toBe(Math.floor(size.width / factor))
        for (let at = 0; at < small.data.length; at++) {
          const [pixel, channel] = [Math.floor(at / 3), at % 3]
          let sum = 0
          for (let i = 0; i < factor * factor; i++) {
            const x = (pixel % small.width) * factor + (i % factor)
            const y = Math.floor(pixel / small.width) * factor + Math.floor(i / factor)
            sum += frame.data[(y * size.width + x) * 3 + channel]!
          }
          expect(Math.abs(small.data[at]! - sum / factor ** 2)).toBeLessThanOrEqual(1)
        }
      }),
      { seed: 5, numRuns: 40 }
    )
  })

  it('turned by a quarter knows the way back, and is itself again after four', () => {
    fc.assert(
      fc.property(sizes, fc.nat(), (size, seed) => {
        const frame = noise(size, seed)
        const small = shrink(frame, 1)
        const turned = quarterTurned(small)
        for (const [x, y] of [
          [0, 0],
          [3, 5],
          [turned.width - 1, turned.height - 1]
        ] as const) {
          const there = toFrame(turned.toFrame, { x: x + 0.5, y: y + 0.5 })
          const at = (Math.floor(there.y) * size.width + Math.floor(there.x)) * 3
          expect([...turned.data.subarray((y * turned.width + x) * 3, (y * turned.width + x) * 3 + 3)]).toEqual([
            ...frame.data.subarray(at, at + 3)
          ])
        }
        let again: Small = small
        for (let i = 0; i < 4; i++) again = quarterTurned({ ...again, toFrame: small.toFrame })
        expect(again.data).toEqual(frame.data)
      }),
      { seed: 8, numRuns: 30 }
    )
  })
})
