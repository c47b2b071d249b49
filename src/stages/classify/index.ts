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
import type { Manifest } from '../../lib/model/manifest.js'
import { probabilitiesOf } from '../../lib/model/preprocess.js'
import type { Head } from '../../lib/onnx/index.js'
import type { ProviderProof } from '../../lib/ort/provider.js'
import type { ProviderChoice } from '../../lib/ort/provider-names.js'
import { Float32Queue } from './float32.js'
import { inWords, type PrecisionStatus } from './precision.js'
import type { ClassifyMethods, OpenClassifierAnswer } from './worker.js'

export { inWords, type PrecisionStatus } from './precision.js'

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
  readonly precision: PrecisionStatus
  /** Number of restarts of the worker. */
  readonly restarted: number
  /** Classifies the faces of a sighting; waiting faces of all cameras are batched. */
  classify(sighting: FacesOfFrame): Classification
  /** A face's score in float32, which an alarm waits for. @returns null where it is not there within a second */
  confirm(face: Face): Promise<number | null>
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
  readonly #batches: Batches<Face, Float32Array>
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
    this.#batches = new Batches({ max: () => this.#opened!.largest, run: (faces) => this.#infer(faces) })
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

  get restarted(): number {
    return this.#worker.restarted
  }

  get precision(): PrecisionStatus {
    return this.#opened!.precision
  }

  async confirm(face: Face): Promise<number | null> {
    const logits = await this.#float32.judge(face.crop.data, { withinMs: confirmationMs, urgent: true })
    return logits && this.#read(logits).score
  }

  classify(sighting: FacesOfFrame): Classification {
    let newest = usableOf(sighting)
    const { results, isWaiting, replace } = this.#batches.submit(newest.faces)
    return {
      verdicts: results.then((logits) =>
        Promise.all(logits.map((each, i) => this.#verdict(newest, newest.faces[i]!, each)))
      ),
      isWaiting,
      replace: (newer) => {
        if (!isWaiting()) return
        newest = usableOf(newer)
        replace(newest.faces)
      }
    }
  }

  stop(): Promise<void> {
    this.#float32.close()
    return this.#worker.close()
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
    const choice = precision?.choice ?? 'float32'
    if (precision && (manifest.int8 || choice === 'float16') && choice !== 'float32')
      this.#proofCrops ??= await precision.proofCrops()
    const proving = { precision: choice, proofCrops: this.#proofCrops ?? [], proved: this.#opened?.precision ?? null }
    // The manifest's loader has checked the file; it may have been replaced before a restart.
    const request = { manifest, provider, threads, largestBatch, verify: opening.again, ...proving }
    const worker: ClassifyWorker = await openInferenceWorker(
      script,
      what,
      (client: ClassifyWorker['client']) => client.call('open', request),
      opening
    )
    this.#tell(worker.opened)
    this.#opened = worker.opened
    return worker
  }

  #tell({ proof, largest, head, precision }: OpenClassifierAnswer): void {
    const { manifest, log } = this.#options
    if (proof.fallback)
      log.warn(
        { code: 'PL-PROVIDER-FALLBACK' satisfies ErrorCode, provider: proof.provider, tried: proof.fallback },
        'no GPU provider works; inference runs on the CPU'
      )
    const { used, compared, problem } = precision
    if (problem) log.warn({ code: problem.code, why: problem.message }, 'faces are judged in float32')
    else if (compared) log.info({ precision: used, ...compared }, `faces are judged in ${used}: ${inWords(compared)}`)
    const fields = { model: manifest.name, provider: proof.provider, nodes: proof.nodes, head, batch: largest }
    log.info({ ...fields, precision: used }, 'classifier ready')
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

export interface BatchesOptions<Item, Result> {
  /** Returns the results in the order of the items. One call runs at a time. */
  run: (items: Item[]) => Promise<Result[]>
  /** Most items in the next call; 1 or more. */
  max: () => number
}

/** Submitted items. */
export interface Submitted<Item, Result> {
  /** In the order of the items; rejects if a call with any of them did. */
  results: Promise<Result[]>
  /** Whether none of the items has gone into a call yet. */
  isWaiting(): boolean
  /** While it waits: replaces the items, at the same place in the queue. */
  replace(items: readonly Item[]): void
}

/** One submission, from the moment it is made to its last result. */
interface Claim<Item, Result> {
  items: readonly Item[]
  /** Whether some of its items are in a call. */
  begun: boolean
  /** Number of its items that are in a batch. */
  asked: number
  results: Result[]
  resolve: (results: Result[]) => void
  reject: (error: unknown) => void
}

/** The next items of a claim, as a part of one batch. */
interface Part<Item, Result> {
  claim: Claim<Item, Result>
  items: readonly Item[]
}

/**
 * Each call takes the items that wait when the call before ends, in the order of submission. If no call runs, one begins at
 * once, without waiting for a fuller batch. So batches add no latency at low load and grow with the load (the "natural
 * batching" of databases' group commit).
 */
export class Batches<Item, Result> {
  readonly #options: BatchesOptions<Item, Result>
  readonly #claims: Claim<Item, Result>[] = []
  #running = false

  constructor(options: BatchesOptions<Item, Result>) {
    this.#options = options
  }

  /** The first call may begin before this returns. */
  submit(items: readonly Item[]): Submitted<Item, Result> {
    const ignore = (): void => undefined
    const claim: Claim<Item, Result> = { items, begun: false, asked: 0, results: [], resolve: ignore, reject: ignore }
    const results = new Promise<Result[]>((resolve, reject) => Object.assign(claim, { resolve, reject }))
    this.#claims.push(claim)
    this.#next()
    return {
      results,
      isWaiting: () => !claim.begun,
      replace: (newer) => {
        if (!claim.begun) claim.items = newer
      }
    }
  }

  #next(): void {
    if (this.#running) return
    const parts = this.#takeParts()
    if (parts.length === 0) return
    this.#running = true
    this.#options.run(parts.flatMap(({ items }) => items)).then(
      (results) => this.#ended(() => handOut(parts, results)),
      (error: unknown) => this.#ended(() => this.#fail(parts, error))
    )
  }

  /** The next batch begins before the results of this one are delivered. */
  #ended(settle: () => void): void {
    this.#running = false
    settle()
    this.#next()
  }

  #takeParts(): Part<Item, Result>[] {
    const parts: Part<Item, Result>[] = []
    let room = this.#options.max()
    while (room > 0 && this.#claims.length > 0) {
      const claim = this.#claims[0]!
      claim.begun = true
      const items = claim.items.slice(claim.asked, claim.asked + room)
      claim.asked += items.length
      room -= items.length
      if (claim.asked === claim.items.length) this.#claims.shift()
      if (claim.items.length === 0) claim.resolve([])
      else parts.push({ claim, items })
    }
    return parts
  }

  /** The remaining items of these submissions are dropped. */
  #fail(parts: readonly Part<Item, Result>[], error: unknown): void {
    for (const { claim } of parts) {
      if (this.#claims[0] === claim) this.#claims.shift()
      claim.reject(error)
    }
  }
}

function handOut<Item, Result>(parts: readonly Part<Item, Result>[], results: readonly Result[]): void {
  let next = 0
  for (const { claim, items } of parts) {
    claim.results.push(...results.slice(next, next + items.length))
    next += items.length
    if (claim.results.length === claim.items.length) claim.resolve(claim.results)
  }
}
