/** Notes what a ward is, and what is done in it, for the history. */

import type { Log } from '../core/log.js'
import { feedbackOfNight } from './feedback.js'
import { type HistoryEntry, NightHistory } from './history.js'
import { type NightRange, nightOf } from './night.js'
import type { Heard } from './ward.js'
import type { NightAnswer, NightDeed, RoomRow, Row } from './wire.js'

export interface RecorderOptions {
  folder: string
  days: number
  rows: () => ReadonlyMap<string, Row>
  /** The time of day, in ms since the epoch; it can be set. */
  timeOfDay: () => number
  /** In ms; it cannot be set. */
  monotonic: () => number
  log: Log
}

/** A change of a lamp is noted within this time; a shorter one is not. In ms. */
const noteMs = 1000
/** At least so often a line says that painlens was there. */
const beatMs = 30_000
/** A clock that was not set for so long is right: what is too old by it may go. */
const steadyMs = 600_000
/** By which it may be off without having been set. */
const settingMs = 5000
const mostAlarms = 1000
const mostNights = 4
const sharedMs = 5000

type AlarmEntry = Extract<HistoryEntry, { kind: 'alarm' }>
type HeardAlarm = Extract<Heard, { kind: 'alarm' }>['message'] & object

interface NotedAlarm {
  entry: AlarmEntry
  acked: Set<string>
  ended: boolean
  /** As its end says it. */
  margin: number | null
  referenced: boolean
}

export class Recorder {
  readonly #options: RecorderOptions
  readonly #history: NightHistory
  readonly #rooms = new Map<string, string>()
  readonly #alarms = new Map<string, NotedAlarm>()
  readonly #nights = new Map<string, { begun: number; night: Promise<NightAnswer> }>()
  readonly #noting: NodeJS.Timeout
  #reading: Promise<unknown> = Promise.resolve()
  #changed = true
  #beaten = Number.NEGATIVE_INFINITY
  #offset: number
  #steadySince: number
  #pruned = Number.NEGATIVE_INFINITY

  constructor(options: RecorderOptions) {
    this.#options = options
    this.#history = new NightHistory({ ...options, whole: (at) => this.#whole(at) })
    this.#offset = options.timeOfDay() - options.monotonic()
    this.#steadySince = options.monotonic()
    this.#noting = setInterval(() => void this.tick(), noteMs)
  }

  /** Something may be different. */
  changed(): void {
    this.#changed = true
  }

  /** Notes an alarm, its acknowledgements and its end, each once. */
  hear({ device, kind, message }: Heard): void {
    if (message === null) return
    if (kind === 'alarm') this.#alarm(device, message)
    else if (kind === 'acknowledgement') this.#acknowledged(device, message.alarm_id, message)
  }

  deed(deed: Omit<NightDeed, 'at'>): void {
    this.#history.add({ ...deed, kind: 'deed', at: this.#now() })
  }

  /** What has been in that time. Those who ask for the same shortly after another get the same. */
  async night(range: NightRange): Promise<NightAnswer> {
    const { monotonic } = this.#options
    const key = `${range.from}/${range.to}`
    const last = this.#nights.get(key)
    if (last && monotonic() - last.begun < sharedMs) return last.night
    // One after the other: a history is large.
    const night = this.#reading.then(() => this.#read(range))
    this.#reading = night.catch(() => undefined)
    this.#nights.delete(key)
    this.#nights.set(key, { begun: monotonic(), night })
    const [oldest] = this.#nights.keys()
    if (this.#nights.size > mostNights) this.#nights.delete(oldest!)
    return night
  }

  /** Called each second by itself. */
  async tick(): Promise<void> {
    if (this.#changed) this.#note()
    if (this.#options.monotonic() - this.#beaten >= beatMs) this.#beat()
    await this.#history.flush()
    await this.#prune()
  }

  async stop(): Promise<void> {
    clearInterval(this.#noting)
    this.#note()
    this.#beat()
    await this.#history.flush()
  }

  async #read(range: NightRange): Promise<NightAnswer> {
    this.#note()
    this.#beat()
    await this.#history.flush()
    const entries = this.#history.read(range.from, range.to)
    const night = await nightOf(entries, { ...range, now: this.#now() })
    return { ...night, recorded: this.#history.problem === null, feedback: feedbackOfNight(night) }
  }

  #note(): void {
    this.#changed = false
    const at = this.#now()
    const rooms = new Map(roomsOf(this.#options.rows()))
    for (const key of this.#rooms.keys()) {
      if (rooms.has(key)) continue
      this.#rooms.delete(key)
      const [device, camera] = JSON.parse(key) as [string, string]
      this.#history.add({ kind: 'gone', device, camera, at })
    }
    for (const [key, row] of rooms) {
      const text = JSON.stringify(row)
      if (this.#rooms.get(key) === text) continue
      this.#rooms.set(key, text)
      this.#history.add({ ...row, at })
    }
  }

  #beat(): void {
    this.#beaten = this.#options.monotonic()
    this.#history.add({ kind: 'beat', at: this.#now() })
  }

  #whole(at: number): HistoryEntry[] {
    const rooms = [...roomsOf(this.#options.rows())].map(([, room]) => ({ ...room, at }))
    const open = [...this.#alarms.values()].filter(({ ended }) => !ended)
    return [...rooms, ...open.map(({ entry }) => ({ ...entry, at }))]
  }

  #alarm(device: string, message: HeardAlarm): void {
    const { alarm_id: id, phase, ack, updated } = message
    const key = JSON.stringify([device, id])
    const known = this.#alarms.get(key) ?? this.#newAlarm(key, device, message)
    if (ack) this.#acknowledged(device, id, ack)
    const { score, threshold, reference } = message
    if (score != null && threshold != null) known.margin = Math.max(known.margin ?? -1, score - threshold)
    known.referenced ||= reference != null
    if (phase !== 'end' || known.ended) return
    known.ended = true
    const { margin, referenced } = known
    const over = { margin: margin && Number(margin.toFixed(3)), referenced }
    this.#history.add({ kind: 'end', at: this.#now(), device, id, ended: Date.parse(updated), ...over })
  }

  #newAlarm(key: string, device: string, message: HeardAlarm): NotedAlarm {
    const { alarm_id: id, camera, onset, type, test, priority, text } = message
    const about = { device, id, camera, onset: Date.parse(onset), physiological: type === 'physiological', test }
    const entry: AlarmEntry = { kind: 'alarm', at: this.#now(), ...about, priority, text }
    const noted = { entry, acked: new Set<string>(), ended: false, margin: null, referenced: false }
    this.#alarms.set(key, noted)
    const [oldest] = this.#alarms.keys()
    if (this.#alarms.size > mostAlarms) this.#alarms.delete(oldest!)
    this.#history.add(entry)
    return noted
  }

  #acknowledged(device: string, id: string, { by, kind: as, at }: { by: string; kind: AckKind; at: string }): void {
    const known = this.#alarms.get(JSON.stringify([device, id]))
    const acked = Date.parse(at)
    if (Number.isNaN(acked) || known?.acked.has(at)) return
    known?.acked.add(at)
    this.#history.add({ kind: 'ack', at: this.#now(), device, id, by, as, acked })
  }

  /** Not by a clock that was set a moment ago: one that starts in 1970 or jumps to 2036 would take all away. */
  async #prune(): Promise<void> {
    const { timeOfDay, monotonic } = this.#options
    const now = monotonic()
    const offset = timeOfDay() - now
    if (Math.abs(offset - this.#offset) > settingMs) this.#steadySince = now
    this.#offset = offset
    if (now - this.#steadySince < steadyMs || now - this.#pruned < steadyMs) return
    this.#pruned = now
    await this.#history.prune(timeOfDay())
  }

  #now(): number {
    return Math.round(this.#options.timeOfDay())
  }
}

type AckKind = Extract<HistoryEntry, { kind: 'ack' }>['as']

function* roomsOf(rows: ReadonlyMap<string, Row>): Generator<[string, RoomEntry]> {
  for (const row of rows.values())
    if (row.kind === 'room') yield [JSON.stringify([row.device, row.camera]), entryOf(row)]
}

type RoomEntry = Omit<Extract<HistoryEntry, { kind: 'room' }>, 'at'>

const entryOf = ({ device, camera, ward, room, bed, lamp, why }: RoomRow): RoomEntry => ({
  kind: 'room',
  ...{ device, camera, ward, room, bed, lamp, why }
})
