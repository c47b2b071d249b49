import { type Clock, iso, systemClock, timeOfDay } from '../../core/clock.js'
import { isSynchronised, type Witness, witnesses } from '../../daemon/health/time-sync.js'
import { type Finding, fail, ok, warn } from './finding.js'

/** painlens was not there before; a box without a battery starts in 1970. */
const earliest = Date.UTC(2026, 0, 1)

/** Alarms carry the time of day, and certificates are valid for a time only. */
export async function checkClock(
  clock: Clock = systemClock,
  asked: readonly Witness[] = witnesses
): Promise<Finding[]> {
  const now = timeOfDay(clock, clock.now())
  if (now < earliest) return [fail('PL-CLOCK-IMPOSSIBLE', 'clock', `it says ${iso(now)}, which cannot be`)]
  const answer = await isSynchronised(asked)
  if (answer === true) return [ok('clock', `${iso(now)}, synchronised`)]
  return [
    answer === false
      ? warn('PL-CLOCK-UNSYNCHRONISED', 'clock', `${iso(now)}, not synchronised: alarms may carry a wrong time`)
      : warn('PL-CLOCK-UNKNOWN', 'clock', `${iso(now)}; whether it is synchronised cannot be told here`)
  ]
}
