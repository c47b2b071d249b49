import type { Frame, Size } from '../core/types.js'
import { blackOut, type Span } from './masks.js'

type Slot = { data: Uint8Array<SharedArrayBuffer>; free: boolean }

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
 * copied once, from the pipe's chunk to the slot. A frame that begins while every slot is out is read and thrown away.
 */
export class FrameAssembler {
  readonly #options: FrameAssemblerOptions
  readonly #bytes: number
  readonly #slots: Slot[]
  #current: Slot | undefined
  #filled = 0
  #seq = 0

  constructor(options: FrameAssemblerOptions) {
    this.#options = options
    this.#bytes = options.width * options.height * 3
    const memory = new SharedArrayBuffer(this.#bytes * options.slots)
    this.#slots = Array.from({ length: options.slots }, (_, index) => ({
      data: new Uint8Array(memory, index * this.#bytes, this.#bytes),
      free: true
    }))
  }

  /** @param at when the chunk arrived, a moment of the clock */
  push(chunk: Uint8Array, at: number): void {
    let offset = 0
    while (offset < chunk.length) {
      if (this.#filled === 0) this.#current = this.#take()
      const count = Math.min(this.#bytes - this.#filled, chunk.length - offset)
      this.#current?.data.set(chunk.subarray(offset, offset + count), this.#filled)
      this.#filled += count
      offset += count
      if (this.#filled === this.#bytes) this.#complete(at)
    }
  }

  /** Forgets the frame that has come in half: the stream starts anew. */
  reset(): void {
    if (this.#current) this.#current.free = true
    this.#current = undefined
    this.#filled = 0
  }

  #take(): Slot | undefined {
    const slot = this.#slots.find(({ free }) => free)
    if (slot) slot.free = false
    return slot
  }

  #complete(at: number): void {
    const slot = this.#current
    const seq = this.#seq++
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
    this.#options.onFrame({ camera, seq, at, width, height, data: slot.data, release })
  }
}
