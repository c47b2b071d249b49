/** The classify stage: faces in, verdicts out. The model runs in a worker thread of its own. */

import { KeptWorker } from '../core/kept-worker.js'
import type { Log } from '../core/log.js'
import type { Face, Verdict } from '../core/types.js'
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
  /** The worker died and is started again; null when it serves again. */
  onTrouble?: (problem: Error | null) => void
  /** The worker died again and again, and stays away. */
  onGivenUp?: (error: Error) => void
  /** Ends a start that is under way. */
  signal?: AbortSignal
}

export interface Classifier {
  /** The provider that an inference at start proved, and what ran where. */
  readonly proof: ProviderProof
  /** Time of the last inference in ms, or null before the first. */
  readonly lastInferenceMs: number | null
  /** How often the worker was started again. */
  readonly restarted: number
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
  let verify = false
  const worker = await KeptWorker.start<ClassifyMethods, ProviderProof>({
    script: workerScript(import.meta.url, './worker.js'),
    what: 'the classifier',
    open: async (opening) => {
      const proof = await opening.call('open', { manifest, provider, threads, verify })
      // The manifest's loader has looked at the file; before a restart it may have been replaced.
      verify = true
      if (proof.fallback)
        log.warn(
          { provider: proof.provider, tried: proof.fallback },
          'no GPU provider works; inference runs on the CPU'
        )
      log.info({ model: manifest.name, provider: proof.provider, nodes: proof.nodes }, 'classifier ready')
      return proof
    },
    log,
    onTrouble: options.onTrouble,
    onGivenUp: options.onGivenUp,
    signal: options.signal
  })
  let lastInferenceMs: number | null = null
  return {
    get proof() {
      return worker.opened
    },
    get restarted() {
      return worker.restarted
    },
    get lastInferenceMs() {
      return lastInferenceMs
    },
    async classify(camera, at, faces) {
      if (faces.length === 0) return []
      const { logits, inferenceMs } = await worker.call('classify', { crops: faces.map((face) => face.crop.data) })
      lastInferenceMs = inferenceMs
      return faces.map((face, i) => verdictOf(manifest, camera, at, face, logits, i))
    },
    stop: () => worker.close()
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
