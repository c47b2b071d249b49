import type { Moment } from '../../core/clock.js'
import type { Box, Frame, Polygon, Size } from '../../core/types.js'
import { blackOut, maskSpans, type Span } from './masks.js'
import { bytesOf, type PictureLayout, type PictureWriter, pictureWriter, ruledLayout } from './picture-writer.js'

/** `layout` is that of the pictures it was last used for; bars beside a smaller one are black from its first use on. */
type Slot = { data: Uint8Array<SharedArrayBuffer>; free: boolean; layout?: PictureLayout }

export interface FrameAssemblerOptions extends Size {
  camera: string
  /** How many frames may be out at a time, the one being received included. */
  slots: number
  /** In 0..1 of the camera's picture. */
  masks: readonly Polygon[]
  /** A whole frame, and what masks cover of it (the same array while the picture's place stays); the receiver releases it. */
  onFrame(frame: Frame, masks: readonly Span[]): void
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
  #writer: PictureWriter
  /** Of the last frame, and what masks cover there. */
  #picture: Box | undefined
  #masks: readonly Span[] = []
  /** Of a picture as it comes. */
  #bytes: number
  #current: Slot | undefined
  #filled = 0

  constructor(options: FrameAssemblerOptions) {
    this.#options = options
    this.#layout = ruledLayout(options)
    this.#writer = pictureWriter(this.#layout, options)
    this.#bytes = bytesOf(this.#layout)
    const bytes = options.width * options.height * 3
    const memory = new SharedArrayBuffer(bytes * options.slots)
    this.#slots = Array.from({ length: options.slots }, (_, index) => ({
      data: new Uint8Array(memory, index * bytes, bytes),
      free: true
    }))
  }

  /** @param at when the chunk arrived, a moment of the clock */
  push(chunk: Uint8Array, at: Moment): void {
    let offset = 0
    while (offset < chunk.length) {
      if (this.#filled === 0) this.#current = this.#take()
      const count = Math.min(this.#bytes - this.#filled, chunk.length - offset)
      if (this.#current) this.#writer.write(this.#current.data, chunk.subarray(offset, offset + count), this.#filled)
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
    this.#writer = pictureWriter(layout, this.#options)
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
    const picture = this.#placed(this.#writer.picture())
    blackOut(slot.data, this.#masks)
    const { camera, width, height } = this.#options
    let out = true
    const release = (): void => {
      if (out) slot.free = true
      out = false
    }
    const frame = { camera, at, width, height, picture, damaged: false, data: slot.data, release }
    this.#options.onFrame(frame, this.#masks)
  }

  /** Masks lie anew where the picture does. */
  #placed(picture: Box): Box {
    const last = this.#picture
    if (last && isSame(last, picture)) return last
    this.#masks = maskSpans(this.#options.masks, this.#options, picture)
    this.#picture = picture
    return picture
  }
}

/** Pictures per second over the last few seconds; where they come more seldom, by the time between the last two. */
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

  /** 0 when nothing came in the window, or for twice the time between the last two. */
  rate(now: number): number {
    this.#forget(now)
    const [before, last] = this.#times.slice(-2)
    if (before === undefined || last === undefined) return 0
    const [between, quiet] = [last - before, now - last]
    if (quiet > Math.max(this.#windowMs, 2 * between)) return 0
    if (between > this.#windowMs / 3) return 1000 / Math.max(between, quiet)
    const seconds = Math.min(this.#windowMs, Math.max(1, now - this.#since!)) / 1000
    const recent = this.#times.filter((at) => at > now - this.#windowMs).length
    return (recent - (seconds * 1000 < this.#windowMs ? 1 : 0)) / seconds
  }

  reset(): void {
    this.#times = []
    this.#since = undefined
  }

  /** But for the last two. */
  #forget(now: number): void {
    while (this.#times.length > 2 && this.#times[0]! <= now - this.#windowMs) this.#times.shift()
  }
}

const isSame = (a: Box, b: Box): boolean => a.x === b.x && a.y === b.y && a.width === b.width && a.height === b.height
