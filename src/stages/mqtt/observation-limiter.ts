/** At most one observation per second and track; what comes sooner is left out, not queued. */
export class ObservationLimiter {
  readonly #last = new Map<string, number>()
  readonly #everyMs: number
  #left = 0

  constructor(everyMs = 1000) {
    this.#everyMs = everyMs
  }

  /** How many were left out. */
  get left(): number {
    return this.#left
  }

  /** @param now a moment of the clock */
  allows(camera: string, track: number, now: number): boolean {
    const key = `${track}@${camera}`
    const last = this.#last.get(key)
    if (last !== undefined && now - last < this.#everyMs && now >= last) {
      this.#left++
      return false
    }
    this.#last.delete(key)
    this.#last.set(key, now)
    this.#forget(now)
    return true
  }

  /** Tracks come and go for years: those that are past are taken out, the longest unseen first. */
  #forget(now: number): void {
    for (const [key, last] of this.#last) {
      if (now - last < this.#everyMs) return
      this.#last.delete(key)
    }
  }
}
