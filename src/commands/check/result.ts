import type { Config } from '../../config/index.js'
import { type ErrorCode, fixOf } from '../../core/error-codes/index.js'
import { messageOf, PainlensError } from '../../core/errors.js'
import type { Secrets } from '../../core/secrets.js'
import type { CamerasAnswer } from '../../daemon/control/protocol.js'

/**
 * What stands first in the lines of `painlens check`, in their order: the lamps of docs/operate/field-guide.md. `camera ID` is
 * one for each camera, `cameras` stands in their place where none could be tried.
 */
export const lamps = [
  'config',
  'ffmpeg',
  'clock',
  'passwords',
  'daemon',
  'camera ID',
  'cameras',
  'model',
  'precision',
  'resting faces',
  'pace',
  'explanations',
  'face models',
  'provider',
  'broker',
  'commands',
  'http',
  'page',
  'disk',
  'disk (alarms)',
  'disk (heatmaps)'
] as const
export type Lamp = Exclude<(typeof lamps)[number], 'camera ID'> | `camera ${string}`

/** One line of the table that `painlens check` prints. */
export interface CheckResult {
  state: 'ok' | 'warn' | 'fail'
  /** What was looked at: `camera room-312`. */
  what: Lamp
  found: string
  /** What to do, whole sentences, and the code to look it up by; each line that is not ok has them. */
  fix?: string
  code?: ErrorCode
}

export interface CheckContext {
  config: Config
  secrets: Secrets
  /** What runs on this machine with this config's outbox. */
  running: Running
  /** Aborted by Ctrl-C; a check that takes long ends then. */
  signal: AbortSignal
}

export interface Running {
  /** Null where no daemon runs or none can be asked. */
  daemon: CamerasAnswer | null
  findings: readonly CheckResult[]
}

/** Whether a painlens has this config's outbox, also one that cannot be asked. */
export const daemonRuns = ({ daemon, findings }: Running): boolean => daemon !== null || findings.length > 0

/** Runs one check; an error that it throws becomes a red line, and the next check is run. */
export interface Check {
  what: Lamp
  /** In words, where it may take long: `the broker`. */
  waitsFor?: string
  run: (context: CheckContext) => Promise<CheckResult[]>
}

export const ok = (what: Lamp, found: string): CheckResult => ({ state: 'ok', what, found })
/** @param fix where this check can say more than the table of codes does */
export const warn = (code: ErrorCode, what: Lamp, found: string, fix = fixOf(code)): CheckResult => ({
  state: 'warn',
  code,
  what,
  found,
  fix
})
export const fail: typeof warn = (...finding) => ({ ...warn(...finding), state: 'fail' })

/** A red line from anything thrown. */
export function failed(what: Lamp, error: unknown): CheckResult {
  if (error instanceof PainlensError) {
    const where = error.where.startsWith(`${what} `) ? error.where.slice(what.length + 1) : error.where
    return fail(error.code, what, `${where}: ${error.what}`, error.fix)
  }
  return fail('PL-UNEXPECTED', what, messageOf(error))
}

/** @returns the findings; never throws */
export async function runCheck({ what, run }: Check, context: CheckContext): Promise<CheckResult[]> {
  try {
    return await run(context)
  } catch (error) {
    return [failed(what, error)]
  }
}
