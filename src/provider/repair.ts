/** At the start of every command: whatever a killed `painlens provider` left half done is undone. */
import { existsSync } from 'node:fs'
import { messageOf } from '../core/errors.js'
import { changingProcess, undoChange } from './journal.js'
import { type Place, placeOf } from './place.js'

/**
 * Undoes a change of onnxruntime-node's native files that was cut short. Never throws: a command that needs no inference
 * goes on. Costs a look at one file where there is nothing to undo.
 * @returns what was done or would have to be, a sentence; null where there is nothing to tell
 */
export function repairProvider(find: () => Place = placeOf): string | null {
  let place: Place
  try {
    place = find()
    if (!existsSync(place.journal) || changingProcess(place) !== null) return null
  } catch {
    // Whoever needs onnxruntime-node will say what is the matter with it.
    return null
  }
  try {
    if (!undoChange(place)) return null
    return `a change of the inference provider was cut short; what was there before is in place again (${place.current})`
  } catch (error) {
    return `a change of the inference provider was cut short, and this user cannot undo it (${messageOf(error)}); run: sudo painlens provider status`
  }
}
