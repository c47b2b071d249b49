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
import { workerScript } from '../../core/worker.js'
import type { Engine } from '../../lib/lrp/engine.js'
import { withGraphFolder } from '../../lib/lrp/graph-folder.js'
import type { Manifest } from '../../lib/model/manifest.js'
import { probabilitiesOf, type Reading } from '../../lib/model/preprocess.js'
import type { Head } from '../../lib/onnx/index.js'
import type { ProviderProof } from '../../lib/ort/provider.js'
import type { ProviderChoice } from '../../lib/ort/provider-names.js'
import { JudgedFaces, type SeenBy } from './change.js'
import { JudgingQueue } from './queue.js'
import type { LrpRequest } from './with-lrp.js'
import type { ClassifyMethods, OpenClassifierAnswer } from './worker.js'

export type { LrpRequest } from './with-lrp.js'

export interface ClassifierOptions extends WorkerTroubles {
  manifest: Manifest
  provider: ProviderChoice
  /** Threads within an operator; 0: one for each core. */
  threads: number
  log: Log
  /**
   * Explain in the same session, so that the weights are in memory once: on the CPU alone, where the model allows it, and where there
   * is room to open it, which is logged if not.
   */
  lrp?: LrpRequest
  /** Largest batch, in faces; the best for the provider unless given. */
  largestBatch?: number
  /** Called after each successful inference with its number of faces. @param ms the time that ONNX Runtime took */
  onInference?: (ms: number, faces: number) => void
  /** Aborts a pending start. */
  signal?: AbortSignal
}

export interface Classifier {
  /** The provider, as proved by an inference at the start, and its nodes. */
  readonly proof: ProviderProof
  /** How the model's outputs are read. */
  readonly head: Head
  /**
   * LRP in the classifier's own session; null without one. Each explanation goes between two verdicts, when no face waits or its turn
   * has come; closing it closes nothing.
   */
  readonly lrp: Engine | null
  /** Number of restarts of the worker. */
  readonly restarted: number
  /**
   * Classifies the faces of a sighting. Of those that wait, of all cameras, the one with the face that has changed most since it was
   * judged goes first; none waits longer than a second for that.
   */
  classify(sighting: FacesOfFrame): Classification
  stop(): Promise<void>
}

/** The part of a sighting that the classifier needs. */
export type FacesOfFrame = Pick<Sighting, 'camera' | 'at' | 'faces'>

/** A pending classification. */
export interface Classification {
  /** Of the usable faces, in their order; of the others the model is not asked. Rejects with an InferenceError. */
  verdicts: Promise<Verdict[]>
  /** Whether none of the faces is in an inference yet. */
  isWaiting(): boolean
  /** While it waits: replaces the sighting by a newer one. */
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
  readonly #queue: JudgingQueue<SeenBy & { face: Face }, Float32Array>
  readonly #judged = new JudgedFaces()
  readonly #lrp: Pick<Engine, 'explain' | 'logits' | 'close'> = {
    explain: (sample, weights) =>
      this.#queue.between(() => this.#worker.serving().client.call('explain', { sample, weights })),
    logits: (sample) => this.#queue.between(() => this.#worker.serving().client.call('logits', sample)),
    close: () => Promise.resolve()
  }
  /** The result of the last opening of the worker. */
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
    this.#queue = new JudgingQueue({
      max: () => this.#opened!.largest,
      urgency: (seen) => this.#judged.changeOf(seen),
      run: async (seen) => {
        const found = await this.#infer(seen.map(({ face }) => face))
        this.#judged.judge(seen)
        return found
      }
    })
  }

  start(): Promise<void> {
    return this.#worker.start(this.#options.signal)
  }

  get proof(): ProviderProof {
    return this.#opened!.proof
  }

  get head(): Head {
    return this.#opened!.head
  }

  get lrp(): Engine | null {
    const shape = this.#opened!.lrp
    return shape && { ...shape, ...this.#lrp }
  }

  get restarted(): number {
    return this.#worker.restarted
  }

  classify(sighting: FacesOfFrame): Classification {
    const { manifest } = this.#options
    let newest = usableOf(sighting)
    const { results, isWaiting, replace } = this.#queue.submit(this.#seenIn(sighting))
    return {
      verdicts: results.then((logits) =>
        logits.map((each, i) => verdictOf({ manifest, reading: this.#opened!.reading }, newest, i, each))
      ),
      isWaiting,
      replace: (newer) => {
        if (!isWaiting()) return
        newest = usableOf(newer)
        replace(this.#seenIn(newer))
      }
    }
  }

  stop(): Promise<void> {
    return this.#worker.close()
  }

  /** The usable faces; of the camera's others, what they looked like is forgotten with their tracks. */
  #seenIn(sighting: FacesOfFrame): { camera: string; face: Face }[] {
    const { camera, faces } = sighting
    this.#judged.keep(
      camera,
      faces.map(({ track }) => track)
    )
    return usableOf(sighting).faces.map((face) => ({ camera, face }))
  }

  async #open(opening: WorkerOpening): Promise<ClassifyWorker> {
    const { manifest, provider, threads, largestBatch, lrp, log } = this.#options
    // The manifest's loader has checked the file; it may have been replaced before a restart.
    const request = { manifest, provider, threads, largestBatch, lrp, verify: opening.again }
    const open = (folder?: string): Promise<ClassifyWorker> =>
      openInferenceWorker(
        script,
        what,
        (client: ClassifyWorker['client']) => client.call('open', { ...request, folder }),
        opening
      )
    const worker = await (lrp ? withGraphFolder(open) : open())
    const { proof, largest, head, lrpProblem } = worker.opened
    if (lrpProblem)
      log.warn({ code: lrpProblem.code, why: lrpProblem.message }, 'explanations have a session of their own')
    if (proof.fallback)
      log.warn(
        { code: 'PL-PROVIDER-FALLBACK' satisfies ErrorCode, provider: proof.provider, tried: proof.fallback },
        'no GPU provider works; inference runs on the CPU'
      )
    const explains = worker.opened.lrp !== null
    const fields = {
      model: manifest.name,
      provider: proof.provider,
      nodes: proof.nodes,
      head,
      batch: largest,
      explains
    }
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

const usableOf = (seen: FacesOfFrame): FacesOfFrame => ({
  ...seen,
  faces: seen.faces.filter(({ whyNot }) => whyNot === null)
})

function verdictOf(
  { manifest, reading }: { manifest: Manifest; reading: Reading },
  { camera, at, faces }: FacesOfFrame,
  index: number,
  logits: Float32Array
): Verdict {
  const probabilities = probabilitiesOf(logits, reading, manifest.temperature)
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
