/** Whether somebody keeps this machine's clock right. */
import { execFile } from 'node:child_process'
import { access } from 'node:fs/promises'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** Null is "does not know". */
export type Answer = boolean | null
export type Witness = (signal?: AbortSignal) => Promise<Answer>

/** Who may know whether the clock is synchronised, in order. */
export const witnesses: readonly Witness[] = [
  async (signal) => {
    const asked = ['show', '--property=NTPSynchronized', '--value']
    const stdout = await outputOf('timedatectl', asked, signal)
    return stdout.trim() === 'yes' ? true : stdout.trim() === 'no' ? false : null
  },
  async (signal) => {
    // STA_UNSYNC is what the kernel calls it; chrony and ntpd clear it, too.
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
 * What the program prints. It gets a signal of its own: Node's listener on the signal stays for ever where the program is
 * not there, and a daemon asks each minute.
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

/** Asks one after the other until somebody knows. @returns null where nobody does; never rejects */
export async function isSynchronised(asked: readonly Witness[] = witnesses, signal?: AbortSignal): Promise<Answer> {
  for (const witness of asked) {
    const answer = await witness(signal).catch(() => null)
    if (answer !== null) return answer
  }
  return null
}
