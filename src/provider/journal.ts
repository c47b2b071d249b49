/**
 * A change of the native files as a few renames, and the note that undoes what was cut short. It is there from before the
 * first rename to after the last; as long as it is there the change counts for nothing, and is undone by the next painlens
 * that starts. Everything here is synchronous: no signal but SIGKILL comes between two renames.
 */
import {
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync
} from 'node:fs'
import type { Place } from './place.js'

export interface Journal {
  /** Who changes it, so that a change under way is told from one that was cut short. */
  pid: number
  /** What else tells that process from a later one with its number; null where the system does not say. */
  born: string | null
  /** Where the new files come from: a folder `previous` is put back when the change is undone. */
  from: 'archive' | 'previous'
}

/**
 * Begins a change.
 * @returns false when another one is under way, or was cut short
 */
export function beginChange(place: Place, from: Journal['from']): boolean {
  const journal: Journal = { pid: process.pid, born: birthOf(process.pid), from }
  const draft = `${place.journal}.${process.pid}`
  writeFileSync(draft, `${JSON.stringify(journal)}\n`, { flush: true })
  try {
    // A link appears whole or not at all, and only where there is none.
    linkSync(draft, place.journal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  } finally {
    rmSync(draft, { force: true })
  }
  syncFolder(place.folder)
  return true
}

/** Puts what is staged in place of what is there. */
export function exchange(place: Place): void {
  renameSync(place.current, place.displaced)
  renameSync(place.staged, place.current)
  syncFolder(place.folder)
}

/** Ends a change that was proved: what was there becomes `previous`. */
export function keepChange(place: Place): void {
  if (existsSync(place.previous)) renameSync(place.previous, place.discarded)
  renameSync(place.displaced, place.previous)
  syncFolder(place.folder)
  rmSync(place.discarded, { recursive: true, force: true })
  rmSync(place.journal)
}

/**
 * Brings everything back to where it was when the change began, from wherever it was left.
 * @returns false when there was nothing to bring back: the change had ended but for its journal, or not begun but for that
 */
export function undoChange(place: Place): boolean {
  const { from } = readJournal(place) ?? { from: 'archive' }
  const begun = existsSync(place.displaced) || existsSync(place.staged)
  if (existsSync(place.displaced)) {
    if (existsSync(place.current)) renameSync(place.current, place.staged)
    renameSync(place.displaced, place.current)
  }
  if (existsSync(place.discarded) && !existsSync(place.previous)) renameSync(place.discarded, place.previous)
  if (from === 'previous' && existsSync(place.staged) && !existsSync(place.previous))
    renameSync(place.staged, place.previous)
  for (const left of [place.staged, place.discarded]) rmSync(left, { recursive: true, force: true })
  syncFolder(place.folder)
  rmSync(place.journal, { force: true })
  return begun
}

/** The process that a change is under way in, null when it was cut short or there is none. */
export function changingProcess(place: Place): number | null {
  const journal = readJournal(place)
  return journal && isAlive(journal.pid) && birthOf(journal.pid) === journal.born ? journal.pid : null
}

function readJournal(place: Place): Journal | null {
  try {
    return JSON.parse(readFileSync(place.journal, 'utf8')) as Journal
  } catch {
    return null
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** The boot and the tick in it at which a process began (proc(5), field 22 of stat): no other one has both. */
function birthOf(pid: number): string | null {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return `${boot} ${stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]}`
  } catch {
    return null
  }
}

/** Renames reach the disk before what comes next. */
export function syncFolder(folder: string): void {
  const handle = openSync(folder, 'r')
  try {
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
}
