/** What is written to disk: one message, and when it was put there (time of day, in ms since the epoch). */
export interface StoredEntry {
  topic: string
  payload: Record<string, unknown>
  at: number
  /** May be given up first when the outbox is full. */
  expendable: boolean
}

/** An undelivered message as the index knows it; its payload stays on disk. */
export interface IndexEntry {
  key: string
  /** When it was put there: a moment of the clock, or of one that an earlier run of painlens put there the time of day. */
  at: number
  /** Messages of the same order key are delivered one after the other. */
  orderKey: string
  expendable: boolean
  /** Put there by an earlier run of painlens. */
  earlierRun: boolean
  /** How often it was tried in vain. */
  attempts: number
  /** Set where the disk refused it: kept in memory instead of being lost. */
  inMemory: StoredEntry | null
  /** The disk did not give it; the ones behind it in its order wait with it until the outbox is opened anew. */
  parked: boolean
  /** How often the disk did not give it. */
  unread: number
}

/** Keys sort like the numbers they hold. */
export const keyOf = (count: number): string => String(count).padStart(16, '0')

/** @param moment when it was put there; null for one of an earlier run */
export function indexEntry(key: string, stored: StoredEntry, moment: number | null): IndexEntry {
  const { expendable, payload, topic } = stored
  const at = moment ?? stored.at
  const earlierRun = moment === null
  const orderKey = typeof payload.alarm_id === 'string' ? payload.alarm_id : topic
  return { key, at, orderKey, expendable, earlierRun, attempts: 0, inMemory: null, parked: false, unread: 0 }
}

/** @returns null for anything that this version cannot have written */
export function parseEntry(text: string): StoredEntry | null {
  try {
    const value = JSON.parse(text) as Partial<StoredEntry> | null
    if (typeof value?.topic !== 'string' || typeof value.at !== 'number') return null
    if (typeof value.payload !== 'object' || value.payload === null) return null
    return { topic: value.topic, payload: value.payload, at: value.at, expendable: value.expendable === true }
  } catch {
    return null
  }
}

/** Undelivered messages in the order they were put, oldest first. A Map keeps insertion order, and keys only grow. */
export class Index {
  readonly #entries = new Map<string, IndexEntry>()
  #parked = 0

  get size(): number {
    return this.#entries.size
  }

  add(entry: IndexEntry): void {
    this.#entries.set(entry.key, entry)
  }

  has(key: string): boolean {
    return this.#entries.has(key)
  }

  /** Adds what is older than all that is there. */
  addInFront(older: readonly IndexEntry[]): void {
    const newer = [...this.#entries]
    this.#entries.clear()
    for (const entry of older) this.#entries.set(entry.key, entry)
    for (const [key, entry] of newer) this.#entries.set(key, entry)
  }

  park(entry: IndexEntry): void {
    entry.parked = true
    this.#parked++
  }

  /** Every parked one may be tried again. */
  unpark(): void {
    for (const entry of this.#entries.values()) entry.parked = false
    this.#parked = 0
  }

  delete(key: string): void {
    this.#entries.delete(key)
  }

  values(): Iterable<IndexEntry> {
    return this.#entries.values()
  }

  /** The oldest entry that may be sent now: the first of its order key, none of which is under way. */
  next(underWay: ReadonlySet<string>): IndexEntry | undefined {
    const held = this.#parked > 0 ? new Set(underWay) : underWay
    for (const entry of this.#entries.values()) {
      if (entry.parked) (held as Set<string>).add(entry.orderKey)
      else if (!held.has(entry.orderKey)) return entry
    }
    return undefined
  }

  /** What to give up when there is no room: the oldest that may be spared, else the oldest; never one under way. */
  victim(underWay: ReadonlySet<string>): IndexEntry | undefined {
    let oldest: IndexEntry | undefined
    for (const entry of this.#entries.values()) {
      if (underWay.has(entry.orderKey)) continue
      if (entry.expendable) return entry
      oldest ??= entry
    }
    return oldest
  }
}
