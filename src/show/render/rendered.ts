import type { Box, Point, RegionName, Size } from '../../core/types.js'
import type { ActionUnits } from './action-units.js'
import type { Flat, Projection, Solid } from './geometry.js'
import { landmarksOf } from './landmarks.js'
import { movedPlaces } from './moved.js'
import type { Placement } from './raster.js'
import type { FaceShape } from './shape/index.js'

/** A rendered picture and everything that is true about it. All places are in its pixels. */
export interface Rendered extends Size {
  /** RGB24. */
  data: Uint8Array
  /** The face from forehead to chin. */
  box: Box
  /** x0 y0 … of the 68 iBUG points, from the drawing's own geometry. */
  landmarks: Float32Array
  /** The exact places which the active units (0.15 and above) moved. */
  moved: { unit: string; region: RegionName; polygon: Point[] }[]
}

/** Ground truth of a face at its place in a picture. */
export function truthOf(
  shape: FaceShape,
  units: ActionUnits,
  projection: Projection,
  placement: Placement
): Omit<Rendered, 'data' | 'width' | 'height'> {
  const place = ([x, y]: Flat): Point => ({
    x: placement.centre.x + x * placement.scale,
    y: placement.centre.y + y * placement.scale
  })
  const landmarks = landmarksOf(shape, projection).map(place)
  return {
    box: boxAround(boundary(shape, projection).map(place)),
    landmarks: Float32Array.from(landmarks.flatMap(({ x, y }) => [x, y])),
    moved: movedPlaces(shape, units, projection).map(({ unit, region, polygon }) => ({
      unit,
      region,
      polygon: polygon.map(place)
    }))
  }
}

/** Face detectors' boxes begin about here, in the middle of the forehead. */
const foreheadY = -88

function boundary({ head }: FaceShape, projection: Projection): Flat[] {
  const forehead: Solid[] = [
    [-80, foreheadY, 30],
    [0, foreheadY, 60],
    [80, foreheadY, 30]
  ]
  const points = [...forehead, ...head.outline.filter(([, y]) => y >= foreheadY)]
  return points.map((point) => projection.rolled(projection.solid(point)))
}

function boxAround(points: readonly Point[]): Box {
  const [xs, ys] = [points.map(({ x }) => x), points.map(({ y }) => y)]
  const [x, y] = [Math.min(...xs), Math.min(...ys)]
  return { x, y, width: Math.max(...xs) - x, height: Math.max(...ys) - y }
}
