/** Whether this machine's clock is synchronised, checked periodically. */
import { execFile } from 'node:child_process'
import { access } from 'node:fs/promises'
import { promisify } from 'node:util'
import type { Problem } from '../../core/errors.js'

const run = promisify(execFile)

/** Null: unknown. */
export type ClockAnswer = boolean | null
export type ClockWitness = (signal?: AbortSignal) => Promise<ClockAnswer>

/** The programs to ask, in order. */
export const witnesses: readonly ClockWitness[] = [
  async (signal) => {
    const asked = ['show', '--property=NTPSynchronized', '--value']
    const stdout = await outputOf('timedatectl', asked, signal)
    return stdout.trim() === 'yes' ? true : stdout.trim() === 'no' ? false : null
  },
  async (signal) => {
    // The kernel's flag STA_UNSYNC; chrony and ntpd clear it, too.
    const stdout = await outputOf('adjtimex', ['--print'], signal)
    const status = /status:\s*(\d+)/.exec(stdout)?.[1]
    return status === undefined ? null : (Number(status) & 0x40) === 0
  },
  async (signal) => {
    const stdout = await outputOf('chronyc', ['-c', 'tracking'], signal)
    return !stdout.trim().endsWith('Not synchronised')
  },
  async () => {
    await access('/run/systemd/timesync/synchronized')
    return true
  }
]

/**
 * The program's output. It gets a signal of its own: if the program is missing, Node.js never removes its listener from the
 * signal, and the daemon asks again and again.
 */
async function outputOf(program: string, args: readonly string[], signal?: AbortSignal): Promise<string> {
  signal?.throwIfAborted()
  const own = new AbortController()
  const forward = (): void => own.abort()
  signal?.addEventListener('abort', forward)
  try {
    return (await run(program, args, { timeout: 5000, signal: own.signal })).stdout
  } finally {
    signal?.removeEventListener('abort', forward)
  }
}

/** Asks the programs in turn until one answers. @returns null if none does; never rejects */
export async function isSynchronised(
  asked: readonly ClockWitness[] = witnesses,
  signal?: AbortSignal
): Promise<ClockAnswer> {
  for (const witness of asked) {
    const answer = await witness(signal).catch(() => null)
    if (answer !== null) return answer
  }
  return null
}

export interface ClockWatchOptions {
  /** Null: not known. Never rejects. */
  ask: (signal: AbortSignal) => Promise<ClockAnswer>
  /** Called with the problem, or null when synchronised; may repeat the same. */
  tell: (problem: Problem | null) => void
  /** Two minutes unless given. */
  everyMs?: number
  /** A monotonic clock, in ms. */
  monotonic?: () => number
}

/** How long the clock has to be unsynchronised, to allow for a time service that starts with the device. */
const graceMs = 300_000

export class ClockWatch {
  readonly #options: ClockWatchOptions
  readonly #stopping = new AbortController()
  #timer: NodeJS.Timeout | undefined
  #asking: Promise<void> | null = null
  #wrongSince: number | null = null

  constructor(options: ClockWatchOptions) {
    this.#options = options
  }

  start(): void {
    this.#timer = setInterval(() => {
      this.#asking ??= this.#ask().finally(() => {
        this.#asking = null
      })
    }, this.#options.everyMs ?? 120_000)
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer)
    this.#stopping.abort()
    await this.#asking
  }

  async #ask(): Promise<void> {
    const { ask, tell, monotonic = () => performance.now() } = this.#options
    const answer = await ask(this.#stopping.signal)
    // Unknown: the current state stays.
    if (answer === null || this.#stopping.signal.aborted) return
    if (answer) {
      this.#wrongSince = null
      tell(null)
      return
    }
    const now = monotonic()
    this.#wrongSince ??= now
    const wrongMs = now - this.#wrongSince
    const minutes = Math.max(1, Math.round(wrongMs / 60_000))
    if (wrongMs >= graceMs) tell({ code: 'PL-CLOCK-UNSYNCHRONISED', message: `no time server for ${minutes} min` })
  }
}
