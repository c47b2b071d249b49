/** What should have been told by then is not. Both come at the same time, by two ways. */
const untoldMs = 500

/** Keeps the first bytes of a run until it is known what they show. */
export class HeldBack {
  readonly #onData: (chunk: Buffer) => void
  #chunks: Buffer[] | undefined
  #timer: NodeJS.Timeout | undefined
  #dropped = false

  constructor(holds: boolean, onData: (chunk: Buffer) => void) {
    this.#onData = onData
    if (holds) this.#chunks = []
  }

  push(chunk: Buffer): void {
    if (this.#dropped) return
    if (!this.#chunks) {
      this.#onData(chunk)
      return
    }
    this.#chunks.push(chunk)
    this.#timer ??= setTimeout(() => this.release(), untoldMs)
  }

  release(): void {
    clearTimeout(this.#timer)
    const chunks = this.#chunks ?? []
    this.#chunks = undefined
    for (const chunk of chunks) if (!this.#dropped) this.#onData(chunk)
  }

  drop(): void {
    clearTimeout(this.#timer)
    this.#dropped = true
    this.#chunks = undefined
  }
}
