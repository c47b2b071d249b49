import type { EpochMs, Moment } from '../../core/clock.js'
import type { Operation } from './store.js'

/** What is written to disk: one message, and when it was put there. */
export interface StoredEntry {
  topic: string
  payload: Record<string, unknown>
  at: EpochMs
  /** May be given up first when the outbox is full. */
  expendable: boolean
  /** Goes only when nothing else can. */
  background: boolean
}

/** An undelivered message as the index knows it; its payload stays on disk. */
export interface IndexEntry {
  key: string
  /** When it was put there. Of an earlier run of painlens only the time of day is known: its moments mean nothing now. */
  put: { moment: Moment } | { earlier: EpochMs }
  /** Messages of the same order key are delivered one after the other. Those in the background are all of one. */
  orderKey: string
  /** In the background: the order key whose older messages go before it; else its own. */
  follows: string
  expendable: boolean
  background: boolean
  /** How often it was tried in vain. */
  attempts: number
  /** The broker did not take it; not to be tried before this, in ms of `performance.now`. */
  restsUntil: number
  /** Set where the disk refused it: kept in memory instead of being lost. */
  inMemory: StoredEntry | null
  /** The disk did not give it; the ones behind it in its order wait with it until the outbox is opened anew. */
  parked: boolean
  /** How often the disk did not give it. */
  unread: number
  /** Being delivered. */
  underWay: boolean
  /** The next of its order key. */
  behind: IndexEntry | null
  /** Taken out of the index. */
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
    orderKey: background ? 'background' : follows,
    follows,
    expendable,
    background,
    ...fresh,
    underWay: false,
    behind: null,
    gone: false
  }
}

/** @returns null for anything that this version cannot have written */
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

  /**
   * The entry that may be sent now, none being under way of the same order.
   * @param now in ms of `performance.now`
   */
  next({ background, now }: { background: boolean; now: number }): IndexEntry | undefined {
    for (const heads of this.#heads) {
      for (const entry of heads) {
        if (entry.parked || entry.underWay || entry.restsUntil > now) continue
        if (!entry.background || (background && !this.#isAhead(entry))) return entry
      }
    }
    return undefined
  }

  /** It is not to be tried before `until`, and after that behind those of other order keys, which it must not hold up. */
  rest(entry: IndexEntry, until: number): void {
    entry.restsUntil = until
    const heads = this.#heads[laneOf(entry)]!
    if (heads.delete(entry)) heads.add(entry)
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

/** A small fact that outlives the process; null takes it away. */
export interface Note {
  key: string
  value: object | null
}

/** Sorts after every message's key, which is made of digits. */
const prefix = 'note/'
/** The ranges of the keys of both. */
export const messageKeys = { lt: prefix }
export const noteKeys = { gte: prefix }

/** The notes of an outbox: what is known, and what the disk has not got yet. */
export class Notes {
  readonly #known = new Map<string, object>()
  /** In order, the latest of each key; kept until a batch with it has been written. */
  readonly #due = new Map<string, Note>()

  /** Takes in what an earlier run has written; what is unreadable, or has been said anew since, is left out. */
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

  /** Those whose key begins with `start`, without it. */
  below(start: string): Map<string, object> {
    const found = [...this.#known].filter(([key]) => key.startsWith(start))
    return new Map(found.map(([key, value]) => [key.slice(start.length), value]))
  }

  /** What is to be written now. Call `written` with it once it is, or it is due again. */
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
