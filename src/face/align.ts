import type { Crop, Size } from '../core/types.js'

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

/** Each crop pixel is the mean of n×n bilinear samples, no further apart than a pixel of the frame. */
function sampleArea(frame: Pixels, { a, b, tx, ty }: Similarity, size: Size): Uint8Array {
  const n = Math.min(mostSamples, Math.max(1, Math.ceil(Math.hypot(a, b))))
  const out = new Uint8Array(size.width * size.height * 3)
  const sum: Sum = [0, 0, 0]
  for (let row = 0, at = 0; row < size.height; row++) {
    for (let column = 0; column < size.width; column++, at += 3) {
      sum[0] = sum[1] = sum[2] = 0
      for (let i = 0; i < n; i++) {
        const y = row + (i + 0.5) / n
        for (let j = 0; j < n; j++) {
          const x = column + (j + 0.5) / n
          addSample(frame, a * x - b * y + tx, b * x + a * y + ty, sum)
        }
      }
      for (let c = 0; c < 3; c++) out[at + c] = Math.round(sum[c]! / (n * n))
    }
  }
  return out
}

type Sum = [number, number, number]

function addSample(frame: Pixels, x: number, y: number, sum: Sum): void {
  const { width, height, data } = frame
  if (!(x >= 0 && y >= 0 && x < width && y < height)) return
  const px = Math.min(Math.max(x - 0.5, 0), width - 1)
  const py = Math.min(Math.max(y - 0.5, 0), height - 1)
  const x0 = Math.floor(px)
  const y0 = Math.floor(py)
  const fx = px - x0
  const fy = py - y0
  const at = (y0 * width + x0) * 3
  const right = x0 + 1 < width ? 3 : 0
  const below = y0 + 1 < height ? width * 3 : 0
  for (let c = at; c < at + 3; c++) {
    const top = data[c]! + (data[c + right]! - data[c]!) * fx
    const bottom = data[c + below]! + (data[c + below + right]! - data[c + below]!) * fx
    sum[c - at]! += top + (bottom - top) * fy
  }
}
