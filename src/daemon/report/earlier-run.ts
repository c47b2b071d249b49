/** The state of an earlier run, from disk: active and ended alarms, cameras with retained states, pauses. */
import { conditions } from '../../contract/conditions.js'
import { type AlarmMessage, isKeptAlarm } from '../../contract/messages.js'
import { activeAlarmNotes } from '../../contract/topics.js'
import { type Clock, type EpochMs, type Moment, momentAt, timeOfDay } from '../../core/clock.js'
import { codeOf, errorFields } from '../../core/errors.js'
import type { Log } from '../../core/log.js'
import { type Alarms, endAfterRestart } from '../../stages/alarm/index.js'
import { readPastAlarms } from '../../stages/alarm-log/index.js'
import type { Mqtt } from '../../stages/mqtt/index.js'
import type { Outbox } from '../../stages/outbox/index.js'
import type { Pause } from '../line/watched-camera.js'

type NoteBook = Pick<Outbox, 'note' | 'notes'>

/**
 * The ends of the alarms that a killed run left active; for subscribers these would else stay active.
 * @param at a moment of the clock
 */
export function endsOfUnfinishedAlarms(outbox: NoteBook, at: Moment, clock: Clock): AlarmMessage[] {
  return [...outbox.notes(activeAlarmNotes)].flatMap(([id, note]) => {
    if (isAlarm(note)) return [endAfterRestart(note, at, clock)]
    // Damaged, or of a later version with a condition of its own: it can never be read.
    void outbox.note({ key: `${activeAlarmNotes}${id}`, value: null })
    return []
  })
}

/** Tells the alarm stage which alarms have ended in earlier runs, so that they can be acknowledged. Never rejects. */
export async function recallAlarms(folder: string, alarms: Pick<Alarms, 'recall'>, log: Log): Promise<void> {
  try {
    for await (const told of readPastAlarms(folder)) alarms.recall(told)
  } catch (error) {
    if (codeOf(error) === 'PL-ALARM-LOG-MISSING') return
    log.warn(errorFields(error), 'alarms that ended before this start cannot be acknowledged')
  }
}

/** An end can be written for it. */
const isAlarm = (note: object): note is AlarmMessage => isKeptAlarm(note) && Object.hasOwn(conditions, note.condition)

const cameraNotes = 'camera/'

/** The cameras whose state the broker retains: until it is cleared, also after painlens ends. */
export class PublishedCameras {
  readonly #outbox: NoteBook
  readonly #mqtt: Pick<Mqtt, 'forgetCamera'>

  constructor(outbox: NoteBook, mqtt: Pick<Mqtt, 'forgetCamera'>) {
    this.#outbox = outbox
    this.#mqtt = mqtt
  }

  /** Clears the states of cameras that were removed from the config while painlens was not running. */
  clearAllBut(cameras: ReadonlySet<string>): void {
    for (const id of this.#outbox.notes(cameraNotes).keys()) if (!cameras.has(id)) this.clear(id)
  }

  /**
   * The camera is watched.
   * @param reference whether its resting faces are published. Where they were, and are not any more, the broker holds the last word on them
   *   for ever (MQTT 3.1.1): it is taken away. A note of an earlier version does not say.
   */
  published(camera: string, reference: boolean): void {
    const key = `${cameraNotes}${camera}`
    const noted = this.#outbox.notes(cameraNotes).get(camera) as { reference?: unknown } | undefined
    if (noted?.reference === reference) return
    const note = () => this.#outbox.note({ key, value: { reference } })
    if (noted && !reference) void this.#mqtt.forgetCamera(camera, ['cameraReference']).then(note)
    else void note()
  }

  clear(camera: string): void {
    const noted = { key: `${cameraNotes}${camera}`, value: null }
    void this.#mqtt.forgetCamera(camera).then(() => this.#outbox.note(noted))
  }
}

const pauseNotes = 'pause/'

/** Pauses for care, which survive a restart. */
export class Pauses {
  readonly #outbox: NoteBook
  readonly #clock: Clock
  /** This run's pauses, in moments of the clock, since the time of day may be set meanwhile. */
  readonly #known = new Map<string, Pause>()

  constructor(outbox: NoteBook, clock: Clock) {
    this.#outbox = outbox
    this.#clock = clock
  }

  /** The pause that a camera is in, from this run or an earlier one. */
  of(camera: string): Pause | null {
    const pause = this.#known.get(camera) ?? this.#noted(camera)
    if (pause === null || pause.until <= this.#clock.now()) return null
    this.#known.set(camera, pause)
    return pause
  }

  set(camera: string, pause: Pause | null): void {
    if (pause) this.#known.set(camera, pause)
    else this.#known.delete(camera)
    // For a later run: in ms since the epoch.
    const day = (moment: Moment): EpochMs => timeOfDay(this.#clock, moment)
    const value = pause && { since: day(pause.since), until: day(pause.until) }
    void this.#outbox.note({ key: `${pauseNotes}${camera}`, value })
  }

  #noted(camera: string): Pause | null {
    const { since, until } = (this.#outbox.notes(pauseNotes).get(camera) ?? {}) as Partial<Record<keyof Pause, EpochMs>>
    if (typeof since !== 'number' || typeof until !== 'number') return null
    return { since: momentAt(this.#clock, since), until: momentAt(this.#clock, until) }
  }
}
