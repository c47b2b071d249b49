import type { Socket } from 'node:net'

/** What is kept for the next decoder at most: some seconds from a key frame on. */
const mostKept = 32 << 20

/**
 * A camera's stream on its way to one decoder after the other. Until `settle`, what came from the first key frame on
 * is kept, so that a decoder that takes over from another one begins as that one did, without the camera being asked again.
 * Bytes are handed on without a copy. A decoder that does not keep up holds the camera back.
 */
export class Outlet {
  readonly #hold: (held: boolean) => void
  #decoder: Socket | undefined
  #flowing = false
  /** The last byte that the decoder has was followed by this one's predecessor: it is not in the middle of a packet. */
  #inStep = false
  #kept: Buffer[] | undefined
  #keptBytes = 0
  #settled = false

  /** @param hold called with true where the camera has to wait, with false where it may go on */
  constructor(hold: (held: boolean) => void) {
    this.#hold = hold
  }

  /** Nothing is handed on to it before `flow`. */
  connect(decoder: Socket): void {
    this.#decoder = decoder
    this.#flowing = false
    this.#inStep = false
    decoder.on('drain', () => {
      if (this.#decoder === decoder) this.#hold(false)
    })
    decoder.on('close', () => {
      if (this.#decoder !== decoder) return
      this.#decoder = undefined
      this.#flowing = false
      this.#hold(false)
    })
  }

  /** Whether the decoder of now gets the stream. */
  get flowing(): boolean {
    return this.#flowing
  }

  /** From now on; first what has been kept. */
  flow(): void {
    this.#flowing = true
    const kept = this.#kept ?? []
    this.#inStep = kept.length > 0
    for (const data of kept) this.#write(data)
  }

  /**
   * @param start where the first packet of `data` begins; undefined where none does
   * @param key where a packet begins from which on a decoder can show the picture
   */
  give(data: Buffer, start: number | undefined, key: number | undefined): void {
    if (!this.#settled) this.#keep(data, key)
    if (!this.#flowing) return
    if (this.#inStep) this.#write(data)
    else if (start !== undefined) {
      this.#inStep = true
      this.#write(data.subarray(start))
    }
  }

  /** No decoder will take over any more, or it may wait for the next key frame. */
  settle(): void {
    this.#settled = true
    this.#kept = undefined
  }

  /** Lets the decoder have what is on its way to it, and no more. */
  end(): void {
    this.#decoder?.end()
  }

  destroy(): void {
    this.#decoder?.destroy()
  }

  #keep(data: Buffer, key: number | undefined): void {
    if (!this.#kept && key === undefined) return
    const kept = this.#kept ? data : data.subarray(key)
    this.#kept ??= []
    this.#kept.push(kept)
    this.#keptBytes += kept.length
    if (this.#keptBytes > mostKept) this.settle()
  }

  #write(data: Buffer): void {
    if (this.#decoder?.writable && !this.#decoder.write(data)) this.#hold(true)
  }
}
