import type { Moment } from '../../core/clock.js'
import type { Frame, Size } from '../../core/types.js'
import { blackOut, type Span } from './masks.js'
import { bytesOf, type PictureLayout, type PictureWriter, pictureWriter } from './pixels.js'

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
