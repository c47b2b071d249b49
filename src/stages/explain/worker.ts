import type { MessagePort } from 'node:worker_threads'
import { InvariantError } from '../../core/errors.js'
import { lowerThreadPriority } from '../../core/thread-priority.js'
import type { Crop } from '../../core/types.js'
import { serveWorker, Transferred } from '../../core/worker.js'
import type { EngineShape } from '../../lib/lrp/engine.js'
import { type CompositeOptions, compositeOf, type EngineName, readLayerGraph } from '../../lib/lrp/index.js'
import { checkHash, checkShapes, declaredDims, type Manifest } from '../../lib/model/manifest.js'
import { batchDims, preprocess } from '../../lib/model/preprocess.js'
import { trialCrop, trialCrops } from '../../lib/model/trial-crop.js'
import type { ProviderName } from '../../lib/ort/provider-names.js'
import { median } from '../../lib/statistics/index.js'
import { engineBehind } from './engine-port.js'
import { type CropExplainer, type CropExplanation, explainCrop, viewsAtOnce } from './explain-crop.js'
import { inputOptionsOf } from './input-options.js'
import { openSource, sourceOver } from './source.js'

export interface CheckRequest {
  manifest: Manifest
  composite: string
  /** Of composites with gamma; see `CompositeOptions`. */
  gamma?: CompositeOptions['gamma']
}

export interface OpenEngineRequest extends CheckRequest {
  engine: EngineName
  threads: number
  views: number
  /** Execution provider of the onnx engine. */
  provider: ProviderName
  /** Folder where the onnx engine may write a large graph while opening it. */
  folder?: string
  /** Measure the engine, for a comparison with the other one. */
  trial: boolean
  /** Check first that the file still has the manifest's SHA-256. */
  verify: boolean
}

export interface OpenBehindRequest extends Pick<OpenEngineRequest, 'manifest' | 'views'> {
  /** Where the engine is asked. */
  port: MessagePort
  shape: EngineShape
}

/** An engine's results for the trial crops. */
export interface Trial {
  /** Median time of an explanation, warmed up. */
  ms: number
  answers: TrialAnswer[]
}

export interface TrialAnswer {
  logits: Float32Array
  /** In the layout of the model's input. */
  relevance: Float32Array
}

export interface OpenEngineAnswer {
  /** The engine's own name. */
  name: string
  trial: Trial | null
}

export interface CropRequest {
  crop: Crop
  target: 'max' | number
}

/** A trial ends after this many explanations or this much time. */
const trialRuns = 5
const trialMs = 3000

let open: CropExplainer | undefined

const methods = {
  /** Whether LRP can explain the model under the composite, with any engine. */
  async check({ manifest, composite, gamma }: CheckRequest): Promise<void> {
    compositeOf(composite, { gamma, ...inputOptionsOf(manifest, composite) })
    const { file, head, output } = manifest
    const options = { head, output, inputDims: batchDims(manifest.input, 1) }
    const { input, classes } = await readLayerGraph(file, options)
    checkShapes(manifest, declaredDims(input.dims), classes)
  },

  /** Loads the model and explains once: the first explanation takes seconds, and failures show here. */
  async open({ manifest, engine, views, trial, verify, ...options }: OpenEngineRequest): Promise<OpenEngineAnswer> {
    if (verify) await checkHash(manifest.file, manifest.sha256, manifest.path)
    const source = await openSource(manifest, { engine, ...options })
    open = { source, manifest, views }
    if (trial) return { name: source.engine, trial: await tryOut(open) }
    await explainTrialCrop(open)
    return { name: source.engine, trial: null }
  },

  /** Explains by an engine of another thread, once to see that it works. */
  async openBehind({ manifest, views, port, shape }: OpenBehindRequest): Promise<OpenEngineAnswer> {
    const source = await sourceOver(manifest, engineBehind(port, shape))
    open = { source, manifest, views }
    await explainTrialCrop(open)
    return { name: source.engine, trial: null }
  },

  /** Rejects if explaining does not work. */
  async probe(): Promise<void> {
    await explainTrialCrop(opened())
  },

  async explain({ crop, target }: CropRequest): Promise<Transferred<CropExplanation>> {
    const explanation = await explainCrop(opened(), crop, target)
    // sharp's buffers may be views of larger ones; only whole buffers can be transferred.
    const heatmap = Uint8Array.from(explanation.heatmap)
    const relevance = Float32Array.from(explanation.relevance)
    return new Transferred({ ...explanation, heatmap, relevance }, [heatmap.buffer, relevance.buffer])
  }
}
export type ExplainMethods = typeof methods

function opened(): CropExplainer {
  if (open) return open
  throw new InvariantError('is asked before its model is open', 'the explain worker')
}

/** With enough views to try each batch size once. */
async function explainTrialCrop(explainer: CropExplainer): Promise<void> {
  const { input, alarmIndex } = explainer.manifest
  const views = Math.min(explainer.views, 1 + viewsAtOnce(input))
  await explainCrop({ ...explainer, views }, trialCrop(input), alarmIndex)
}

/** Explains the alarm label on each trial crop, which warms the engine up, then on one a few times to measure. */
async function tryOut({ source, manifest }: CropExplainer): Promise<Trial> {
  const { input, alarmIndex } = manifest
  const samples = trialCrops(input).map((crop) => ({ data: preprocess(crop, input), dims: batchDims(input, 1) }))
  // A single output is the alarm label's, which is the first then.
  const explain = (sample = samples[0]!) => source.explain(sample, { target: alarmIndex })
  const answers: TrialAnswer[] = []
  for (const sample of samples) {
    const { logits, relevance } = await explain(sample)
    answers.push({ logits: Float32Array.from(logits[0]!), relevance: Float32Array.from(relevance) })
  }
  const times: number[] = []
  const startedAt = performance.now()
  while (times.length === 0 || (times.length < trialRuns && performance.now() - startedAt < trialMs)) {
    const before = performance.now()
    await explain()
    times.push(performance.now() - before)
  }
  return { ms: median(times), answers }
}

// Explanations must not take cores from frames. The engines' own threads inherit the priority. It is not the lowest:
// on a busy machine an alarm would be over before its explanation.
lowerThreadPriority(10)
serveWorker(methods)
