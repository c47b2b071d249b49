/** The vocabulary of the design: what one stage hands to the next. Pixels are RGB24, row-major, unless a name says otherwise. */
import type { Moment } from './clock.js'

export interface Size {
  width: number
  height: number
}

export interface Point {
  x: number
  y: number
}

/** In pixels of the frame; x and y are the top left corner. May reach beyond the frame. */
export interface Box extends Size, Point {}

/** Corners in 0..1 of the width and height of the camera's picture. */
export type Polygon = readonly (readonly [number, number])[]

export interface Zone {
  name: string
  polygon: Polygon
}

/**
 * One decoded picture of a camera. `data` lies over a SharedArrayBuffer that the camera stage owns and uses again:
 * post it to a worker without copying, and call `release` when done with it (further calls are ignored).
 */
export interface Frame extends Size {
  camera: string
  /** Where the camera's picture lies in the frame, in whole pixels: masks and zones are shares of it. Beside it, all is black. */
  picture: Box
  /** When the frame's last byte arrived, a moment of the clock (core/clock.ts). */
  at: Moment
  /** Data of it, or of a picture that it was made from, is missing or could not be decoded: it is not to be judged. */
  damaged: boolean
  data: Uint8Array<SharedArrayBuffer>
  release(): void
}

/** An aligned face, as large as the classifier's input: RGB24 of width*height*3 bytes, and its 68 landmarks in crop pixels. */
export interface Crop extends Size {
  data: Uint8Array
  /** x0 y0 x1 y1 … of the 68 points (iBUG 300-W order), in pixels of the crop. */
  landmarks: Float32Array
}

/**
 * Why a face is not usable: it lies or hangs as the landmarks do not bear out, is too small, something covers it, it is out
 * of focus or in motion, seen from the side, or lost in noise for want of light.
 */
export const unusableReasons = ['roll', 'small', 'covered', 'blurred', 'profile', 'dark'] as const
export type UnusableReason = (typeof unusableReasons)[number]

/** A detected face in a frame. `landmarks` are in pixels of the frame, in the same order as the crop's. */
export interface Face {
  track: number
  box: Box
  /** The detector's confidence, 0..1. */
  score: number
  /** How far it is turned clockwise from upright, in degrees, above -180 and up to 180. */
  roll: number
  /** Why the classifier must not be asked about it; null where it may: the face is usable. */
  whyNot: UnusableReason | null
  landmarks: Float32Array
  zone: string | null
  crop: Crop
}

/** All faces of one frame. */
export interface Sighting {
  camera: string
  /** Of the frame. */
  picture: Box
  at: Moment
  faces: Face[]
  /** Tracks that ended with this frame. */
  lost: number[]
}

/** In what numbers a classifier computes. float32 is what its explanations are of, and what alarms go by. */
export const precisions = ['float32', 'int8', 'float16'] as const
export type Precision = (typeof precisions)[number]
/** One of them, or `auto`: the fastest that is proved right. */
export type PrecisionChoice = 'auto' | Precision

/** The classifier's scores for a crop. Arrays are in the order of `labels`. */
export interface Verdict {
  camera: string
  at: Moment
  face: Face
  labels: readonly string[]
  logits: Float32Array
  /** After temperature and softmax; they sum up to 1. */
  probabilities: Float32Array
  /** The alarm label's probability, 0..1. */
  score: number
  precision: Precision
}

export const regionNames = [
  'brows',
  'eyes',
  'nose',
  'nostrils',
  'nasolabial_folds',
  'mouth',
  'cheeks',
  'forehead',
  'chin',
  'outside'
] as const
export type RegionName = (typeof regionNames)[number]

export interface RegionShare {
  region: RegionName
  /** Its share of all positive relevance, 0..1. */
  positive: number
  /** Its share of all negative relevance, 0..1. */
  negative: number
  /**
   * Whether the region as a whole speaks for the target (above 0) or against it: its positive less its negative relevance, as a share
   * of what such differences come to over all regions, signs aside. -1..1.
   */
  balance: number
}

/** How much an explanation changes when the crop is slightly shifted, mirrored and lit differently; 0 (not at all) to 100. */
export interface Uncertainty {
  /** By label. Empty where only one view was computed. */
  classes: Record<string, number>
  /** Of each region's share of the positive relevance, in percentage points. Empty as well. */
  regions: Partial<Record<RegionName, number>>
  /** The number of views, the crop itself among them. */
  views: number
}

/** What the camera stage says of its stream. */
const sourceStates = ['ok', 'connecting', 'lost', 'frozen', 'dark', 'damaged'] as const
export type SourceState = (typeof sourceStates)[number]

/** A camera's state for subscribers: during a pause for care that of its stream is hidden. */
export const cameraStates = [...sourceStates, 'paused'] as const
export type CameraState = (typeof cameraStates)[number]

/** For how many seconds a face is looked at whose resting outputs are taken. */
export const referenceSeconds = { least: 5, most: 300, usual: 30 } as const
