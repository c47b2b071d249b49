import { execFile } from 'node:child_process'
import { access } from 'node:fs/promises'
import { promisify } from 'node:util'
import { type Clock, iso, systemClock } from '../../core/clock.js'
import { type Finding, fail, ok, warn } from './finding.js'

const run = promisify(execFile)

/** painlens was not there before; a box without a battery starts in 1970. */
const earliest = Date.UTC(2026, 0, 1)

type Answer = boolean | null

/** Who may know whether the clock is synchronised, in order; null is "does not know". */
const witnesses: readonly (() => Promise<Answer>)[] = [
  async () => {
    const { stdout } = await run('timedatectl', ['show', '--property=NTPSynchronized', '--value'], { timeout: 5000 })
    return stdout.trim() === 'yes' ? true : stdout.trim() === 'no' ? false : null
  },
  async () => {
    // STA_UNSYNC is what the kernel calls it; chrony and ntpd clear it, too.
    const { stdout } = await run('adjtimex', ['--print'], { timeout: 5000 })
    const status = /status:\s*(\d+)/.exec(stdout)?.[1]
    return status === undefined ? null : (Number(status) & 0x40) === 0
  },
  async () => {
    const { stdout } = await run('chronyc', ['-c', 'tracking'], { timeout: 5000 })
    return !stdout.trim().endsWith('Not synchronised')
  },
  async () => {
    await access('/run/systemd/timesync/synchronized')
    return true
  }
]

/** Alarms carry the time of day, and certificates are valid for a time only. */
export async function checkClock(
  clock: Clock = systemClock,
  asked: readonly (() => Promise<Answer>)[] = witnesses
): Promise<Finding[]> {
  const now = clock.now()
  const setTime = 'Run: sudo timedatectl set-ntp true, and see that the box reaches a time server.'
  if (now < earliest) return [fail('clock', `it says ${iso(now)}, which cannot be`, setTime)]
  for (const witness of asked) {
    const answer = await witness().catch(() => null)
    if (answer === true) return [ok('clock', `${iso(now)}, synchronised`)]
    if (answer === false)
      return [warn('clock', `${iso(now)}, not synchronised: alarms may carry a wrong time`, setTime)]
  }
  return [warn('clock', `${iso(now)}; nobody here knows whether it is synchronised`, setTime)]
}
