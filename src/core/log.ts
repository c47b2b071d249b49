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
 * JSON lines on `write` (stderr by default), each one redacted as a whole, so that a secret is caught wherever in the
 * line it turns up.
 */
export function createLog(level: LogLevel, secrets: Secrets, write?: (line: string) => void): Log {
  const out = write ?? ((line: string) => void process.stderr.write(line))
  return pino(
    { level, base: null, timestamp: stdTimeFunctions.isoTime, formatters: { level: (label) => ({ level: label }) } },
    { write: (line: string) => out(secrets.redact(line)) }
  )
}

const nothing = (): void => undefined
/** Says nothing; for tests and for libraries' defaults. */
export const silentLog: Log = { debug: nothing, info: nothing, warn: nothing, error: nothing, child: () => silentLog }
