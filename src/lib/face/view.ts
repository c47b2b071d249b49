import * as ort from 'onnxruntime-node'
import type { Box, Size } from '../../core/types.js'

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
  const rows = Math.round(frame.height / scale)
  const columns = Math.round(frame.width / scale)
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
