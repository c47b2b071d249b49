/** The measurements that are under way, one for each camera. They end by `tick`: there is no timer. */
import { later, type Moment } from '../../core/clock.js'
import { ClosedError, InputError } from '../../core/errors.js'
import type { Box, Sighting, UnusableReason, Verdict } from '../../core/types.js'
import { type JudgedFace, Measurement, type ReferenceRules, type RestingFace } from './measurement.js'
import { inWidths } from './place.js'
import type { ReferenceModel } from './shift.js'

export interface TakeRequest {
  camera: string
  /** Only faces in that zone. */
  zone: string | null
  seconds: number
  by: string
}

export interface TakingOptions {
  model: ReferenceModel
  rules: ReferenceRules
  /**
   * float32's outputs for a face that another precision has judged; never rejects. Null where they are not there in time: such a face
   * is not counted. Not needed where all faces are judged in float32.
   */
  exact?: (verdict: Verdict) => Promise<Float32Array | null>
}

interface UnderWay {
  request: TakeRequest
  until: Moment
  measurement: Measurement
  /** Frames that float32 is still asked about. */
  asking: Set<Promise<void>>
  /** Its time is over: it waits for these frames only. */
  isOver: boolean
  resolve: (measured: RestingFace) => void
  reject: (error: unknown) => void
}

export class Taking {
  readonly #options: TakingOptions
  readonly #underWay = new Map<string, UnderWay>()

  constructor(options: TakingOptions) {
    this.#options = options
  }

  /**
   * Resolves after `seconds`.
   * @throws InputError where this is no face at rest, or another is being measured there; ClosedError
   */
  begin(request: TakeRequest, now: Moment): Promise<RestingFace> {
    const { camera, seconds } = request
    if (this.#options.model.resting === null)
      throw new InputError('PL-REFERENCE-NO-RESTING', 'the model has no resting outputs of its own', 'model.manifest')
    if (this.#underWay.has(camera))
      throw new InputError('PL-REFERENCE-BUSY', 'a resting face is being taken already', `camera ${camera}`)
    return new Promise((resolve, reject) => {
      const part = { measurement: new Measurement(), asking: new Set<Promise<void>>(), isOver: false, resolve, reject }
      this.#underWay.set(camera, { request, until: later(now, 1000 * seconds), ...part })
    })
  }

  frame({ camera, faces, picture }: Sighting, verdicts: readonly Verdict[]): void {
    const underWay = this.#underWay.get(camera)
    if (!underWay || underWay.isOver) return
    const { request, measurement, asking } = underWay
    const isMeant = (face: { zone: string | null }) => request.zone === null || face.zone === request.zone
    const why = faces.filter(isMeant).flatMap(({ whyNot }): UnusableReason[] => (whyNot === null ? [] : [whyNot]))
    const judged = verdicts.filter(({ face }) => isMeant(face)).map((verdict) => this.#sampleOf(verdict, picture))
    const taken = Promise.all(judged)
      .then((samples) => {
        measurement.take(
          samples.filter((sample) => sample !== null),
          why
        )
      })
      .finally(() => asking.delete(taken))
    asking.add(taken)
  }

  tick(now: Moment): void {
    const { model, rules } = this.#options
    for (const underWay of this.#underWay.values()) {
      const { request, until, measurement, asking, resolve, reject } = underWay
      if (now < until || underWay.isOver) continue
      underWay.isOver = true
      void Promise.all(asking)
        .then(() => measurement.result(model, rules, placeName(request)))
        .finally(() => this.#end(underWay))
        .then(resolve, reject)
    }
  }

  /** The camera gives no pictures any more, or is paused. */
  interrupt(camera: string): void {
    const underWay = this.#underWay.get(camera)
    if (!underWay || underWay.isOver) return
    underWay.reject(new InputError('PL-REFERENCE-INTERRUPTED', 'the camera gives no pictures', `camera ${camera}`))
    this.#end(underWay)
  }

  /**
   * The resting face of a zone, or all of the camera, are not wanted: what is being taken there is not kept.
   * @returns whether something was
   */
  withdraw(camera: string, zone: string | null): boolean {
    const underWay = this.#underWay.get(camera)
    // Which zone a request without one is about shows in the end only.
    const asked = underWay?.request.zone ?? null
    if (!underWay || (zone !== null && asked !== null && asked !== zone)) return false
    underWay.reject(new InputError('PL-REFERENCE-REMOVED', 'it was removed while it was taken', `camera ${camera}`))
    this.#end(underWay)
    return true
  }

  stop(): void {
    for (const { request, reject } of this.#underWay.values())
      reject(new ClosedError('PL-CONTROL-STOPPING', 'painlens is stopping', `camera ${request.camera}`))
    this.#underWay.clear()
  }

  #end(underWay: UnderWay): void {
    const { camera } = underWay.request
    if (this.#underWay.get(camera) === underWay) this.#underWay.delete(camera)
  }

  async #sampleOf(verdict: Verdict, picture: Box): Promise<JudgedFace | null> {
    const { exact, model } = this.#options
    const logits = exact ? await exact(verdict) : verdict.logits
    if (logits === null) return null
    const score = logits === verdict.logits ? verdict.score : model.scoreOf(logits)
    return { zone: verdict.face.zone, box: inWidths(verdict.face.box, picture), logits, score }
  }
}

const placeName = ({ camera, zone }: TakeRequest): string =>
  zone === null ? `camera ${camera}` : `camera ${camera}, zone ${zone}`
