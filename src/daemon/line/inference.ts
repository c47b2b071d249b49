/** The two inferences of every frame: their progress, and why they fail. */
import type { CameraConfig } from '../../config/index.js'
import { asError, codeOf, type ErrorCode, errorFields, InferenceError, messageOf } from '../../core/errors.js'
import type { Log } from '../../core/log.js'
import { frameId, traced } from '../../core/trace.js'
import type { Sighting } from '../../core/types.js'
import type { Classification, Classifier } from '../../stages/classify/index.js'
import type { Detector } from '../../stages/detect/index.js'
import type { WatchedStages } from './watched-camera.js'

/** The stages that every frame passes. */
export type InferencePart = 'detect' | 'classify'

/** Why a camera's last frame ended with an error. */
export interface FailingFrames {
  code: ErrorCode
  why: string
}

/** All times are of a monotonic clock, in ms. */
export interface InferenceProgress {
  now: number
  /** The event loop's last tick. */
  lastTick: number
  /** The first and the last frame since one was finished; null if there was none. */
  unanswered: { first: number; last: number } | null
  /** The inferences that are under way. */
  underWay: readonly { part: InferencePart; since: number }[]
  /** Cameras whose last frame ended with an error, and why. */
  failing: readonly ({ camera: string } & FailingFrames)[]
  /** Workers that died and are restarting. */
  restarting: readonly { part: InferencePart; since: number }[]
}

export interface InferenceOptions extends ProgressOptions {
  /** Called with the cause when inference begins to fail, and with null when the last cause ends. */
  onTrouble: (problem: Error | null) => void
  log: Log
}

export interface InferenceStages {
  detector: Pick<Detector, 'detect'>
  classifier: Pick<Classifier, 'classify'>
}

export class Inference {
  readonly progress: Progress
  readonly #options: InferenceOptions
  /** Why inference fails, by camera or part. */
  readonly #reasons = new Map<string, Error>()
  #stopping = false

  constructor(options: InferenceOptions) {
    this.#options = options
    this.progress = new Progress(options)
  }

  /** The stages of one camera's line. */
  stagesOf({ id, zones }: CameraConfig, { detector, classifier }: InferenceStages): WatchedStages {
    const { progress } = this
    const { log } = this.#options
    const key = cameraKey(id)
    return {
      onFrame: () => progress.frame(),
      detect: (frame) =>
        traced(log, 'detect', progress.watch('detect', detector.detect(frame, zones)), ({ faces }) => ({
          frame: frameId(frame),
          tracks: faces.map(({ track }) => track)
        })),
      classify: (sighting) => this.#classify(sighting, classifier),
      onFailure: (error) => this.#failed(id, error),
      onSuccess: () => {
        progress.finished()
        progress.failing(id, null)
        this.#set(key, null)
      }
    }
  }

  /** Ends the camera's trouble: without pictures it shows nothing about inference. */
  forget(camera: string): void {
    this.progress.failing(camera, null)
    this.#set(cameraKey(camera), null)
  }

  /** A worker died, or with null works again. */
  worker(part: InferencePart, problem: Error | null): void {
    this.progress.worker(part, problem !== null)
    this.#set(part, problem)
  }

  /** A part is stuck, or with null none is. */
  stuck(stuck: { part: string; why: string } | null): void {
    this.#set('stuck', stuck && new InferenceError('PL-INFERENCE-STUCK', stuck.why, stuck.part))
  }

  /** painlens stops: inferences cancelled from now on are not failures. */
  stopping(): void {
    this.#stopping = true
  }

  #classify(first: Sighting, classifier: InferenceStages['classifier']): Classification {
    let frame = frameId(first)
    const { verdicts, isWaiting, replace } = classifier.classify(first)
    const found = traced(this.#options.log, 'classify', this.progress.watch('classify', verdicts), (each) => ({
      frame,
      scores: each.map(({ score }) => score)
    }))
    const replaceBy: Classification['replace'] = (newer) => {
      frame = frameId(newer)
      replace(newer)
    }
    return { verdicts: found, isWaiting, replace: replaceBy }
  }

  #failed(camera: string, error: unknown): void {
    // The worker's death is the cause.
    if (this.#stopping || this.#isRestarting()) return
    const key = cameraKey(camera)
    if (!this.#reasons.has(key)) this.#options.log.error({ camera, ...errorFields(error) }, 'inference fails')
    this.progress.failing(camera, { code: codeOf(error), why: messageOf(error) })
    this.#set(key, asError(error))
  }

  #isRestarting(): boolean {
    return this.#reasons.has('detect') || this.#reasons.has('classify')
  }

  #set(key: string, problem: Error | null): void {
    const before = this.#reasons.size
    if (problem) this.#reasons.set(key, problem)
    else this.#reasons.delete(key)
    if (problem && before === 0) this.#options.onTrouble(problem)
    if (before > 0 && this.#reasons.size === 0) this.#options.onTrouble(null)
  }
}

const cameraKey = (id: string): string => `camera ${id}`

export interface ProgressOptions {
  /** A monotonic clock, in ms: the time of day may jump by years on a device without a battery. */
  now: () => number
  /** Called after each inference, successful or not. */
  onDone?: (part: InferencePart, ms: number) => void
}

/** Records the progress of inferences, from which stuck ones are found. */
export class Progress {
  readonly #options: ProgressOptions
  readonly #underWay = new Set<{ part: InferencePart; since: number }>()
  readonly #restarting = new Map<InferencePart, number>()
  readonly #failing = new Map<string, FailingFrames>()
  #unanswered: InferenceProgress['unanswered'] = null
  #lastTick: number

  constructor(options: ProgressOptions) {
    this.#options = options
    this.#lastTick = options.now()
  }

  /** A frame has arrived. */
  frame(): void {
    const last = this.#options.now()
    this.#unanswered = { first: this.#unanswered?.first ?? last, last }
  }

  /** A frame has passed all inferences. */
  finished(): void {
    this.#unanswered = null
  }

  /** Why a camera's frames fail; null from when on they no longer do, or nothing is known of it. */
  failing(camera: string, why: FailingFrames | null): void {
    if (why === null) this.#failing.delete(camera)
    else this.#failing.set(camera, why)
  }

  async watch<T>(part: InferencePart, inference: Promise<T>): Promise<T> {
    const { now, onDone } = this.#options
    const entry = { part, since: now() }
    this.#underWay.add(entry)
    try {
      return await inference
    } finally {
      this.#underWay.delete(entry)
      onDone?.(part, now() - entry.since)
    }
  }

  worker(part: InferencePart, restarting: boolean): void {
    if (restarting) this.#restarting.set(part, this.#restarting.get(part) ?? this.#options.now())
    else this.#restarting.delete(part)
    // Failures until now are due to the restart.
    this.#unanswered = null
    this.#failing.clear()
  }

  tick(): void {
    this.#lastTick = this.#options.now()
  }

  snapshot(): InferenceProgress {
    return {
      now: this.#options.now(),
      lastTick: this.#lastTick,
      unanswered: this.#unanswered,
      underWay: [...this.#underWay],
      failing: [...this.#failing].map(([camera, why]) => ({ camera, ...why })),
      restarting: [...this.#restarting].map(([part, since]) => ({ part, since }))
    }
  }
}
