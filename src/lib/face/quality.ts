/** How well a face is seen: what no net says. */

import { cut } from './cut.js'
import type { FacePlace } from './similarity.js'
import { ofSquare, type Pixels, pointsToPicture } from './similarity.js'

export interface Quality {
  /**
   * How much of the picture's slopes is fine detail: about 0.8 in focus, below 0.35 where eyes and mouth are smeared, above
   * 1.8 where there is noise and nothing else.
   */
  sharpness: number
  /** How far the nose's tip is from the middle between the jaw's sides: 0 from the front, about 0.8 where a head turns 40°. */
  turn: number
}

/** In pixels, of the picture in which sharpness is measured. */
const side = 64

/** @param landmarks of the face, in pixels of the frame */
export function qualityOf(frame: Pixels, place: FacePlace, landmarks: Float32Array): Quality {
  const way = ofSquare({ centre: place.centre, side: Math.max(place.width, place.height), roll: place.roll }, side)
  const data = cut(frame, way, { width: side, height: side })
  return { sharpness: sharpnessOf(data), turn: turnOf(pointsToPicture(way, landmarks)) }
}

/** The Laplacian over the gradient, each as root mean square, of the picture without its colours. */
function sharpnessOf(data: Uint8Array): number {
  const grey = new Float32Array(side * side)
  for (let i = 0, at = 0; i < grey.length; i++, at += 3)
    grey[i] = 0.3 * data[at]! + 0.59 * data[at + 1]! + 0.11 * data[at + 2]!
  let curves = 0
  let slopes = 1
  for (let row = 2; row < side - 2; row++)
    for (let at = row * side + 2, end = at + side - 4; at < end; at++) {
      const [left, right, above, below] = [grey[at - 1]!, grey[at + 1]!, grey[at - side]!, grey[at + side]!]
      curves += (4 * grey[at]! - left - right - above - below) ** 2
      slopes += (right - left) ** 2 + (below - above) ** 2
    }
  return Math.sqrt(curves / slopes)
}

function turnOf(points: Float32Array): number {
  const x = (...which: number[]): number => which.reduce((sum, i) => sum + points[2 * i]!, 0) / which.length
  const nose = x(30)
  const [right, left] = [nose - x(1, 2, 3), x(13, 14, 15) - nose]
  return Math.abs(right - left) / Math.max(1, Math.abs(right + left))
}
