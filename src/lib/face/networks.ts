import * as ort from 'onnxruntime-node'
import { InferenceError, ModelError, messageOf } from '../../core/errors.js'
import type { Box, Size } from '../../core/types.js'
import { openSession, type SessionOptions } from '../ort/provider.js'
import { type Candidate, suppress } from './boxes.js'
import type { FaceModels } from './model-files.js'

/** A frame as ONNX Runtime takes it: uint8 [height, width, 3]. */
export type FrameTensor = ort.Tensor

/** Over the pixels themselves; ONNX Runtime takes no SharedArrayBuffer. */
export function frameTensor({ width, height }: Size, data: Uint8Array<ArrayBuffer>): FrameTensor {
  return new ort.Tensor('uint8', data, [height, width, 3])
}

/** What the landmark net says of a face. */
export interface Marks {
  /** The 68 points: x0 y0 x1 y1 … */
  points: Float32Array
  /** The 256 numbers that the net reads them from, which know more (see `probes.ts`). */
  feature: Float32Array
  /** 64 planes of 28x28: what the net's second block sees at each place of its picture. */
  texture: Float32Array
}

/** The finder's default boxes, width and height in cells. */
const finderShapes = [
  [1.603231, 2.094468],
  [6.041143, 7.080126],
  [2.882459, 3.518061],
  [4.266906, 5.178857],
  [9.041765, 10.66308]
] as const
/** Pixels of its input per cell. */
const finderStride = 32

/** What is read of each model, in the order in which they are opened: an older build of a model lacks some of it. */
const readOutputs = {
  finder: ['grid'],
  detector: ['scores', 'boxes'],
  landmarks: ['landmarks', 'feature', 'texture']
} as const satisfies Record<keyof FaceModels, readonly string[]>

/** The three face models, open on one provider. Boxes and points are in pixels of the frame. */
export class FaceNetworks {
  readonly #anchors = new Map<string, Anchors>()

  private constructor(
    readonly finder: ort.InferenceSession,
    readonly detector: ort.InferenceSession,
    readonly landmarker: ort.InferenceSession
  ) {}

  /** @throws ModelError when a file is missing, no ONNX or of another version of painlens, or the provider cannot load it */
  static async open(models: FaceModels, options: SessionOptions): Promise<FaceNetworks> {
    const opened: ort.InferenceSession[] = []
    try {
      for (const [name, outputs] of Object.entries(readOutputs)) {
        const session = await openSession(models[name as keyof FaceModels], options)
        opened.push(session)
        const missing = outputs.filter((output) => !session.outputNames.includes(output))
        if (missing.length > 0)
          throw new ModelError(
            'PL-FACE-MODEL',
            `is of another version of painlens: it has no output ${missing.join(' and ')}`,
            models[name as keyof FaceModels]
          )
      }
    } catch (error) {
      await Promise.all(opened.map((session) => session.release()))
      if (!(error instanceof ModelError)) throw error
      throw new ModelError('PL-FACE-MODEL', error.what, error.where, { cause: error })
    }
    return new FaceNetworks(opened[0]!, opened[1]!, opened[2]!)
  }

  async close(): Promise<void> {
    await Promise.all([this.finder, this.detector, this.landmarker].map((session) => session.release()))
  }

  /** Where faces may be, scores of at least `least`, best first. */
  async find(frame: FrameTensor, view: FrameView, least: number): Promise<Candidate[]> {
    const { grid } = await run(this.finder, frame, view)
    return suppress(decodeGrid(grid!, view, least))
  }

  /** Faces in a view, scores of at least `least`, best first. */
  async detect(frame: FrameTensor, view: FrameView, least: number): Promise<Candidate[]> {
    const { scores, boxes } = await run(this.detector, frame, view)
    return suppress(
      decodeBoxes(scores!.data as Float32Array, boxes!.data as Float32Array, this.#anchorsFor(view), view, least)
    )
  }

  /** The face in a view. */
  async landmarks(frame: FrameTensor, view: FrameView): Promise<Marks> {
    const { landmarks, feature, texture } = await run(this.landmarker, frame, view)
    const [rows, columns] = inputSize(view)
    const points = (landmarks!.data as Float32Array).map((share, i) =>
      i % 2 === 0 ? view.origin.x + share * columns * view.scale : view.origin.y + share * rows * view.scale
    )
    for (const value of points) checkNumber(value, 'the landmark net')
    return { points, feature: feature!.data as Float32Array, texture: texture!.data as Float32Array }
  }

  #anchorsFor(view: FrameView): Anchors {
    const [rows, columns] = inputSize(view)
    const key = `${rows}x${columns}`
    const anchors = this.#anchors.get(key) ?? anchorsOf(rows, columns)
    this.#anchors.set(key, anchors)
    return anchors
  }
}

function inputSize({ size, pads }: FrameView): [number, number] {
  return [size[0] + pads[0] + pads[2], size[1] + pads[1] + pads[3]]
}

async function run(
  session: ort.InferenceSession,
  frame: FrameTensor,
  view: FrameView
): Promise<ort.InferenceSession.OnnxValueMapType> {
  try {
    return await session.run({ frame, ...feedsOf(view) })
  } catch (error) {
    throw new InferenceError(
      'PL-FACE-FAILED',
      `a face model failed (${messageOf(error)})`,
      `a frame of ${frame.dims[1]}x${frame.dims[0]}`,
      { cause: error }
    )
  }
}

/** A provider or a file that is broken gives NaN, which is neither below a limit nor above it: no face may come of it, and no silence. */
function checkNumber(value: number, model: string): void {
  if (!Number.isFinite(value))
    throw new InferenceError('PL-FACE-FAILED', 'a face model failed (it gives values that are no numbers)', model)
}

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x))

/** YOLO v2's decoding (Redmon and Farhadi 2016, section 2): centre within the cell, size as a multiple of the shape. */
function decodeGrid({ data, dims }: ort.Tensor, view: FrameView, least: number): Candidate[] {
  const grid = data as Float32Array
  const columns = dims[2]!
  const found: Candidate[] = []
  for (let at = 0; at < grid.length; at += 5) {
    const score = sigmoid(grid[at + 4]!)
    if (score < least) continue
    checkNumber(score, 'the finder')
    const shape = finderShapes[(at / 5) % finderShapes.length]!
    const cell = Math.floor(at / (5 * finderShapes.length))
    const x = (cell % columns) + sigmoid(grid[at]!)
    const y = Math.floor(cell / columns) + sigmoid(grid[at + 1]!)
    const box = boxAt(y, x, Math.exp(grid[at + 3]!) * shape[1], Math.exp(grid[at + 2]!) * shape[0])
    found.push({ score, box: inFrame(box, view, finderStride) })
  }
  return found
}

/** The SSD's decoding, with its variances of 0.1 for the centre and 0.2 for the size. */
function decodeBoxes(
  scores: Float32Array,
  encoded: Float32Array,
  anchors: Anchors,
  view: FrameView,
  least: number
): Candidate[] {
  const found: Candidate[] = []
  for (let i = 0; i < scores.length; i++) {
    if (scores[i]! < least) continue
    checkNumber(scores[i]!, 'the detector')
    const [y, x, height, width] = fourAt(anchors, 4 * i)
    const [dy, dx, dh, dw] = fourAt(encoded, 4 * i)
    const box = boxAt(
      y + 0.1 * dy * height,
      x + 0.1 * dx * width,
      height * Math.exp(0.2 * dh),
      width * Math.exp(0.2 * dw)
    )
    found.push({ score: scores[i]!, box: inFrame(box, view, 1) })
  }
  return found
}

const fourAt = (values: Float32Array | Anchors, at: number): [number, number, number, number] => [
  values[at]!,
  values[at + 1]!,
  values[at + 2]!,
  values[at + 3]!
]

function boxAt(y: number, x: number, height: number, width: number): Box {
  return { x: x - width / 2, y: y - height / 2, width, height }
}

function inFrame(box: Box, { origin, scale }: FrameView, unit: number): Box {
  const length = unit * scale
  return {
    x: origin.x + box.x * length,
    y: origin.y + box.y * length,
    width: box.width * length,
    height: box.height * length
  }
}

/**
 * A part of a frame as one of the face models sees it: what to cut out, how to scale it and how much black to put
 * around it (see `addPicture`), and the way back from the model's pixels into the frame.
 */
export interface FrameView {
  /** Top, left, bottom, right in pixels of the frame. */
  region: readonly [number, number, number, number]
  /** Rows and columns that the region is scaled to. */
  size: readonly [number, number]
  /** Black rows above, black columns to the left, rows below, columns to the right. */
  pads: readonly [number, number, number, number]
  /** The frame's place and length of the input's first pixel. */
  origin: { x: number; y: number }
  scale: number
}

/** An input of that size which shows the whole frame, black at the bottom or the right where the shapes differ. */
export function viewOfFrame(frame: Size, input: Size): FrameView {
  const scale = Math.max(frame.width / input.width, frame.height / input.height)
  // A picture that is a line has a row or a column all the same.
  const rows = Math.max(1, Math.round(frame.height / scale))
  const columns = Math.max(1, Math.round(frame.width / scale))
  return {
    region: [0, 0, frame.height, frame.width],
    size: [rows, columns],
    pads: [0, 0, input.height - rows, input.width - columns],
    origin: { x: 0, y: 0 },
    scale
  }
}

/**
 * A square input of `side` pixels that shows the square part of the frame; what lies outside the frame is black.
 * @returns nothing where the square and the frame have less than a pixel of the input in common
 */
export function viewOfSquare(frame: Size, square: Box, side: number): FrameView | undefined {
  // In whole pixels, so that a square inside the frame is shown without the least stretching.
  const length = Math.round(square.width)
  const scale = length / side
  const across = clip(Math.round(square.x), length, side, frame.width)
  const down = clip(Math.round(square.y), length, side, frame.height)
  if (!across || !down) return undefined
  return {
    region: [down.from, across.from, down.to, across.to],
    size: [down.count, across.count],
    pads: [down.before, across.before, side - down.before - down.count, side - across.before - across.count],
    origin: { x: across.from - across.before * scale, y: down.from - down.before * scale },
    scale
  }
}

/** One axis: the frame's pixels from..to become `count` pixels of the input, with `before` black ones first. */
function clip(
  start: number,
  length: number,
  side: number,
  end: number
): { from: number; to: number; before: number; count: number } | undefined {
  const from = Math.max(0, start)
  const to = Math.min(end, start + length)
  const before = Math.round(((from - start) * side) / length)
  const count = Math.min(side - before, Math.round(((to - from) * side) / length))
  return to > from && count > 0 ? { from, to, before, count } : undefined
}

/** A picture of the very size that a model takes. */
export const wholeOf = (size: Size): FrameView => viewOfFrame(size, size)

/** The feeds of a face model for a view, beside the frame itself. */
export function feedsOf({ region, size, pads }: FrameView): Record<'region' | 'size' | 'pads', ort.Tensor> {
  const [top, left, bottom, right] = pads
  return {
    region: whole(region),
    size: whole([1, 3, ...size]),
    pads: whole([0, 0, top, left, 0, 0, bottom, right])
  }
}

function whole(values: readonly number[]): ort.Tensor {
  return new ort.Tensor('int64', BigInt64Array.from(values, BigInt), [values.length])
}

/** The input size that the scales of the default boxes refer to. */
const base = 512
/** Pixels of the input per cell on the finest level; each further level halves the grid. */
const finestStride = 16
const scales = [0.2, 0.35, 0.5, 0.65, 0.8, 0.95, 1] as const
/** Height : width of a level's boxes, beside the square ones. */
const elongations = [1 / Math.SQRT2, Math.SQRT2] as const

/** Four numbers for each box, in pixels of the input: centre y, centre x, height, width. */
export type Anchors = Float32Array

const flatter = Math.sqrt(3)

/** Heights and widths of a level's boxes, in pixels of the input. */
function shapes(level: number): [number, number][] {
  const scale = scales[level]! * base
  const pair = elongations.map((e): [number, number] => [scale * e, scale / e])
  // The finest level has three boxes, the square one at half its scale.
  if (level === 0) return [[0.1 * base, 0.1 * base], ...pair]
  const between = Math.sqrt(scales[level]! * scales[level + 1]!) * base
  return [
    [scale, scale],
    [between, between],
    ...pair,
    [scale / flatter, scale * flatter],
    [scale * flatter, scale / flatter]
  ]
}

/**
 * The SSD's default boxes (Liu et al., SSD: Single Shot MultiBox Detector, 2016, section 2.2) for an input of that size: level
 * by level, row by row, in the order of the detector's outputs.
 */
export function anchorsOf(rows: number, columns: number): Anchors {
  const boxes: number[] = []
  let [height, width, stride] = [Math.ceil(rows / finestStride), Math.ceil(columns / finestStride), finestStride]
  for (let level = 0; level < 6; level++) {
    const levelShapes = shapes(level)
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++)
        for (const [boxHeight, boxWidth] of levelShapes)
          boxes.push((y + 0.5) * stride, (x + 0.5) * stride, boxHeight, boxWidth)
    ;[height, width, stride] = [Math.ceil(height / 2), Math.ceil(width / 2), stride * 2]
  }
  return Float32Array.from(boxes)
}
