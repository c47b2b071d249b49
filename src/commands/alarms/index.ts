import { openConfig } from '../../config/index.js'
import type { Acknowledgement, AlarmMessage } from '../../contract/messages.js'
import { UsageError } from '../../core/errors.js'
import { printable, printableJson } from '../../core/printable.js'
import { terminalWidth, toStdout, type Write } from '../../core/terminal.js'
import { type AlarmLogEntry, isAcknowledgementEntry, readAlarmLog } from '../../stages/alarm-log/index.js'
import { tableLines } from './columns.js'
import { printFeedback } from './feedback.js'

export interface AlarmsOptions {
  config?: string
  /** The log's folder; the config's unless given. */
  path?: string
  /** Shows alarms with a message since this time, in ms since the epoch. */
  since?: number
  camera?: string
  json?: boolean
  /** Counts what was said of alarms for pain, by bed and night. */
  feedback?: boolean
}

export interface AlarmsIo {
  write: Write
  /** Columns of the terminal; without one, lines are as long as they are. */
  width: number
}

const standardIo = (): AlarmsIo => ({ write: toStdout, width: terminalWidth() })

/**
 * `painlens alarms`: prints the alarm log of this device, one line for each alarm, or with --json each message and each
 * acknowledgement as sent; with --feedback what was said of its alarms for pain.
 * Works while the daemon runs, and needs none of the config's passwords.
 * @returns 0, or 1 when it was stopped
 * @throws {DiskError} if there is no log; UsageError for a camera that neither the config nor the log has
 */
export async function alarmsCommand(
  options: AlarmsOptions,
  signal: AbortSignal,
  { write, width }: AlarmsIo = standardIo()
): Promise<number> {
  const config =
    options.path === undefined ? (await openConfig(options.config, { needsPasswords: false })).config : null
  const path = options.path ?? config!.alarm_log.path
  const cameras = new Set(config?.cameras.map(({ id }) => id))
  const told = new Map<string, Told>()
  for await (const entry of readAlarmLog(path)) {
    if (signal.aborted) return 1
    const alarm = hear(told, entry)
    if (alarm?.message.camera) cameras.add(alarm.message.camera)
    const isWanted =
      (options.camera === undefined || alarm?.message.camera === options.camera) &&
      (options.since === undefined || timeOf(entry) >= options.since)
    if (!isWanted) continue
    if (options.json && !options.feedback) write(`${printableJson(JSON.stringify(entry))}\n`)
    else if (alarm) alarm.isWanted = true
  }
  if (options.camera !== undefined && !cameras.has(options.camera)) throw unknownCamera(options.camera, cameras)
  printTold(
    [...told.values()].filter(({ isWanted }) => isWanted),
    options,
    { write, width }
  )
  return 0
}

/** With --json alone all is said already. */
function printTold(told: readonly Told[], { feedback, json = false }: AlarmsOptions, { write, width }: AlarmsIo): void {
  if (feedback) printFeedback(told, { json, write, width })
  else if (!json) printAlarms(told, write, width)
}

const unknownCamera = (camera: string, known: ReadonlySet<string>): UsageError =>
  new UsageError('PL-ALARMS-CAMERA', `there is no camera ${JSON.stringify(printable(camera))}`, '--camera', {
    fix: known.size > 0 ? `Name one of: ${[...known].map(printable).join(', ')}.` : 'The log is empty.'
  })

type Given = Acknowledgement & { after_end: boolean }

/** The log's entries about one alarm. */
interface Told {
  /** The last message, with the highest score so far. */
  message: AlarmMessage
  /** From alarm messages and from acknowledgement messages, each once; the key is made of the fields that differ between two. */
  acknowledgements: Map<string, Given>
  /** One of its messages says that it was judged against a resting face. */
  referenced: boolean
  isWanted: boolean
}

/** @returns the entry's alarm; undefined for an acknowledgement whose alarm the log no longer has */
function hear(told: Map<string, Told>, entry: AlarmLogEntry): Told | undefined {
  const known = told.get(entry.alarm_id)
  if (isAcknowledgementEntry(entry)) {
    if (known) acknowledge(known, entry)
    return known
  }
  const alarm = known ?? { message: entry, acknowledgements: new Map(), referenced: false, isWanted: false }
  // Lines of earlier versions do not say.
  alarm.referenced ||= entry.reference != null
  alarm.message = stronger(known?.message, entry)
  if (entry.ack) acknowledge(alarm, { ...entry.ack, after_end: false })
  told.set(entry.alarm_id, alarm)
  return alarm
}

function acknowledge({ acknowledgements }: Told, given: Given): void {
  const key = JSON.stringify([given.at, given.by, given.kind])
  if (!acknowledgements.has(key)) acknowledgements.set(key, given)
}

const timeOf = (entry: AlarmLogEntry): number => Date.parse(isAcknowledgementEntry(entry) ? entry.at : entry.updated)

/** The later message, with the highest score so far. */
function stronger(before: AlarmMessage | undefined, message: AlarmMessage): AlarmMessage {
  if (message.type !== 'physiological') return message
  return { ...message, score: Math.max(message.score, before?.score ?? 0) }
}

type Cell = (alarm: AlarmMessage, acknowledgements: readonly Given[]) => string

/** From left to right. */
const columns: readonly (readonly [title: string, cell: Cell])[] = [
  ['onset', ({ onset }) => localDayAndTime(onset)],
  ['camera', ({ camera }) => camera ?? '-'],
  ['place', ({ location: { ward, room, bed } }) => [ward, room, bed].filter(Boolean).join('/') || '-'],
  ['condition', ({ condition }) => condition],
  ['priority', ({ priority }) => priority],
  [
    'lasted',
    ({ duration_s, state }) => (state === 'ended' ? durationText(duration_s) : `${durationText(duration_s)} …`)
  ],
  ['ended', ({ state, reason }) => (state === 'ended' ? (reason ?? '-') : 'not yet')],
  ['ack', ({ onset }, given) => (given.length > 0 ? acknowledged(given, onset) : '-')],
  ['score', ({ score }) => score?.toFixed(2) ?? '-']
]

/**
 * A table with a line for each alarm in the given order, and their number below it. On a narrow terminal each alarm, and the
 * title, has several lines.
 */
function printAlarms(alarms: readonly Told[], write: Write, width: number): void {
  if (alarms.length === 0) {
    write('no alarms\n')
    return
  }
  const rows = [
    columns.map(([title]) => title),
    ...alarms.map(({ message, acknowledgements }) =>
      columns.map(([, cell]) => printable(cell(message, [...acknowledgements.values()])))
    )
  ]
  const lines = tableLines(rows, width)
  write(`${lines.join('\n')}\n\n${counted(alarms)}\n`, { to: lines[0]!.length, sgr: '1' })
}

function counted(alarms: readonly Told[]): string {
  const active = alarms.filter(({ message: { state } }) => state !== 'ended').length
  return `${alarms.length === 1 ? 'one alarm' : `${alarms.length} alarms`}, ${active} without an end`
}

/** The last one: `coming by nurse 7 at 07:12:40`, `seen by nurse 8 at 07:40:10 after the end (3 in all)`. */
function acknowledged(given: readonly Given[], onset: string): string {
  const { by, at, kind, after_end } = given.at(-1)!
  const [day, time] = localDayAndTime(at).split(' ')
  const when = localDayAndTime(onset).startsWith(day!) ? time : `${day} ${time}`
  const others = given.length > 1 ? ` (${given.length} in all)` : ''
  return `${kind} by ${by} at ${when}${after_end ? ' after the end' : ''}${others}`
}

/** `2026-01-01 07:12:30`, in the time zone of this device. */
function localDayAndTime(time: string): string {
  const date = new Date(time)
  const two = (value: number): string => String(value).padStart(2, '0')
  const day = [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())].join('-')
  return `${day} ${[date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(':')}`
}

/** `42 s`, `3 min 5 s`, `2 h 10 min`, `3 d 4 h`. */
function durationText(seconds: number): string {
  const whole = Math.round(seconds)
  const units = [
    [86_400, 'd', 3600, 'h'],
    [3600, 'h', 60, 'min'],
    [60, 'min', 1, 's']
  ] as const
  for (const [size, unit, smallSize, smallUnit] of units) {
    if (whole < size) continue
    const rest = Math.floor((whole % size) / smallSize)
    return `${Math.floor(whole / size)} ${unit}${rest > 0 ? ` ${rest} ${smallUnit}` : ''}`
  }
  return `${whole} s`
}
