import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type FrameView, viewOfFrame, viewOfSquare } from '../../../src/lib/face/networks.js'

const side = 128
const frames = fc.record({ width: fc.integer({ min: 64, max: 1920 }), height: fc.integer({ min: 64, max: 1920 }) })
const places = fc.double({ min: -600, max: 2400, noNaN: true })
const lengths = fc.double({ min: 10, max: 2000, noNaN: true })

/** The input's edges of the region, sent back into the frame, are the region's, but for the rounding to whole pixels. */
function expectWayBack({ region, size, pads, origin, scale }: FrameView): void {
  const [top, left, bottom, right] = region
  const [above, before] = pads
  expect(origin.x + before * scale).toBeCloseTo(left, 6)
  expect(origin.y + above * scale).toBeCloseTo(top, 6)
  expect(Math.abs(origin.x + (before + size[1]) * scale - right)).toBeLessThanOrEqual(1.01 * scale)
  expect(Math.abs(origin.y + (above + size[0]) * scale - bottom)).toBeLessThanOrEqual(1.01 * scale)
}

describe('views', () => {
  it('a square view stays inside the frame, fills the input and maps back exactly', () => {
    fc.assert(
      fc.property(frames, places, places, lengths, (frame, x, y, length) => {
        const square = { x, y, width: length, height: length }
        const view = viewOfSquare(frame, square, side)
        const apart = x >= frame.width || y >= frame.height || x + length <= 0 || y + length <= 0
        if (apart) expect(view).toBeUndefined()
        if (!view) return
        const [top, left, bottom, right] = view.region
        expect(top >= 0 && left >= 0 && bottom <= frame.height && right <= frame.width).toBe(true)
        expect(view.region.every(Number.isInteger) && bottom > top && right > left).toBe(true)
        expect([...view.size, ...view.pads].every((n) => Number.isInteger(n) && n >= 0)).toBe(true)
        expect(view.size[0] + view.pads[0] + view.pads[2]).toBe(side)
        expect(view.size[1] + view.pads[1] + view.pads[3]).toBe(side)
        expect(Math.abs(view.origin.x - x)).toBeLessThanOrEqual(view.scale + 1)
        expect(Math.abs(view.origin.y - y)).toBeLessThanOrEqual(view.scale + 1)
        expectWayBack(view)
        if (view.pads.every((pad) => pad === 0)) expect((right - left) / view.scale).toBeCloseTo(side, 6)
      }),
      { numRuns: 1000, seed: 6 }
    )
  })

  it('a view of the frame shows all of it without stretching', () => {
    fc.assert(
      fc.property(frames, (frame) => {
        const view = viewOfFrame(frame, { width: 640, height: 384 })
        expect(view.region).toEqual([0, 0, frame.height, frame.width])
        expect(view.size[0] + view.pads[2]).toBe(384)
        expect(view.size[1] + view.pads[3]).toBe(640)
        expect(Math.min(...view.pads)).toBeGreaterThanOrEqual(0)
        expectWayBack(view)
      }),
      { seed: 7 }
    )
  })

  it('a region that cannot be a face gives no view', () => {
    const frame = { width: 640, height: 360 }
    for (const width of [0, Number.NaN, Number.POSITIVE_INFINITY])
      expect(viewOfSquare(frame, { x: 10, y: 10, width, height: width }, side)).toBeUndefined()
  })
})
