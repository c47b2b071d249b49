import { printable } from '../../core/printable.js'
import type { Box, UnusableReason } from '../../core/types.js'
import type { FrameHead } from '../../daemon/control/protocol.js'
import { faceWidth } from '../../lib/face/similarity.js'
import { masksHideAll } from '../../stages/camera/masks.js'

export type ShownFace = NonNullable<FrameHead['faces']>[number]

/** Names come from the config, and may be as long as anything. */
export const shortened = (text: string, most = 60): string => {
  const characters = [...printable(text)]
  return characters.length > most ? `${characters.slice(0, most - 1).join('')}…` : characters.join('')
}

/** `room-312 · 312, window · East`: the camera and where it is. */
export function frameRoom({ camera, location: { ward, room, bed } }: FrameHead): string {
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

/** In the words of a technician; the codes are those of observations. */
const reasons: Record<UnusableReason, string> = {
  roll: 'it is uncertain how it is turned',
  small: 'too small',
  covered: 'covered',
  blurred: 'blurred',
  profile: 'seen from the side',
  dark: 'too dark'
}

/** Another version may have other reasons. */
const reasonOf = (reason: string): string =>
  Object.hasOwn(reasons, reason) ? reasons[reason as UnusableReason] : shortened(reason)

function sizeOf(face: ShownFace, picture: Box): string {
  const width = faceWidth(face.box, face.roll_deg)
  return `${Math.round(width)} px wide (${((100 * width) / picture.width).toFixed(1)} % of the picture's width)`
}

const straightWithin = 5

function rollOf(degrees: number): string {
  const whole = Math.round(degrees)
  if (Math.abs(whole) <= straightWithin) return 'upright'
  if (Math.abs(whole) >= 180 - straightWithin) return 'upside down'
  return `turned ${Math.abs(whole)}° ${whole < 0 ? 'anticlockwise' : 'clockwise'}`
}

/** What the picture shows as lines of text, one for each face. */
export function describeFrame(head: FrameHead, by: string): string[] {
  const { picture, state, masks, zones, faces } = head
  const parts = [counted(masks.length, 'mask'), counted(zones.length, 'zone')].join(', ')
  return [
    `picture ${picture.width}x${picture.height}, ${state}; ${parts}; ${by}`,
    ...(faces === null
      ? [`not searched for faces: the picture is ${state === 'frozen' ? state : 'damaged'}`]
      : faces.length === 0
        ? [masksHideAll(masks) ? 'no face found: the masks hide the whole picture' : 'no face found']
        : faces.map((face, i) => `${i + 1}: ${faceText(face, head)}`))
  ]
}

function faceText(face: ShownFace, { picture }: FrameHead): string {
  const { score, zone, roll_deg, why_not } = face
  const where = zone === null ? 'in no zone' : `in zone ${shortened(zone)}`
  const judged = why_not === null ? 'usable' : `not usable: ${reasonOf(why_not)}`
  return `${judged}; ${sizeOf(face, picture)}, ${rollOf(roll_deg)}, score ${score.toFixed(2)}, ${where}`
}

/** Beside its box. */
export function faceLabel(face: ShownFace, number: number): string {
  const parts = [`${Math.round(faceWidth(face.box, face.roll_deg))} px`, `${Math.round(face.roll_deg)}°`]
  if (face.why_not !== null) parts.push(reasonOf(face.why_not))
  return `${number}: ${parts.join(', ')}`
}

const counted = (count: number, what: string): string => `${count || 'no'} ${what}${count === 1 ? '' : 's'}`
