import * as ort from 'onnxruntime-node'
import { InferenceError, ModelError, messageOf } from '../../core/errors.js'
import type { Box, Size } from '../../core/types.js'
import { openSession, type SessionOptions } from '../ort/session.js'
import { type Anchors, anchorsOf } from './anchors.js'
import { type Candidate, suppress } from './boxes.js'
import type { FaceModels } from './model-files.js'
import { feedsOf, type View } from './view.js'

/** A frame as ONNX Runtime takes it: uint8 [height, width, 3]. */
export type FrameTensor = ort.Tensor

/** Over the pixels themselves; ONNX Runtime takes no SharedArrayBuffer. */
export function frameTensor({ width, height }: Size, data: Uint8Array<ArrayBuffer>): FrameTensor {
  return new ort.Tensor('uint8', data, [height, width, 3])
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

/** The three face models, open on one provider. Boxes and points are in pixels of the frame. */
export class FaceNetworks {
  readonly #anchors = new Map<string, Anchors>()

  private constructor(
    readonly finder: ort.InferenceSession,
    readonly detector: ort.InferenceSession,
    readonly landmarker: ort.InferenceSession
  ) {}

  /** @throws ModelError when a file is missing or no ONNX, or the provider cannot load it */
  static async open(models: FaceModels, options: SessionOptions): Promise<FaceNetworks> {
    const opened: ort.InferenceSession[] = []
    try {
      for (const file of [models.finder, models.detector, models.landmarks])
        opened.push(await openSession(file, options))
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
  async find(frame: FrameTensor, view: View, least: number): Promise<Candidate[]> {
    const { grid } = await run(this.finder, frame, view)
    return suppress(decodeGrid(grid!, view, least))
  }

  /** Faces in a view, scores of at least `least`, best first. */
  async detect(frame: FrameTensor, view: View, least: number): Promise<Candidate[]> {
    const { scores, boxes } = await run(this.detector, frame, view)
    return suppress(
      decodeBoxes(scores!.data as Float32Array, boxes!.data as Float32Array, this.#anchorsFor(view), view, least)
    )
  }

  /** The 68 points of the face in a view: x0 y0 x1 y1 … */
  async landmarks(frame: FrameTensor, view: View): Promise<Float32Array> {
    const { landmarks } = await run(this.landmarker, frame, view)
    const [rows, columns] = inputSize(view)
    return (landmarks!.data as Float32Array).map((share, i) =>
      i % 2 === 0 ? view.origin.x + share * columns * view.scale : view.origin.y + share * rows * view.scale
    )
  }

  #anchorsFor(view: View): Anchors {
    const [rows, columns] = inputSize(view)
    const key = `${rows}x${columns}`
    const anchors = this.#anchors.get(key) ?? anchorsOf(rows, columns)
    this.#anchors.set(key, anchors)
    return anchors
  }
}

function inputSize({ size, pads }: View): [number, number] {
  return [size[0] + pads[0] + pads[2], size[1] + pads[1] + pads[3]]
}

async function run(
  session: ort.InferenceSession,
  frame: FrameTensor,
  view: View
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

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x))

/** YOLO v2's decoding (Redmon and Farhadi 2016, section 2): centre within the cell, size as a multiple of the shape. */
function decodeGrid({ data, dims }: ort.Tensor, view: View, least: number): Candidate[] {
  const grid = data as Float32Array
  const columns = dims[2]!
  const found: Candidate[] = []
  for (let at = 0; at < grid.length; at += 5) {
    const score = sigmoid(grid[at + 4]!)
    if (score < least) continue
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
  view: View,
  least: number
): Candidate[] {
  const found: Candidate[] = []
  for (let i = 0; i < scores.length; i++) {
    if (scores[i]! < least) continue
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

function inFrame(box: Box, { origin, scale }: View, unit: number): Box {
  const length = unit * scale
  return {
    x: origin.x + box.x * length,
    y: origin.y + box.y * length,
    width: box.width * length,
    height: box.height * length
  }
}
