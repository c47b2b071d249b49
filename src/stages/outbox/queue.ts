import type { IndexEntry } from './entries.js'

/** The messages of one order key: the first of those still there, and the last that came. */
interface Order {
  head: IndexEntry
  tail: IndexEntry
}

/** What may not be spared goes before what may, and the background last. */
const lanes = 3
const laneOf = ({ background, expendable }: IndexEntry): number => (background ? 2 : expendable ? 1 : 0)

/**
 * Undelivered messages, and which is next: of each order key only the oldest can be, and among those of all order keys
 * starts and ends of alarms come before updates, and those before the background.
 */
export class Queue {
  /** Oldest first: a Map keeps insertion order, and keys only grow. */
  readonly #entries = new Map<string, IndexEntry>()
  readonly #orders = new Map<string, Order>()
  /** The oldest of each order key, by its lane, in the order in which they became that. */
  readonly #heads = Array.from({ length: lanes }, () => new Set<IndexEntry>())

  get size(): number {
    return this.#entries.size
  }

  add(entry: IndexEntry): void {
    this.#entries.set(entry.key, entry)
    const order = this.#orders.get(entry.orderKey)
    if (order) {
      order.tail.behind = entry
      order.tail = entry
    } else this.#lead({ head: entry, tail: entry })
  }

  has(key: string): boolean {
    return this.#entries.has(key)
  }

  /** Adds what is older than all that is there. */
  addInFront(older: readonly IndexEntry[]): void {
    const newer = [...this.#entries.values()]
    this.#entries.clear()
    this.#orders.clear()
    for (const heads of this.#heads) heads.clear()
    for (const entry of [...older, ...newer]) {
      entry.behind = null
      this.add(entry)
    }
  }

  /** Every parked one may be tried again. */
  unpark(): void {
    for (const entry of this.#entries.values()) entry.parked = false
  }

  delete(key: string): void {
    const entry = this.#entries.get(key)
    if (!entry) return
    this.#entries.delete(key)
    entry.gone = true
    const order = this.#orders.get(entry.orderKey)
    if (order?.head !== entry) return
    this.#heads[laneOf(entry)]!.delete(entry)
    let next = entry.behind
    while (next?.gone) next = next.behind
    if (next) this.#lead({ head: next, tail: order.tail })
    else this.#orders.delete(entry.orderKey)
  }

  values(): Iterable<IndexEntry> {
    return this.#entries.values()
  }

  /** The entry that may be sent now, none being under way of the same order. */
  next({ background }: { background: boolean }): IndexEntry | undefined {
    for (const heads of this.#heads) {
      for (const entry of heads) {
        if (entry.parked || entry.underWay) continue
        if (!entry.background || (background && !this.#isAhead(entry))) return entry
      }
    }
    return undefined
  }

  /** What to give up when there is no room: the oldest that may be spared, else the oldest; never one under way. */
  victim(): IndexEntry | undefined {
    let oldest: IndexEntry | undefined
    for (const entry of this.#entries.values()) {
      if (entry.underWay) continue
      if (entry.expendable) return entry
      oldest ??= entry
    }
    return oldest
  }

  /** Whether a message in the background is ahead of an older one that it follows. */
  #isAhead({ key, follows }: IndexEntry): boolean {
    const order = this.#orders.get(follows)
    return order !== undefined && order.head.key < key
  }

  #lead(order: Order): void {
    const { head } = order
    this.#orders.set(head.orderKey, order)
    this.#heads[laneOf(head)]!.add(head)
  }
}
