/** The cameras' states that the broker holds for those who subscribe later. */
import type { Moment } from '../../core/clock.js'
import { errorFields } from '../../core/errors.js'
import type { Log } from '../../core/log.js'
import type { CameraState } from '../../core/types.js'

export interface RetainedState {
  state: CameraState
  /** In ms, like `until`, by painlens's own clock. */
  since: Moment
  until: Moment | null
}

export interface RetainedStatesOptions {
  /** Publishes an empty retained message, which takes the one before it away; undefined without a connection. */
  clear: (camera: string) => Promise<unknown> | undefined
  log: Log
}

/** What is retained for each camera, and what is still to be taken away. */
export class RetainedStates {
  readonly #options: RetainedStatesOptions
  readonly #states = new Map<string, RetainedState>()
  /** Cameras whose state is still to be taken away, and who waits for it. */
  readonly #gone = new Map<string, () => void>()

  constructor(options: RetainedStatesOptions) {
    this.#options = options
  }

  set(camera: string, state: RetainedState): void {
    this.#gone.delete(camera)
    this.#states.set(camera, state)
  }

  get(camera: string): RetainedState | undefined {
    return this.#states.get(camera)
  }

  names(): Iterable<string> {
    return this.#states.keys()
  }

  /** Resolves when the broker has confirmed that it holds nothing of that camera any more. */
  forget(camera: string): Promise<void> {
    this.#states.delete(camera)
    return new Promise((done) => {
      this.#gone.set(camera, done)
      this.#clear(camera)
    })
  }

  /** With each connection: what did not get through with the one before is tried again. */
  clearGone(): void {
    for (const camera of this.#gone.keys()) this.#clear(camera)
  }

  #clear(camera: string): void {
    this.#options.clear(camera)?.then(
      () => {
        this.#gone.get(camera)?.()
        this.#gone.delete(camera)
      },
      (error: unknown) => this.#options.log.debug({ camera, ...errorFields(error) }, 'a state was not taken away')
    )
  }
}

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
