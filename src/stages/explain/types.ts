/** Inputs and outputs of the explain stage. */
import type { Clock, Moment } from '../../core/clock.js'
import type { Problem } from '../../core/errors.js'
import type { WorkerState } from '../../core/kept-worker.js'
import type { Log } from '../../core/log.js'
import type { Crop } from '../../core/types.js'
import type { Engine } from '../../lib/lrp/engine.js'
import type { CompositeOptions, EngineName } from '../../lib/lrp/index.js'
import type { Manifest } from '../../lib/model/manifest.js'
import type { ProviderName } from '../../lib/ort/provider-names.js'
import type { EngineComparison } from './engines.js'
import type { CropExplanation } from './explain-crop.js'

/** `explanation.engine` of the config. */
export type EngineSetting = 'auto' | EngineName

export interface ExplainOptions {
  manifest: Manifest
  /** `auto` tries both engines on the same picture, fails if they disagree, and uses the faster one. */
  engine: EngineSetting
  /**
   * The classifier, where it may explain in its own session: as long as it has an engine there, nothing else is opened, whatever `engine`
   * says. Without one, or when its session has been opened again without, explanations have an engine of their own.
   */
  shared?: { readonly lrp: Engine | null }
  /** One of `compositeNames` of `painlens/lrp`. */
  composite: string
  /** Of composites with gamma: one, or several by the net's depth; `CompositeOptions` of `painlens/lrp` has the default. */
  gamma?: CompositeOptions['gamma']
  /** CPU threads for LRP. */
  threads: number
  /** Execution provider of the onnx engine; cpu unless given. */
  provider?: ProviderName
  /**
   * Resolve once the model and the composite are known to fit, and open the engine while requests wait. Failures are then
   * reported through `onProblem`.
   */
  inBackground?: boolean
  /** Views per face for the uncertainty, 1 (no uncertainty) to 16; `defaultViews` unless given. */
  views?: number
  /** Folder for heatmaps and overlays; without it no file is written. */
  saveTo?: string
  /** Requests that waited for longer are skipped; five minutes unless given. */
  maxAgeMs?: number
  /** How long to wait before each restart of an engine that is lost; after the last it is given up. 1 s and 5 s unless given. */
  restartDelaysMs?: readonly number[]
  /** Once it has been given up, of a stage in the background: the waits before it is tried again. From a minute up to an hour unless given. */
  laterDelaysMs?: readonly number[]
  /** Delay from a failure to a trial explanation, unless a request succeeds before; a minute unless given. */
  probeAfterMs?: number
  log: Log
  clock?: Clock
  /** Why the engine or the last request failed; null when explaining works again. */
  onProblem?: (problem: Error | null) => void
  /** Stops the stage; a pending start rejects. */
  signal?: AbortSignal
}

export interface ExplainRequest {
  camera: string
  track: number
  /** When the frame was captured, a moment of the clock. */
  at: Moment
  crop: Crop
  /** The classifier's probability of the alarm label; a mismatch with the explained model's own is logged. */
  score?: number
  /** Index of the label to explain, or `max` for the likeliest; the alarm label unless given. */
  target?: number | 'max'
}

/** The explanation of a crop, with its camera, track and time. */
export interface Explanation extends Omit<CropExplanation, 'logits' | 'probabilities'> {
  camera: string
  /** When the explained frame was captured, a moment of the clock. */
  at: Moment
  track: number
  composite: string
  engine: string
  crop: Crop
  durationMs: number
}

export interface Explained extends Explanation, Pick<CropExplanation, 'logits' | 'probabilities'> {
  /** Files that were written, if configured. */
  saved: string[]
}

export interface ExplainStats {
  /** `failed`: the engines disagree, which is final; or none can be opened, or it died too often, and it is tried again after a while. */
  state: WorkerState
  done: number
  failed: number
  /** Requests replaced by a newer one of their face, or that waited for too long. */
  skipped: number
  /** How long the last explanation took, or null before the first. */
  lastMs: number | null
  /** The name of the current engine; null while there is none. */
  engine: string | null
  /** The measurements behind the choice of `auto`; null without a choice. */
  choice: EngineComparison | null
  /** Why the engine or the last request failed. */
  problem: Problem | null
}

export interface ExplainStage {
  /**
   * Explains a crop, one at a time, the newest first. Null if it was skipped or the stage is stopped.
   * Rejects with a PainlensError on failure; later requests are still explained.
   */
  submit(request: ExplainRequest): Promise<Explained | null>
  /** Whether a request would run at once. */
  idle(): boolean
  stats(): ExplainStats
  stop(): Promise<void>
}
