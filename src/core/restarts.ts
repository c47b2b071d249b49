/** Something that has served for so long has all its restarts again. */
export const soundMs = 60_000

/** How often, and after which waits, something that dies is started again. */
export class Restarts {
  readonly #delaysMs: readonly number[]
  readonly #now: () => number
  #used = 0
  #servingSince: number | null = null

  /**
   * @param delaysMs the wait before each restart; after the last of them it is given up
   * @param now a clock that nobody sets, in ms
   */
  constructor(delaysMs: readonly number[], now = () => performance.now()) {
    this.#delaysMs = delaysMs
    this.#now = now
  }

  /** Restarts since it last served for a minute. */
  get used(): number {
    return this.#used
  }

  /** It serves from now on. */
  serving(): void {
    this.#servingSince = this.#now()
  }

  /** It has died, or could not be started. @returns how long to wait before the next start, or null to give it up */
  next(): number | null {
    if (this.#servingSince !== null && this.#now() - this.#servingSince >= soundMs) this.#used = 0
    this.#servingSince = null
    const delayMs = this.#delaysMs[this.#used]
    if (delayMs === undefined) return null
    this.#used++
    return delayMs
  }
}
