import type { Config } from '../../config/index.js'
import { messageOf, PainlensError } from '../../core/errors.js'
import type { Secrets } from '../../core/secrets.js'

/** One line of the table that `painlens check` prints. */
export interface CheckResult {
  state: 'ok' | 'warn' | 'fail'
  /** What was looked at: `camera room-312`. */
  what: string
  found: string
  /** What to do, a sentence; each line that is not ok has one. */
  fix?: string
}

export interface CheckContext {
  config: Config
  secrets: Secrets
  /** Aborted by Ctrl-C; a check that takes long ends then. */
  signal: AbortSignal
}

/** Looks at one thing; whatever it throws becomes a red line, and the next check has its turn. */
export interface Check {
  what: string
  run: (context: CheckContext) => Promise<CheckResult[]>
}

export const ok = (what: string, found: string): CheckResult => ({ state: 'ok', what, found })
export const warn = (what: string, found: string, fix: string): CheckResult => ({ state: 'warn', what, found, fix })
export const fail = (what: string, found: string, fix: string): CheckResult => ({ state: 'fail', what, found, fix })

/** A red line from anything thrown. */
export function failed(what: string, error: unknown): CheckResult {
  if (error instanceof PainlensError) {
    const where = error.where.startsWith(`${what} `) ? error.where.slice(what.length + 1) : error.where
    return fail(what, `${where}: ${error.what}`, error.fix)
  }
  return fail(what, messageOf(error), 'This is unexpected; set PAINLENS_DEBUG=1 and report it.')
}

/** @returns the findings; never throws */
export async function runCheck({ what, run }: Check, context: CheckContext): Promise<CheckResult[]> {
  try {
    return await run(context)
  } catch (error) {
    return [failed(what, error)]
  }
}
