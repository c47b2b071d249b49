import type { EpochMs, Moment } from '../../core/clock.js'

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
  const fresh = { attempts: 0, inMemory: null, parked: false, unread: 0, underWay: false, behind: null, gone: false }
  return {
    key,
    put: moment === null ? { earlier: stored.at } : { moment },
    orderKey: background ? 'background' : follows,
    follows,
    expendable,
    background,
    ...fresh
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
