/** The explain stage: crops in, explanations out. LRP runs in a worker thread of its own; no alarm waits for it. */
import { type Clock, systemClock } from '../core/clock.js'
import { InferenceError, messageOf } from '../core/errors.js'
import type { Log } from '../core/log.js'
import type { Crop, Explanation } from '../core/types.js'
import { WorkerClient } from '../core/worker-client.js'
import { workerScript } from '../core/worker-protocol.js'
import type { Manifest } from '../model/manifest.js'
import type { CropExplanation } from './explain-crop.js'
import { NewestFirst } from './queue.js'
import { saveHeatmaps } from './save.js'
import type { ExplainMethods, OpenRequest } from './worker.js'

export { heatmapPng, overlayPng } from './heatmap.js'
export { overlayOf, writeAtomically } from './save.js'

export type EngineChoice = 'auto' | 'tfjs'

export interface ExplainOptions {
  manifest: Manifest
  engine: EngineChoice
  /** One of `compositeNames` of `painlens/lrp`. */
  composite: string
  /** CPU threads for LRP. */
  threads: number
  /** Views of each face that the uncertainty comes from, 1 (none) to 16; `defaultViews` unless given. */
  views?: number
  /** Folder for heatmaps and overlays; nothing touches the disk without it. */
  saveTo?: string
  /** A request whose frame is older when its turn comes is skipped; 30 s unless given. */
  maxAgeMs?: number
  log: Log
  clock?: Clock
  onCrash?: (error: Error) => void
  /** Stops the stage, even while it starts, which rejects then. */
  signal?: AbortSignal
}

export interface ExplainRequest {
  camera: string
  track: number
  /** When the frame was captured, in ms since the epoch. */
  at: number
  crop: Crop
  /** The classifier's probability of the alarm label; a mismatch with the explained model's own is logged. */
  score?: number
  /** Index of the label to explain, or `max` for the likeliest; the alarm label unless given. */
  target?: number | 'max'
}

export interface Explained extends Explanation, Pick<CropExplanation, 'logits' | 'probabilities'> {
  /** Files that were written, if that was asked for. */
  saved: string[]
}

export interface ExplainStats {
  done: number
  failed: number
  /** Requests that a newer one of their camera replaced, or that grew too old. */
  skipped: number
  /** How long the last explanation took, or null before the first. */
  lastMs: number | null
  /** The engine that serves, as it names itself. */
  engine: string
}

export interface ExplainStage {
  /**
   * Explains a crop, one at a time, the newest first. Null if it was skipped or the stage is stopped.
   * Rejects with InferenceError when it fails; the stage lives on.
   */
  submit(request: ExplainRequest): Promise<Explained | null>
  stats(): ExplainStats
  stop(): Promise<void>
}

const engines: Record<EngineChoice, OpenRequest['engine']> = { auto: 'tfjs', tfjs: 'tfjs' }
const defaultMaxAgeMs = 30_000
/** Where more views stop making the uncertainty much better on rendered faces; docs/explanations.md has the figures. */
export const defaultViews = 6
/** Two runtimes on one model differ by rounding only; more than this, and the explanation is of something else. */
const tolerance = 0.05

/**
 * Opens the model for LRP and warms it up, which takes seconds for a large one.
 * @throws ModelError, UnsupportedModelError, UsageError (unknown composite), InferenceError; the worker is gone then
 */
export async function startExplaining(options: ExplainOptions): Promise<ExplainStage> {
  const { manifest, composite, threads, views = defaultViews, log, onCrash, signal } = options
  const worker = new WorkerClient<ExplainMethods>(workerScript(import.meta.url, './worker.js'), 'the explain worker', {
    onCrash
  })
  const startedAt = performance.now()
  let stop = (): Promise<void> => worker.close()
  signal?.addEventListener('abort', () => void stop(), { once: true })
  if (signal?.aborted) await stop()
  const opening = worker.call('open', { manifest, engine: engines[options.engine], composite, threads, views })
  const { engine } = await opening.catch(async (error: unknown) => {
    await worker.close()
    throw error
  })
  log.info({ engine, composite, startMs: Math.round(performance.now() - startedAt) }, 'explanations ready')
  const stage = new Explaining(options, worker, engine)
  stop = () => stage.stop()
  return stage
}

class Explaining implements ExplainStage {
  readonly #options: ExplainOptions
  readonly #worker: WorkerClient<ExplainMethods>
  readonly #queue: NewestFirst<ExplainRequest, Explained>
  readonly #stats: Omit<ExplainStats, 'skipped'>
  #mismatchTold = false

  constructor(options: ExplainOptions, worker: WorkerClient<ExplainMethods>, engine: string) {
    this.#options = options
    this.#worker = worker
    this.#stats = { done: 0, failed: 0, lastMs: null, engine }
    this.#queue = new NewestFirst({
      run: (request) => this.#explain(request),
      clock: options.clock ?? systemClock,
      maxAgeMs: options.maxAgeMs ?? defaultMaxAgeMs
    })
  }

  submit(request: ExplainRequest): Promise<Explained | null> {
    return this.#queue.submit(request)
  }

  stats(): ExplainStats {
    return { ...this.#stats, skipped: this.#queue.skipped }
  }

  async stop(): Promise<void> {
    this.#queue.stop()
    await this.#worker.close()
  }

  async #explain(request: ExplainRequest): Promise<Explained> {
    const { manifest, composite } = this.#options
    const { camera, track, at, crop, target = manifest.alarmIndex } = request
    const startedAt = performance.now()
    try {
      const found = await this.#worker.call('explain', { crop, target })
      const durationMs = performance.now() - startedAt
      const { engine } = this.#stats
      const explanation = { ...found, camera, track, at, crop, composite, engine, durationMs }
      this.#compare(request, found)
      const saved = await this.#save(explanation)
      this.#stats.done++
      this.#stats.lastMs = durationMs
      return { ...explanation, saved }
    } catch (error) {
      this.#stats.failed++
      throw error instanceof InferenceError
        ? error
        : new InferenceError(`explaining failed (${messageOf(error)})`, manifest.file, 'Look into the log.')
    }
  }

  #compare({ camera, score }: ExplainRequest, { probabilities }: CropExplanation): void {
    const own = probabilities[this.#options.manifest.alarmIndex]!
    if (score === undefined || Math.abs(own - score) <= tolerance || this.#mismatchTold) return
    this.#mismatchTold = true
    this.#options.log.warn(
      { camera, classifier: score, explained: own },
      'the explained model gives another probability than the classifier; said once'
    )
  }

  /** A full disk takes nothing but the pictures away. */
  async #save(explanation: Explanation): Promise<string[]> {
    const { saveTo, log } = this.#options
    if (saveTo === undefined) return []
    return saveHeatmaps(saveTo, explanation).catch((error: unknown) => {
      log.warn({ error: messageOf(error) }, 'heatmaps cannot be saved')
      return []
    })
  }
}
