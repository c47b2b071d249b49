import type { Crop, Point, Size } from '../../core/types.js'
import { type Pixels, pointsToPicture, type Similarity, sample } from './similarity.js'

export type { Pixels } from './similarity.js'

/** Where the eyes lie in an aligned crop, so that a classifier sees each face at the same place and size. */
export interface Alignment {
  /** Distance of the eye centres, as a share of the crop's width. */
  eyeDistance: number
  /** Height of the line through the eye centres from the crop's top, as a share of the crop's height. */
  eyeY: number
}

export const defaultAlignment: Alignment = { eyeDistance: 0.38, eyeY: 0.36 }

/** First and last point of each eye in the iBUG 300-W order; the subject's right eye is the frame's left one. */
const leftInFrame = [36, 41] as const
const rightInFrame = [42, 47] as const

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
  const ofCrop = similarity(landmarks, size, alignment)
  return {
    width: size.width,
    height: size.height,
    data: sample(frame, ofCrop, size),
    landmarks: pointsToPicture(ofCrop, landmarks)
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
  const placed = pointsToPicture(similarity(landmarks, size, alignment), flat)
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
