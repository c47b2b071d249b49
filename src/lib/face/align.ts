import type { Crop, Point, Size } from '../../core/types.js'

/** Where the eyes lie in an aligned crop, so that a classifier sees each face at the same place and size. */
export interface Alignment {
  /** Distance of the eye centres, as a share of the crop's width. */
  eyeDistance: number
  /** Height of the line through the eye centres from the crop's top, as a share of the crop's height. */
  eyeY: number
}

export const defaultAlignment: Alignment = { eyeDistance: 0.38, eyeY: 0.36 }

/** RGB24 pixels, row-major. */
export type Pixels = Size & { data: Uint8Array }

/** Crop pixel (x, y) lies at (a·x − b·y + tx, b·x + a·y + ty) in the frame; pixel i covers i..i+1. */
interface Similarity {
  a: number
  b: number
  tx: number
  ty: number
}

/** First and last point of each eye in the iBUG 300-W order; the subject's right eye is the frame's left one. */
const leftInFrame = [36, 41] as const
const rightInFrame = [42, 47] as const
/** Samples per crop pixel and axis; a face 32 times as large as the crop begins to alias, and no camera has one. */
const mostSamples = 32
/** Pixels of the frame between two samples, at most. */
const sampleStep = 1.5

/**
 * The face turned and scaled so that its eye centres (means of points 36 to 41 and 42 to 47) lie level, as far apart and
 * as high as `alignment` says, their middle at half the crop's width. A face larger than the crop is averaged over the
 * area that each crop pixel covers; what lies outside the frame is black.
 * @param frame     RGB24
 * @param landmarks 136 numbers, x0 y0 x1 y1 … in pixels of the frame
 * @param size      the crop's, in pixels
 * @returns RGB24 over a buffer of its own, with the landmarks in pixels of the crop
 */
export function alignFace(
  frame: Pixels,
  landmarks: Float32Array,
  size: Size,
  alignment: Alignment = defaultAlignment
): Crop {
  const toFrame = similarity(landmarks, size, alignment)
  return {
    width: size.width,
    height: size.height,
    data: sampleArea(frame, toFrame, size),
    landmarks: toCrop(landmarks, toFrame)
  }
}

/**
 * Where points of the frame lie in the crop that `alignFace` cuts of the same landmarks.
 * @returns in pixels of the crop
 */
export function pointsInCrop(
  points: readonly Point[],
  landmarks: Float32Array,
  size: Size,
  alignment: Alignment = defaultAlignment
): Point[] {
  const flat = Float32Array.from(points.flatMap(({ x, y }) => [x, y]))
  const placed = toCrop(flat, similarity(landmarks, size, alignment))
  return points.map((_, i) => ({ x: placed[2 * i]!, y: placed[2 * i + 1]! }))
}

function similarity(landmarks: Float32Array, size: Size, alignment: Alignment): Similarity {
  const left = eyeCentre(landmarks, leftInFrame)
  const right = eyeCentre(landmarks, rightInFrame)
  const pixels = alignment.eyeDistance * size.width
  const a = (right.x - left.x) / pixels
  const b = (right.y - left.y) / pixels
  const middle = { x: size.width / 2, y: alignment.eyeY * size.height }
  return {
    a,
    b,
    tx: (left.x + right.x) / 2 - (a * middle.x - b * middle.y),
    ty: (left.y + right.y) / 2 - (b * middle.x + a * middle.y)
  }
}

function eyeCentre(landmarks: Float32Array, [first, last]: readonly [number, number]): { x: number; y: number } {
  let x = 0
  let y = 0
  for (let i = first; i <= last; i++) {
    x += landmarks[2 * i]!
    y += landmarks[2 * i + 1]!
  }
  const n = last - first + 1
  return { x: x / n, y: y / n }
}

function toCrop(landmarks: Float32Array, { a, b, tx, ty }: Similarity): Float32Array {
  const inverse = 1 / Math.max(a * a + b * b, Number.EPSILON)
  const out = new Float32Array(landmarks.length)
  for (let i = 0; i < landmarks.length; i += 2) {
    const x = landmarks[i]! - tx
    const y = landmarks[i + 1]! - ty
    out[i] = (a * x + b * y) * inverse
    out[i + 1] = (a * y - b * x) * inverse
  }
  return out
}

/**
 * Each crop pixel is the mean of n×n bilinear samples. One of them reaches over two pixels of the frame, so none is left
 * out when they lie one and a half apart.
 */
function sampleArea(frame: Pixels, { a, b, tx, ty }: Similarity, size: Size): Uint8Array {
  const n = Math.min(mostSamples, Math.max(1, Math.ceil(Math.hypot(a, b) / sampleStep)))
  const out = new Uint8Array(size.width * size.height * 3)
  for (let row = 0, at = 0; row < size.height; row++) {
    for (let column = 0; column < size.width; column++, at += 3) {
      const x = column + 0.5 / n
      const y = row + 0.5 / n
      averageArea(frame, { x: a * x - b * y + tx, y: b * x + a * y + ty, a: a / n, b: b / n, n }, out, at)
    }
  }
  return out
}

/** An n×n grid of samples in the frame: from (x, y) on, (a, b) further for each column and (-b, a) for each row. */
interface Grid {
  x: number
  y: number
  a: number
  b: number
  n: number
}

/** Three plain sums instead of a loop over the channels: this runs some hundred thousand times for a frame. */
function averageArea({ width, height, data }: Pixels, { x, y, a, b, n }: Grid, out: Uint8Array, to: number): void {
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
