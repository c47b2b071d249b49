import type { Operation } from './store.js'

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
