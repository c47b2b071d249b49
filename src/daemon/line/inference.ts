/** The two inferences of every frame, with their progress and their trouble. */
import type { CameraConfig } from '../../config/index.js'
import { asError, errorFields, InferenceError } from '../../core/errors.js'
import type { Log } from '../../core/log.js'
import { frameId, traced } from '../../core/trace.js'
import type { Supervision } from '../health/supervision.js'
import type { Finding } from '../health/vitals.js'
import type { InferencePart, Parts } from '../wiring/parts.js'
import type { WatchedStages } from './watched-camera.js'

export interface InferenceOptions {
  parts: () => Pick<Parts, 'detector' | 'classifier'>
  supervision: Pick<Supervision, 'progress'>
  /** Why faces are not classified, when it begins; null when there is no such reason any more. */
  onTrouble: (problem: Error | null) => void
  /** What is under way when painlens is told to stop is no failure. */
  stopping: () => boolean
  log: Log
}

export class Inference {
  readonly #options: InferenceOptions
  /** Why inference fails, by who says so. */
  readonly #reasons = new Map<string, Error>()

  constructor(options: InferenceOptions) {
    this.#options = options
  }

  /** The stages of one camera's line. */
  stagesOf({ id, zones }: CameraConfig): WatchedStages {
    const { supervision, parts, log } = this.#options
    const { progress } = supervision
    const key = cameraKey(id)
    return {
      onFrame: () => progress.frame(),
      detect: (frame) =>
        traced(log, 'detect', progress.watch('detect', parts().detector.detect(frame, zones)), ({ faces }) => ({
          frame: frameId(frame),
          tracks: faces.map(({ track }) => track)
        })),
      classify: (take) =>
        traced(log, 'classify', progress.watch('classify', parts().classifier.classify(take)), (verdicts) => ({
          frame: frameId(take()),
          scores: verdicts.map(({ score }) => score)
        })),
      onFailure: (error) => {
        // A worker that died speaks for itself.
        if (this.#options.stopping() || this.#isRestarting()) return
        if (!this.#reasons.has(key)) log.error({ camera: id, ...errorFields(error) }, 'inference fails')
        this.#set(key, asError(error))
      },
      onSuccess: () => {
        progress.finished()
        this.#set(key, null)
      }
    }
  }

  /** A camera without pictures says nothing about inference. */
  forget(camera: string): void {
    this.#set(cameraKey(camera), null)
  }

  /** A worker died, or serves again. */
  worker(part: InferencePart, problem: Error | null): void {
    this.#options.supervision.progress.worker(part, problem !== null)
    this.#set(part, problem)
  }

  /** Takes in what `examine` found. */
  examined(findings: readonly Finding[]): void {
    const stuck = findings.find(({ part, stops }) => stops === 'live' && stuckParts.has(part))
    this.#set('stuck', stuck ? new InferenceError('PL-INFERENCE-STUCK', stuck.why, stuck.part) : null)
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

const stuckParts: ReadonlySet<string> = new Set<InferencePart | 'inference'>(['detect', 'classify', 'inference'])

const cameraKey = (id: string): string => `camera ${id}`
