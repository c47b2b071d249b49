/** The classify stage: faces in, verdicts out. The model runs in a worker thread of its own. */
import type { Log } from '../core/log.js'
import type { Face, Verdict } from '../core/types.js'
import { inferenceGraceMs, openedOrClosed, WorkerClient } from '../core/worker-client.js'
import { workerScript } from '../core/worker-protocol.js'
import type { Manifest } from '../model/manifest.js'
import { softmax } from '../model/preprocess.js'
import type { ProviderChoice, ProviderProof } from '../ort/provider.js'
import type { ClassifyMethods } from './worker.js'

export interface ClassifierOptions {
  manifest: Manifest
  provider: ProviderChoice
  /** Threads within an operator; 0: one for each core. */
  threads: number
  log: Log
  onCrash?: (error: Error) => void
  /** Ends a start that is under way. */
  signal?: AbortSignal
}

export interface Classifier {
  /** The provider that an inference at start proved, and what ran where. */
  readonly proof: ProviderProof
  /** Time of the last inference in ms, or null before the first. */
  readonly lastInferenceMs: number | null
  /** Verdicts in the order of `faces`; all crops go through the model in one batch. */
  classify(camera: string, at: number, faces: readonly Face[]): Promise<Verdict[]>
  stop(): Promise<void>
}

/**
 * Opens the classifier and proves its provider by a real inference. `auto` falls back to the CPU with one warning.
 * @throws ModelError, ProviderError as the worker's `open` does; the worker is gone then
 */
export async function startClassifier(options: ClassifierOptions): Promise<Classifier> {
  const { manifest, provider, threads, log } = options
  const worker = new WorkerClient<ClassifyMethods>(workerScript(import.meta.url, './worker.js'), 'the classifier', {
    onCrash: options.onCrash
  })
  const proof = await openedOrClosed(worker, worker.call('open', { manifest, provider, threads }), {
    graceMs: inferenceGraceMs,
    signal: options.signal
  })
  if (proof.fallback)
    log.warn({ provider: proof.provider, tried: proof.fallback }, 'no GPU provider works; inference runs on the CPU')
  log.info({ model: manifest.name, provider: proof.provider, nodes: proof.nodes }, 'classifier ready')
  let lastInferenceMs: number | null = null
  return {
    proof,
    get lastInferenceMs() {
      return lastInferenceMs
    },
    async classify(camera, at, faces) {
      if (faces.length === 0) return []
      const { logits, inferenceMs } = await worker.call('classify', { crops: faces.map((face) => face.crop.data) })
      lastInferenceMs = inferenceMs
      return faces.map((face, i) => verdictOf(manifest, camera, at, face, logits, i))
    },
    stop: () => worker.close(inferenceGraceMs)
  }
}

function verdictOf(
  manifest: Manifest,
  camera: string,
  at: number,
  face: Face,
  all: Float32Array,
  index: number
): Verdict {
  const classes = manifest.labels.length
  const logits = all.slice(index * classes, (index + 1) * classes)
  const probabilities = softmax(logits, manifest.temperature)
  return {
    camera,
    at,
    face,
    labels: manifest.labels,
    logits,
    probabilities,
    score: probabilities[manifest.alarmIndex]!
  }
}
