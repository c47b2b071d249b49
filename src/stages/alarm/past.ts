/** Alarms that have ended: nurses arrive, and acknowledge, after the end. */
import { acknowledgeableDays } from '../../contract/commands.js'
import type { Acknowledgement, AcknowledgementMessage, AlarmMessage } from '../../contract/messages.js'
import { type Clock, type EpochMs, earliest, type Moment, momentAt } from '../../core/clock.js'
import { InputError } from '../../core/errors.js'
import { held } from './track.js'

/** Most alarms that are remembered. */
const most = 10_000
/** Most acknowledgements of one alarm while it is active, and after its end: each is kept on disk, and a sender may never stop. */
const mostOfOne = 20

/** Who has acknowledged, and how. */
type Given = Pick<Acknowledgement, 'by' | 'kind'>

/**
 * Whether an acknowledgement says no more than the last one. A broker sends a command again whose PUBACK it has not seen, also
 * after painlens was killed and started again.
 */
export const isRepetition = (given: Given, last: Given | null): boolean =>
  last !== null && given.by === last.by && given.kind === last.kind

interface Past {
  endedAt: Moment
  /** How many acknowledgements have come since the end. */
  count: number
  /** The last acknowledgement, before or after the end. */
  last: Given | null
}

export class PastAlarms {
  /** In the order of their ends. */
  readonly #alarms = new Map<string, Past>()
  readonly #clock: Clock

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** @param last its acknowledgement, as its end says */
  ended(alarmId: string, endedAt: Moment, last: Given | null): void {
    if (this.#alarms.has(alarmId)) return
    this.#alarms.set(alarmId, { endedAt, count: 0, last })
    if (this.#alarms.size > most) this.#alarms.delete(this.#alarms.keys().next().value!)
  }

  /** What an earlier run has said. */
  recall(told: AlarmMessage | AcknowledgementMessage): void {
    if ('after_end' in told) {
      if (told.after_end) this.#count(told)
    } else if (told.phase === 'end') {
      // A box whose clock stood wrong may have written a time that is still to come.
      const endedAt = momentAt(this.#clock, Date.parse(told.updated) as EpochMs)
      this.ended(told.alarm_id, earliest(this.#clock.now(), endedAt), told.ack)
    }
  }

  #count({ alarm_id, by, kind }: AcknowledgementMessage): void {
    const past = this.#alarms.get(alarm_id)
    if (past) this.#alarms.set(alarm_id, { ...past, count: past.count + 1, last: { by, kind } })
  }

  has(alarmId: string, now: Moment): boolean {
    const past = this.#alarms.get(alarmId)
    return past !== undefined && !held(past.endedAt, now, acknowledgeableDays * 86_400)
  }

  /**
   * @param takeTurn fails where the rate limit has no room for another message
   * @returns null where the last acknowledgement of this alarm was the same: a repetition
   * @throws {InputError} if no such alarm has ended, or too many have acknowledged it
   */
  acknowledge(
    alarmId: string,
    given: Acknowledgement,
    now: Moment,
    takeTurn: () => void
  ): AcknowledgementMessage | null {
    const past = this.#alarms.get(alarmId)
    if (!past || !this.has(alarmId, now)) throw unknown()
    if (isRepetition(given, past.last)) return null
    refuseMany(past.count)
    takeTurn()
    const message = { alarm_id: alarmId, ...given, after_end: true }
    this.#count(message)
    return message
  }
}

/** @param count how many there are @throws {InputError} where there must not be another one */
export function refuseMany(count: number): void {
  if (count < mostOfOne) return
  const what = `this alarm has had ${mostOfOne} acknowledgements`
  throw new InputError('PL-COMMAND-TOO-MANY', what, 'command ack')
}

/** Without the id: it is the sender's text, which an answer does not quote. */
function unknown(): InputError {
  const what = `no active alarm has that id, and none that ended in the last ${acknowledgeableDays} days`
  return new InputError('PL-COMMAND-NO-ALARM', what, 'command ack')
}
