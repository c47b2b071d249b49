/** Resting faces that are being taken by this page: a box looks at a face for longer than a request may last. */
import { codeOf, errorFields, InputError, whatOf } from '../core/errors.js'
import type { Log } from '../core/log.js'
import { printable } from '../core/printable.js'
import { lookS, type RoomRow, type TakingRow } from './wire.js'

export interface ReferenceRequest {
  camera: string
  /** Only a face in that zone; without it the only face in the picture. */
  zone?: string
  seconds: number
  by: string
}

export interface TakingsOptions {
  room: (device: string, camera: string) => RoomRow | null
  /** Resolves when it is taken. @throws as the command `reference` does */
  take: (device: string, request: ReferenceRequest) => Promise<unknown>
  /** The time of day in so many ms, ISO 8601. */
  stampIn: (ms: number) => string
  /** In ms; it cannot be set. */
  monotonic: () => number
  /** Rows have changed. */
  changed: () => void
  onTaken: (taken: { device: string; camera: string; by: string }) => void
  log: Log
}

/** For how long its end is shown. */
const shownMs = 600_000
const mostErrorLength = 300

interface Taking {
  row: TakingRow
  /** When it has ended. */
  endedAt: number | null
}

export class Takings {
  readonly #options: TakingsOptions
  readonly #takings = new Map<string, Taking>()

  constructor(options: TakingsOptions) {
    this.#options = options
  }

  /**
   * Begins, and returns at once; how it ends is a row.
   * @throws InputError where none can be taken there now. A box that is not heard gets no such command: its broker would keep it, and
   *   the resident may not be comfortable when the box is back.
   */
  start(device: string, camera: string, zone: string | null, by: string): void {
    this.#check(device, camera, zone)
    const key = keyOf(device, camera)
    if (this.#takings.get(key)?.endedAt === null)
      throw new InputError('PL-REFERENCE-BUSY', 'a resting face is being taken already', `camera ${camera}`)
    const until = this.#options.stampIn(1000 * lookS)
    this.#takings.set(key, {
      row: { kind: 'taking', device, camera, zone, by, until, outcome: null },
      endedAt: null
    })
    this.#options.changed()
    void this.#run(key, device, { camera, seconds: lookS, by, ...(zone === null ? {} : { zone }) })
  }

  /** By a key that stays. */
  *rows(): Generator<[string, TakingRow]> {
    const now = this.#options.monotonic()
    for (const [key, { row, endedAt }] of this.#takings) {
      if (endedAt !== null && now - endedAt > shownMs) this.#takings.delete(key)
      else yield [`taking/${key}`, row]
    }
  }

  /** The resting face was removed: how it was taken is of no use any more. */
  forget(device: string, camera: string): void {
    const key = keyOf(device, camera)
    if (this.#takings.get(key)?.endedAt == null) return
    this.#takings.delete(key)
    this.#options.changed()
  }

  #check(device: string, camera: string, zone: string | null): void {
    const where = `camera ${camera}`
    const room = this.#options.room(device, camera)
    if (!room) throw new InputError('PL-PAGE-OTHER-BOX', 'is not shown by this page', where)
    const { lamp, reference } = room
    if (reference === null)
      throw new InputError('PL-REFERENCE-OFF', 'its painlens takes no resting faces', 'alarm.reference.enabled')
    if (!reference.available)
      throw new InputError('PL-REFERENCE-NO-RESTING', 'the model has no resting outputs of its own', 'model.manifest')
    if (lamp === 'unknown' || lamp === 'paused')
      throw new InputError('PL-REFERENCE-INTERRUPTED', 'the room is not watched at present', where)
    const isZone = zone === null ? reference.zones.length < 2 : reference.zones.includes(zone)
    if (!isZone) throw new InputError('PL-REFERENCE-ZONE', 'is not one of the zones of the camera', where)
  }

  async #run(key: string, device: string, request: ReferenceRequest): Promise<void> {
    const { take, onTaken, log } = this.#options
    const { camera, by } = request
    try {
      await take(device, request)
      this.#end(key, 'taken')
      onTaken({ device, camera, by })
    } catch (error) {
      log.info({ device, camera, by, ...errorFields(error) }, 'a resting face was not taken')
      this.#end(key, { code: codeOf(error), error: printable(whatOf(error)).slice(0, mostErrorLength) })
    }
  }

  #end(key: string, outcome: TakingRow['outcome']): void {
    const { row } = this.#takings.get(key)!
    this.#takings.set(key, { row: { ...row, outcome }, endedAt: this.#options.monotonic() })
    this.#options.changed()
  }
}

const keyOf = (device: string, camera: string): string => `${device}/${camera}`
