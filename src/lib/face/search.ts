import type { Box, Size } from '../../core/types.js'
import type { FaceNetworks, FrameTensor } from './networks.js'
import { viewOfFrame, viewOfSquare } from './networks.js'
import { type Candidate, centreOf, overlap, squareAround, suppress } from './tracker.js'

export interface FoundFace extends Candidate {
  /** x0 y0 … of the 68 points, in pixels of the frame. */
  landmarks: Float32Array
}

export interface SearchOptions {
  /** The score from which on a place is a face, 0..1. */
  minScore: number
  /** Where faces were in the frame before; each is looked for in its neighbourhood, with half of that score. */
  around: readonly Box[]
  /** Whether to look over the whole frame, too; done at any rate where one of `around` is not found again. */
  everywhere: boolean
}

export const defaultMinScore = 0.5

/**
 * Measured in docs/measured/faces.md, as are the following: the longer side of the finder's input. The second length is for faces
 * too near for the first, and looked at only where that found none.
 */
const finderLengths = [640, 320] as const
const finderMultiple = 32
/** The finder only proposes, so it may be wrong often; its proposals are looked at one by one. */
const leastProposal = 0.1
const mostProposals = 12
/** The detector's input, and how wide a face in it is best: just below its smallest default box. */
const detectorSide = 128
const bestFaceWidth = 46
/** The finder's boxes are about a third too wide; the side of the square to look at, in their mean sides. */
const proposalSquare = 2.4
/** Where a face was a moment ago, that share of the score will do. */
const keptScore = 0.5
/** Below this a look is over; between it and `sureScore` a second one is taken at the place and size it found. */
const leastScore = 0.1
const sureScore = 0.8
/** How far from the middle of what was looked at a face may lie, as a share of the detector's input. */
const mostOffset = 0.3
/** Two boxes of one face overlap at least that much. */
const sameFace = 0.35
/** The landmark net wants a face's box a little lower than the detector puts it. */
const landmarkShift = 0.14
const landmarkSide = 112

/**
 * Finds the faces of a frame with their landmarks, best first: near where faces were before and, by the finder, in the
 * whole frame. What the finder proposes counts only as far as the detector agrees.
 */
export async function searchFaces(
  networks: FaceNetworks,
  frame: FrameTensor,
  options: SearchOptions
): Promise<FoundFace[]> {
  const { minScore, around, everywhere } = options
  const faces: Candidate[] = []
  for (const box of around) {
    const face = await look(networks, frame, squareAround(box, sideFor(box)))
    if (face && face.score >= keptScore * minScore) faces.push(face)
  }
  if (everywhere || faces.length < around.length) {
    for (const length of finderLengths)
      if (faces.length === 0 || length === finderLengths[0]) await addProposed(networks, frame, length, minScore, faces)
  }
  const found: FoundFace[] = []
  for (const face of suppress(faces, sameFace)) {
    const landmarks = await landmarksOf(networks, frame, face.box)
    if (landmarks) found.push({ ...face, landmarks })
  }
  return found
}

/** Adds what the finder proposes at that length of its input and the detector confirms. */
async function addProposed(
  networks: FaceNetworks,
  frame: FrameTensor,
  length: number,
  minScore: number,
  faces: Candidate[]
): Promise<void> {
  const size = sizeOf(frame)
  const proposals = await networks.find(frame, viewOfFrame(size, finderInput(size, length)), leastProposal)
  for (const { box, score } of proposals.slice(0, mostProposals)) {
    if (faces.some((face) => covers(face.box, box))) continue
    const side = proposalSquare * Math.sqrt(box.width * box.height)
    const face = await look(networks, frame, squareAround(box, side))
    if (!face) continue
    face.score = agreed(face.score, score)
    if (face.score >= minScore) faces.push(face)
  }
}

/**
 * What two nets say together, as if their errors had nothing to do with each other, but never less than the detector
 * alone: it goes by colour and doubts dark skin in grey pictures, of which the finder is sure.
 */
function agreed(detector: number, finder: number): number {
  const both = detector * finder
  return Math.max(detector, both / (both + (1 - detector) * (1 - finder)))
}

/** The face nearest to the middle of a square; a second look, centred on what the first one found, decides doubts. */
async function look(networks: FaceNetworks, frame: FrameTensor, square: Box): Promise<Candidate | undefined> {
  const first = await lookOnce(networks, frame, square)
  if (!first || first.score >= sureScore) return first
  const second = await lookOnce(networks, frame, squareAround(first.box, sideFor(first.box)))
  return second && second.score > first.score ? second : first
}

async function lookOnce(networks: FaceNetworks, frame: FrameTensor, square: Box): Promise<Candidate | undefined> {
  const view = viewOfSquare(sizeOf(frame), square, detectorSide)
  if (!view) return undefined
  const middle = centreOf(square)
  const most = mostOffset * square.width
  const candidates = await networks.detect(frame, view, leastScore)
  return candidates.find(({ box }) => {
    const { x, y } = centreOf(box)
    return Math.abs(x - middle.x) <= most && Math.abs(y - middle.y) <= most
  })
}

async function landmarksOf(networks: FaceNetworks, frame: FrameTensor, box: Box): Promise<Float32Array | undefined> {
  const lower = { ...box, y: box.y + landmarkShift * box.height }
  const view = viewOfSquare(sizeOf(frame), squareAround(lower, Math.max(box.width, box.height)), landmarkSide)
  return view && networks.landmarks(frame, view)
}

const sideFor = (box: Box): number => (box.width * detectorSide) / bestFaceWidth

function covers(face: Box, proposal: Box): boolean {
  const { x, y } = centreOf(proposal)
  const inside = x > face.x && x < face.x + face.width && y > face.y && y < face.y + face.height
  return inside || overlap(face, proposal) > sameFace
}

/** Of the frame's shape, each side rounded up to what the finder's cells demand. */
function finderInput({ width, height }: Size, length: number): Size {
  const scale = length / Math.max(width, height)
  const side = (pixels: number): number => Math.ceil((pixels * scale) / finderMultiple) * finderMultiple
  return { width: side(width), height: side(height) }
}

function sizeOf(frame: FrameTensor): Size {
  return { width: frame.dims[1]!, height: frame.dims[0]! }
}
