/** Makes batches of what several ask for at the same time. */

export interface BatchesOptions<Item, Result> {
  /** Gives the results in the order of the items. There is one call at a time. */
  run: (items: Item[]) => Promise<Result[]>
  /** So many items go into the next call at most; 1 or more. */
  max: () => number
}

/** Items that were asked for. */
export interface Submitted<Item, Result> {
  /** In the order of the items; rejects if a call with any of them did. */
  results: Promise<Result[]>
  /** Whether none of the items has gone into a call yet. */
  isWaiting(): boolean
  /** While it waits: other items, in the same place of the queue. */
  replace(items: readonly Item[]): void
}

/** One submission, from the moment it is made to its last result. */
interface Claim<Item, Result> {
  items: readonly Item[]
  /** Its turn has come. */
  begun: boolean
  /** How many of its items have gone into a batch. */
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

/**
 * Whatever waits when the call before has ended goes into the next call, those who asked first before the others. Nobody
 * waits for company: where nothing runs, a call begins at once. So batches cost nothing while there is little to do, and
 * grow with what there is to do (the "natural batching" of databases' group commit).
 */
export class Batches<Item, Result> {
  readonly #options: BatchesOptions<Item, Result>
  readonly #claims: Claim<Item, Result>[] = []
  #running = false

  constructor(options: BatchesOptions<Item, Result>) {
    this.#options = options
  }

  /** The first call may begin before this is back. */
  submit(items: readonly Item[]): Submitted<Item, Result> {
    const ignore = (): void => undefined
    const claim: Claim<Item, Result> = { items, begun: false, asked: 0, results: [], resolve: ignore, reject: ignore }
    const results = new Promise<Result[]>((resolve, reject) => Object.assign(claim, { resolve, reject }))
    this.#claims.push(claim)
    this.#next()
    return {
      results,
      isWaiting: () => !claim.begun,
      replace: (newer) => {
        if (!claim.begun) claim.items = newer
      }
    }
  }

  #next(): void {
    if (this.#running) return
    const parts = this.#takeParts()
    if (parts.length === 0) return
    this.#running = true
    this.#options.run(parts.flatMap(({ items }) => items)).then(
      (results) => this.#ended(() => handOut(parts, results)),
      (error: unknown) => this.#ended(() => this.#fail(parts, error))
    )
  }

  /** The next batch begins before anybody looks at the results of this one. */
  #ended(settle: () => void): void {
    this.#running = false
    settle()
    this.#next()
  }

  #takeParts(): Part<Item, Result>[] {
    const parts: Part<Item, Result>[] = []
    let room = this.#options.max()
    while (room > 0 && this.#claims.length > 0) {
      const claim = this.#claims[0]!
      claim.begun = true
      const items = claim.items.slice(claim.asked, claim.asked + room)
      claim.asked += items.length
      room -= items.length
      if (claim.asked === claim.items.length) this.#claims.shift()
      if (claim.items.length === 0) claim.resolve([])
      else parts.push({ claim, items })
    }
    return parts
  }

  /** What is left of those claims will not be asked for. */
  #fail(parts: readonly Part<Item, Result>[], error: unknown): void {
    for (const { claim } of parts) {
      if (this.#claims[0] === claim) this.#claims.shift()
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
