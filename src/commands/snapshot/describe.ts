import { printable } from '../../core/printable.js'
import type { Box } from '../../core/types.js'
import type { FrameHead } from '../../daemon/control/protocol.js'

export type ShownFace = NonNullable<FrameHead['faces']>[number]

/** Names come from the config, and may be as long as anything. */
export const shortened = (text: string, most = 60): string => {
  const characters = [...printable(text)]
  return characters.length > most ? `${characters.slice(0, most - 1).join('')}…` : characters.join('')
}

/** `room-312 · 312, window · East`: the camera and where it is. */
export function placeOf({ camera, location: { ward, room, bed } }: FrameHead): string {
  const names = [room && `room ${room}`, bed && `bed ${bed}`, ward && `ward ${ward}`].filter((name) => name !== null)
  return [camera, names.map((name) => shortened(name)).join(', ')].filter(Boolean).join(' · ')
}

/** `2026-11-28 10:41:03 +01:00`, in the time of this machine. */
export function localTime(at: string): string {
  const date = new Date(at)
  const offset = -date.getTimezoneOffset()
  const local = new Date(date.getTime() + offset * 60_000).toISOString().slice(0, 19).replace('T', ' ')
  const two = (value: number): string => String(Math.floor(value)).padStart(2, '0')
  return `${local} ${offset < 0 ? '-' : '+'}${two(Math.abs(offset) / 60)}:${two(Math.abs(offset) % 60)}`
}

/** `84 px (6.6 % of the width)` */
function sizeOf({ width }: Box, picture: Box): string {
  return `${Math.round(width)} px wide (${((100 * width) / picture.width).toFixed(1)} % of the picture)`
}

/** What the picture shows as lines of text, one for each face. */
export function describe(head: FrameHead, by: string): string[] {
  const { picture, state, masks, zones, faces } = head
  const parts = [counted(masks.length, 'mask'), counted(zones.length, 'zone')].join(', ')
  return [
    `picture ${picture.width}x${picture.height}, ${state}; ${parts}; ${by}`,
    ...(faces === null
      ? ['not searched for faces: the picture is frozen']
      : faces.length === 0
        ? ['no face found']
        : faces.map((face, i) => `${i + 1}: ${faceText(face, head)}`))
  ]
}

function faceText({ box, score, zone }: ShownFace, { picture }: FrameHead): string {
  const where = zone === null ? 'in no zone' : `in zone ${shortened(zone)}`
  return `${sizeOf(box, picture)}, score ${score.toFixed(2)}, ${where}`
}

/** Beside its box. */
export const faceLabel = ({ box }: ShownFace, number: number): string => `${number}: ${Math.round(box.width)} px`

const counted = (count: number, what: string): string => `${count || 'no'} ${what}${count === 1 ? '' : 's'}`
