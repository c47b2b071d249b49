/** What waits for the model, and what comes next. */

export interface QueueOptions<Item, Result> {
  /** Returns the results in the order of the items. One call runs at a time. */
  run: (items: Item[]) => Promise<Result[]>
  /** Most items in the next call; 1 or more. */
  max: () => number
  /** How pressing an item is; the more, the sooner. All alike unless given. */
  urgency?: (item: Item) => number
  /** A monotonic clock, in ms. */
  now?: () => number
}

/** Submitted items. */
export interface Submitted<Item, Result> {
  /** In the order of the items; rejects if a call with any of them did. */
  results: Promise<Result[]>
  /** Whether none of the items has gone into a call yet. */
  isWaiting(): boolean
  /** While it waits: replaces the items; it counts as waiting since it was submitted. */
  replace(items: readonly Item[]): void
}

/** One submission, from the moment it is made to its last result. */
interface Claim<Item, Result> {
  items: readonly Item[]
  since: number
  /** Whether some of its items are in a call. */
  begun: boolean
  /** Number of its items that are in a batch. */
  asked: number
  results: Result[]
  resolve: (results: Result[]) => void
  reject: (error: unknown) => void
}

/** The next items of a claim, as a part of one batch. */
interface Part<Item, Result> {
  claim: Claim<Item, Result>
  items: readonly Item[]
}

/** Something else that runs between two calls. */
interface Errand {
  run: () => Promise<void>
}

/** No submission waits longer for its first call, as far as the calls are quick enough for all that is submitted. */
export const longestWaitMs = 1000
/** While there is always something waiting, errands run for one part in so many of the time. */
const errandShare = 10

/**
 * Each call takes items that wait when the call before ends. If no call runs, one begins at once, without waiting for a fuller
 * batch. So batches add no latency at low load and grow with the load (the "natural batching" of databases' group commit).
 *
 * The submission with the most pressing item goes first, unless another one would then wait for longer than a second: the
 * submissions go in order of their age from then on, until all have time again. Of one that has begun the rest goes first.
 */
export class JudgingQueue<Item, Result> {
  readonly #options: Required<QueueOptions<Item, Result>>
  /** The oldest first. */
  readonly #claims: Claim<Item, Result>[] = []
  readonly #errands: Errand[] = []
  #running = false
  /** How long the last call took. */
  #callMs = 0
  /** When an errand may run although something waits. */
  #errandAt = Number.NEGATIVE_INFINITY

  constructor(options: QueueOptions<Item, Result>) {
    this.#options = { urgency: () => 0, now: () => performance.now(), ...options }
  }

  /** The first call may begin before this returns. */
  submit(items: readonly Item[]): Submitted<Item, Result> {
    const ignore = (): void => undefined
    const since = this.#options.now()
    const ends = { resolve: ignore, reject: ignore }
    const claim: Claim<Item, Result> = { items, since, begun: false, asked: 0, results: [], ...ends }
    const results = new Promise<Result[]>((resolve, reject) => Object.assign(claim, { resolve, reject }))
    this.#claims.push(claim)
    this.#finishIfEmpty(claim)
    this.#next()
    return {
      results,
      isWaiting: () => !claim.begun,
      replace: (newer) => {
        if (claim.begun) return
        claim.items = newer
        this.#finishIfEmpty(claim)
      }
    }
  }

  /**
   * Runs something else that keeps the model, in order, when no item waits; or after nine times as long as the last errand took, so
   * that it comes to an end under any load. @returns what it returns
   */
  between<T>(errand: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      // Also one that fails before it is under way.
      const run = async (): Promise<T> => errand()
      this.#errands.push({ run: () => run().then(resolve, reject) })
      this.#next()
    })
  }

  /** Nothing to ask needs no turn. */
  #finishIfEmpty(claim: Claim<Item, Result>): void {
    if (claim.items.length > 0) return
    claim.begun = true
    this.#claims.splice(this.#claims.indexOf(claim), 1)
    claim.resolve([])
  }

  #next(): void {
    if (this.#running) return
    const now = this.#options.now()
    if (this.#errands.length > 0 && (this.#claims.length === 0 || now >= this.#errandAt)) {
      void this.#runErrand(this.#errands.shift()!)
      return
    }
    const parts = this.#takeParts()
    if (parts.length === 0) return
    this.#running = true
    this.#options.run(parts.flatMap(({ items }) => items)).then(
      (results) => this.#ended(now, () => handOut(parts, results)),
      (error: unknown) => this.#ended(now, () => this.#fail(parts, error))
    )
  }

  async #runErrand(errand: Errand): Promise<void> {
    const startedAt = this.#options.now()
    this.#running = true
    await errand.run()
    const endedAt = this.#options.now()
    this.#errandAt = endedAt + (errandShare - 1) * (endedAt - startedAt)
    this.#running = false
    this.#next()
  }

  /** The next batch begins before the results of this one are delivered. */
  #ended(startedAt: number, settle: () => void): void {
    this.#callMs = this.#options.now() - startedAt
    this.#running = false
    settle()
    this.#next()
  }

  #takeParts(): Part<Item, Result>[] {
    const parts: Part<Item, Result>[] = []
    let room = this.#options.max()
    while (room > 0 && this.#claims.length > 0) {
      const place = this.#nextPlace()
      const claim = this.#claims[place]!
      claim.begun = true
      const items = claim.items.slice(claim.asked, claim.asked + room)
      claim.asked += items.length
      room -= items.length
      if (claim.asked === claim.items.length) this.#claims.splice(place, 1)
      parts.push({ claim, items })
    }
    return parts
  }

  #nextPlace(): number {
    const claims = this.#claims
    const begun = claims.findIndex((claim) => claim.begun)
    if (begun >= 0) return begun
    if (claims.length === 1 || !this.#allHaveTime()) return 0
    const pressing = claims.map(({ items }) => items.reduce((most, item) => Math.max(most, this.#urgencyOf(item)), 0))
    return pressing.indexOf(Math.max(...pressing))
  }

  /** An item that cannot be looked at goes first: its call tells why. */
  #urgencyOf(item: Item): number {
    try {
      return this.#options.urgency(item)
    } catch {
      return Number.POSITIVE_INFINITY
    }
  }

  /** Whether all that wait come in time, by age, also when another one goes first. */
  #allHaveTime(): boolean {
    const now = this.#options.now()
    const callsOf = ({ items }: Claim<Item, Result>): number => Math.ceil(items.length / this.#options.max())
    let calls = Math.max(...this.#claims.map(callsOf))
    return this.#claims.every((claim) => {
      const startsAt = now + calls * this.#callMs
      calls += callsOf(claim)
      return startsAt <= claim.since + longestWaitMs
    })
  }

  /** The remaining items of these submissions are dropped. */
  #fail(parts: readonly Part<Item, Result>[], error: unknown): void {
    for (const { claim } of parts) {
      const place = this.#claims.indexOf(claim)
      if (place >= 0) this.#claims.splice(place, 1)
      claim.reject(error)
    }
  }
}

function handOut<Item, Result>(parts: readonly Part<Item, Result>[], results: readonly Result[]): void {
  let next = 0
  for (const { claim, items } of parts) {
    claim.results.push(...results.slice(next, next + items.length))
    next += items.length
    if (claim.results.length === claim.items.length) claim.resolve(claim.results)
  }
}
