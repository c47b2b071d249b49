/** Makes batches of what several ask for at the same time. */

export interface BatchesOptions<Item, Result> {
  /** Gives the results in the order of the items. There is one call at a time. */
  run: (items: Item[]) => Promise<Result[]>
  /** So many items go into the next call at most; 1 or more. */
  max: () => number
}

/** Somebody's items, from the moment they are asked for to their last result. */
interface Claim<Item, Result> {
  take: () => readonly Item[]
  /** Null until its turn has come. */
  items: readonly Item[] | null
  /** How many of them have gone into a batch. */
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

  /**
   * @param take gives the items when their turn has come, which is once, and may be before this function is back. Must not throw.
   * @returns their results in their order; rejects if a call with any of them did
   */
  submit(take: () => readonly Item[]): Promise<Result[]> {
    return new Promise((resolve, reject) => {
      this.#claims.push({ take, items: null, asked: 0, results: [], resolve, reject })
      this.#next()
    })
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
      claim.items ??= claim.take()
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
    if (claim.results.length === claim.items!.length) claim.resolve(claim.results)
  }
}
