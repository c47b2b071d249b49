/** The explain stage: crops in, explanations out. LRP runs in a worker thread of its own; no alarm waits for it. */
import { type Clock, systemClock } from '../core/clock.js'
import { messageOf } from '../core/errors.js'
import type { Log } from '../core/log.js'
import type { Crop, Explanation } from '../core/types.js'
import type { Manifest } from '../model/manifest.js'
import type { ProviderName } from '../ort/session.js'
import type { Choice } from './choose.js'
import { checkModel, type EngineSetup } from './engines.js'
import type { CropExplanation } from './explain-crop.js'
import { type EngineChoice, EngineKeeper, type EngineState } from './keeper.js'
import { NewestFirst } from './queue.js'
import { saveHeatmaps } from './save.js'

export type { Choice } from './choose.js'
export { type CropExplanation, explainCrop } from './explain-crop.js'
export { summedOverColours } from './explain-views.js'
export { heatmapPng, overlayPng } from './heatmap.js'
export type { EngineChoice, EngineState } from './keeper.js'
export { overlayOf, writeAtomically } from './save.js'

export interface ExplainOptions {
  manifest: Manifest
  /** `auto` tries both engines on the same picture, refuses to explain if they disagree, and takes the faster. */
  engine: EngineChoice
  /** One of `compositeNames` of `painlens/lrp`. */
  composite: string
  /** CPU threads for LRP. */
  threads: number
  /** Where the onnx engine computes; cpu unless given. */
  provider?: ProviderName
  /**
   * Start as soon as the model and the composite are known to fit, and open the engine while requests wait. What goes
   * wrong then comes through `onProblem`.
   */
  inBackground?: boolean
  /** Views of each face that the uncertainty comes from, 1 (none) to 16; `defaultViews` unless given. */
  views?: number
  /** Folder for heatmaps and overlays; nothing touches the disk without it. */
  saveTo?: string
  /** A request that has waited for longer when its turn comes is skipped; five minutes unless given. */
  maxAgeMs?: number
  /** How long to wait before each restart of an engine that is lost; after the last it is given up. 1 s and 5 s unless given. */
  restartDelaysMs?: readonly number[]
  /** How long after a failure to see whether explaining works again, if nothing else has shown it; a minute unless given. */
  probeAfterMs?: number
  log: Log
  clock?: Clock
  /** Why nothing, or the last request, was explained; null when explaining works again. */
  onProblem?: (problem: Error | null) => void
  /** Stops the stage, even while it starts, which rejects then. */
  signal?: AbortSignal
}

export interface ExplainRequest {
  camera: string
  track: number
  /** When the frame was captured, a moment of the clock. */
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
  state: EngineState
  done: number
  failed: number
  /** Requests that a newer one of their face replaced, or that waited for too long. */
  skipped: number
  /** How long the last explanation took, or null before the first. */
  lastMs: number | null
  /** The engine that serves, as it names itself; null while none does. */
  engine: string | null
  /** What `auto` chose by; null if it had no choice. */
  choice: Choice | null
  /** Why nothing, or the last request, was explained. */
  problem: string | null
}

export interface ExplainStage {
  /**
   * Explains a crop, one at a time, the newest first. Null if it was skipped or the stage is stopped.
   * Rejects with a PainlensError when it fails; the stage lives on.
   */
  submit(request: ExplainRequest): Promise<Explained | null>
  /** Whether a request would be worked on at once. */
  idle(): boolean
  stats(): ExplainStats
  stop(): Promise<void>
}

const defaultMaxAgeMs = 300_000
const defaultProbeAfterMs = 60_000
const defaultRestartDelaysMs = [1000, 5000]
/** Where more views stop making the uncertainty much better on rendered faces; docs/explanations.md has the figures. */
export const defaultViews = 6
/** Two runtimes on one model differ by rounding only; more than this, and the explanation is of something else. */
const tolerance = 0.05

/**
 * Opens the model for LRP and warms it up, which takes seconds for a large one.
 * @throws ModelError, UnsupportedModelError, UsageError (unknown composite), InferenceError; the workers are gone then
 */
export async function startExplaining(options: ExplainOptions): Promise<ExplainStage> {
  const {
    manifest,
    engine,
    composite,
    threads,
    views = defaultViews,
    provider = 'cpu',
    inBackground = false,
    signal
  } = options
  const setup = { manifest, composite, threads, views, provider }
  if (inBackground || engine === 'auto') await checkModel(setup, signal)
  const stage = new Explaining(options, setup)
  signal?.addEventListener('abort', () => void stage.stop(), { once: true })
  const opening = stage.open()
  if (signal?.aborted) await stage.stop()
  // Told of through onProblem.
  if (inBackground) opening.catch(() => undefined)
  else await opening
  return stage
}

class Explaining implements ExplainStage {
  readonly #options: ExplainOptions
  readonly #keeper: EngineKeeper
  readonly #queue: NewestFirst<ExplainRequest, Explained>
  readonly #counts = { done: 0, failed: 0 }
  #lastMs: number | null = null
  #problem: Error | null = null
  #probing: NodeJS.Timeout | undefined
  #stopped = false
  #mismatchTold = false

  constructor(options: ExplainOptions, setup: EngineSetup) {
    this.#options = options
    this.#keeper = new EngineKeeper({
      setup,
      engine: options.engine,
      restartDelaysMs: options.restartDelaysMs ?? defaultRestartDelaysMs,
      onState: (state, problem) => this.#changed(state, problem),
      log: options.log
    })
    this.#queue = new NewestFirst({
      run: (request) => this.#explain(request),
      ready: () => this.#keeper.state === 'ready' || this.#keeper.state === 'failed',
      clock: options.clock ?? systemClock,
      maxAgeMs: options.maxAgeMs ?? defaultMaxAgeMs
    })
  }

  open(): Promise<void> {
    return this.#keeper.start({ patiently: this.#options.inBackground === true })
  }

  submit(request: ExplainRequest): Promise<Explained | null> {
    return this.#queue.submit(request)
  }

  idle(): boolean {
    return this.#keeper.state === 'ready' && this.#queue.idle
  }

  stats(): ExplainStats {
    const { state, name, choice } = this.#keeper
    const problem = this.#problem && messageOf(this.#problem)
    return { state, ...this.#counts, skipped: this.#queue.skipped, lastMs: this.#lastMs, engine: name, choice, problem }
  }

  async stop(): Promise<void> {
    this.#stopped = true
    clearTimeout(this.#probing)
    this.#queue.stop()
    await this.#keeper.stop()
  }

  #changed(state: EngineState, problem: Error | null): void {
    const { log, composite } = this.#options
    const { name, choice } = this.#keeper
    if (state === 'ready') log.info({ engine: name, composite, ...inMs(choice) }, 'explanations ready')
    if (state === 'failed') log.error({ composite, error: messageOf(problem) }, 'there are no explanations')
    this.#tell(problem)
    this.#queue.wake()
  }

  #tell(problem: Error | null): void {
    if (this.#stopped) return
    this.#problem = problem
    this.#options.onProblem?.(problem)
    clearTimeout(this.#probing)
    // A lost engine is the keeper's business.
    if (problem && this.#keeper.state === 'ready') this.#probeLater()
  }

  /** It may take days until the next request; nobody should be told for so long that explaining fails. */
  #probeLater(): void {
    const { probeAfterMs = defaultProbeAfterMs } = this.#options
    this.#probing = setTimeout(() => {
      this.#keeper.probe().then(
        () => this.#tell(null),
        (error: Error) => this.#keeper.state === 'ready' && this.#tell(error)
      )
    }, probeAfterMs)
  }

  async #explain(request: ExplainRequest): Promise<Explained> {
    const { manifest, composite } = this.#options
    const { camera, track, at, crop, target = manifest.alarmIndex } = request
    const startedAt = performance.now()
    const engine = this.#keeper.name ?? ''
    try {
      const found = await this.#keeper.explain({ crop, target })
      const durationMs = performance.now() - startedAt
      const explanation = { ...found, camera, track, at, crop, composite, engine, durationMs }
      this.#compare(request, found)
      const saved = await this.#save(explanation)
      this.#counts.done++
      this.#lastMs = durationMs
      if (this.#problem) this.#tell(null)
      return { ...explanation, saved }
    } catch (error) {
      this.#counts.failed++
      // While none serves, the reason of that counts.
      if (this.#keeper.state === 'ready') this.#tell(error as Error)
      throw error
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
    const { saveTo, log, clock = systemClock } = this.#options
    if (saveTo === undefined) return []
    return saveHeatmaps(saveTo, explanation, clock).catch((error: unknown) => {
      log.warn({ error: messageOf(error) }, 'heatmaps cannot be saved')
      return []
    })
  }
}

/** What `auto` chose by, for the log. */
function inMs(choice: Choice | null): object {
  if (!choice) return {}
  const { tfjsMs, onnxMs, difference } = choice
  return { tfjsMs: Math.round(tfjsMs), onnxMs: Math.round(onnxMs), difference: Number(difference.toPrecision(2)) }
}
