import type { Clock } from '../../core/clock.js'

/** What the queue needs to know of a request. */
export interface Queued {
  camera: string
  track: number
  /** When the frame was captured, a moment of the clock. */
  at: number
}

interface Waiting<Request, Result> {
  request: Request
  /** A moment of the clock. */
  since: number
  resolve: (result: Result | null) => void
  reject: (error: unknown) => void
}

export interface NewestFirstOptions<Request, Result> {
  run: (request: Request) => Promise<Result>
  clock: Clock
  /** A request that has waited for longer is skipped when its turn comes. */
  maxAgeMs: number
  /** While it says no, everything waits; `wake` when that may have changed. Always ready without it. */
  ready?: () => boolean
}

/**
 * Runs one request at a time, the newest first. Each face has one waiting request at most: a newer one takes the place
 * of an older one, which is skipped and resolves with null. So the queue is never longer than there are faces.
 */
export class NewestFirst<Request extends Queued, Result> {
  readonly #options: NewestFirstOptions<Request, Result>
  readonly #waiting = new Map<string, Waiting<Request, Result>>()
  #running = false
  #stopped = false
  #skipped = 0

  constructor(options: NewestFirstOptions<Request, Result>) {
    this.#options = options
  }

  /** Requests that were replaced, or waited for too long. */
  get skipped(): number {
    return this.#skipped
  }

  /** Nothing runs and nothing waits. */
  get idle(): boolean {
    return !this.#running && this.#waiting.size === 0
  }

  /** @returns what `run` gives, or null if the request was skipped or the queue is stopped; rejects as `run` does */
  submit(request: Request): Promise<Result | null> {
    if (this.#stopped) return Promise.resolve(null)
    return new Promise((resolve, reject) => {
      this.#enqueue({ request, since: this.#options.clock.now(), resolve, reject })
      this.#next()
    })
  }

  /** Goes on if it is ready again. */
  wake(): void {
    this.#next()
  }

  /** All that wait, and the one that runs, resolve with null. */
  stop(): void {
    this.#stopped = true
    for (const { resolve } of this.#waiting.values()) resolve(null)
    this.#waiting.clear()
  }

  #enqueue(entry: Waiting<Request, Result>): void {
    const key = keyOf(entry.request)
    const before = this.#waiting.get(key)
    if (before && before.request.at > entry.request.at) {
      this.#skip(entry)
      return
    }
    if (before) this.#skip(before)
    this.#waiting.set(key, entry)
  }

  #next(): void {
    if (this.#running || this.#options.ready?.() === false) return
    const entry = this.#takeNewest()
    if (!entry) return
    this.#running = true
    void this.#run(entry)
  }

  async #run({ request, resolve, reject }: Waiting<Request, Result>): Promise<void> {
    try {
      const result = await this.#options.run(request)
      resolve(this.#stopped ? null : result)
    } catch (error) {
      if (this.#stopped) resolve(null)
      else reject(error)
    }
    this.#running = false
    this.#next()
  }

  #takeNewest(): Waiting<Request, Result> | undefined {
    const { clock, maxAgeMs } = this.#options
    for (const [key, entry] of this.#waiting) {
      if (clock.now() - entry.since <= maxAgeMs) continue
      this.#waiting.delete(key)
      this.#skip(entry)
    }
    const [newest] = [...this.#waiting.values()].sort((a, b) => b.request.at - a.request.at)
    if (newest) this.#waiting.delete(keyOf(newest.request))
    return newest
  }

  #skip({ resolve }: Waiting<Request, Result>): void {
    this.#skipped++
    resolve(null)
  }
}

const keyOf = ({ camera, track }: Queued): string => `${track}@${camera}`
