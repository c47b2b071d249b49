import { fstatSync } from 'node:fs'
import { pino, stdTimeFunctions } from 'pino'
import { printable, printableJson } from './printable.js'
import type { Secrets } from './secrets.js'
import { lineWriter } from './standard-streams.js'

/** The part of pino's logger that stages use. */
export interface Log {
  /** Whether `debug` lines are written: fields that cost time are made only then. */
  isLevelEnabled(level: 'debug'): boolean
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
  child(fields: object): Log
}

/** Longer texts in a line are cut: they come from outside, and their beginning is enough for a reader of the log. */
const maxText = 4000

export const logLevels = ['debug', 'info', 'warn', 'error', 'silent'] as const
export type LogLevel = (typeof logLevels)[number]

export const logFormats = ['auto', 'json', 'text'] as const
export type LogFormat = (typeof logFormats)[number]
/** How a line is written: `journal` is text without the time, which journald has, and with the priority in front. */
export type LineForm = 'json' | 'text' | 'journal'

/** `auto` is text where a person reads: on a terminal and in the journal; JSON elsewhere, for programs that collect it. */
export function lineForm(format: LogFormat, env: NodeJS.ProcessEnv = process.env): LineForm {
  if (format === 'json') return 'json'
  if (isJournal(env.JOURNAL_STREAM)) return 'journal'
  return format === 'text' || process.stderr.isTTY ? 'text' : 'json'
}

/** systemd.exec(5): the device and inode of the stream that is the journal; standard error may have been redirected since. */
function isJournal(stream: string | undefined): boolean {
  if (!stream) return false
  try {
    const { dev, ino } = fstatSync(process.stderr.fd)
    return stream === `${dev}:${ino}`
  } catch {
    return false
  }
}

/**
 * Lines on `write` (by default standard error, which may fail). Secrets are redacted anywhere in a line, and a text in
 * it has at most 4000 characters; what would steer a terminal is escaped. A line of JSON stays JSON with its fields, even if a
 * password is `level` or `1,"t`.
 */
export function createLog(
  level: LogLevel,
  secrets: Secrets,
  write?: (line: string) => void,
  form: LineForm = 'json'
): Log {
  const toOut = write ?? lineWriter(process.stderr)
  const out = form === 'json' ? toOut : (line: string) => toOut(textLine(line, form))
  return pino(
    { level, base: null, timestamp: stdTimeFunctions.isoTime, formatters: { level: (label) => ({ level: label }) } },
    { write: (line: string) => out(printableJson(isFit(line, secrets) ? line : withoutSecrets(line, secrets))) }
  )
}

/**
 * What was said last of one thing, so that it is logged only when it changes: `if (trouble.isNew(what)) log.warn(…)`.
 * Begins with null, which stands for "all is well".
 */
export class LastSaid<T extends string | boolean> {
  #last: T | null = null

  get last(): T | null {
    return this.#last
  }

  /** Whether it differs from what was said last; it is what was said last from now on. */
  isNew(what: T | null): boolean {
    const isNew = what !== this.#last
    this.#last = what
    return isNew
  }
}

const nothing = (): void => undefined
/** Says nothing; for tests and for libraries' defaults. */
export const silentLog: Log = {
  isLevelEnabled: () => false,
  debug: nothing,
  info: nothing,
  warn: nothing,
  error: nothing,
  child: () => silentLog
}

/** What pino itself says in each line, in words of its own. */
const ownKeys = new Set(['level', 'time'])

const isFit = (line: string, secrets: Secrets): boolean => line.length <= maxText && secrets.redact(line) === line

function withoutSecrets(line: string, secrets: Secrets): string {
  const clean = (key: string, value: unknown): unknown =>
    typeof value === 'string' && !ownKeys.has(key) ? secrets.excerpt(value, maxText) : value
  return `${JSON.stringify(JSON.parse(line, clean))}\n`
}

/** sd-daemon(3): `journalctl -p warning` shows the lines up to that priority. */
const priorities: Readonly<Record<string, number>> = { debug: 7, info: 6, warn: 4, error: 3 }

/** `07:12:40 warn  mqtt: the broker is away (code PL-…, after_s 5)`: what happened first, its fields behind it, all on one line. */
function textLine(line: string, form: 'text' | 'journal'): string {
  const { level, time, stage, msg, ...fields } = JSON.parse(line) as Record<string, unknown>
  const about = Object.entries(fields).map(([key, value]) => `${printable(key)} ${fieldText(value)}`)
  const said = `${stage === undefined ? '' : `${fieldText(stage)}: `}${fieldText(msg)}${about.length > 0 ? ` (${about.join(', ')})` : ''}`
  if (form === 'journal') return `<${priorities[String(level)] ?? 6}>${said}\n`
  return `${clockTime(String(time))} ${String(level).padEnd(5)} ${said}\n`
}

/** A text as it is, without what would steer a terminal; anything else as JSON. */
const fieldText = (value: unknown): string =>
  typeof value === 'string' ? printable(value) : printable(JSON.stringify(value) ?? '')

/** `07:12:40`, in the time zone of this device. */
function clockTime(time: string): string {
  const date = new Date(time)
  return [date.getHours(), date.getMinutes(), date.getSeconds()].map((part) => String(part).padStart(2, '0')).join(':')
}
