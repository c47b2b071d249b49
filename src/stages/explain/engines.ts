/** LRP engines, each in its own worker thread; `explanation.engine: auto` tries both and uses the faster one. */
import { asError, EnginesDifferError, errorFields, InferenceError } from '../../core/errors.js'
import type { WorkerOpening } from '../../core/kept-worker.js'
import type { Log } from '../../core/log.js'
import { inferenceGraceMs, openedOrClosed, WorkerClient, workerScript } from '../../core/worker.js'
import type { Engine } from '../../lib/lrp/engine.js'
import { withGraphFolder } from '../../lib/lrp/graph-folder.js'
import type { EngineName } from '../../lib/lrp/index.js'
import { portTo } from './engine-port.js'
import type { CropExplanation } from './explain-crop.js'
import type { CropRequest, ExplainMethods, OpenEngineAnswer, OpenEngineRequest, Trial, TrialAnswer } from './worker.js'

/** Options common to all engines. */
export type EngineSetup = Pick<OpenEngineRequest, 'manifest' | 'composite' | 'gamma' | 'threads' | 'views' | 'provider'>

export interface OpenEngine {
  kind: EngineName
  /** The engine's own name: `onnx-cuda`, `tfjs-wasm (2 threads)`. */
  name: string
  trial: Trial | null
  explain(request: CropRequest): Promise<CropExplanation>
  /** Explains the trial crop; rejects if explaining does not work. */
  probe(): Promise<void>
  close(): Promise<void>
}

/** How an engine is opened; `again`: check first that the model file still has the manifest's SHA-256. */
export interface EngineOpening extends WorkerOpening {
  /** Measure it on the trial crop. */
  trial?: boolean
}

/** ONNX Runtime cannot be interrupted during a call; wasm can. */
const graces: Record<EngineName, number> = { tfjs: 0, onnx: inferenceGraceMs }

/**
 * Whether LRP can explain the model under the composite at all, before any weights are prepared. In a worker, whose
 * memory (the model's size) goes with it.
 * @throws ModelError, UnsupportedModelError, UsageError (unknown composite)
 */
export async function checkExplainable(
  { manifest, composite, gamma }: EngineSetup,
  signal?: AbortSignal
): Promise<void> {
  const worker = startWorker()
  await openedOrClosed(worker, worker.call('check', { manifest, composite, gamma }), { graceMs: 0, signal })
  await worker.close()
}

/**
 * Opens an engine, which takes seconds for a large model, and explains once.
 * @throws PainlensError with the cause; the worker has ended then
 */
export function openEngine(kind: EngineName, setup: EngineSetup, options: EngineOpening): Promise<OpenEngine> {
  const { trial = false, again: verify } = options
  const open = (folder?: string) =>
    openInWorker(kind, options, (worker) => worker.call('open', { ...setup, engine: kind, folder, trial, verify }))
  return kind === 'onnx' ? withGraphFolder(open) : open()
}

/**
 * Explains by an engine that is open elsewhere: views are drawn, and answers read, in a worker of this stage all the same. Lost as soon as
 * that engine says that it is gone (`PL-EXPLAIN-LOST`).
 * @throws as `openEngine`
 */
export async function openBehind(engine: Engine, setup: EngineSetup, options: WorkerOpening): Promise<OpenEngine> {
  const { port, shape } = portTo(engine)
  const open = await openInWorker('onnx', options, (worker) =>
    worker.call('openBehind', { ...setup, port, shape }, [port])
  )
  const watched = async <T>(asking: Promise<T>): Promise<T> => {
    try {
      return await asking
    } catch (error) {
      if (error instanceof InferenceError && error.code === 'PL-EXPLAIN-LOST') {
        await open.close()
        options.onLost(error)
      }
      throw error
    }
  }
  return { ...open, explain: (crop) => watched(open.explain(crop)), probe: () => watched(open.probe()) }
}

async function openInWorker(
  kind: EngineName,
  { signal, onLost }: WorkerOpening,
  open: (worker: WorkerClient<ExplainMethods>) => Promise<OpenEngineAnswer>
): Promise<OpenEngine> {
  const worker = startWorker(onLost)
  const answer = await openedOrClosed(worker, open(worker), { graceMs: graces[kind], signal })
  return {
    kind,
    ...answer,
    explain: (crop) => worker.call('explain', crop),
    probe: () => worker.call('probe'),
    close: () => worker.close(graces[kind])
  }
}

function startWorker(onCrash?: (error: Error) => void): WorkerClient<ExplainMethods> {
  return new WorkerClient(workerScript(import.meta.url, './worker.js'), 'the explain worker', { onCrash })
}

/** The measurements behind the choice of `auto`. */
export interface EngineComparison {
  /** Median time of a warmed-up explanation of each. */
  tfjsMs: number
  onnxMs: number
  /** How far the engines differ: the median over the trial pictures, each by its largest difference over its largest value. */
  difference: number
}

export interface ChosenEngine {
  engine: OpenEngine
  /** Null without a choice: one engine was named, or only one works. */
  choice: EngineComparison | null
}

/**
 * Summing float32 in another order changes results by up to a thousandth; above this on most pictures, one of the engines is
 * wrong. On a single picture it says nothing: where a rule's denominator nearly cancels, the last bits decide.
 */
const largestDifference = 0.01

/**
 * Tries one engine after the other, never both in memory at a time, and opens the faster.
 * @throws EnginesDifferError; InferenceError when neither works; nothing is left open then
 */
export async function chooseEngine(setup: EngineSetup, opening: EngineOpening, log: Log): Promise<ChosenEngine> {
  const tfjs = await tryEngine('tfjs', setup, opening)
  if (!(tfjs instanceof Error)) await tfjs.close()
  opening.signal.throwIfAborted()
  const onnx = await tryEngine('onnx', setup, opening)
  opening.signal.throwIfAborted()
  if (onnx instanceof Error) return onlyTfjs(setup, opening, log, tfjs, onnx)
  if (tfjs instanceof Error) {
    tellOf(log, 'tfjs', tfjs)
    return { engine: onnx, choice: null }
  }
  const differences = differencesOf(tfjs.trial!, onnx.trial!)
  const difference = differences[Math.floor(differences.length / 2)]!
  const choice = { tfjsMs: tfjs.trial!.ms, onnxMs: onnx.trial!.ms, difference }
  // In this form NaN counts as disagreement.
  const agreed = difference <= largestDifference
  if (agreed && !(differences.at(-1)! <= largestDifference)) tellOfConditioning(log, setup, differences.at(-1)!)
  if (agreed && choice.onnxMs <= choice.tfjsMs) return { engine: onnx, choice }
  await onnx.close()
  if (!agreed) throw disagreement(tfjs.name, onnx.name, choice.difference)
  return { engine: await openEngine('tfjs', setup, opening), choice }
}

async function tryEngine(kind: EngineName, setup: EngineSetup, opening: EngineOpening): Promise<OpenEngine | Error> {
  try {
    return await openEngine(kind, setup, { ...opening, trial: true })
  } catch (error) {
    return asError(error)
  }
}

async function onlyTfjs(
  setup: EngineSetup,
  opening: EngineOpening,
  log: Log,
  tfjs: OpenEngine | Error,
  onnx: Error
): Promise<ChosenEngine> {
  if (tfjs instanceof Error)
    throw new InferenceError(
      'PL-EXPLAIN-NO-ENGINE',
      `neither LRP engine works (tfjs: ${tfjs.message} onnx: ${onnx.message})`,
      'explanation.engine auto'
    )
  tellOf(log, 'onnx', onnx)
  return { engine: await openEngine('tfjs', setup, opening), choice: null }
}

function tellOf(log: Log, engine: EngineName, error: Error): void {
  log.warn(
    { engine, ...errorFields(error) },
    'this LRP engine does not work here; the other serves, nothing was compared'
  )
}

/** The engines' difference on each trial picture, the smallest first; NaN, which no picture may have, last. */
export function differencesOf(a: Pick<Trial, 'answers'>, b: Pick<Trial, 'answers'>): number[] {
  const rank = (difference: number): number => (Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference)
  return a.answers
    .map((answer, i) => differenceOf(answer, b.answers[i]!))
    .sort((first, second) => (rank(first) === rank(second) ? 0 : rank(first) - rank(second)))
}

function tellOfConditioning(log: Log, { composite }: EngineSetup, difference: number): void {
  log.warn(
    { composite, difference: Number(difference.toPrecision(2)) },
    'on one trial picture this composite nearly divides by zero, and the LRP engines differ there by that share of the largest relevance; an explanation may be off as much now and then'
  )
}

/** The larger of the relative differences of relevance and logits; NaN if either has a value that is not finite. */
export function differenceOf(a: TrialAnswer, b: TrialAnswer): number {
  return Math.max(shareOfLargest(a.relevance, b.relevance), shareOfLargest(a.logits, b.logits))
}

function shareOfLargest(a: Float32Array, b: Float32Array): number {
  let [largest, difference] = [0, 0]
  for (let i = 0; i < a.length; i++) {
    largest = Math.max(largest, Math.abs(a[i]!), Math.abs(b[i]!))
    difference = Math.max(difference, Math.abs(a[i]! - b[i]!))
  }
  return difference === 0 ? 0 : difference / largest
}

function disagreement(tfjs: string, onnx: string, difference: number): EnginesDifferError {
  const share = Number.isFinite(difference) ? `${(100 * difference).toPrecision(2)} %` : 'values that are no numbers'
  return new EnginesDifferError(
    'PL-EXPLAIN-ENGINES-DIFFER',
    `the LRP engines ${tfjs} and ${onnx} differ by ${share} on the same pictures, so nothing is explained`,
    'explanation.engine auto'
  )
}
