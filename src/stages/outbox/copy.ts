/** An outbox as lines of JSON, in the order of delivery: what a backup holds of it. */
import { chownSync, lstatSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { silentLog } from '../../core/log.js'
import { keyOf, messageKeys, type Note, noteKeys, operationOf, parseEntry, type StoredEntry } from './entries.js'
import { type Operation, Store } from './store.js'

/** One message, or one value that is kept for later runs, such as a pause. */
export type SavedEntry = { message: StoredEntry } | { note: Note }

const batch = 256
const notePrefix = noteKeys.gte

/** The messages of a store, of the moment when the first is asked for; unreadable ones are left out. */
export async function* messagesOf(store: Store): AsyncGenerator<SavedEntry> {
  for await (const [, text] of store.entries(messageKeys)) {
    const message = parseEntry(text)
    if (message) yield { message }
  }
}

async function* entriesOf(store: Store): AsyncGenerator<SavedEntry> {
  yield* messagesOf(store)
  for await (const [key, text] of store.entries(noteKeys)) {
    const value = JSON.parse(text) as object
    yield { note: { key: key.slice(notePrefix.length), value } }
  }
}

/** @returns null for a line that is not of a saved outbox */
export function parseSaved(line: string): SavedEntry | null {
  let value: { message?: unknown; note?: Partial<Note> | null }
  try {
    value = JSON.parse(line)
  } catch {
    return null
  }
  const message = parseEntry(JSON.stringify(value?.message ?? null))
  if (message) return { message }
  const { key, value: noted } = value?.note ?? {}
  return typeof key === 'string' && typeof noted === 'object' && noted !== null ? { note: { key, value: noted } } : null
}

/** Whether a folder holds nothing but an outbox. */
export const isOutboxFolder = (names: readonly string[]): boolean => names.every((name) => ownNames.test(name))
const ownNames = /^(CURRENT|LOCK|LOG(\.old)?|lost|probe|MANIFEST-\d+|\d+\.(log|ldb|sst|dbtmp)|control\.sock.*)$/

/**
 * Reads the outbox of a painlens that does not run.
 * @throws DiskError where another process has it open, or it cannot be read
 */
export async function readOutbox(path: string): Promise<SavedEntry[]> {
  const entries: SavedEntry[] = []
  const release = await holdOutbox(path, async (store) => {
    for await (const entry of entriesOf(store)) entries.push(entry)
  })
  await release()
  return entries
}

/**
 * Keeps other processes out of an outbox. Where there is none nothing is made.
 * @returns gives it back
 * @throws DiskError where another process has it open
 */
export async function holdOutbox(
  path: string,
  use: (store: Store) => Promise<void> = async () => undefined
): Promise<() => Promise<void>> {
  if (!lstatSync(join(path, 'CURRENT'), { throwIfNoEntry: false })) return async () => undefined
  const store = new Store(path, silentLog)
  const release = async (): Promise<void> => {
    await store.close()
    giveToOwner(path)
  }
  try {
    await store.open()
    if (store.trouble) throw store.trouble
    await use(store)
    return release
  } catch (error) {
    await release()
    throw error
  }
}

/** Makes an outbox in a folder that is not there yet. @throws DiskError */
export async function writeOutbox(path: string, entries: readonly SavedEntry[]): Promise<void> {
  const store = new Store(path, silentLog)
  await store.open()
  try {
    const operations = entries.map(
      (entry, at): Operation =>
        'note' in entry
          ? operationOf(entry.note)
          : { type: 'put', key: keyOf(at), value: JSON.stringify(entry.message) }
    )
    for (let at = 0; at < operations.length; at += batch)
      if (!(await store.write(operations.slice(at, at + batch)))) break
    if (store.trouble) throw store.trouble
  } finally {
    await store.close()
  }
}

/** LevelDB writes files whenever it is opened: those that root made would lock painlens's own user out. */
function giveToOwner(path: string): void {
  if (process.getuid?.() !== 0) return
  const { uid, gid } = statSync(path, { throwIfNoEntry: false }) ?? { uid: 0, gid: 0 }
  if (uid === 0) return
  for (const name of readdirSync(path)) {
    const file = join(path, name)
    if (lstatSync(file).isFile()) chownSync(file, uid, gid)
  }
}
