/** At the start of every command, undoes an interrupted `painlens provider`. */
import { existsSync } from 'node:fs'
import { messageOf } from '../core/errors.js'
import { changingProcess, undoChange } from './journal.js'
import { type Place, providerPlace } from './place.js'

/**
 * Undoes an interrupted change of onnxruntime-node's native files. Never throws, so that commands without inference still
 * work. Checks one file if there is no such change.
 * @returns what was done or has to be done, as a sentence; null without an interrupted change
 */
export function repairProvider(find: () => Place = providerPlace): string | null {
  let place: Place
  try {
    place = find()
    if (!existsSync(place.journal) || changingProcess(place) !== null) return null
  } catch {
    // Commands that load onnxruntime-node report its absence.
    return null
  }
  try {
    if (!undoChange(place)) return null
    return `a change of the inference provider was cut short; what was there before is in place again (${place.current})`
  } catch (error) {
    return `a change of the inference provider was cut short, and this user cannot undo it (${messageOf(error)}); run: sudo painlens provider status`
  }
}
