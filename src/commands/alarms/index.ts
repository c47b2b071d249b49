import { loadConfig } from '../../config/index.js'
import type { AlarmMessage } from '../../contract/messages.js'
import { printable, printableJson } from '../../core/printable.js'
import { toStdout, type Write } from '../../core/terminal.js'
import { readAlarmLog } from '../../stages/alarm-log/index.js'

export interface AlarmsOptions {
  config: string
  /** The log's folder; the config's unless given. */
  path?: string
  /** Shows alarms with a message since this time, in ms since the epoch. */
  since?: number
  camera?: string
  json?: boolean
}

/**
 * `painlens alarms`: prints the alarm log of this device, one line for each alarm, or with --json each message as sent.
 * Works while the daemon runs.
 * @returns 0, or 1 when it was stopped
 * @throws {DiskError} if there is no log
 */
export async function alarmsCommand(
  options: AlarmsOptions,
  signal: AbortSignal,
  write: Write = toStdout
): Promise<number> {
  const path = options.path ?? (await loadConfig(options.config)).config.alarm_log.path
  const isWanted = ({ camera, updated }: AlarmMessage): boolean =>
    (options.camera === undefined || camera === options.camera) &&
    (options.since === undefined || Date.parse(updated) >= options.since)
  const alarms = new Map<string, AlarmMessage>()
  for await (const message of readAlarmLog(path)) {
    if (signal.aborted) return 1
    if (!isWanted(message)) continue
    if (options.json) write(`${printableJson(message)}\n`)
    else alarms.set(message.alarm_id, stronger(alarms.get(message.alarm_id), message))
  }
  if (!options.json) printAlarms([...alarms.values()], write)
  return 0
}

/** The later message, with the highest score so far. */
function stronger(before: AlarmMessage | undefined, message: AlarmMessage): AlarmMessage {
  if (message.type !== 'physiological') return message
  return { ...message, score: Math.max(message.score, before?.score ?? 0) }
}

type Cell = (alarm: AlarmMessage) => string

/** From left to right. */
const columns: readonly (readonly [title: string, cell: Cell])[] = [
  ['onset', ({ onset }) => localTime(onset)],
  ['camera', ({ camera }) => camera ?? '-'],
  ['place', ({ location: { ward, room, bed } }) => [ward, room, bed].filter(Boolean).join('/') || '-'],
  ['condition', ({ condition }) => condition],
  ['priority', ({ priority }) => priority],
  ['lasted', ({ duration_s, state }) => (state === 'ended' ? duration(duration_s) : `${duration(duration_s)} …`)],
  ['ended', ({ state, reason }) => (state === 'ended' ? (reason ?? '-') : 'not yet')],
  ['ack', ({ ack }) => (ack ? `${ack.kind} by ${ack.by}` : '-')],
  ['score', ({ score }) => score?.toFixed(2) ?? '-']
]

/** A table with a line for each alarm in the given order, and their number below it. */
function printAlarms(alarms: readonly AlarmMessage[], write: Write): void {
  if (alarms.length === 0) {
    write('no alarms\n')
    return
  }
  const rows = [
    columns.map(([title]) => title),
    ...alarms.map((alarm) => columns.map(([, cell]) => printable(cell(alarm))))
  ]
  const widths = columns.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)))
  const lines = rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join('  ')
      .trimEnd()
  )
  write(`${lines.join('\n')}\n\n${counted(alarms)}\n`, { to: lines[0]!.length, sgr: '1' })
}

function counted(alarms: readonly AlarmMessage[]): string {
  const active = alarms.filter(({ state }) => state !== 'ended').length
  return `${alarms.length === 1 ? 'one alarm' : `${alarms.length} alarms`}, ${active} without an end`
}

/** `2026-01-01 07:12:30`, in the time zone of this device. */
function localTime(time: string): string {
  const date = new Date(time)
  const two = (value: number): string => String(value).padStart(2, '0')
  const day = [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())].join('-')
  return `${day} ${[date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(':')}`
}

/** `42 s`, `3 min 5 s`, `2 h 10 min`, `3 d 4 h`. */
function duration(seconds: number): string {
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
