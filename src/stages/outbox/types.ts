import type { Clock, Moment } from '../../core/clock.js'
import type { PainlensError } from '../../core/errors.js'
import type { Log } from '../../core/log.js'
import type { Note } from './entries.js'

export interface OutboxOptions {
  /** A folder of its own. */
  path: string
  maxMessages: number
  /** Messages older than this are never delivered. */
  expiryMs: number
  log: Log
  clock: Clock
  /** How often a disk that refuses is tried again; 2 s unless given. */
  retryMs?: number
}

/** A message on its way out. */
export interface OutboxEntry {
  topic: string
  payload: Record<string, unknown>
  /** When it was put into the outbox, a moment of the clock. */
  at: Moment
  /** It waited for more than 10 s, or an earlier run of painlens left it. */
  late: boolean
  /** When it is of no use any more, a moment of the clock. */
  expiresAt: Moment
}

/**
 * Resolves once the broker has answered: `refused` means that it will never take this message; `later` that it does not take
 * it now, although the connection is good. Rejects where the connection is not; what rejects with a NotSent has not been tried.
 */
export type Publish = (entry: OutboxEntry) => Promise<Answer>
export type Answer = 'confirmed' | 'refused' | 'later'

export interface OutboxStats {
  depth: number
  /** Those which the disk refused; they are lost if the process ends before it takes them. */
  inMemory: number
  /** Whether the disk takes messages; while it does not, it is tried again every 2 s. */
  works: boolean
  /** Why it does not, in a few words. */
  trouble: PainlensError | null
  expired: number
  /** Given up because the outbox was full. */
  evicted: number
  refused: number
}

export interface PutOptions {
  /** It may be given up first when the outbox is full (updates, explanations). */
  expendable?: boolean
  /** It goes only when nothing else can, one at a time, and holds up nothing: not even the later messages of its alarm. */
  background?: boolean
  /** Written in the same step: after a crash there are both or neither. */
  note?: Note
}

export interface Outbox {
  /**
   * Writes a message to disk, synced, before it resolves. Where the disk refuses, the message is kept in memory (said
   * once in the log), for an alarm matters more than its file, and written as soon as the disk takes it.
   */
  put(topic: string, payload: object, options?: PutOptions): Promise<void>
  /** Writes a small fact that a later run is to know, such as a pause; resolves as `put` does. */
  note(note: Note): Promise<void>
  /** The notes whose key begins with `start`, by the rest of their key; those of earlier runs, too. */
  notes(start: string): Map<string, object>
  /**
   * Delivers until `signal` aborts: messages of the same `alarm_id` strictly one after the other; among those of
   * different ones what may not be given up first, then the background last, the oldest first. One that is to come later
   * rests for 5 s, and with it those behind it, which holds up no other alarm. Resolves after the abort, once nothing is
   * under way. Rejects with the first error of `publish`, but for those of the background; what was not
   * confirmed stays. One drain at a time.
   */
  drain(publish: Publish, signal: AbortSignal): Promise<void>
  depth(): number
  stats(): OutboxStats
  close(): Promise<void>
}
