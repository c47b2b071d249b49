/** `explanation.engine: auto`: both engines explain the same picture, must agree, and the faster one serves. */
import { asError, EnginesDifferError, errorFields, InferenceError } from '../../core/errors.js'
import type { Log } from '../../core/log.js'
import type { EngineName } from '../../lib/lrp/index.js'
import { type EngineSetup, type OpenEngine, type Opening, openEngine } from './engines.js'
import type { Trial } from './worker.js'

export interface Choice {
  /** Median time of a warmed-up explanation of each. */
  tfjsMs: number
  onnxMs: number
  /** The largest difference of relevance and of logits between them, in parts of the largest of these. */
  difference: number
}

export interface Chosen {
  engine: OpenEngine
  /** Null where there was nothing to choose: one engine was named, or only one works. */
  choice: Choice | null
}

/** Float32 in another order differs by a thousandth; more than this, and one of the engines is wrong. */
const largestDifference = 0.01

/**
 * Tries one engine after the other, never both in memory at a time, and opens the faster.
 * @throws EnginesDifferError; InferenceError when neither works; nothing is left open then
 */
export async function chooseEngine(setup: EngineSetup, opening: Opening, log: Log): Promise<Chosen> {
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
  const choice = { tfjsMs: tfjs.trial!.ms, onnxMs: onnx.trial!.ms, difference: differenceOf(tfjs.trial!, onnx.trial!) }
  // Not the other way round: what is no number is no agreement.
  const agreed = choice.difference <= largestDifference
  if (agreed && choice.onnxMs <= choice.tfjsMs) return { engine: onnx, choice }
  await onnx.close()
  if (!agreed) throw disagreement(tfjs.name, onnx.name, choice.difference)
  return { engine: await openEngine('tfjs', setup, opening), choice }
}

async function tryEngine(kind: EngineName, setup: EngineSetup, opening: Opening): Promise<OpenEngine | Error> {
  try {
    return await openEngine(kind, setup, { ...opening, trial: true })
  } catch (error) {
    return asError(error)
  }
}

async function onlyTfjs(
  setup: EngineSetup,
  opening: Opening,
  log: Log,
  tfjs: OpenEngine | Error,
  onnx: Error
): Promise<Chosen> {
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

/** The larger of the two shares by which relevance and logits differ; NaN where either holds what is no number. */
export function differenceOf(a: Pick<Trial, 'logits' | 'relevance'>, b: Pick<Trial, 'logits' | 'relevance'>): number {
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
    `the LRP engines ${tfjs} and ${onnx} differ by ${share} on the same picture, so nothing is explained`,
    'explanation.engine auto'
  )
}
