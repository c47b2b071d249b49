/** The classify stage: faces in, verdicts out. The model runs in a worker thread of its own. */

import type { ErrorCode } from '../../core/errors.js'
import { KeptWorker } from '../../core/kept-worker.js'
import type { Log } from '../../core/log.js'
import type { Face, Sighting, Verdict } from '../../core/types.js'
import { workerScript } from '../../core/worker-protocol.js'
import type { Manifest } from '../../lib/model/manifest.js'
import { softmax } from '../../lib/model/preprocess.js'
import type { ProviderProof } from '../../lib/ort/provider.js'
import type { ProviderChoice } from '../../lib/ort/provider-names.js'
import { Batches } from './batches.js'
import type { ClassifyMethods, OpenAnswer } from './worker.js'

export interface ClassifierOptions {
  manifest: Manifest
  provider: ProviderChoice
  /** Threads within an operator; 0: one for each core. */
  threads: number
  log: Log
  /** Faces in one inference at most; unless given, what is best for the provider. */
  largestBatch?: number
  /** An inference of so many faces has ended well. @param ms the time that ONNX Runtime took */
  onInference?: (ms: number, faces: number) => void
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
  /** How often the worker was started again. */
  readonly restarted: number
  /**
   * Verdicts in the order of the sighting's faces. What waits for the model, of whatever camera, goes through it together.
   * @param take gives the sighting when its turn has come, so that it may be a newer one than when this was called
   */
  classify(take: () => Seen): Promise<Verdict[]>
  stop(): Promise<void>
}

/** What the classifier wants to know of a sighting. */
export type Seen = Pick<Sighting, 'camera' | 'at' | 'faces'>

/**
 * Opens the classifier and proves its provider by a real inference. `auto` falls back to the CPU with one warning.
 * @throws ModelError, ProviderError as the worker's `open` does; the worker is gone then
 */
export async function startClassifier(options: ClassifierOptions): Promise<Classifier> {
  const { manifest, provider, threads, largestBatch, log, onInference } = options
  let verify = false
  const worker = await KeptWorker.start<ClassifyMethods, OpenAnswer>({
    script: workerScript(import.meta.url, './worker.js'),
    what: 'the classifier',
    open: async (opening) => {
      const opened = await opening.call('open', { manifest, provider, threads, largestBatch, verify })
      const { proof, largest } = opened
      // The manifest's loader has looked at the file; before a restart it may have been replaced.
      verify = true
      if (proof.fallback)
        log.warn(
          { code: 'PL-PROVIDER-FALLBACK' satisfies ErrorCode, provider: proof.provider, tried: proof.fallback },
          'no GPU provider works; inference runs on the CPU'
        )
      log.info(
        { model: manifest.name, provider: proof.provider, nodes: proof.nodes, batch: largest },
        'classifier ready'
      )
      return opened
    },
    log,
    onTrouble: options.onTrouble,
    onGivenUp: options.onGivenUp,
    signal: options.signal
  })
  const batches = new Batches<Face, Float32Array>({
    max: () => worker.opened.largest,
    run: async (faces) => {
      const { logits, inferenceMs } = await worker.call('classify', { crops: faces.map(({ crop }) => crop.data) })
      onInference?.(inferenceMs, faces.length)
      const classes = manifest.labels.length
      return faces.map((_, i) => logits.slice(i * classes, (i + 1) * classes))
    }
  })
  return {
    get proof() {
      return worker.opened.proof
    },
    get restarted() {
      return worker.restarted
    },
    async classify(take) {
      let seen: Seen | undefined
      const logits = await batches.submit(() => {
        seen = take()
        return seen.faces
      })
      return logits.map((each, i) => verdictOf(manifest, seen!, i, each))
    },
    stop: () => worker.close()
  }
}

function verdictOf(manifest: Manifest, { camera, at, faces }: Seen, index: number, logits: Float32Array): Verdict {
  const probabilities = softmax(logits, manifest.temperature)
  return {
    camera,
    at,
    face: faces[index]!,
    labels: manifest.labels,
    logits,
    probabilities,
    score: probabilities[manifest.alarmIndex]!
  }
}
