/** The explain stage: crops in, explanations out. LRP runs in a worker thread of its own; no alarm waits for it. */
import { systemClock } from '../../core/clock.js'
import { errorFields, problemOf } from '../../core/errors.js'
import type { Choice } from './choose.js'
import { checkModel, type EngineSetup } from './engines.js'
import type { CropExplanation } from './explain-crop.js'
import { EngineKeeper, type EngineState } from './keeper.js'
import { NewestFirst } from './queue.js'
import { saveHeatmaps } from './save.js'
import type { Explained, ExplainOptions, ExplainRequest, ExplainStage, ExplainStats, Explanation } from './types.js'
import { defaultViews } from './views.js'

export { type CropExplanation, explainCrop } from './explain-crop.js'
export { summedOverColours } from './explain-views.js'
export { heatmapPng } from './heatmap.js'
export { overlayOf, writeAtomically } from './save.js'
export type { ExplainOptions, ExplainStage, ExplainStats, Explanation } from './types.js'
export { defaultViews } from './views.js'

const defaultMaxAgeMs = 300_000
const defaultProbeAfterMs = 60_000
const defaultRestartDelaysMs = [1000, 5000]
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
    const problem = this.#problem && problemOf(this.#problem)
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
    if (state === 'failed') log.error({ composite, ...errorFields(problem) }, 'there are no explanations')
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
      log.warn(errorFields(error), 'heatmaps cannot be saved')
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
