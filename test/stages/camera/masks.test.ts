import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Polygon } from '../../../src/core/types.js'
import { blackOut, maskSpans } from '../../../src/stages/camera/masks.js'

const size = { width: 24, height: 16 }
const whole = { x: 0, y: 0, ...size }

/** Which pixels stay visible of a white frame. */
function visible(masks: readonly Polygon[]): boolean[] {
  const frame = new Uint8Array(size.width * size.height * 3).fill(255)
  blackOut(frame, maskSpans(masks, size, whole))
  const pixels = Array.from({ length: size.width * size.height }, (_, index) =>
    frame.subarray(index * 3, index * 3 + 3)
  )
  for (const pixel of pixels) expect(new Set(pixel).size).toBe(1)
  return pixels.map(([red]) => red === 255)
}

/** The winding number of a polygon around a point, by summing up the angles. */
function winds(polygon: Polygon, x: number, y: number): boolean {
  let turned = 0
  for (const [index, [ax, ay]] of polygon.entries()) {
    const [bx, by] = polygon[(index + 1) % polygon.length]!
    const [ux, uy, vx, vy] = [ax * size.width - x, ay * size.height - y, bx * size.width - x, by * size.height - y]
    turned += Math.atan2(ux * vy - uy * vx, ux * vx + uy * vy)
  }
  return Math.abs(turned) > 1
}

function distanceTo(polygon: Polygon, x: number, y: number): number {
  const distances = polygon.map(([ax, ay], index) => {
    const [bx, by] = polygon[(index + 1) % polygon.length]!
    const [px, py, qx, qy] = [ax * size.width, ay * size.height, bx * size.width, by * size.height]
    const length = (qx - px) ** 2 + (qy - py) ** 2
    const share = length === 0 ? 0 : Math.min(1, Math.max(0, ((x - px) * (qx - px) + (y - py) * (qy - py)) / length))
    return Math.hypot(x - px - share * (qx - px), y - py - share * (qy - py))
  })
  return Math.min(...distances)
}

const polygon = fc.array(
  fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.double({ min: 0, max: 1, noNaN: true })),
  { minLength: 3, maxLength: 8 }
)

describe('masks', () => {
  it('hide every point inside a polygon, and nothing a pixel or more outside it', () => {
    fc.assert(
      fc.property(polygon, (corners) => {
        const seen = visible([corners])
        for (let y = 0; y < size.height; y++)
          for (let x = 0; x < size.width; x++) {
            const shown = seen[y * size.width + x]
            const samples = [0.05, 0.35, 0.65, 0.95].flatMap((dx) =>
              [0.05, 0.35, 0.65, 0.95].map((dy) => [x + dx, y + dy])
            )
            const inside = samples.some(([sx, sy]) => winds(corners, sx!, sy!))
            if (inside) expect(shown, `pixel ${x} ${y} is inside`).toBe(false)
            else if (distanceTo(corners, x + 0.5, y + 0.5) > 1.5) expect(shown, `pixel ${x} ${y} is outside`).toBe(true)
          }
      }),
      { numRuns: 60 }
    )
  })

  it('of whole pixels hide exactly these', () => {
    const seen = visible([
      [
        [0.25, 0.25],
        [0.5, 0.25],
        [0.5, 0.75],
        [0.25, 0.75]
      ]
    ])
    expect(seen.filter((shown) => !shown)).toHaveLength((size.width / 4) * (size.height / 2))
  })

  it('leave no hole where a polygon crosses itself, and may reach beyond the frame', () => {
    const star: Polygon = [
      [0.5, 0],
      [0.8, 1],
      [0, 0.35],
      [1, 0.35],
      [0.2, 1]
    ]
    expect(visible([star])[8 * size.width + 12]).toBe(false)
    expect(
      visible([
        [
          [-1, -1],
          [2, -1],
          [2, 2],
          [-1, 2]
        ]
      ]).some((shown) => shown)
    ).toBe(false)
  })

  it('are merged, and none are none', () => {
    const half: Polygon = [
      [0, 0],
      [0.5, 0],
      [0.5, 1],
      [0, 1]
    ]
    expect(maskSpans([half, half], size, whole)).toEqual(maskSpans([half], size, whole))
    expect(maskSpans([], size, whole)).toEqual([])
  })
})
