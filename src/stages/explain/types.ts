/** What the explain stage takes and gives. */
import type { Clock, Moment } from '../../core/clock.js'
import type { Problem } from '../../core/errors.js'
import type { WorkerState } from '../../core/kept-worker.js'
import type { Log } from '../../core/log.js'
import type { Crop } from '../../core/types.js'
import type { EngineName } from '../../lib/lrp/index.js'
import type { Manifest } from '../../lib/model/manifest.js'
import type { ProviderName } from '../../lib/ort/provider-names.js'
import type { EngineComparison } from './engines.js'
import type { CropExplanation } from './explain-crop.js'

/** `explanation.engine` of the config. */
export type EngineSetting = 'auto' | EngineName

export interface ExplainOptions {
  manifest: Manifest
  /** `auto` tries both engines on the same picture, refuses to explain if they disagree, and takes the faster. */
  engine: EngineSetting
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
  at: Moment
  crop: Crop
  /** The classifier's probability of the alarm label; a mismatch with the explained model's own is logged. */
  score?: number
  /** Index of the label to explain, or `max` for the likeliest; the alarm label unless given. */
  target?: number | 'max'
}

/** What is said about a crop, and of whom. */
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
  /** Files that were written, if that was asked for. */
  saved: string[]
}

export interface ExplainStats {
  /** `failed` is for good: the engines disagree, none can be opened, or the one that serves is lost again and again. */
  state: WorkerState
  done: number
  failed: number
  /** Requests that a newer one of their face replaced, or that waited for too long. */
  skipped: number
  /** How long the last explanation took, or null before the first. */
  lastMs: number | null
  /** The engine that serves, as it names itself; null while none does. */
  engine: string | null
  /** What `auto` chose by; null if it had no choice. */
  choice: EngineComparison | null
  /** Why nothing, or the last request, was explained. */
  problem: Problem | null
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
