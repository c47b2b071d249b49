import type { Box, Size } from '../../core/types.js'

/**
 * How a decoder's pictures lie. `bgr0`: four bytes a pixel, by FFmpeg's name, of the picture's own size. `ruled`: rgb24 of the
 * frame's size, the picture in its middle, with one row above and `rulerColumns` at the left more, the ruler, by which each picture
 * tells its own place: the row is white above a picture as high as the frame, the columns beside one as wide, all else black.
 */
export interface PictureLayout extends Size {
  format: 'ruled' | 'bgr0'
}

/**
 * 24 bytes: rows lie in the pipe at the same place of a word as in the frame, if its width is a multiple of eight. Into shared memory, V8
 * copies others byte by byte, which takes four times as long.
 */
export const rulerColumns = 8

export const ruledLayout = ({ width, height }: Size): PictureLayout => ({
  format: 'ruled',
  width: width + rulerColumns,
  height: height + 1
})

/** Of one picture. */
export const bytesOf = ({ format, width, height }: PictureLayout): number =>
  width * height * (format === 'ruled' ? 3 : 4)

/** Puts a decoder's pictures where they belong in an RGB24 frame: one copy per byte, whatever the layout. */
export interface PictureWriter {
  /** A stretch of a picture's bytes, the first of which is its `from`-th. */
  write(frame: Uint8Array, bytes: Uint8Array, from: number): void
  /** Where the picture that was written last lies in the frame. */
  picture(): Box
}

export const pictureWriter = (layout: PictureLayout, frame: Size): PictureWriter =>
  layout.format === 'ruled' ? new RuledWriter(frame) : bgr0Writer(layout, frame)

const leastWhite = 128

class RuledWriter implements PictureWriter {
  readonly #frame: Size
  readonly #stride: number
  /** The ruler's row, as it comes, and one byte of each row of its columns. */
  readonly #across: Uint8Array
  readonly #down: Uint8Array

  constructor(frame: Size) {
    this.#frame = frame
    this.#stride = (frame.width + rulerColumns) * 3
    this.#across = new Uint8Array(this.#stride)
    this.#down = new Uint8Array(frame.height + 1)
  }

  write(target: Uint8Array, bytes: Uint8Array, from: number): void {
    const stride = this.#stride
    const ruler = rulerColumns * 3
    let row = Math.floor(from / stride)
    let column = from - row * stride
    for (let at = 0; at < bytes.length; row++, column = 0) {
      const end = Math.min(bytes.length, at + stride - column)
      if (column === 0) this.#down[row] = bytes[at]!
      if (row === 0) this.#across.set(bytes.subarray(at, end), column)
      else {
        const first = Math.max(ruler, column)
        const start = at + first - column
        if (start < end) target.set(bytes.subarray(start, end), (row - 1) * (stride - ruler) + first - ruler)
      }
      at = end
    }
  }

  picture(): Box {
    const [x, width] = whiteIn(this.#across.subarray(rulerColumns * 3), 3, this.#frame.width)
    const [y, height] = whiteIn(this.#down.subarray(1), 1, this.#frame.height)
    return { x, y, width, height }
  }
}

/** Where the white of a ruler begins, and how much there is; all where there is none. */
function whiteIn(ruler: Uint8Array, step: number, all: number): [number, number] {
  let start = 0
  while (start < all && ruler[start * step]! < leastWhite) start++
  if (start === all) return [0, all]
  let end = start
  while (end < all && ruler[end * step]! >= leastWhite) end++
  return [start, end - start]
}

/** In the middle of the frame. Nothing is written beside it. */
function bgr0Writer({ width, height }: Size, frame: Size): PictureWriter {
  const left = (frame.width - width) >> 1
  const top = (frame.height - height) >> 1
  const write = (target: Uint8Array, bytes: Uint8Array, from: number): void => {
    let at = 0
    while (at < bytes.length) {
      const pixel = (from + at) >> 2
      const row = Math.floor(pixel / width)
      const to = ((top + row) * frame.width + left + pixel - row * width) * 3
      const channel = (from + at) & 3
      const pixels = Math.min((row + 1) * width - pixel, (bytes.length - at) >> 2)
      if (channel === 0 && pixels > 0) {
        unpack(target, to, bytes, at, pixels)
        at += pixels * 4
      } else {
        // The pipe's chunks begin and end anywhere in a pixel.
        if (channel < 3) target[to + 2 - channel] = bytes[at]!
        at++
      }
    }
  }
  return { write, picture: () => ({ x: left, y: top, width, height }) }
}

function unpack(target: Uint8Array, to: number, source: Uint8Array, from: number, pixels: number): void {
  const fours = isAligned(target, to) && isAligned(source, from) ? pixels >> 2 : 0
  if (fours > 0) unpackFours(target, to, source, from, fours)
  let t = to + fours * 12
  let s = from + fours * 16
  for (let i = fours * 4; i < pixels; i++, t += 3, s += 4) {
    target[t] = source[s + 2]!
    target[t + 1] = source[s + 1]!
    target[t + 2] = source[s]!
  }
}

const isAligned = (bytes: Uint8Array, at: number): boolean => ((bytes.byteOffset + at) & 3) === 0

/** Four pixels at a time, in whole words, of which every machine that painlens runs on has the low byte first. */
function unpackFours(target: Uint8Array, to: number, source: Uint8Array, from: number, fours: number): void {
  const out = new Uint32Array(target.buffer, target.byteOffset + to, fours * 3)
  const words = new Uint32Array(source.buffer, source.byteOffset + from, fours * 4)
  for (let i = 0, o = 0; o < out.length; i += 4, o += 3) {
    const a = words[i]!
    const b = words[i + 1]!
    const c = words[i + 2]!
    const d = words[i + 3]!
    out[o] = ((a >>> 16) & 0xff) | (a & 0xff00) | ((a & 0xff) << 16) | ((b & 0xff0000) << 8)
    out[o + 1] = ((b >>> 8) & 0xff) | ((b & 0xff) << 8) | (c & 0xff0000) | ((c & 0xff00) << 16)
    out[o + 2] = (c & 0xff) | ((d >>> 8) & 0xff00) | ((d & 0xff00) << 8) | ((d & 0xff) << 24)
  }
}
