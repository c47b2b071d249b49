/** One face, looked at closely: the square around its place, turned so that it stands upright. */
import type { Box, Point, Size } from '../../core/types.js'
import { centreOf } from './boxes.js'
import { cut } from './cut.js'
import { relight } from './light.js'
import { type FaceNetworks, frameTensor, type Marks, wholeOf } from './networks.js'
import { uprightness } from './probes.js'
import {
  type FacePlace,
  inTurn,
  ofSquare,
  type Pixels,
  pointsToFrame,
  type Square,
  toFrame,
  turned
} from './similarity.js'

/** A place as the detector sees it. */
export interface Look {
  place: FacePlace
  /** 0..1. */
  score: number
}

/** Its landmarks, as the net sees them in an upright picture of it. */
export interface Marked {
  /** x0 y0 … of the 68 points, in pixels of the frame. */
  landmarks: Float32Array
  /** What the landmarks say: clockwise, in degrees. */
  roll: number
  /** How surely that is an upright face and no face turned otherwise: a logit. */
  upright: number
  marks: Marks
}

/** The detector's input, and how wide a face in it is best: just below its smallest default box. */
const detectorSide = 128
const bestFaceWidth = 46
/** Below this a look is over; between it and `sureScore` a second one is taken at the place and size it found. */
const leastScore = 0.1
const sureScore = 0.8
/** How far from the middle of what was looked at a face may lie, as a share of the detector's input. */
const mostOffset = 0.3
/** The landmark net wants a face's box a little lower than the detector puts it. */
const landmarkShift = 0.14
export const landmarkSide = 112
/** A face that stands less upright than that in the landmark net's picture is shown to it again, in degrees. */
const levelWithin = 8
const mostTurns = 2

/** The square around a place in which the detector is at its best. */
export const squareAround = ({ centre, width, roll }: FacePlace): Square => ({
  centre,
  side: (width * detectorSide) / bestFaceWidth,
  roll
})

/** The face nearest to the middle of a square; a second look, centred on what the first one found, decides doubts. */
export async function look(networks: FaceNetworks, frame: Pixels, square: Square): Promise<Look | undefined> {
  const first = await lookOnce(networks, frame, square)
  if (!first || first.score >= sureScore) return first
  const second = await lookOnce(networks, frame, squareAround(first.place))
  return second && second.score > first.score ? second : first
}

/** As `look`, without the second one. */
export async function lookOnce(networks: FaceNetworks, frame: Pixels, square: Square): Promise<Look | undefined> {
  if (!meets(square, frame)) return undefined
  const cut = picture(frame, square, detectorSide)
  const candidates = await networks.detect(cut.tensor, cut.view, leastScore)
  const face = candidates.find(({ box }) => isNearMiddle(box))
  if (!face) return undefined
  const scale = square.side / detectorSide
  const { width, height } = face.box
  const centre = toFrame(cut.toFrame, centreOf(face.box))
  return {
    score: face.score,
    place: { centre, width: width * scale, height: height * scale, roll: inTurn(square.roll) }
  }
}

/** The landmarks of a face, looked at again where it turns out to stand otherwise than its place says. */
export async function mark(networks: FaceNetworks, frame: Pixels, place: FacePlace): Promise<Marked> {
  let marked = await markOnce(networks, frame, place)
  let roll = place.roll
  for (let i = 0; i < mostTurns && Math.abs(inTurn(marked.roll - roll)) > levelWithin; i++) {
    roll = marked.roll
    const again = await markOnce(networks, frame, { ...place, roll })
    if (again.upright < marked.upright) break
    marked = again
  }
  return marked
}

/** Other views of a face: moved by shares of its width, and turned by degrees. */
const otherViews = [
  [0.05, 0, 5],
  [-0.05, 0, -5],
  [0, 0.05, 0],
  [0, -0.05, 0]
] as const

/** The landmarks in the mean of several views; all else as `marked` has it. */
export async function markAround(
  networks: FaceNetworks,
  frame: Pixels,
  place: FacePlace,
  marked: Marked
): Promise<Marked> {
  const sum = Float64Array.from(marked.landmarks)
  for (const [x, y, turn] of otherViews) {
    const [dx, dy] = turned(x * place.width, y * place.width, marked.roll)
    const centre = { x: place.centre.x + dx, y: place.centre.y + dy }
    const { landmarks } = await markOnce(networks, frame, { ...place, centre, roll: inTurn(marked.roll + turn) })
    for (let i = 0; i < sum.length; i++) sum[i]! += landmarks[i]!
  }
  const landmarks = Float32Array.from(sum, (value) => value / (otherViews.length + 1))
  return { ...marked, landmarks, roll: rollOf(landmarks) }
}

/** As `mark`, as the place says that it is turned. */
export async function markOnce(networks: FaceNetworks, frame: Pixels, place: FacePlace): Promise<Marked> {
  const { centre, width, height, roll } = place
  const [dx, dy] = turned(0, landmarkShift * height, roll)
  const lower = { x: centre.x + dx, y: centre.y + dy }
  const cut = picture(frame, { centre: lower, side: Math.max(width, height), roll }, landmarkSide)
  const marks = await networks.landmarks(cut.tensor, cut.view)
  const landmarks = pointsToFrame(cut.toFrame, marks.points)
  return {
    landmarks,
    roll: rollOf(landmarks),
    upright: uprightness(marks.feature),
    marks
  }
}

/** Of the line through the eyes' centres. */
function rollOf(landmarks: Float32Array): number {
  const [right, left] = [eye(landmarks, 36), eye(landmarks, 42)]
  return inTurn((Math.atan2(left.y - right.y, left.x - right.x) * 180) / Math.PI)
}

function eye(landmarks: Float32Array, first: number): Point {
  let [x, y] = [0, 0]
  for (let i = first; i < first + 6; i++) {
    x += landmarks[2 * i]! / 6
    y += landmarks[2 * i + 1]! / 6
  }
  return { x, y }
}

function picture(frame: Pixels, square: Square, side: number) {
  const size = { width: side, height: side }
  const toFrame = ofSquare(square, side)
  const data = cut(frame, toFrame, size)
  relight(data, size)
  return { tensor: frameTensor(size, data), view: wholeOf(size), toFrame }
}

function isNearMiddle(box: Box): boolean {
  const { x, y } = centreOf(box)
  const [middle, most] = [detectorSide / 2, mostOffset * detectorSide]
  return Math.abs(x - middle) <= most && Math.abs(y - middle) <= most
}

/** Whether a square shows anything of the frame; its corners reach further when it is turned. */
function meets({ centre, side }: Square, { width, height }: Size): boolean {
  const reach = side / 2
  if (!(side >= 1 && side < Number.POSITIVE_INFINITY)) return false
  return centre.x > -reach && centre.y > -reach && centre.x < width + reach && centre.y < height + reach
}

/**
 * What two nets say together, as if their errors had nothing to do with each other, but never less than the detector
 * alone: it goes by colour and doubts dark skin in grey pictures, of which the finder is sure.
 */
export function agreed(detector: number, finder: number): number {
  const both = detector * finder
  return Math.max(detector, both / (both + (1 - detector) * (1 - finder)))
}
