/** What an earlier run has left on disk and this one has to see to. */

import type { AlarmMessage } from '../../contract/messages.js'
import { activeAlarmNotes } from '../../contract/topics.js'
import type { Clock, Moment } from '../../core/clock.js'
import { endAfterRestart } from '../../stages/alarm/index.js'
import type { Mqtt } from '../../stages/mqtt/index.js'
import type { Outbox } from '../../stages/outbox/index.js'

type NoteBook = Pick<Outbox, 'note' | 'notes'>

/**
 * The ends of the alarms that a killed run left active: without them they would be so for subscribers for ever.
 * @param at a moment of the clock
 */
export function endsOfLeftAlarms(outbox: NoteBook, at: Moment, clock: Clock): AlarmMessage[] {
  return [...outbox.notes(activeAlarmNotes)].flatMap(([id, note]) => {
    if (isAlarm(note)) return [endAfterRestart(note, at, clock)]
    // Of another version; nothing can be said of it, now or later.
    void outbox.note({ key: `${activeAlarmNotes}${id}`, value: null })
    return []
  })
}

function isAlarm(note: object): note is AlarmMessage {
  const { alarm_id, seq, onset, updated, duration_s, condition, location } = note as Partial<AlarmMessage>
  const times = [onset, updated].map((time) => Date.parse(String(time)))
  const isWhole = typeof condition === 'string' && typeof location === 'object' && location !== null
  return (
    typeof alarm_id === 'string' && [seq, duration_s].every(Number.isFinite) && !times.some(Number.isNaN) && isWhole
  )
}

const cameraNotes = 'camera/'

/** The broker keeps a camera's state until it is taken away; which cameras it has one of outlives painlens. */
export class RetainedStates {
  readonly #outbox: NoteBook
  readonly #mqtt: Pick<Mqtt, 'forgetCamera'>

  constructor(outbox: NoteBook, mqtt: Pick<Mqtt, 'forgetCamera'>) {
    this.#outbox = outbox
    this.#mqtt = mqtt
  }

  /** Cameras that were taken out of the config while painlens was not running. */
  clearAllBut(cameras: ReadonlySet<string>): void {
    for (const id of this.#outbox.notes(cameraNotes).keys()) if (!cameras.has(id)) this.clear(id)
  }

  published(camera: string): void {
    if (this.#outbox.notes(cameraNotes).has(camera)) return
    void this.#outbox.note({ key: `${cameraNotes}${camera}`, value: {} })
  }

  clear(camera: string): void {
    const noted = { key: `${cameraNotes}${camera}`, value: null }
    void this.#mqtt.forgetCamera(camera).then(() => this.#outbox.note(noted))
  }
}
