/** The classify stage: faces in, verdicts out. The model runs in a worker thread of its own. */

import type { ErrorCode } from '../../core/errors.js'
import {
  type InferenceWorker,
  KeptWorker,
  openInferenceWorker,
  tellTroubles,
  type WorkerOpening,
  type WorkerTroubles
} from '../../core/kept-worker.js'
import type { Log } from '../../core/log.js'
import type { Face, Sighting, Verdict } from '../../core/types.js'
import { workerScript } from '../../core/worker-protocol.js'
import type { Manifest } from '../../lib/model/manifest.js'
import { softmax } from '../../lib/model/preprocess.js'
import type { ProviderChoice, ProviderProof } from '../../lib/ort/provider.js'
import { Batches } from './batches.js'
import type { ClassifyMethods, OpenClassifierAnswer } from './worker.js'

export interface ClassifierOptions extends WorkerTroubles {
  manifest: Manifest
  provider: ProviderChoice
  /** Threads within an operator; 0: one for each core. */
  threads: number
  log: Log
  /** Faces in one inference at most; unless given, what is best for the provider. */
  largestBatch?: number
  /** An inference of so many faces has ended well. @param ms the time that ONNX Runtime took */
  onInference?: (ms: number, faces: number) => void
  /** Ends a start that is under way. */
  signal?: AbortSignal
}

export interface Classifier {
  /** The provider that an inference at start proved, and what ran where. */
  readonly proof: ProviderProof
  /** How often the worker was started again. */
  readonly restarted: number
  /** What waits for the model, of whatever camera, goes through it together. */
  classify(sighting: FacesOfFrame): Classification
  stop(): Promise<void>
}

/** What the classifier wants to know of a sighting. */
export type FacesOfFrame = Pick<Sighting, 'camera' | 'at' | 'faces'>

/** Faces on their way through the model. */
export interface Classification {
  /** In the order of the faces; rejects with an InferenceError. */
  verdicts: Promise<Verdict[]>
  /** Whether the model has not begun with any of them. */
  isWaiting(): boolean
  /** While it waits: a newer sighting takes the place of this one. */
  replace(newer: FacesOfFrame): void
}

/**
 * Opens the classifier and proves its provider by a real inference. `auto` falls back to the CPU with one warning.
 * @throws ModelError, ProviderError as the worker's `open` does; the worker is gone then
 */
export async function startClassifier(options: ClassifierOptions): Promise<Classifier> {
  const classifier = new ClassifierInWorker(options)
  await classifier.start()
  return classifier
}

const what = 'the classifier'
const script = workerScript(import.meta.url, './worker.js')

type ClassifyWorker = InferenceWorker<ClassifyMethods, OpenClassifierAnswer>

class ClassifierInWorker implements Classifier {
  readonly #options: ClassifierOptions
  readonly #worker: KeptWorker<ClassifyWorker>
  readonly #batches: Batches<Face, Float32Array>
  /** As the worker that serves, or served last, was opened. */
  #opened: OpenClassifierAnswer | null = null

  constructor(options: ClassifierOptions) {
    this.#options = options
    this.#worker = new KeptWorker({
      what,
      open: (opening) => this.#open(opening),
      onState: tellTroubles(options),
      givenUpCode: 'PL-WORKER-LOST',
      log: options.log
    })
    this.#batches = new Batches({ max: () => this.#opened!.largest, run: (faces) => this.#infer(faces) })
  }

  start(): Promise<void> {
    return this.#worker.start(this.#options.signal)
  }

  get proof(): ProviderProof {
    return this.#opened!.proof
  }

  get restarted(): number {
    return this.#worker.restarted
  }

  classify(sighting: FacesOfFrame): Classification {
    const { manifest } = this.#options
    let newest = sighting
    const { results, isWaiting, replace } = this.#batches.submit(sighting.faces)
    return {
      verdicts: results.then((logits) => logits.map((each, i) => verdictOf(manifest, newest, i, each))),
      isWaiting,
      replace: (newer) => {
        if (!isWaiting()) return
        newest = newer
        replace(newer.faces)
      }
    }
  }

  stop(): Promise<void> {
    return this.#worker.close()
  }

  async #open(opening: WorkerOpening): Promise<ClassifyWorker> {
    const { manifest, provider, threads, largestBatch, log } = this.#options
    // The manifest's loader has looked at the file; before a restart it may have been replaced.
    const request = { manifest, provider, threads, largestBatch, verify: opening.again }
    const worker: ClassifyWorker = await openInferenceWorker(
      script,
      what,
      (client: ClassifyWorker['client']) => client.call('open', request),
      opening
    )
    const { proof, largest } = worker.opened
    if (proof.fallback)
      log.warn({ code: 'PL-PROVIDER-FALLBACK' satisfies ErrorCode, provider: proof.provider, tried: proof.fallback }, 'no GPU provider works; inference runs on the CPU')
    const fields = { model: manifest.name, provider: proof.provider, nodes: proof.nodes, batch: largest }
    log.info(fields, 'classifier ready')
    this.#opened = worker.opened
    return worker
  }

  /** One inference. @returns the logits of each face */
  async #infer(faces: readonly Face[]): Promise<Float32Array[]> {
    const { manifest, onInference } = this.#options
    const crops = faces.map(({ crop }) => crop.data)
    const { logits, inferenceMs } = await this.#worker.serving().client.call('classify', { crops })
    onInference?.(inferenceMs, faces.length)
    const classes = manifest.labels.length
    return faces.map((_, i) => logits.slice(i * classes, (i + 1) * classes))
  }
}

function verdictOf(
  manifest: Manifest,
  { camera, at, faces }: FacesOfFrame,
  index: number,
  logits: Float32Array
): Verdict {
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
