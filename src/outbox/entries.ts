/** What is written to disk: one message, and when it was put there (ms since the epoch). */
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
}

/** Keys sort like the numbers they hold. */
export const keyOf = (count: number): string => String(count).padStart(16, '0')

export function indexEntry(key: string, stored: StoredEntry, earlierRun: boolean): IndexEntry {
  const { at, expendable, payload, topic } = stored
  const orderKey = typeof payload.alarm_id === 'string' ? payload.alarm_id : topic
  return { key, at, orderKey, expendable, earlierRun, attempts: 0, inMemory: null }
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

  get size(): number {
    return this.#entries.size
  }

  add(entry: IndexEntry): void {
    this.#entries.set(entry.key, entry)
  }

  delete(key: string): void {
    this.#entries.delete(key)
  }

  values(): Iterable<IndexEntry> {
    return this.#entries.values()
  }

  /** The oldest entry that may be sent now: the first of its order key, none of which is under way. */
  next(underWay: ReadonlySet<string>): IndexEntry | undefined {
    for (const entry of this.#entries.values()) if (!underWay.has(entry.orderKey)) return entry
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
