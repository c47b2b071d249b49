import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Polygon } from '../../../src/core/types.js'
import { inPolygon, zoneOf } from '../../../src/lib/face/boxes.js'

const share = fc.double({ min: 0, max: 1, noNaN: true })

/** By the angle that the polygon makes around the point, which is ±2π inside and 0 outside. */
function windsAround({ x, y }: { x: number; y: number }, polygon: Polygon): boolean {
  let sum = 0
  polygon.forEach(([x1, y1], i) => {
    const [x2, y2] = polygon[(i + 1) % polygon.length]!
    const turn = Math.atan2(y2 - y, x2 - x) - Math.atan2(y1 - y, x1 - x)
    sum += turn - 2 * Math.PI * Math.round(turn / (2 * Math.PI))
  })
  return Math.abs(sum) > Math.PI
}

describe('zones', () => {
  it('a zone contains the points that the winding angle says, for any star-shaped polygon', () => {
    const polygon = fc
      .array(fc.double({ min: 0.05, max: 0.5, noNaN: true }), { minLength: 3, maxLength: 9 })
      .map((radii) =>
        radii.map((radius, i): [number, number] => {
          const angle = (2 * Math.PI * (i + 0.2)) / radii.length
          return [0.5 + radius * Math.cos(angle), 0.5 + radius * Math.sin(angle)]
        })
      )
    const point = fc.record({ x: share, y: share })
    fc.assert(
      fc.property(polygon, point, (corners, p) => {
        expect(inPolygon(p, corners)).toBe(windsAround(p, corners))
      }),
      { numRuns: 1000, seed: 5 }
    )
  })

  it('a face belongs to the first zone that contains the middle of its box', () => {
    const left: Polygon = [
      [0, 0],
      [0.5, 0],
      [0.5, 1],
      [0, 1]
    ]
    const bed: Polygon = [
      [0.2, 0.2],
      [0.9, 0.2],
      [0.9, 0.9],
      [0.2, 0.9]
    ]
    const zones = [
      { name: 'bed', polygon: bed },
      { name: 'left', polygon: left }
    ]
    const frame = { x: 0, y: 0, width: 1000, height: 500 }
    const boxAround = (x: number, y: number) => ({ x: x - 20, y: y - 30, width: 40, height: 60 })
    expect(zoneOf(boxAround(300, 250), frame, zones)).toBe('bed')
    expect(zoneOf(boxAround(100, 250), frame, zones)).toBe('left')
    expect(zoneOf(boxAround(950, 250), frame, zones)).toBeNull()
    expect(zoneOf(boxAround(300, 250), frame, [])).toBeNull()
    const beside = { x: 600, y: 0, width: 400, height: 500 }
    expect(zoneOf(boxAround(650, 250), beside, zones), 'black bars beside the picture').toBe('left')
    expect(zoneOf(boxAround(300, 250), beside, zones)).toBeNull()
  })
})
