import type { Moment } from '../../core/clock.js'
import type { Frame, Polygon, Size } from '../../core/types.js'

/** `layout` is that of the pictures it was last used for; bars beside a smaller one are black from its first use on. */
type Slot = { data: Uint8Array<SharedArrayBuffer>; free: boolean; layout?: PictureLayout }

export interface FrameAssemblerOptions extends Size {
  camera: string
  /** How many frames may be out at a time, the one being received included. */
  slots: number
  masks: readonly Span[]
  /** A whole frame; whoever gets it releases it. */
  onFrame(frame: Frame): void
  /** A frame had come in whole but there was no slot for it. */
  onDrop(): void
}

/**
 * Cuts a byte stream into frames, each in a slot of one SharedArrayBuffer that is used again after `release`. Bytes are
 * copied once, from the pipe's chunk to the slot, whichever way the decoder's pictures lie. A frame that begins while every slot is out is read and thrown away.
 */
export class FrameAssembler {
  readonly #options: FrameAssemblerOptions
  readonly #slots: Slot[]
  #layout: PictureLayout
  #write: PictureWriter
  /** Of a picture as it comes. */
  #bytes: number
  #current: Slot | undefined
  #filled = 0

  constructor(options: FrameAssemblerOptions) {
    const { width, height } = options
    this.#options = options
    this.#layout = { format: 'rgb24', width, height }
    this.#write = pictureWriter(this.#layout, options)
    this.#bytes = bytesOf(this.#layout)
    const memory = new SharedArrayBuffer(this.#bytes * options.slots)
    this.#slots = Array.from({ length: options.slots }, (_, index) => ({
      data: new Uint8Array(memory, index * this.#bytes, this.#bytes),
      free: true
    }))
  }

  /** @param at when the chunk arrived, a moment of the clock */
  push(chunk: Uint8Array, at: Moment): void {
    let offset = 0
    while (offset < chunk.length) {
      if (this.#filled === 0) this.#current = this.#take()
      const count = Math.min(this.#bytes - this.#filled, chunk.length - offset)
      if (this.#current) this.#write(this.#current.data, chunk.subarray(offset, offset + count), this.#filled)
      this.#filled += count
      offset += count
      if (this.#filled === this.#bytes) this.#complete(at)
    }
  }

  /** Forgets the frame that has come in half: the stream starts anew, with pictures that lie like this. */
  reset(layout = this.#layout): void {
    if (this.#current) this.#current.free = true
    this.#current = undefined
    this.#filled = 0
    this.#layout = layout
    this.#write = pictureWriter(layout, this.#options)
    this.#bytes = bytesOf(layout)
  }

  #take(): Slot | undefined {
    const slot = this.#slots.find(({ free }) => free)
    if (!slot) return undefined
    slot.free = false
    if (slot.layout !== this.#layout) slot.data.fill(0)
    slot.layout = this.#layout
    return slot
  }

  #complete(at: Moment): void {
    const slot = this.#current
    this.#current = undefined
    this.#filled = 0
    if (!slot) {
      this.#options.onDrop()
      return
    }
    blackOut(slot.data, this.#options.masks)
    const { camera, width, height } = this.#options
    let out = true
    const release = (): void => {
      if (out) slot.free = true
      out = false
    }
    this.#options.onFrame({ camera, at, width, height, data: slot.data, release })
  }
}

/** Pictures per second over the last few seconds. */
export class RateMeter {
  readonly #windowMs: number
  #times: number[] = []
  #since: number | undefined

  constructor(windowMs = 5000) {
    this.#windowMs = windowMs
  }

  add(at: number): void {
    this.#since ??= at
    this.#times.push(at)
    this.#forget(at)
  }

  /** 0 when nothing came in the window. */
  rate(now: number): number {
    this.#forget(now)
    if (this.#times.length < 2) return 0
    const seconds = Math.min(this.#windowMs, Math.max(1, now - this.#since!)) / 1000
    return (this.#times.length - (seconds * 1000 < this.#windowMs ? 1 : 0)) / seconds
  }

  reset(): void {
    this.#times = []
    this.#since = undefined
  }

  #forget(now: number): void {
    while (this.#times.length > 0 && this.#times[0]! <= now - this.#windowMs) this.#times.shift()
  }
}

/**
 * How a decoder's pictures lie, by FFmpeg's names: `rgb24`, of the frame's own size; or `bgr0`, four bytes a pixel, which
 * may be smaller than the frame and then belongs into its middle.
 */
export interface PictureLayout extends Size {
  format: 'rgb24' | 'bgr0'
}

/** Of one picture. */
export const bytesOf = ({ format, width, height }: PictureLayout): number =>
  width * height * (format === 'rgb24' ? 3 : 4)

/** Puts a stretch of a picture's bytes, the first of which is its `from`-th, where it belongs in an RGB24 frame. */
export type PictureWriter = (frame: Uint8Array, bytes: Uint8Array, from: number) => void

/** One copy per byte, whatever the layout. Nothing is written beside a smaller picture. */
function pictureWriter(layout: PictureLayout, frame: Size): PictureWriter {
  if (layout.format === 'rgb24') return (target, bytes, from) => target.set(bytes, from)
  const left = (frame.width - layout.width) >> 1
  const top = (frame.height - layout.height) >> 1
  const { width } = layout
  return (target, bytes, from) => {
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

/** The largest size of a picture's shape that fits into the frame, rounded as FFmpeg's scale filter does it. */
export function fitInto(picture: Size, frame: Size): Size {
  const fitted = (length: number, own: number, other: number): number => Math.max(1, Math.round((length * own) / other))
  return {
    width: Math.min(frame.width, fitted(frame.height, picture.width, picture.height)),
    height: Math.min(frame.height, fitted(frame.width, picture.height, picture.width))
  }
}

/** A stretch of bytes in an RGB24 frame. */
export type Span = readonly [start: number, end: number]

/**
 * The bytes of an RGB24 frame that polygons cover, even partly: a mask hides rather too much than too little. Overlaps,
 * also of a polygon with itself, are covered.
 */
export function maskSpans(masks: readonly Polygon[], { width, height }: Size): Span[] {
  const spans: Span[] = []
  for (const mask of masks) {
    const corners = mask.map(([x, y]) => [x * width, y * height] as const)
    if (corners.length < 3) continue
    for (let row = 0; row < height; row++)
      for (const [from, to] of rowIntervals(corners, row)) {
        const start = Math.max(0, Math.floor(from))
        const end = Math.min(width, Math.ceil(to))
        if (start < end) spans.push([(row * width + start) * 3, (row * width + end) * 3])
      }
  }
  return merge(spans)
}

/** Paints the stretches black. */
export function blackOut(frame: Uint8Array, spans: readonly Span[]): void {
  for (const [start, end] of spans) frame.fill(0, start, end)
}

type Corner = readonly [number, number]

/** Where a polygon touches the row of pixels from y = row to row + 1: its edges there, and its inside at the top and below. */
function rowIntervals(corners: readonly Corner[], row: number): [number, number][] {
  const intervals: [number, number][] = []
  for (const [a, b] of edges(corners)) {
    const part = clip(a, b, row, row + 1)
    if (part) intervals.push(part)
  }
  return [...intervals, ...insideAt(corners, row), ...insideAt(corners, row + 0.5)]
}

function edges(corners: readonly Corner[]): [Corner, Corner][] {
  return corners.map((corner, index) => [corner, corners[(index + 1) % corners.length]!])
}

/** The x that an edge covers between two heights. */
function clip(a: Corner, b: Corner, top: number, bottom: number): [number, number] | undefined {
  const [upper, lower] = a[1] <= b[1] ? [a, b] : [b, a]
  if (lower[1] <= top || upper[1] >= bottom) return undefined
  const at = (y: number): number => {
    const share = lower[1] === upper[1] ? 0 : (y - upper[1]) / (lower[1] - upper[1])
    return upper[0] + share * (lower[0] - upper[0])
  }
  const xs = [at(Math.max(top, upper[1])), at(Math.min(bottom, lower[1]))]
  return [Math.min(...xs), Math.max(...xs)]
}

/** The intervals of a horizontal line inside the polygon, by the nonzero winding rule. */
function insideAt(corners: readonly Corner[], y: number): [number, number][] {
  const crossings: { x: number; turn: number }[] = []
  for (const [a, b] of edges(corners)) {
    if (a[1] <= y === b[1] <= y) continue
    crossings.push({ x: a[0] + ((y - a[1]) / (b[1] - a[1])) * (b[0] - a[0]), turn: a[1] <= y ? 1 : -1 })
  }
  crossings.sort((a, b) => a.x - b.x)
  const intervals: [number, number][] = []
  let winding = 0
  for (const [index, { x, turn }] of crossings.entries()) {
    winding += turn
    if (winding !== 0) intervals.push([x, crossings[index + 1]?.x ?? x])
  }
  return intervals
}

function merge(spans: readonly Span[]): Span[] {
  const sorted = [...spans].sort((a, b) => a[0] - b[0])
  const merged: [number, number][] = []
  for (const [start, end] of sorted) {
    const last = merged.at(-1)
    if (last && start <= last[1]) last[1] = Math.max(last[1], end)
    else merged.push([start, end])
  }
  return merged
}
