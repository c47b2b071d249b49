import type { Clock } from '../core/clock.js'

/** What the queue needs to know of a request. */
export interface Queued {
  camera: string
  /** When the frame was captured, in ms since the epoch. */
  at: number
}

interface Waiting<Request, Result> {
  request: Request
  resolve: (result: Result | null) => void
  reject: (error: unknown) => void
}

export interface NewestFirstOptions<Request, Result> {
  run: (request: Request) => Promise<Result>
  clock: Clock
  /** A waiting request whose frame is older is skipped when its turn comes. */
  maxAgeMs: number
}

/**
 * Runs one request at a time, the newest first. Each camera has one waiting request at most: a newer one takes the place
 * of an older one, which is skipped and resolves with null. So the queue is never longer than there are cameras.
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

  /** Requests that were replaced, or grew too old. */
  get skipped(): number {
    return this.#skipped
  }

  /** @returns what `run` gives, or null if the request was skipped or the queue is stopped; rejects as `run` does */
  submit(request: Request): Promise<Result | null> {
    if (this.#stopped) return Promise.resolve(null)
    return new Promise((resolve, reject) => {
      this.#enqueue({ request, resolve, reject })
      this.#next()
    })
  }

  /** All that wait, and the one that runs, resolve with null. */
  stop(): void {
    this.#stopped = true
    for (const { resolve } of this.#waiting.values()) resolve(null)
    this.#waiting.clear()
  }

  #enqueue(entry: Waiting<Request, Result>): void {
    const { camera, at } = entry.request
    const before = this.#waiting.get(camera)
    if (before && before.request.at > at) {
      this.#skip(entry)
      return
    }
    if (before) this.#skip(before)
    this.#waiting.set(camera, entry)
  }

  #next(): void {
    if (this.#running) return
    const entry = this.#takeNewest()
    if (!entry) return
    this.#running = true
    void this.#run(entry).finally(() => {
      this.#running = false
      this.#next()
    })
  }

  async #run({ request, resolve, reject }: Waiting<Request, Result>): Promise<void> {
    try {
      const result = await this.#options.run(request)
      resolve(this.#stopped ? null : result)
    } catch (error) {
      if (this.#stopped) resolve(null)
      else reject(error)
    }
  }

  #takeNewest(): Waiting<Request, Result> | undefined {
    const [newest] = [...this.#waiting.values()].sort((a, b) => b.request.at - a.request.at)
    if (!newest) return undefined
    this.#waiting.delete(newest.request.camera)
    const { clock, maxAgeMs } = this.#options
    if (clock.now() - newest.request.at <= maxAgeMs) return newest
    // The others are older still.
    for (const entry of [newest, ...this.#waiting.values()]) this.#skip(entry)
    this.#waiting.clear()
    return undefined
  }

  #skip({ resolve }: Waiting<Request, Result>): void {
    this.#skipped++
    resolve(null)
  }
}
