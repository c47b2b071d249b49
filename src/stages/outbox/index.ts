import { later, type Moment, timeOfDay } from '../../core/clock.js'
import { errorFields, NotSent } from '../../core/errors.js'
import { messagesOf, type SavedEntry } from './copy.js'
import {
  type IndexEntry,
  indexEntry,
  keyOf,
  messageKeys,
  type Note,
  Notes,
  noteKeys,
  operationOf,
  parseEntry,
  Queue,
  type StoredEntry
} from './entries.js'
import { outboxError, Store } from './store.js'
import type { Outbox, OutboxOptions, OutboxStats, Publish, PutOptions } from './types.js'

export { holdOutbox, isOutboxFolder, parseSaved, readOutbox, type SavedEntry, writeOutbox } from './copy.js'
export type { Note } from './entries.js'
export type { Outbox, OutboxEntry, OutboxOptions, OutboxStats, Publish } from './types.js'

const lateMs = 10_000
/** Messages under way: enough to hide the round trip, few enough that an outage repeats little. */
const windowSize = 8
/** After this many failures an expendable message is assumed to break the connection, and dropped. */
const maxAttempts = 10
const defaultRetryMs = 2000
/** Delay of a message that the broker refused for now, and of those behind it. */
const restMs = 5000
/** First key while the keys on disk are unknown: greater than any key of an earlier run. */
const blindKey = 4e15

/**
 * Opens the outbox. On a full or read-only disk it starts too: messages wait in memory until the disk takes them.
 * @throws {DiskError} if the folder is locked, damaged or belongs to another user
 */
export async function openOutbox(options: OutboxOptions): Promise<Outbox> {
  const store = new Store(options.path, options.log)
  await store.open()
  const outbox = new DiskOutbox(options, store)
  try {
    await outbox.start()
  } catch (error) {
    await store.close()
    throw outboxError(options.path, error)
  }
  return outbox
}

interface Waiting {
  key: string
  stored: StoredEntry
  moment: Moment
  value: string
  done: () => void
}

class DiskOutbox implements Outbox {
  readonly #options: OutboxOptions
  readonly #store: Store
  readonly #index = new Queue()
  readonly #notes = new Notes()
  readonly #counts = { expired: 0, evicted: 0, refused: 0 }
  #waiting: Waiting[] = []
  #noteWaiting: (() => void)[] = []
  #isWriting = false
  #writing: Promise<void> = Promise.resolve()
  #retry: NodeJS.Timeout | undefined
  #nextKey = 0
  /** Refusals in a row. */
  #notTaken = 0
  #allRestUntil = 0
  /** Whether the messages of earlier runs have been read. */
  #isLoaded = false
  #wake: () => void = () => undefined

  constructor(options: OutboxOptions, store: Store) {
    this.#options = options
    this.#store = store
  }

  async start(): Promise<void> {
    if (this.#store.works) await this.#load()
    else this.#nextKey = blindKey + this.#options.clock.now()
    this.#retry = setInterval(() => {
      if (!this.#store.works && !this.#isWriting) this.#writing = this.#write()
    }, this.#options.retryMs ?? defaultRetryMs).unref()
  }

  async put(
    topic: string,
    payload: object,
    { expendable = false, background = false, note }: PutOptions = {}
  ): Promise<void> {
    const { clock } = this.#options
    const moment = clock.now()
    const stored: StoredEntry = { topic, payload: { ...payload }, at: timeOfDay(clock, moment), expendable, background }
    const value = JSON.stringify(stored)
    if (note) this.#notes.set(note)
    return new Promise((done) => {
      this.#waiting.push({ key: keyOf(this.#nextKey++), stored, moment, value, done })
      if (!this.#isWriting) this.#writing = this.#write()
    })
  }

  async note(note: Note): Promise<void> {
    this.#notes.set(note)
    return new Promise((done) => {
      this.#noteWaiting.push(done)
      if (!this.#isWriting) this.#writing = this.#write()
    })
  }

  notes(start: string): Map<string, object> {
    return this.#notes.below(start)
  }

  async *content(): AsyncGenerator<SavedEntry> {
    // Then what was put before is on disk, or held in memory.
    await this.#writing
    const held = [...this.#index.values()].flatMap(({ inMemory }) => inMemory ?? [])
    const notes = [...this.#notes.below('')]
    // The disk has refused those in memory, and whatever came later.
    yield* messagesOf(this.#store)
    for (const message of held) yield { message }
    for (const [key, value] of notes) yield { note: { key, value } }
  }

  async drain(publish: Publish, signal: AbortSignal): Promise<void> {
    const failures: unknown[] = []
    const sending = new Set<Promise<void>>()
    const onAbort = () => this.#wake()
    signal.addEventListener('abort', onAbort)
    while (!signal.aborted && failures.length === 0) {
      const woken = new Promise<void>((resolve) => {
        this.#wake = resolve
      })
      const entry = sending.size < windowSize ? this.#next() : undefined
      if (entry === undefined) await woken
      else {
        entry.underWay = true
        // Read one after the other, so that the oldest is sent first.
        const stored = await this.#read(entry).catch((error: unknown) => void failures.push(error))
        const delivery: Promise<void> = (
          stored === undefined ? Promise.resolve() : this.#deliver(entry, stored, publish)
        )
          .catch(
            (error: unknown) => void (entry.background ? this.#restBehind(entry, error, signal) : failures.push(error))
          )
          .finally(() => {
            entry.underWay = false
            sending.delete(delivery)
            this.#wake()
          })
        sending.add(delivery)
      }
    }
    signal.removeEventListener('abort', onAbort)
    await Promise.all(sending)
    if (failures.length > 0 && !signal.aborted) throw failures[0]
  }

  #next(): IndexEntry | undefined {
    const now = performance.now()
    if (now < this.#allRestUntil) return undefined
    return this.#index.next(now)
  }

  /** A background message that fails does not delay others; it is retried later. */
  #restBehind(entry: IndexEntry, error: unknown, signal: AbortSignal): void {
    if (signal.aborted) return
    const fields = { key: entry.key, alarm_id: entry.follows, ...errorFields(error) }
    this.#options.log.warn(fields, 'the broker has not confirmed a message in the background; it is tried again')
    this.#index.rest(entry, this.#restUntil())
  }

  /** When a message refused now is sent again; the drain wakes then. */
  #restUntil(): number {
    setTimeout(() => this.#wake(), restMs + 1).unref()
    return performance.now() + restMs
  }

  /**
   * Holds back a message that the broker refused for now. The reason may concern this message or all of them (a user without
   * the right to publish): after as many refusals in a row as are under way at once, all messages wait.
   */
  #restOne(entry: IndexEntry): void {
    const until = this.#restUntil()
    this.#index.rest(entry, until)
    if (!entry.background && ++this.#notTaken % windowSize === 0) this.#allRestUntil = until
  }

  depth(): number {
    return this.#index.size + this.#waiting.length
  }

  stats(): OutboxStats {
    let inMemory = 0
    for (const entry of this.#index.values()) if (entry.inMemory) inMemory++
    return { depth: this.depth(), inMemory, works: this.#store.works, trouble: this.#store.trouble, ...this.#counts }
  }

  async close(): Promise<void> {
    clearInterval(this.#retry)
    await this.#writing
    if (!this.#store.works) await this.#recover()
    const { inMemory } = this.stats()
    if (inMemory > 0) this.#options.log.error({ lost: inMemory }, 'the disk has not taken all alarms; these are lost')
    await this.#store.close()
  }

  /** Messages put during one sync are written together with the next: a burst costs a few syncs. */
  async #write(): Promise<void> {
    this.#isWriting = true
    // Here, since no other write may run at the same time.
    if (!this.#store.works && this.#waiting.length === 0) await this.#recover()
    while (this.#waiting.length > 0 || this.#noteWaiting.length > 0) {
      // Copies: more may come in while these are written.
      const batch = [...this.#waiting]
      const noted = this.#noteWaiting.splice(0)
      const notes = this.#notes.due()
      const messages = batch.map(({ key, value }) => ({ type: 'put' as const, key, value }))
      const written = await this.#store.write([...messages, ...notes.map(operationOf)])
      if (written) this.#notes.written(notes)
      this.#waiting = this.#waiting.slice(batch.length)
      for (const { key, stored, moment, done } of batch) {
        this.#index.add({ ...indexEntry(key, stored, moment), inMemory: written ? null : stored })
        done()
      }
      for (const done of noted) done()
      await this.#makeRoom()
      this.#wake()
    }
    // In the same step as the last check for waiting messages, or a put in between would wait for ever.
    this.#isWriting = false
  }

  /** Updates the disk once it works again: writes messages from memory, removes delivered ones. */
  async #recover(): Promise<void> {
    if (!(await this.#store.recover())) return
    if (this.#isLoaded) {
      for await (const [key] of this.#store.entries(messageKeys)) if (!this.#index.has(key)) await this.#store.del(key)
    } else await this.#load()
    const held = [...this.#index.values()].filter(({ inMemory }) => inMemory !== null)
    const notes = this.#notes.due()
    const messages = held.map(({ key, inMemory }) => ({ type: 'put' as const, key, value: JSON.stringify(inMemory) }))
    const operations = [...messages, ...notes.map(operationOf)]
    if (operations.length > 0 && !(await this.#store.write(operations))) return
    this.#notes.written(notes)
    for (const entry of held) {
      entry.inMemory = null
      // Delivered meanwhile.
      if (!this.#index.has(entry.key)) await this.#store.del(entry.key)
    }
    this.#index.unpark()
    this.#wake()
  }

  /** Reads the messages of earlier runs. */
  async #load(): Promise<void> {
    const { log } = this.#options
    const found: IndexEntry[] = []
    for await (const [key, value] of this.#store.entries(messageKeys)) {
      this.#nextKey = Math.max(this.#nextKey, Number(key) + 1)
      const stored = parseEntry(value)
      if (stored) found.push(indexEntry(key, stored, null))
      else {
        log.warn({ key }, 'a message in the outbox is unreadable and was removed')
        await this.#store.del(key)
      }
    }
    await this.#notes.load(this.#store.entries(noteKeys))
    this.#index.addInFront(found)
    this.#isLoaded = true
    if (found.length > 0) log.info({ depth: found.length }, 'the outbox holds messages of an earlier run')
  }

  /**
   * @returns null for an invalid message; undefined if reading fails now: then it waits until the outbox is reopened, and
   * is dropped if that does not help
   */
  async #read(entry: IndexEntry): Promise<StoredEntry | null | undefined> {
    if (entry.inMemory) return entry.inMemory
    const { works } = this.#store
    try {
      return parseEntry((await this.#store.get(entry.key)) ?? '')
    } catch {
      // During a reopening, failures are not the message's fault.
      if (works && entry.unread++ > 0) return null
      entry.parked = true
      return undefined
    }
  }

  async #deliver(entry: IndexEntry, stored: StoredEntry | null, publish: Publish): Promise<void> {
    const { clock, log, expiryMs } = this.#options
    const now = clock.now()
    const at = later(now, -this.#ageMs(entry))
    const expiresAt = later(at, expiryMs)
    if (stored === null) log.error({ key: entry.key }, 'a message in the outbox is unreadable and was dropped')
    else if (now >= expiresAt) this.#drop(entry, 'expired', 'an undelivered message expired and was dropped')
    else {
      const late = 'earlier' in entry.put || now - at > lateMs
      const payload =
        'late' in stored.payload ? { ...stored.payload, late: stored.payload.late || late } : stored.payload
      const sent = publish({ topic: stored.topic, payload, at, late, expiresAt })
      let answer = await sent.catch((error: unknown) => {
        // A broker may disconnect on every try of a message too large for it, which would block all others.
        if (entry.expendable && !(error instanceof NotSent) && ++entry.attempts >= maxAttempts)
          return 'refused' as const
        throw error
      })
      if (answer === 'later' && entry.expendable && ++entry.attempts >= maxAttempts) answer = 'refused'
      if (answer === 'later') return this.#restOne(entry)
      if (answer === 'confirmed') this.#notTaken = 0
      if (answer === 'refused') this.#drop(entry, 'refused', 'the broker refuses this message for good; it was dropped')
    }
    await this.#remove(entry)
  }

  async #makeRoom(): Promise<void> {
    while (this.#index.size > this.#options.maxMessages) {
      const victim = this.#index.victim()
      if (victim === undefined) return
      this.#drop(victim, 'evicted', 'the outbox is full; an undelivered message was dropped')
      await this.#remove(victim)
    }
  }

  #drop(entry: IndexEntry, kind: 'expired' | 'evicted' | 'refused', message: string): void {
    this.#counts[kind]++
    const { key, follows, expendable } = entry
    const waitedS = Math.round(this.#ageMs(entry) / 1000)
    this.#options.log.warn(
      { key, alarm_id: follows, expendable, waited_s: waitedS, total: this.#counts[kind] },
      message
    )
  }

  /** The age of an earlier run's message is known only by the time of day, which may have been set back since. */
  #ageMs({ put }: IndexEntry): number {
    const { clock } = this.#options
    const now = clock.now()
    return 'earlier' in put ? Math.max(0, timeOfDay(clock, now) - put.earlier) : now - put.moment
  }

  /** A message that cannot be deleted is sent again after a restart; subscribers recognise it by alarm_id and seq. */
  async #remove(entry: IndexEntry): Promise<void> {
    this.#index.delete(entry.key)
    if (!entry.inMemory) await this.#store.del(entry.key)
  }
}
