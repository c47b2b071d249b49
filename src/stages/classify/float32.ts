/** Single faces judged in float32, beside a quicker model that judges all. */

export interface Float32Wish {
  /** Without an answer by then there is none. */
  withinMs: number
  /** An alarm waits for it: it comes before all that is not. */
  urgent: boolean
}

/** What judges single crops in float32. It never waits for an explanation. */
export interface Float32Judge {
  /**
   * @param crop RGB24 of the model's size
   * @returns its logits by label; null where they are not there in time
   */
  judge(crop: Uint8Array, wish: Float32Wish): Promise<Float32Array | null>
}

interface Ask {
  crop: Uint8Array
  settle: (logits: Float32Array | null) => void
}

/** So many that no alarm waits for may wait at once: more would not come in time, and would only delay their verdicts. */
const mostWaiting = 4

/** One crop at a time. A crop whose time is up before its turn is not judged any more. */
export class Float32Queue implements Float32Judge {
  readonly #run: (crop: Uint8Array) => Promise<Float32Array>
  readonly #urgent: Ask[] = []
  readonly #others: Ask[] = []
  #running = false

  /** @param run one inference; where it fails there is no answer */
  constructor(run: (crop: Uint8Array) => Promise<Float32Array>) {
    this.#run = run
  }

  judge(crop: Uint8Array, { withinMs, urgent }: Float32Wish): Promise<Float32Array | null> {
    const queue = urgent ? this.#urgent : this.#others
    if (!urgent && queue.length >= mostWaiting) return Promise.resolve(null)
    return new Promise((resolve) => {
      const timer = setTimeout(() => ask.settle(null), withinMs)
      const settle = (logits: Float32Array | null): void => {
        clearTimeout(timer)
        const at = queue.indexOf(ask)
        if (at >= 0) queue.splice(at, 1)
        resolve(logits)
      }
      const ask: Ask = { crop, settle }
      queue.push(ask)
      this.#next()
    })
  }

  /** Answers all that wait, with null. */
  close(): void {
    for (const ask of [...this.#urgent, ...this.#others]) ask.settle(null)
  }

  #next(): void {
    if (this.#running) return
    const ask = this.#urgent.shift() ?? this.#others.shift()
    if (ask === undefined) return
    this.#running = true
    const ended = (logits: Float32Array | null): void => {
      this.#running = false
      ask.settle(logits)
      this.#next()
    }
    this.#run(ask.crop).then(ended, () => ended(null))
  }
}
