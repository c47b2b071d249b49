/**
 * A change of the native files as a few renames, with a journal to undo it. The journal exists from before the first rename
 * to after the last; while it exists, the change is not valid, and the next start of painlens undoes it. All calls are
 * synchronous, so that only SIGKILL can come between two renames.
 */
import { existsSync, linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { syncFolder } from '../core/file-names.js'
import { birthOf, isRunning } from '../core/processes.js'
import type { Place } from './place.js'

export interface Journal {
  /** The process that makes the change, to distinguish running changes from interrupted ones. */
  pid: number
  /** Distinguishes that process from a later one with its id; null if unknown. */
  born: string | null
  /** The source of the new files; `previous` is restored when the change is undone. */
  from: 'archive' | 'previous'
}

/**
 * Begins a change.
 * @returns false if another one is running or was interrupted
 */
export function beginChange(place: Place, from: Journal['from']): boolean {
  const journal: Journal = { pid: process.pid, born: birthOf(process.pid), from }
  const draft = `${place.journal}.${process.pid}`
  writeFileSync(draft, `${JSON.stringify(journal)}\n`, { flush: true })
  try {
    // A link is created atomically, and only if none exists.
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

/** Replaces the current build by the staged one. */
export function exchange(place: Place): void {
  renameSync(place.current, place.displaced)
  renameSync(place.staged, place.current)
  syncFolder(place.folder)
}

/** Completes a proved change: the old build becomes `previous`. */
export function keepChange(place: Place): void {
  if (existsSync(place.previous)) renameSync(place.previous, place.discarded)
  renameSync(place.displaced, place.previous)
  syncFolder(place.folder)
  rmSync(place.discarded, { recursive: true, force: true })
  rmSync(place.journal)
}

/**
 * Restores the state before the change, from any step of it.
 * @returns false if no file had to be restored: the change had only written its journal, or was complete except for it
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

/** The process of a running change; null if there is none or it was interrupted. */
export function changingProcess(place: Place): number | null {
  const journal = readJournal(place)
  return journal && isRunning(journal.pid) && birthOf(journal.pid) === journal.born ? journal.pid : null
}

function readJournal(place: Place): Journal | null {
  try {
    return JSON.parse(readFileSync(place.journal, 'utf8')) as Journal
  } catch {
    return null
  }
}
