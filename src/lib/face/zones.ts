import type { Box, Point, Polygon, Size, Zone } from '../../core/types.js'
import { centreOf } from './boxes.js'

/** Whether a point lies in a polygon, by the even-odd rule; a border's left and upper edges belong to it. */
export function inPolygon({ x, y }: Point, polygon: Polygon): boolean {
  let inside = false
  for (const [i, [x1, y1]] of polygon.entries()) {
    const [x0, y0] = polygon[(i + polygon.length - 1) % polygon.length]!
    if (y1 > y !== y0 > y && x < ((x0 - x1) * (y - y1)) / (y0 - y1) + x1) inside = !inside
  }
  return inside
}

/** The name of the first zone that holds the centre of a box in a frame of that size; null where none does. */
export function zoneOf(box: Box, frame: Size, zones: readonly Zone[]): string | null {
  const { x, y } = centreOf(box)
  const place = { x: x / frame.width, y: y / frame.height }
  return zones.find(({ polygon }) => inPolygon(place, polygon))?.name ?? null
}
