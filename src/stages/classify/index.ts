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
import type { Face, Precision, PrecisionChoice, Sighting, Verdict } from '../../core/types.js'
import { workerScript } from '../../core/worker.js'
import type { Engine } from '../../lib/lrp/engine.js'
import { withGraphFolder } from '../../lib/lrp/graph-folder.js'
import type { Manifest } from '../../lib/model/manifest.js'
import { probabilitiesOf, type Reading } from '../../lib/model/preprocess.js'
import type { Head } from '../../lib/onnx/index.js'
import type { ProviderProof } from '../../lib/ort/provider.js'
import type { ProviderChoice } from '../../lib/ort/provider-names.js'
import { JudgedFaces, type SeenBy } from './change.js'
import { Float32Queue } from './float32.js'
import { type PrecisionStatus, precisionInWords } from './precision.js'
import { JudgingQueue } from './queue.js'
import type { LrpRequest } from './with-lrp.js'
import type { ClassifyMethods, OpenClassifierAnswer } from './worker.js'

export { type PrecisionStatus, precisionInWords as inWords } from './precision.js'
export type { LrpRequest } from './with-lrp.js'

/** In what numbers faces are judged. */
export interface PrecisionOptions {
  choice: PrecisionChoice
  /** Faces to prove another precision than float32 with: RGB24 of the manifest's size. Called once, where there is one. */
  proofCrops: () => Promise<Uint8Array[]>
  /** Scores near which float32 is asked again, as alarms and explanations depend on which side of them a score is. */
  thresholds: readonly number[]
}

export interface ClassifierOptions extends WorkerTroubles {
  manifest: Manifest
  provider: ProviderChoice
  /** Threads within an operator; 0: one for each core. */
  threads: number
  log: Log
  /**
   * Explain in the same session, so that the weights are in memory once: on the CPU alone, where the model allows it, and where there
   * is room to open it, which is logged if not. Once it could not be opened, it is not tried again.
   */
  lrp?: LrpRequest
  /** float32 unless given. */
  precision?: PrecisionOptions
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
  /** Whether each label's probability is its own, or all sum up to 1. */
  readonly reading: Reading
  /**
   * LRP in the classifier's own session; null without one, which may come after a restart of the worker: what was handed out before then
   * rejects with `PL-EXPLAIN-LOST`. Each explanation, or of a large model each half of it, goes between two verdicts, when no face waits or its turn has
   * come; closing it closes nothing.
   */
  readonly lrp: Engine | null
  readonly precision: PrecisionStatus
  /** Number of restarts of the worker. */
  readonly restarted: number
  /** The alarm label's probability, 0..1, for logits by label. */
  scoreOf(logits: Float32Array): number
  /**
   * Classifies the faces of a sighting. Of those that wait, of all cameras, the one with the face that has changed most since it was
   * judged goes first; none waits longer than a second for that.
   */
  classify(sighting: FacesOfFrame): Classification
  /** A face's score and logits in float32, which an alarm waits for. @returns null where they are not there within a second */
  confirm(face: Face): Promise<ExactScore | null>
  /** A verdict's logits in float32, for which alarms do not wait. @returns null where they are not there within a second */
  exact(verdict: Verdict): Promise<Float32Array | null>
  stop(): Promise<void>
}

/** What float32 says of a face. */
export interface ExactScore extends Pick<Verdict, 'score'> {
  logits: Float32Array
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

/** A score of another precision that is no further from a threshold is asked of float32. */
const nearThreshold = 0.1
/** How long a verdict waits for that; then the other precision's counts. */
const secondLookMs = 500
/** How long an alarm waits to be confirmed. */
const confirmationMs = 1000

type ClassifyWorker = InferenceWorker<ClassifyMethods, OpenClassifierAnswer>

class ClassifierInWorker implements Classifier {
  readonly #options: ClassifierOptions
  readonly #worker: KeptWorker<ClassifyWorker>
  readonly #queue: JudgingQueue<SeenBy & { face: Face }, Float32Array>
  readonly #judged = new JudgedFaces()
  readonly #lrp: Pick<Engine, 'explain' | 'logits' | 'close'> = {
    explain: async (sample, weights) => {
      const found = await this.#queue.between(() => this.#worker.serving().client.call('explain', { sample, weights }))
      if (!('between' in found)) return found
      return this.#queue.between(() => this.#worker.serving().client.call('finish', found))
    },
    logits: (sample) => this.#queue.between(() => this.#worker.serving().client.call('logits', sample)),
    close: () => Promise.resolve()
  }
  /** The result of the last opening of the worker. */
  #opened: OpenClassifierAnswer | null = null
  readonly #float32 = new Float32Queue((crop) => this.#inferExactly(crop))
  #proofCrops: Uint8Array[] | null = null

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

  get reading(): Reading {
    return this.#opened!.reading
  }

  scoreOf(logits: Float32Array): number {
    return this.#read(logits).score
  }

  get lrp(): Engine | null {
    const shape = this.#opened!.lrp
    return shape && { ...shape, ...this.#lrp }
  }

  get restarted(): number {
    return this.#worker.restarted
  }

  get precision(): PrecisionStatus {
    return this.#opened!.precision
  }

  async exact({ face, logits, precision }: Verdict): Promise<Float32Array | null> {
    if (precision === 'float32') return logits
    return this.#float32.judge(face.crop.data, { withinMs: confirmationMs, urgent: false })
  }

  async confirm(face: Face): Promise<ExactScore | null> {
    const logits = await this.#float32.judge(face.crop.data, { withinMs: confirmationMs, urgent: true })
    return logits && { logits, score: this.#read(logits).score }
  }

  classify(sighting: FacesOfFrame): Classification {
    let newest = usableOf(sighting)
    const { results, isWaiting, replace } = this.#queue.submit(this.#seenIn(sighting))
    return {
      verdicts: results.then((logits) =>
        Promise.all(logits.map((each, i) => this.#verdict(newest, newest.faces[i]!, each)))
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
    this.#float32.close()
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

  async #verdict({ camera, at }: FacesOfFrame, face: Face, logits: Float32Array): Promise<Verdict> {
    const { labels } = this.#options.manifest
    const verdict = (own: Float32Array, precision: Precision): Verdict => {
      return { camera, at, face, labels, logits: own, ...this.#read(own), precision }
    }
    const first = verdict(logits, this.precision.used)
    if (first.precision === 'float32' || !this.#isNearThreshold(first.score)) return first
    const exact = await this.#float32.judge(face.crop.data, { withinMs: secondLookMs, urgent: false })
    return exact ? verdict(exact, 'float32') : first
  }

  #isNearThreshold(score: number): boolean {
    const { thresholds = [] } = this.#options.precision ?? {}
    return thresholds.some((threshold) => Math.abs(score - threshold) <= nearThreshold)
  }

  #read(logits: Float32Array): Pick<Verdict, 'probabilities' | 'score'> {
    const { temperature, alarmIndex } = this.#options.manifest
    const probabilities = probabilitiesOf(logits, this.#opened!.reading, temperature)
    return { probabilities, score: probabilities[alarmIndex]! }
  }

  async #open(opening: WorkerOpening): Promise<ClassifyWorker> {
    const { manifest, provider, threads, largestBatch, precision } = this.#options
    // Explanations that have lost it have a session of their own by now.
    const lrp = this.#opened?.lrp === null ? undefined : this.#options.lrp
    const choice = precision?.choice ?? 'float32'
    if (precision && (manifest.int8 || choice === 'float16') && choice !== 'float32')
      this.#proofCrops ??= await precision.proofCrops()
    const proving = { precision: choice, proofCrops: this.#proofCrops ?? [], proved: this.#opened?.precision ?? null }
    // The manifest's loader has checked the file; it may have been replaced before a restart.
    const request = { manifest, provider, threads, largestBatch, lrp, verify: opening.again, ...proving }
    const open = (folder?: string): Promise<ClassifyWorker> =>
      openInferenceWorker(
        script,
        what,
        (client: ClassifyWorker['client']) => client.call('open', { ...request, folder }),
        opening
      )
    const worker = await (lrp ? withGraphFolder(open) : open())
    this.#tell(worker.opened)
    this.#opened = worker.opened
    return worker
  }

  #tell({ proof, largest, head, precision, lrp, lrpProblem }: OpenClassifierAnswer): void {
    const { manifest, log } = this.#options
    if (lrpProblem)
      log.warn({ code: lrpProblem.code, why: lrpProblem.message }, 'explanations have a session of their own')
    if (proof.fallback)
      log.warn(
        { code: 'PL-PROVIDER-FALLBACK' satisfies ErrorCode, provider: proof.provider, tried: proof.fallback },
        'no GPU provider works; inference runs on the CPU'
      )
    const { used, compared, problem } = precision
    if (problem) log.warn({ code: problem.code, why: problem.message }, 'faces are judged in float32')
    else if (compared)
      log.info({ precision: used, ...compared }, `faces are judged in ${used}: ${precisionInWords(compared)}`)
    const fields = { model: manifest.name, provider: proof.provider, nodes: proof.nodes, head, batch: largest }
    log.info({ ...fields, precision: used, explains: lrp !== null }, 'classifier ready')
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

  async #inferExactly(crop: Uint8Array): Promise<Float32Array> {
    const { logits } = await this.#worker.serving().client.call('classify', { crops: [crop], exact: true })
    return logits
  }
}

const usableOf = (seen: FacesOfFrame): FacesOfFrame => ({
  ...seen,
  faces: seen.faces.filter(({ whyNot }) => whyNot === null)
})
