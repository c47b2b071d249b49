/**
 * The reference stage: each bed's own resting face, taken while its resident is comfortable, against which pain is judged. Kept are
 * numbers of the model's outputs, the face's place and its size; no picture, and no feature by which a person could be recognised.
 */
import { type Clock, type EpochMs, iso, type Moment, timeOfDay } from '../../core/clock.js'
import { type ErrorCode, errorFields, InputError } from '../../core/errors.js'
import type { Log } from '../../core/log.js'
import type { Face, Sighting, Verdict } from '../../core/types.js'
import type { ReferenceRules } from './measurement.js'
import { inWidths, isAtPlace, Presence } from './place.js'
import { type Referenced, type ReferenceModel, reachOf, referenced, shiftOf } from './shift.js'
import { type KeptReference, ReferenceFile, readReferences } from './store.js'
import { type TakeRequest, Taking, type TakingOptions } from './taking.js'

export type { Referenced, ReferenceModel } from './shift.js'
export { noReferences, readReferences } from './store.js'

/** What is published of a reference: none of its numbers. */
export interface ToldReference {
  zone: string | null
  /** When it was taken, ISO 8601. */
  since: string
  by: string
  /** It is not used, since another person may lie there. */
  suspended: boolean
  /** It is not used any more: it is too old. */
  expired: boolean
}

/** What is published of a camera. */
export interface ToldReferences {
  /** Whether one can be taken with this model. */
  available: boolean
  /** The camera's, each of which may have a reference of its own. */
  zones: string[]
  references: ToldReference[]
}

export interface ReferencesOptions extends TakingOptions {
  /** The file that keeps them. */
  path: string
  rules: ReferenceRules & { expiresDays: number }
  /** The ids of the config; references of other cameras are dropped. */
  cameras: ReadonlySet<string>
  /** All references of a camera; called on each change. */
  publish: (camera: string, told: ToldReferences) => void
  log: Log
  clock: Clock
}

export interface Taken {
  since: string
  zone: string | null
  frames: number
  /** By how much it may lower the alarm label's log odds, in units of the model's outputs. */
  shift: number
}

interface Held {
  kept: KeptReference
  shift: Float32Array
  presence: Presence
  /** For how long painlens has run since it was taken. */
  ranMs: number
  /** When an earlier run wrote it down, until this run has seen a face there; then null. */
  notedBefore: EpochMs | null
  expired: boolean
}

const dayMs = 86_400_000
/** How often absences and ages are noted on the disk. */
const noteMs = 600_000
const unused = { ran_ms: 0, suspended: null, away_ms: 0 } as const

/**
 * Reads the references of earlier runs. Those of another model, beyond `maxShift`, and of cameras that are not in the config, are
 * dropped. Of a file that cannot be read none is used; the next one that is taken replaces it.
 */
export async function openReferences(options: ReferencesOptions): Promise<References> {
  const references = new References(options)
  await references.open()
  return references
}

export class References {
  readonly #options: ReferencesOptions
  readonly #file: ReferenceFile
  readonly #taking: Taking
  readonly #held = new Map<string, Held>()
  /** The last frame of each camera. */
  readonly #lastFrame = new Map<string, Moment>()
  /** The zones of each camera that is watched. */
  readonly #zones = new Map<string, readonly string[]>()
  /** What was published last of each camera. */
  readonly #told = new Map<string, string>()
  #lastTick: Moment
  #notedAt: Moment

  constructor(options: ReferencesOptions) {
    this.#options = options
    this.#file = new ReferenceFile(options.path)
    this.#taking = new Taking(options)
    this.#lastTick = options.clock.now()
    this.#notedAt = this.#lastTick
  }

  async open(): Promise<void> {
    const { path, model, cameras, rules, log } = this.#options
    if (model.resting === null) {
      const code: ErrorCode = 'PL-REFERENCE-NO-RESTING'
      log.warn({ code }, 'resting faces are turned on, and none can be taken: the manifest of the model has no resting')
    }
    const found = await readReferences(path).catch((error: unknown) => {
      log.warn(errorFields(error), 'the resting faces of earlier runs are not used')
      return []
    })
    const usable = found.filter((kept) => fits(kept, model))
    const bounded = usable.filter(({ resting }) => reachOf(shiftOf(resting, model), model) <= rules.maxShift)
    const watched = bounded.filter(({ camera }) => cameras.has(camera))
    for (const kept of watched) this.#hold(kept, Date.parse(kept.noted) as EpochMs)
    if (usable.length < found.length) {
      const code: ErrorCode = 'PL-REFERENCE-MODEL'
      log.warn({ code, dropped: found.length - usable.length }, 'resting faces of another model are dropped')
    }
    if (bounded.length < usable.length) {
      // The config, or what the manifest says of neutral faces, was changed since.
      const code: ErrorCode = 'PL-REFERENCE-SHIFT'
      log.warn({ code, dropped: usable.length - bounded.length }, 'resting faces beyond max_shift are dropped')
    }
    if (watched.length < bounded.length) {
      // Another bed may get the camera's name.
      const dropped = bounded.length - watched.length
      log.warn({ dropped }, 'resting faces of cameras that are not in the config any more are dropped')
    }
    if (watched.length < found.length) this.#note()
    this.#age(this.#options.clock.now())
  }

  /** The scores of a frame's verdicts, in their order, each held against the resting face of its bed. */
  judge({ sighting, verdicts }: { sighting: Sighting; verdicts: readonly Verdict[] }): Referenced[] {
    const { camera, at } = sighting
    const elapsedMs = at - (this.#lastFrame.get(camera) ?? at)
    this.#lastFrame.set(camera, at)
    this.#taking.frame(sighting, verdicts)
    this.#see(sighting, elapsedMs)
    return verdicts.map((verdict) => this.scoreOf(verdict.face, sighting, verdict))
  }

  /**
   * What the model says of a face, held against the resting face of its bed.
   * @param said float32's outputs and score, or those of a quicker model, which differ from them by little
   */
  scoreOf(
    { zone, box }: Pick<Face, 'zone' | 'box'>,
    { camera, picture }: Pick<Sighting, 'camera' | 'picture'>,
    { logits, score }: Pick<Verdict, 'logits' | 'score'>
  ): Referenced {
    const { model, rules } = this.#options
    const held = this.#held.get(keyOf(camera, zone))
    const isUsed = held !== undefined && isInUse(held) && isAtPlace(inWidths(box, picture), held.kept.place)
    const rule = { scoreOf: model.scoreOf, alwaysAlarm: rules.alwaysAlarm }
    return referenced(logits, score, isUsed ? held.shift : null, rule)
  }

  /**
   * Takes a reference: resolves after `seconds`, when it is on the disk and used.
   * @param stillAllowed called when it is measured; throws where it must not be kept after all
   * @throws InputError where this is no face at rest, or another is being taken there; DiskError; ClosedError
   */
  async take(request: TakeRequest, stillAllowed: () => void = () => undefined): Promise<Taken> {
    const { model, clock, log } = this.#options
    const { camera, by } = request
    const { zone, resting, place, frames, reach: shift } = await this.#taking.begin(request, clock.now())
    stillAllowed()
    const at = iso(timeOfDay(clock, clock.now()))
    const key = keyOf(camera, zone)
    const before = this.#held.get(key)
    this.#hold({ camera, zone, by, at, model: model.sha256, resting, frames, place, ...unused, noted: at }, null)
    const own = this.#held.get(key)
    try {
      await this.#write()
    } catch (error) {
      // Unless it was removed meanwhile: then the one before must not come back either.
      if (this.#held.get(key) === own) {
        if (before) this.#held.set(key, before)
        else this.#held.delete(key)
      }
      throw error
    }
    log.info({ camera, zone, by, frames, shift }, 'a resting face was taken')
    this.#tell(camera)
    return { since: at, zone, frames, shift }
  }

  /**
   * Removes those of a camera, or of one zone of it: from now on none is used there, and what is being taken there is not kept.
   * @throws InputError where there is none; DiskError: after a restart they may be there again
   */
  async remove(camera: string, zone: string | null, by: string): Promise<void> {
    const found = [...this.#held].filter(
      ([, { kept }]) => kept.camera === camera && (zone === null || kept.zone === zone)
    )
    const wasTaken = this.#taking.withdraw(camera, zone)
    if (found.length === 0 && !wasTaken) {
      const where = zone === null ? `camera ${camera}` : `camera ${camera}, that zone`
      throw new InputError('PL-REFERENCE-NONE', 'there is no resting face to remove', where)
    }
    for (const [key] of found) this.#held.delete(key)
    this.#options.log.info({ camera, zone, by }, 'a resting face was removed')
    this.#tell(camera)
    await this.#write()
  }

  /** Time passes: measurements end, references expire. Call it about once per second. */
  tick(now: Moment): void {
    this.#taking.tick(now)
    this.#age(now)
    if (now - this.#notedAt >= noteMs) this.#note()
  }

  /** The camera is watched from now on, with these zones: publishes what there is of it, also that there is none. */
  announce(camera: string, zones: readonly string[]): void {
    this.#zones.set(camera, zones)
    this.#tell(camera)
  }

  /** The camera gives no pictures, or is paused. */
  interrupted(camera: string): void {
    this.#taking.interrupt(camera)
  }

  /** The camera was removed from the config, and its references with it. */
  cameraGone(camera: string): void {
    this.#taking.withdraw(camera, null)
    this.#lastFrame.delete(camera)
    this.#zones.delete(camera)
    this.#told.delete(camera)
    const own = [...this.#held].filter(([, { kept }]) => kept.camera === camera)
    for (const [key] of own) this.#held.delete(key)
    if (own.length > 0) this.#note()
  }

  /** Ends what is being taken, and notes ages. */
  async stop(): Promise<void> {
    this.#taking.stop()
    this.#age(this.#options.clock.now())
    if (this.#held.size > 0) this.#note()
    await this.#file.idle()
  }

  #hold(kept: KeptReference, notedBefore: EpochMs | null): void {
    const presence = new Presence({ suspended: kept.suspended, awayMs: kept.away_ms })
    const shift = shiftOf(kept.resting, this.#options.model)
    const held = { kept, shift, presence, ranMs: kept.ran_ms, notedBefore, expired: false }
    this.#held.set(keyOf(kept.camera, kept.zone), held)
  }

  #see({ camera, faces, picture }: Sighting, elapsedMs: number): void {
    for (const held of this.#held.values()) {
      const { kept, presence } = held
      const own = kept.camera === camera ? faces.filter(({ zone }) => zone === kept.zone) : []
      if (own.length === 0) continue
      const isThere = own.some(({ box }) => isAtPlace(inWidths(box, picture), kept.place))
      const isUsable = own.some(({ whyNot }) => whyNot === null)
      if (isThere) held.notedBefore = null
      presence.seen(isThere, isUsable, elapsedMs)
    }
  }

  #age(now: Moment): void {
    const elapsed = Math.max(0, now - this.#lastTick)
    this.#lastTick = now
    const day = timeOfDay(this.#options.clock, now)
    for (const held of this.#held.values()) {
      const { kept, presence, notedBefore } = held
      held.ranMs += elapsed
      presence.passed(elapsed)
      if (notedBefore !== null) presence.lastSeenBefore(day - notedBefore + kept.away_ms)
      // The time of day may be set: what has expired by it alone is kept, and used again when it was wrong.
      held.expired = Math.max(held.ranMs, day - Date.parse(kept.at)) >= this.#options.rules.expiresDays * dayMs
    }
    for (const camera of new Set([...this.#held.values()].map(({ kept }) => kept.camera))) this.#tell(camera)
  }

  /** A camera that is not watched yet has nothing at the broker, and gets nothing there. */
  #tell(camera: string): void {
    const zones = this.#zones.get(camera)
    if (!zones) return
    const references = [...this.#held.values()]
      .filter(({ kept }) => kept.camera === camera)
      .map(({ kept: { zone, at: since, by }, presence: { suspended }, expired }) => ({
        ...{ zone, since, by, expired },
        suspended: suspended !== null
      }))
    const told = { available: this.#options.model.resting !== null, zones: [...zones], references }
    const text = JSON.stringify(told)
    if (this.#told.get(camera) === text) return
    this.#told.set(camera, text)
    this.#options.publish(camera, told)
  }

  #write(): Promise<void> {
    const { clock } = this.#options
    this.#notedAt = clock.now()
    const noted = iso(timeOfDay(clock, this.#notedAt))
    return this.#file.write(
      [...this.#held.values()].map(({ kept, presence: { state }, ranMs, notedBefore }) => {
        // Until a face is seen there, the absence goes on from what the earlier run has noted.
        const away = notedBefore === null ? { away_ms: state.awayMs, noted } : {}
        return { ...kept, ran_ms: ranMs, suspended: state.suspended, ...away }
      })
    )
  }

  #note(): void {
    this.#write().catch((error: unknown) =>
      this.#options.log.warn(errorFields(error), 'resting faces are not written down')
    )
  }
}

const fits = (kept: KeptReference, { sha256, labels, resting }: ReferenceModel): boolean =>
  kept.model === sha256 && resting !== null && labels.every((label) => Object.hasOwn(kept.resting, label))

const isInUse = ({ presence, expired }: Held): boolean => !expired && presence.suspended === null

const keyOf = (camera: string, zone: string | null): string => JSON.stringify([camera, zone])
