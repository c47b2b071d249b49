/** `painlens alarms --feedback`: what nurses have said of alarms for pain, by bed and night. */
import { type AnsweredAlarm, advice, type Feedback, feedbackOf, nightAt } from '../../contract/feedback.js'
import type { Acknowledgement, AlarmMessage } from '../../contract/messages.js'
import { groupedBy } from '../../core/grouped.js'
import { printable, printableJson } from '../../core/printable.js'
import type { Write } from '../../core/terminal.js'
import { tableLines } from './columns.js'

/** An alarm of the log: its last message, with the highest score, and what was said of it. */
export interface ToldAlarm {
  message: AlarmMessage
  acknowledgements: ReadonlyMap<string, Acknowledgement>
  referenced: boolean
}

interface FeedbackIo {
  /** A line of JSON for each row in place of a table. */
  json: boolean
  write: Write
  width: number
}

/** In which little can be seen. */
const troubles: readonly string[] = ['camera_dark', 'camera_damaged', 'face_unusable']

interface Night {
  from: Date
  to: Date
}

interface Row extends Feedback {
  camera: string
  /** As the last message says it. */
  location: AlarmMessage['location']
  /** Null: all nights together. */
  night: Night | null
}

/** Prints a table with a line for each bed and night, and for each bed a sentence over all of its nights. */
export function printFeedback(told: readonly ToldAlarm[], { json, write, width }: FeedbackIo): void {
  const beds = [...groupedBy(told, ({ message: { camera } }) => camera ?? '').values()].map(rowsOfBed).filter(hasRows)
  if (json) {
    for (const row of beds.flat()) write(`${printableJson(JSON.stringify(jsonOf(row)))}\n`)
    return
  }
  if (beds.length === 0) {
    write('no alarms for pain\n')
    return
  }
  const titles = ['night', 'camera', 'place', 'alarms', 'false', 'seen', 'no answer']
  const nights = beds.flat().filter(({ night }) => night !== null)
  const lines = tableLines([titles, ...nights.map(cellsOf)], width)
  write(`${lines.join('\n')}\n\n`, { to: lines[0]!.length, sgr: '1' })
  for (const bed of beds) write(`${sentenceOf(bed.at(-1)!)}\n`)
  write('\npainlens learns nothing from this by itself: people decide.\n')
}

const hasRows = (rows: readonly Row[]): boolean => rows.length > 0

/** The bed's nights with alarms for pain, the earliest first, and then all of them together. */
function rowsOfBed(told: readonly ToldAlarm[]): Row[] {
  const pain = told.filter(isPain)
  if (pain.length === 0) return []
  const { camera, location } = pain.at(-1)!.message
  const about = { camera: camera ?? '', location }
  const nights = [...groupedBy(told, ({ message }) => nightOf(message).from.getTime())].sort(([a], [b]) => a - b)
  const rows = nights.flatMap(([, own]): Row[] => {
    const alarms = own.filter(isPain)
    if (alarms.length === 0) return []
    return [{ ...about, night: nightOf(alarms[0]!.message), ...feedbackOf(alarms.map(answered), troubleMin(own)) }]
  })
  // As much trouble as in the worst of the nights, since that is what one night is held against.
  const worst = nights.reduce((most, [, own]) => Math.max(most, troubleMin(own)), 0)
  return [...rows, { ...about, night: null, ...feedbackOf(pain.map(answered), worst) }]
}

const isPain = ({ message: { condition } }: ToldAlarm): boolean => condition === 'pain'

const nightOf = ({ onset }: AlarmMessage): Night => nightAt(new Date(onset))

function answered({ message: { score, threshold }, acknowledgements, referenced }: ToldAlarm): AnsweredAlarm {
  const said = [...acknowledgements.values()].sort((a, b) => Date.parse(a.at) - Date.parse(b.at))
  const isScored = typeof score === 'number' && typeof threshold === 'number'
  return { said: said.map(({ kind }) => kind), margin: isScored ? score - threshold : null, referenced }
}

const troubleMin = (told: readonly ToldAlarm[]): number =>
  told
    .filter(({ message: { condition } }) => troubles.includes(condition))
    .reduce((sum, { message: { duration_s } }) => sum + duration_s, 0) / 60

const placeOf = ({ location: { ward, room, bed } }: Row): string => [ward, room, bed].filter(Boolean).join('/') || '-'

function cellsOf(row: Row): string[] {
  const { night, camera, alarms, false_alarm, seen, unanswered } = row
  return [dayOf(night!.from), camera, placeOf(row), ...[alarms, false_alarm, seen, unanswered].map(String)].map(
    printable
  )
}

function sentenceOf(row: Row): string {
  const { camera, alarms, false_alarm, seen, unanswered, advice: name } = row
  const counts = `${alarms} in all, ${false_alarm} false, ${seen} seen, ${unanswered} without an answer`
  return `${printable(camera)} (${printable(placeOf(row))}): ${counts}. ${advice[name].text.en}`
}

function jsonOf({ night, advice: name, ...row }: Row): object {
  const times = night && { from: night.from.toISOString(), to: night.to.toISOString() }
  return { night: night && dayOf(night.from), ...times, ...row, advice: name, text: advice[name].text }
}

/** `2026-01-31`, in the time zone of this device. */
function dayOf(date: Date): string {
  const two = (value: number): string => String(value).padStart(2, '0')
  return [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())].join('-')
}
