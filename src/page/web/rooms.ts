/** A room as it is shown, and its place and state in words. */
import type { RoomRow } from '../wire.js'
import type { ShownReason, Words } from './texts.js'

/** Without a connection, nothing is known of any. */
export type ShownRoom = Omit<RoomRow, 'why'> & { why: ShownReason | null }

type Place = Pick<RoomRow, 'camera' | 'ward' | 'room' | 'bed'>

const collator = new Intl.Collator(undefined, { numeric: true })
export const byPlace = (a: Place, b: Place): number =>
  collator.compare(a.ward ?? '', b.ward ?? '') ||
  collator.compare(a.room ?? a.camera, b.room ?? b.camera) ||
  collator.compare(a.bed ?? '', b.bed ?? '')

export function placeOf({ room, bed, camera }: Place, words: Words): string {
  const parts = [room === null ? '' : `${words.room} ${room}`, bed === null ? '' : `${words.bed} ${bed}`]
  return parts.filter((part) => part !== '').join(', ') || camera
}

export function stateText({ lamp, why, until }: ShownRoom, words: Words): string {
  if (lamp === 'unknown') return words.unknown(words.why[why ?? 'box_unheard'])
  return lamp === 'paused' && until !== null ? words.pausedUntil(words.clock(until)) : words.lamp[lamp]
}
