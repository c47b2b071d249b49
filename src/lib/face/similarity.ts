import type { Box, Point, Size } from '../../core/types.js'

/** RGB24 pixels, row-major. */
export type Pixels = Size & { data: Uint8Array }

/**
 * A turn, a scale and a shift: a point (x, y) of a picture lies at (a·x − b·y + tx, b·x + a·y + ty) in the frame; pixel i
 * covers i..i+1.
 */
export interface Similarity {
  a: number
  b: number
  tx: number
  ty: number
}

/** A square of the frame, turned about its centre. */
export interface Square {
  centre: Point
  /** In pixels of the frame. */
  side: number
  /** Clockwise, in degrees. */
  roll: number
}

/** A box that is turned with its face: width from ear to ear, height from forehead to chin. */
export interface FacePlace {
  centre: Point
  width: number
  height: number
  /** Clockwise from upright, in degrees, above -180 and up to 180. */
  roll: number
}

const radians = Math.PI / 180

/** A picture of `pixels` x `pixels` that shows the square upright. */
export function ofSquare({ centre, side, roll }: Square, pixels: number): Similarity {
  const scale = side / pixels
  const [a, b] = turned(scale, 0, roll)
  const half = pixels / 2
  return { a, b, tx: centre.x - (a * half - b * half), ty: centre.y - (b * half + a * half) }
}

/** The vector (x, y) turned clockwise by `roll` degrees; exact for quarter turns. */
export function turned(x: number, y: number, roll: number): [number, number] {
  const [cos, sin] = [Math.cos(roll * radians), Math.sin(roll * radians)].map(tidy) as [number, number]
  return [cos * x - sin * y, sin * x + cos * y]
}

const tidy = (value: number): number => (Math.abs(value) < 1e-12 ? 0 : value)

/** The upright box around the ellipse that fills a turned one; that box itself where it is turned by quarters. */
export function boxOf({ centre, width, height, roll }: FacePlace): Box {
  const [cos, sin] = turned(1, 0, roll)
  const across = Math.hypot(width * cos, height * sin)
  const down = Math.hypot(width * sin, height * cos)
  return { x: centre.x - across / 2, y: centre.y - down / 2, width: across, height: down }
}

/** Height over width of a face's ellipse, where its box does not determine it. */
const usualHeight = 1.3

/** The width of a face from ear to ear, in pixels, by what `boxOf` made of its place. */
export function faceWidth({ width, height }: Pick<Box, 'width' | 'height'>, roll: number): number {
  const [cos, sin] = turned(1, 0, roll)
  const [c2, s2] = [cos ** 2, sin ** 2]
  const squared = (width ** 2 * c2 - height ** 2 * s2) / (c2 - s2)
  // Around 45 degrees the box of any ellipse is a square.
  if (Math.abs(c2 - s2) < 0.2 || !(squared > 0)) return Math.sqrt((width ** 2 + height ** 2) / (1 + usualHeight ** 2))
  return Math.sqrt(squared)
}

/** Where an upright face fills that box. */
export const uprightIn = (box: Box): FacePlace => ({
  centre: { x: box.x + box.width / 2, y: box.y + box.height / 2 },
  width: box.width,
  height: box.height,
  roll: 0
})

/** The same angle above -180 and up to 180 degrees. */
export function inTurn(degrees: number): number {
  const rest = degrees - 360 * Math.round(degrees / 360)
  return rest <= -180 ? rest + 360 : rest
}

export function toFrame({ a, b, tx, ty }: Similarity, { x, y }: Point): Point {
  return { x: a * x - b * y + tx, y: b * x + a * y + ty }
}

/** x0 y0 x1 y1 … of a picture, in the frame. */
export function pointsToFrame({ a, b, tx, ty }: Similarity, points: Float32Array): Float32Array {
  const out = new Float32Array(points.length)
  for (let i = 0; i < points.length; i += 2) {
    out[i] = a * points[i]! - b * points[i + 1]! + tx
    out[i + 1] = b * points[i]! + a * points[i + 1]! + ty
  }
  return out
}

/** x0 y0 x1 y1 … of the frame, in a picture. */
export function pointsToPicture({ a, b, tx, ty }: Similarity, points: Float32Array): Float32Array {
  const inverse = 1 / Math.max(a * a + b * b, Number.EPSILON)
  const out = new Float32Array(points.length)
  for (let i = 0; i < points.length; i += 2) {
    const x = points[i]! - tx
    const y = points[i + 1]! - ty
    out[i] = (a * x + b * y) * inverse
    out[i + 1] = (a * y - b * x) * inverse
  }
  return out
}

/** Samples per pixel of a picture and axis; a face 32 times as large as the crop begins to alias, and no camera has one. */
const mostSamples = 32
/** Pixels of the frame between two samples, at most. */
const sampleStep = 1.5

/**
 * A picture of that size cut out of the frame; what lies outside the frame is black. Each pixel is the mean of n×n
 * bilinear samples. One of them reaches over two pixels of the frame, so none is left out when they lie one and a half
 * apart.
 */
export function sample(frame: Pixels, { a, b, tx, ty }: Similarity, size: Size): Uint8Array<ArrayBuffer> {
  const n = Math.min(mostSamples, Math.max(1, Math.ceil(Math.hypot(a, b) / sampleStep)))
  const out = new Uint8Array(size.width * size.height * 3)
  for (let row = 0, at = 0; row < size.height; row++) {
    for (let column = 0; column < size.width; column++, at += 3) {
      const x = column + 0.5 / n
      const y = row + 0.5 / n
      averageArea(frame, a * x - b * y + tx, b * x + a * y + ty, a / n, b / n, n, out, at)
    }
  }
  return out
}

/**
 * The mean of an n×n grid of samples in the frame: from (x, y) on, (a, b) further for each column and (-b, a) for each
 * row. Three plain sums instead of a loop over the channels: this runs some hundred thousand times for a frame.
 */
function averageArea(
  { width, height, data }: Pixels,
  x: number,
  y: number,
  a: number,
  b: number,
  n: number,
  out: Uint8Array,
  to: number
): void {
  let red = 0
  let green = 0
  let blue = 0
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) {
      const sx = x + a * j - b * i
      const sy = y + b * j + a * i
      if (!(sx >= 0 && sy >= 0 && sx < width && sy < height)) continue
      const px = Math.min(Math.max(sx - 0.5, 0), width - 1)
      const py = Math.min(Math.max(sy - 0.5, 0), height - 1)
      // Not negative, so that cutting off is rounding down.
      const fx = px - (px | 0)
      const fy = py - (py | 0)
      const at = ((py | 0) * width + (px | 0)) * 3
      const right = fx > 0 ? at + 3 : at
      const below = fy > 0 ? width * 3 : 0
      const topLeft = (1 - fx) * (1 - fy)
      const topRight = fx * (1 - fy)
      const bottomLeft = (1 - fx) * fy
      const bottomRight = fx * fy
      red +=
        data[at]! * topLeft +
        data[right]! * topRight +
        data[at + below]! * bottomLeft +
        data[right + below]! * bottomRight
      green +=
        data[at + 1]! * topLeft +
        data[right + 1]! * topRight +
        data[at + below + 1]! * bottomLeft +
        data[right + below + 1]! * bottomRight
      blue +=
        data[at + 2]! * topLeft +
        data[right + 2]! * topRight +
        data[at + below + 2]! * bottomLeft +
        data[right + below + 2]! * bottomRight
    }
  }
  out[to] = Math.round(red / (n * n))
  out[to + 1] = Math.round(green / (n * n))
  out[to + 2] = Math.round(blue / (n * n))
}
