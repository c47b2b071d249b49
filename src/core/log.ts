import { pino, stdTimeFunctions } from 'pino'
import { printableJson } from './printable.js'
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

/**
 * JSON lines on `write` (by default standard error, which may fail). Secrets are redacted anywhere in a line, and a text in
 * it has at most 4000 characters; what would steer a terminal is written as JSON's escapes. A line stays JSON with its fields, even if a password is `level` or `1,"t`.
 */
export function createLog(level: LogLevel, secrets: Secrets, write?: (line: string) => void): Log {
  const out = write ?? lineWriter(process.stderr)
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
