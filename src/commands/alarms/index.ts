import { loadConfig } from '../../config/index.js'
import type { AlarmMessage } from '../../contract/messages.js'
import { readAlarmLog } from '../../stages/alarm-log/index.js'
import { describeAlarms } from './table.js'

export interface AlarmsOptions {
  config: string
  /** The log's folder; without it the config's. */
  path?: string
  /** Only alarms with a message since then, in ms since the epoch. */
  since?: number
  camera?: string
  json?: boolean
}

export interface AlarmsIo {
  write: (text: string) => void
  colour: boolean
}

const standardIo: AlarmsIo = {
  write: (text) => void process.stdout.write(text),
  colour: Boolean(process.stdout.isTTY) && !process.env.NO_COLOR
}

/**
 * `painlens alarms`: what the alarm log of this device holds, one line for each alarm, or with --json each message as it
 * was sent. Works while the daemon runs.
 * @returns 0, or 1 when it was stopped
 * @throws {DiskError} if there is no log
 */
export async function alarmsCommand(
  options: AlarmsOptions,
  signal: AbortSignal,
  io: AlarmsIo = standardIo
): Promise<number> {
  const path = options.path ?? (await loadConfig(options.config)).config.alarm_log.path
  const isWanted = ({ camera, updated }: AlarmMessage): boolean =>
    (options.camera === undefined || camera === options.camera) &&
    (options.since === undefined || Date.parse(updated) >= options.since)
  const alarms = new Map<string, AlarmMessage>()
  for await (const message of readAlarmLog(path)) {
    if (signal.aborted) return 1
    if (!isWanted(message)) continue
    if (options.json) io.write(`${JSON.stringify(message)}\n`)
    else alarms.set(message.alarm_id, stronger(alarms.get(message.alarm_id), message))
  }
  if (!options.json) io.write(describeAlarms([...alarms.values()], io.colour))
  return 0
}

/** The later message, with the highest score so far. */
function stronger(before: AlarmMessage | undefined, message: AlarmMessage): AlarmMessage {
  if (message.type !== 'physiological') return message
  return { ...message, score: Math.max(message.score, before?.score ?? 0) }
}
