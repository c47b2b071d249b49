import { pino, stdTimeFunctions } from 'pino'
import type { Secrets } from './secrets.js'

/** The part of pino's logger that stages use. */
export interface Log {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
  child(fields: object): Log
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent'

/**
 * JSON lines on `write` (stderr by default), without secrets wherever in a line they turn up. A line stays JSON with the
 * fields that it had, though a password be `level` or `1,"t`.
 */
export function createLog(level: LogLevel, secrets: Secrets, write?: (line: string) => void): Log {
  const out = write ?? ((line: string) => void process.stderr.write(line))
  return pino(
    { level, base: null, timestamp: stdTimeFunctions.isoTime, formatters: { level: (label) => ({ level: label }) } },
    { write: (line: string) => out(secrets.redact(line) === line ? line : withoutSecrets(line, secrets)) }
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
export const silentLog: Log = { debug: nothing, info: nothing, warn: nothing, error: nothing, child: () => silentLog }

/** What pino itself says in each line, in words of its own. */
const ownKeys = new Set(['level', 'time'])

function withoutSecrets(line: string, secrets: Secrets): string {
  const clean = (key: string, value: unknown): unknown =>
    typeof value === 'string' && !ownKeys.has(key) ? secrets.redact(value) : value
  return `${JSON.stringify(JSON.parse(line, clean))}\n`
}
