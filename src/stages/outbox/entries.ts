import type { EpochMs, Moment } from '../../core/clock.js'
import type { Operation } from './store.js'

/** A message as it is on disk, with the time when it was put there. */
export interface StoredEntry {
  topic: string
  payload: Record<string, unknown>
  at: EpochMs
  /** May be dropped first when the outbox is full. */
  expendable: boolean
  /** Sent only when no other message can be sent. */
  background: boolean
}

/** An undelivered message as the index knows it; its payload stays on disk. */
export interface IndexEntry {
  key: string
  /** When it was put there. For an earlier run only the time of day is known; its moments are not comparable. */
  put: { moment: Moment } | { earlier: EpochMs }
  /** Messages of the same order key are delivered one after the other. Background messages of a topic share one. */
  orderKey: string
  /** For background messages, the order key whose older messages are sent before; else its own. */
  follows: string
  expendable: boolean
  background: boolean
  /** Failed deliveries. */
  attempts: number
  /** After a refusal: not to be sent before this, in ms of `performance.now`. */
  restsUntil: number
  /** The message itself, if the disk refused it. */
  inMemory: StoredEntry | null
  /** Reading it failed; it and later ones of its order key wait until the outbox is reopened. */
  parked: boolean
  /** Failed reads. */
  unread: number
  /** Being delivered. */
  underWay: boolean
  /** The next of its order key. */
  behind: IndexEntry | null
  /** Removed from the index. */
  gone: boolean
}

/** Keys sort like the numbers they hold. */
export const keyOf = (count: number): string => String(count).padStart(16, '0')

/** @param moment when it was put there; null for one of an earlier run */
export function indexEntry(key: string, stored: StoredEntry, moment: Moment | null): IndexEntry {
  const { expendable, background, payload, topic } = stored
  const follows = typeof payload.alarm_id === 'string' ? payload.alarm_id : topic
  const fresh = { attempts: 0, restsUntil: 0, inMemory: null, parked: false, unread: 0 }
  return {
    key,
    put: moment === null ? { earlier: stored.at } : { moment },
    orderKey: background ? `background ${topic}` : follows,
    follows,
    expendable,
    background,
    ...fresh,
    underWay: false,
    behind: null,
    gone: false
  }
}

/** @returns null for a value in another format */
export function parseEntry(text: string): StoredEntry | null {
  try {
    const value = JSON.parse(text) as Partial<StoredEntry> | null
    if (typeof value?.topic !== 'string' || typeof value.at !== 'number') return null
    if (typeof value.payload !== 'object' || value.payload === null) return null
    const { topic, payload, at } = value
    return { topic, payload, at, expendable: value.expendable === true, background: value.background === true }
  } catch {
    return null
  }
}

/** The messages of one order key: the oldest that is left, and the newest. */
interface Order {
  head: IndexEntry
  tail: IndexEntry
}

/** Required messages come before expendable ones, background messages last. */
const lanes = 3
const laneOf = ({ background, expendable }: IndexEntry): number => (background ? 2 : expendable ? 1 : 0)

/**
 * Undelivered messages, and which is next: the oldest of an order key, with starts and ends of alarms before updates, and
 * those before the background.
 */
export class Queue {
  /** Oldest first: a Map keeps insertion order, and keys only grow. */
  readonly #entries = new Map<string, IndexEntry>()
  readonly #orders = new Map<string, Order>()
  /** The oldest of each order key, by lane, in the order in which they became the oldest. */
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

  /** Adds messages older than all present ones. */
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

  /** Makes all parked messages eligible again. */
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

  /**
   * The next entry whose order key has none under way.
   * @param now in ms of `performance.now`
   */
  next(now: number): IndexEntry | undefined {
    for (const heads of this.#heads) {
      for (const entry of heads) {
        if (entry.parked || entry.underWay || entry.restsUntil > now) continue
        if (!entry.background || !this.#isAhead(entry)) return entry
      }
    }
    return undefined
  }

  /** Holds an entry back until then, and sorts it behind those of other order keys. */
  rest(entry: IndexEntry, until: number): void {
    entry.restsUntil = until
    const heads = this.#heads[laneOf(entry)]!
    if (heads.delete(entry)) heads.add(entry)
  }

  /** The message to drop when full: the oldest expendable one, else the oldest; never one under way. */
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

/** A small value that survives restarts; null deletes it. */
export interface Note {
  key: string
  value: object | null
}

/** Sorts after all messages' keys, which consist of digits. */
const prefix = 'note/'
/** The key ranges of messages and notes. */
export const messageKeys = { lt: prefix }
export const noteKeys = { gte: prefix }

/** The notes of an outbox, with those not yet on disk. */
export class Notes {
  readonly #known = new Map<string, object>()
  /** Notes to be written, the latest of each key, in order; kept until their batch is written. */
  readonly #due = new Map<string, Note>()

  /** Adds the notes of an earlier run, except unreadable ones and those replaced since. */
  async load(entries: AsyncIterable<[key: string, text: string]>): Promise<void> {
    for await (const [at, text] of entries) {
      const key = at.slice(prefix.length)
      const value = parse(text)
      if (value && !this.#due.has(key)) this.#known.set(key, value)
    }
  }

  set(note: Note): void {
    if (note.value === null) this.#known.delete(note.key)
    else this.#known.set(note.key, note.value)
    this.#due.set(note.key, note)
  }

  /** The notes whose key begins with `start`, by the rest of the key. */
  below(start: string): Map<string, object> {
    const found = [...this.#known].filter(([key]) => key.startsWith(start))
    return new Map(found.map(([key, value]) => [key.slice(start.length), value]))
  }

  /** The notes to write now. They stay due until `written` is called with them. */
  due(): readonly Note[] {
    return [...this.#due.values()]
  }

  written(notes: readonly Note[]): void {
    for (const note of notes) if (this.#due.get(note.key) === note) this.#due.delete(note.key)
  }
}

export function operationOf({ key, value }: Note): Operation {
  const at = `${prefix}${key}`
  return value === null ? { type: 'del', key: at } : { type: 'put', key: at, value: JSON.stringify(value) }
}

function parse(text: string): object | null {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' ? value : null
  } catch {
    return null
  }
}
