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
  /** It only waits for float32. */
  over: boolean
  measurement: Measurement
  /** Frames that float32 is still asked about. */
  asking: Set<Promise<void>>
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
      const part = { measurement: new Measurement(), asking: new Set<Promise<void>>(), resolve, reject }
      this.#underWay.set(camera, { request, until: later(now, 1000 * seconds), over: false, ...part })
    })
  }

  frame({ camera, faces, picture }: Sighting, verdicts: readonly Verdict[]): void {
    const underWay = this.#underWay.get(camera)
    if (!underWay || underWay.over) return
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
    for (const underWay of this.#underWay.values()) {
      if (now < underWay.until || underWay.over) continue
      underWay.over = true
      void this.#finish(underWay)
    }
  }

  /** Until float32 has answered it can still be interrupted. */
  async #finish(underWay: UnderWay): Promise<void> {
    const { request, measurement, asking, resolve, reject } = underWay
    const { model, rules } = this.#options
    try {
      await Promise.all(asking)
      resolve(measurement.result(model, rules, placeName(request)))
    } catch (error) {
      reject(error)
    } finally {
      if (this.#underWay.get(request.camera) === underWay) this.#underWay.delete(request.camera)
    }
  }

  /** The camera gives no pictures any more, or is paused. */
  interrupt(camera: string): void {
    this.#break(camera, 'the camera gives no pictures')
  }

  /**
   * A resting face is removed, and none must come after that.
   * @param zone null: all of the camera
   * @returns whether one was being taken that may have been of that zone
   */
  cancel(camera: string, zone: string | null): boolean {
    const underWay = this.#underWay.get(camera)
    if (!underWay) return false
    const { request } = underWay
    if (zone !== null && request.zone !== null && request.zone !== zone) return false
    this.#break(camera, 'it was to be removed while it was taken')
    return true
  }

  #break(camera: string, what: string): void {
    this.#underWay.get(camera)?.reject(new InputError('PL-REFERENCE-INTERRUPTED', what, `camera ${camera}`))
    this.#underWay.delete(camera)
  }

  stop(): void {
    for (const { request, reject } of this.#underWay.values())
      reject(new ClosedError('PL-CONTROL-STOPPING', 'painlens is stopping', `camera ${request.camera}`))
    this.#underWay.clear()
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
