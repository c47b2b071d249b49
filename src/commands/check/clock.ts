import { type Clock, iso, systemClock, timeOfDay } from '../../core/clock.js'
import { type ClockWitness, isSynchronised, witnesses } from '../../daemon/health/clock-sync.js'
import { type CheckResult, fail, ok, warn } from './result.js'

/** painlens was not there before; a box without a battery starts in 1970. */
const earliest = Date.UTC(2026, 0, 1)

/** Alarms carry the time of day, and certificates are valid for a time only. */
export async function checkClock(
  clock: Clock = systemClock,
  asked: readonly ClockWitness[] = witnesses
): Promise<CheckResult[]> {
  const now = timeOfDay(clock, clock.now())
  const setTime = 'Run: sudo timedatectl set-ntp true, and see that the box reaches a time server.'
  if (now < earliest) return [fail('clock', `it says ${iso(now)}, which cannot be`, setTime)]
  const answer = await isSynchronised(asked)
  if (answer === true) return [ok('clock', `${iso(now)}, synchronised`)]
  return [
    answer === false
      ? warn('clock', `${iso(now)}, not synchronised: alarms may carry a wrong time`, setTime)
      : warn('clock', `${iso(now)}; nobody here knows whether it is synchronised`, setTime)
  ]
}
