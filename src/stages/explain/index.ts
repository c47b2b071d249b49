/** The explain stage: crops in, explanations out. LRP runs in a worker thread of its own; no alarm waits for it. */
import { systemClock } from '../../core/clock.js'
import { EnginesDifferError, errorFields, problemOf } from '../../core/errors.js'
import { KeptWorker, type WorkerOpening, type WorkerState } from '../../core/kept-worker.js'
import { LastSaid } from '../../core/log.js'
import type { EngineName } from '../../lib/lrp/index.js'
import {
  checkExplainable,
  chooseEngine,
  type EngineComparison,
  type EngineSetup,
  type OpenEngine,
  openBehind,
  openEngine
} from './engines.js'
import type { CropExplanation } from './explain-crop.js'
import { NewestFirst } from './explained-alarms.js'
import { saveHeatmaps } from './heatmap.js'
import type { Explained, ExplainOptions, ExplainRequest, ExplainStage, ExplainStats, Explanation } from './types.js'
import { defaultViews } from './views.js'

export { type CropExplanation, type CropTarget, explainCrop, summedOverColours } from './explain-crop.js'
export { ExplainedAlarms } from './explained-alarms.js'
export { heatmapPng, overlayOf, writeAtomically } from './heatmap.js'
export type { ExplainOptions, ExplainStage, ExplainStats, Explanation } from './types.js'
export { defaultViews } from './views.js'

const defaultMaxAgeMs = 300_000
const defaultProbeAfterMs = 60_000
const defaultRestartDelaysMs = [1000, 5000]
/** Each try takes seconds of a core and, with a large model, memory that may be short: fewer and fewer. */
const defaultLaterDelaysMs = [1, 2, 4, 8, 15, 30, 60].map((minutes) => 60_000 * minutes)
/** Largest difference of probability that rounding explains between two runtimes on the same model. */
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
    gamma,
    threads,
    views = defaultViews,
    provider = 'cpu',
    inBackground = false,
    shared,
    signal
  } = options
  const setup = { manifest, composite, gamma, threads, views, provider }
  // A shared engine is open, so it fits.
  if (!shared?.lrp && (inBackground || engine === 'auto')) await checkExplainable(setup, signal)
  const stage = new Explaining(options, setup)
  signal?.addEventListener('abort', () => void stage.stop(), { once: true })
  const opening = stage.open()
  if (signal?.aborted) await stage.stop()
  // Its failure is reported through `onProblem`.
  if (inBackground) opening.catch(() => undefined)
  else await opening
  return stage
}

class Explaining implements ExplainStage {
  readonly #options: ExplainOptions
  readonly #setup: EngineSetup
  readonly #engine: KeptWorker<OpenEngine>
  readonly #queue: NewestFirst<ExplainRequest, Explained>
  readonly #counts = { done: 0, failed: 0 }
  #lastMs: number | null = null
  #problem: Error | null = null
  #probing: NodeJS.Timeout | undefined
  #stopped = false
  readonly #mismatch = new LastSaid<boolean>()
  /** The current engine; the choice of `auto` is made once. */
  #kind: EngineName | null
  #choice: EngineComparison | null = null

  constructor(options: ExplainOptions, setup: EngineSetup) {
    this.#options = options
    this.#setup = setup
    this.#kind = options.engine === 'auto' ? null : options.engine
    this.#engine = new KeptWorker({
      what: 'the LRP engine',
      open: (opening) => this.#openEngine(opening),
      // A foreground start rejects on failure. Engines that disagree are not tried again.
      mayPass: (error) => options.inBackground === true && !(error instanceof EnginesDifferError),
      restartDelaysMs: options.restartDelaysMs ?? defaultRestartDelaysMs,
      laterDelaysMs: options.inBackground ? (options.laterDelaysMs ?? defaultLaterDelaysMs) : [],
      onState: (state, problem) => this.#changed(state, problem),
      givenUpCode: 'PL-EXPLAIN-LOST',
      log: options.log
    })
    this.#queue = new NewestFirst({
      run: (request) => this.#explain(request),
      ready: () => this.#engine.state === 'ready' || this.#engine.state === 'failed',
      clock: options.clock ?? systemClock,
      maxAgeMs: options.maxAgeMs ?? defaultMaxAgeMs
    })
  }

  open(): Promise<void> {
    return this.#engine.start().catch((error: Error) => {
      this.#changed('failed', error)
      throw error
    })
  }

  submit(request: ExplainRequest): Promise<Explained | null> {
    return this.#queue.submit(request)
  }

  idle(): boolean {
    return this.#engine.state === 'ready' && this.#queue.idle
  }

  stats(): ExplainStats {
    return {
      state: this.#engine.state,
      ...this.#counts,
      skipped: this.#queue.skipped,
      lastMs: this.#lastMs,
      engine: this.#engine.current?.name ?? null,
      choice: this.#choice,
      problem: this.#problem && problemOf(this.#problem)
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true
    clearTimeout(this.#probing)
    this.#queue.stop()
    await this.#engine.close()
  }

  async #openEngine(opening: WorkerOpening): Promise<OpenEngine> {
    const lrp = this.#options.shared?.lrp
    if (lrp) return openBehind(lrp, this.#setup, opening)
    if (this.#kind) return openEngine(this.#kind, this.#setup, opening)
    const { engine, choice } = await chooseEngine(this.#setup, opening, this.#options.log)
    this.#kind = engine.kind
    this.#choice = choice
    return engine
  }

  #changed(state: WorkerState, problem: Error | null): void {
    if (this.#stopped) return
    const { log, composite } = this.#options
    const engine = this.#engine.current?.name ?? null
    if (state === 'ready') log.info({ engine, composite, ...inMs(this.#choice) }, 'explanations ready')
    if (state === 'failed') log.error({ composite, ...errorFields(problem) }, 'there are no explanations')
    this.#tell(problem)
    this.#queue.wake()
  }

  #tell(problem: Error | null): void {
    if (this.#stopped) return
    this.#problem = problem
    this.#options.onProblem?.(problem)
    clearTimeout(this.#probing)
    // A lost engine is reopened anyway.
    if (problem && this.#engine.state === 'ready') this.#probeLater()
  }

  /** The next request may be days away; a trial explanation clears the reported failure earlier. */
  #probeLater(): void {
    const { probeAfterMs = defaultProbeAfterMs } = this.#options
    this.#probing = setTimeout(() => {
      this.#probe().then(
        () => this.#tell(null),
        (error: Error) => this.#engine.state === 'ready' && this.#tell(error)
      )
    }, probeAfterMs)
  }

  async #probe(): Promise<void> {
    await this.#engine.serving().probe()
  }

  async #explain(request: ExplainRequest): Promise<Explained> {
    const { manifest, composite } = this.#options
    const { camera, track, at, crop, target = manifest.alarmIndex } = request
    const startedAt = performance.now()
    const engine = this.#engine.current?.name ?? ''
    try {
      const found = await this.#engine.serving().explain({ crop, target })
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
      // If the engine is not ready, its own failure has been reported.
      if (this.#engine.state === 'ready') this.#tell(error as Error)
      throw error
    }
  }

  #compare({ camera, score }: ExplainRequest, { probabilities }: CropExplanation): void {
    const own = probabilities[this.#options.manifest.alarmIndex]!
    if (score === undefined || Math.abs(own - score) <= tolerance || !this.#mismatch.isNew(true)) return
    this.#options.log.warn(
      { camera, classifier: score, explained: own },
      'the explained model gives another probability than the classifier; said once'
    )
  }

  /** A full disk costs only the saved pictures, not the explanation. */
  async #save(explanation: Explanation): Promise<string[]> {
    const { saveTo, log, clock = systemClock } = this.#options
    if (saveTo === undefined) return []
    return saveHeatmaps(saveTo, explanation, clock).catch((error: unknown) => {
      log.warn(errorFields(error), 'heatmaps cannot be saved')
      return []
    })
  }
}

/** The measurements behind the choice of `auto`, for the log. */
function inMs(choice: EngineComparison | null): object {
  if (!choice) return {}
  const { tfjsMs, onnxMs, difference } = choice
  return { tfjsMs: Math.round(tfjsMs), onnxMs: Math.round(onnxMs), difference: Number(difference.toPrecision(2)) }
}
