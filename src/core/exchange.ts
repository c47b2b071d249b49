/**
 * Puts several files and folders in place as one change: a journal is on disk from before the first rename to after the last,
 * and an exchange that was interrupted is completed by it. Each is whole beside its target before the journal is written.
 */
import { linkSync, lstatSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { syncFolder } from './file-names.js'

export interface Move {
  /** Whole and synced, in the folder of `target`. */
  staged: string
  /** A file, a folder or nothing yet; never a link. */
  target: string
}

/** Where a target's new content is made: beside it, hidden. */
export const stagedFor = (target: string): string => join(dirname(target), `.${basename(target)}.new`)
const asideOf = (target: string): string => join(dirname(target), `.${basename(target)}.old`)

/**
 * All of them or none. A process that is killed in between leaves the journal, by which `finishExchange` completes it.
 * @param journal a path in a folder that only its owner writes to
 * @throws the system's error, after everything is as it was
 */
export function exchangeAll(journal: string, moves: readonly Move[]): void {
  const draft = `${journal}.${process.pid}`
  writeFileSync(draft, JSON.stringify(moves), { mode: 0o600, flag: 'wx', flush: true })
  try {
    // A link is made only where there is no journal yet.
    linkSync(draft, journal)
  } finally {
    rmSync(draft, { force: true })
  }
  try {
    syncFolder(dirname(journal))
    moveAll(moves)
  } catch (error) {
    for (const move of [...moves].reverse()) undo(move)
    rmSync(journal, { force: true })
    throw error
  }
  clear(journal, moves)
}

/**
 * Completes an exchange that was interrupted.
 * @returns false where there is none
 * @throws the system's error where this user may not
 */
export function finishExchange(journal: string): boolean {
  const moves = readJournal(journal)
  if (!moves) return false
  moveAll(moves)
  clear(journal, moves)
  return true
}

function moveAll(moves: readonly Move[]): void {
  for (const move of moves) {
    // Moved already, by the process that was interrupted.
    if (kindOf(move.staged) === null) continue
    putAside(move.target)
    renameSync(move.staged, move.target)
  }
  for (const folder of new Set(moves.map(({ target }) => dirname(target)))) syncFolder(folder)
}

/** A file keeps its name until the new one takes it; a folder cannot. */
function putAside(target: string): void {
  const kind = kindOf(target)
  if (kind === null) return
  const aside = asideOf(target)
  rmSync(aside, { recursive: true, force: true })
  if (kind === 'folder') renameSync(target, aside)
  else linkSync(target, aside)
}

function undo({ staged, target }: Move): void {
  const aside = asideOf(target)
  const moved = kindOf(staged) === null
  if (moved) renameSync(target, staged)
  if (kindOf(aside) !== null) renameSync(aside, target)
  // Two names of one file, which a rename leaves.
  rmSync(aside, { recursive: true, force: true })
}

function clear(journal: string, moves: readonly Move[]): void {
  for (const { target } of moves) rmSync(asideOf(target), { recursive: true, force: true })
  rmSync(journal, { force: true })
}

/** Only one that this user or root has written. */
function readJournal(journal: string): Move[] | null {
  const found = lstatSync(journal, { throwIfNoEntry: false })
  if (!found?.isFile() || (found.uid !== 0 && found.uid !== process.getuid?.())) return null
  return JSON.parse(readFileSync(journal, 'utf8')) as Move[]
}

function kindOf(path: string): 'folder' | 'file' | null {
  const found = lstatSync(path, { throwIfNoEntry: false })
  if (!found) return null
  return found.isDirectory() ? 'folder' : 'file'
}

/** The journal of `painlens restore`, beside the config. */
export const restoreJournal = (configFile: string): string => join(dirname(configFile), '.painlens-restore')
