import type { Clock, Moment } from '../../core/clock.js'
import type { PainlensError } from '../../core/errors.js'
import type { Log } from '../../core/log.js'
import type { SavedEntry } from './copy.js'
import type { Note } from './entries.js'

export interface OutboxOptions {
  /** A folder of its own. */
  path: string
  maxMessages: number
  /** Older messages are dropped. */
  expiryMs: number
  log: Log
  clock: Clock
  /** Interval of retries while the disk refuses; 2 s unless given. */
  retryMs?: number
}

/** A message to be delivered. */
export interface OutboxEntry {
  topic: string
  payload: Record<string, unknown>
  /** When it was put into the outbox, a moment of the clock. */
  at: Moment
  /** Whether it waited for more than 10 s, or is from an earlier run. */
  late: boolean
  /** When it expires, a moment of the clock. */
  expiresAt: Moment
}

/**
 * Resolves once the broker has answered: `refused` means that it will never accept this message, `later` that it refused it
 * for now over a working connection. Rejects if the connection failed; with NotSent if it was not sent.
 */
export type Publish = (entry: OutboxEntry) => Promise<Answer>
export type Answer = 'confirmed' | 'refused' | 'later'

export interface OutboxStats {
  depth: number
  /** Messages that the disk refused; they are lost if the process ends first. */
  inMemory: number
  /** Whether the disk accepts messages; otherwise it is retried every 2 s. */
  works: boolean
  /** Why it refuses, in a few words. */
  trouble: PainlensError | null
  expired: number
  /** Dropped because the outbox was full. */
  evicted: number
  refused: number
}

export interface PutOptions {
  /** May be dropped first when the outbox is full (updates, acknowledgements, explanations). */
  expendable?: boolean
  /** Sent only when no other message can be sent, one at a time of a topic; delays none of another topic, not even later ones of its alarm. */
  background?: boolean
  /** Written atomically with the message. */
  note?: Note
}

export interface Outbox {
  /**
   * Writes a message to disk, synced, before it resolves. If the disk refuses, which is logged once, the message is kept
   * in memory and written as soon as the disk accepts it.
   */
  put(topic: string, payload: object, options?: PutOptions): Promise<void>
  /** Writes a small value for later runs, such as a pause; resolves as `put` does. */
  note(note: Note): Promise<void>
  /** The notes whose key begins with `start`, by the rest of their key, including earlier runs'. */
  notes(start: string): Map<string, object>
  /** All undelivered messages in order, then all notes, as they are at one moment; for a backup. */
  content(): AsyncIterable<SavedEntry>
  /**
   * Delivers until `signal` aborts: messages of the same `alarm_id` strictly one after the other; among
   * different ones required messages first, background messages last, oldest first. A message refused for now waits for 5 s
   * with the later ones of its alarm, and delays no others. Resolves after the abort, once none is
   * under way. Rejects with the first error of `publish` for a message that is not in the background; unconfirmed messages
   * stay. One drain at a time.
   */
  drain(publish: Publish, signal: AbortSignal): Promise<void>
  depth(): number
  stats(): OutboxStats
  close(): Promise<void>
}
