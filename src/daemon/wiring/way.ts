/** A test alarm on its way to the nurse call, step by step: raised, confirmed by the broker, heard there, acknowledged. */
import type { AlarmMessage } from '../../contract/messages.js'
import { InputError, messageOf } from '../../core/errors.js'
import type { WayAnswer } from '../../page/index.js'

/** A connection of its own, like that of every listener at the broker. */
export interface WayListener {
  /** Resolves when the broker has let it subscribe. @throws Error without a connection in time */
  ready: Promise<void>
  stop(): Promise<void>
}

export interface WayTestOptions {
  /** Hears this box's alarms at the broker. */
  listen: (onAlarm: (id: string) => void) => WayListener
  /** Raises a test alarm. @returns its id. @throws InputError as the command `test_alarm` does */
  raise: (camera: string, seconds: number) => Promise<string>
  /** ISO 8601. */
  now: () => string
}

/** A broker gives a message back at once. */
const backMs = 10_000
/** Time enough to walk to a telephone and acknowledge there. */
const testSeconds = 180

export class WayTest {
  readonly #options: WayTestOptions
  #id: string | null = null
  #way: Omit<WayAnswer, 'notBack'> | null = null
  #listener: WayListener | null = null
  /** The alarm may be confirmed before its id is known here. */
  readonly #early = new Set<string>()
  #beginning = false

  constructor(options: WayTestOptions) {
    this.#options = options
  }

  state(): WayAnswer | null {
    const way = this.#way
    if (way === null) return null
    const { confirmed, back, ended } = way
    const waited = confirmed === null ? 0 : Date.parse(ended ?? this.#options.now()) - Date.parse(confirmed)
    return { ...way, notBack: back === null && waited > backMs }
  }

  /** Resolves when the alarm is raised. @throws InputError while another test runs, and as `test_alarm` does */
  async start(camera: string, by: string): Promise<void> {
    const { raise, listen, now } = this.#options
    if (this.#beginning || (this.#way !== null && this.#way.ended === null))
      throw new InputError('PL-PAGE-WAY', 'a test is under way', `camera ${this.#way?.camera ?? camera}`)
    this.#beginning = true
    this.#early.clear()
    const listener = listen((id) => this.#told(id, 'back'))
    this.#listener = listener
    let notHeard: string | null = null
    try {
      await listener.ready.catch((error: unknown) => {
        notHeard = messageOf(error)
      })
      const id = await raise(camera, testSeconds)
      const nothing = { confirmed: null, back: null, acknowledged: null, ended: null }
      this.#way = { camera, by, begun: now(), notHeard, ...nothing }
      this.#id = id
      for (const step of ['confirmed', 'back'] as const) if (this.#early.has(`${step} ${id}`)) this.#told(id, step)
    } catch (error) {
      await this.#leave()
      throw error
    } finally {
      this.#beginning = false
    }
  }

  /** The broker has confirmed an alarm. */
  delivered({ alarm_id }: Pick<AlarmMessage, 'alarm_id'>): void {
    this.#told(alarm_id, 'confirmed')
  }

  /** What this box says of an alarm. */
  alarm({ alarm_id, ack, phase }: Pick<AlarmMessage, 'alarm_id' | 'ack' | 'phase'>): void {
    if (alarm_id !== this.#id || !this.#way) return
    if (ack) this.#way = { ...this.#way, acknowledged: { by: ack.by, at: ack.at } }
    if (phase !== 'end') return
    this.#way = { ...this.#way, ended: this.#options.now() }
    void this.#leave()
  }

  async stop(): Promise<void> {
    await this.#leave()
  }

  #told(id: string, step: 'confirmed' | 'back'): void {
    if (this.#beginning) this.#early.add(`${step} ${id}`)
    if (id === this.#id && this.#way) this.#way = { ...this.#way, [step]: this.#way[step] ?? this.#options.now() }
  }

  async #leave(): Promise<void> {
    const listener = this.#listener
    this.#listener = null
    await listener?.stop()
  }
}
