/** The classifier and LRP on it in one session, so that its weights are in memory once. */
import { cpus } from 'node:os'
import { DiskError, InferenceError, type Problem, problemOf } from '../../core/errors.js'
import { type CompositeOptions, compositeOf } from '../../lib/lrp/composites.js'
import { OnnxEngine } from '../../lib/lrp/engines/onnx.js'
import { readLayerGraph } from '../../lib/lrp/graph/index.js'
import type { Manifest } from '../../lib/model/manifest.js'
import { batchDims } from '../../lib/model/preprocess.js'
import { withProfile } from '../../lib/ort/provider.js'

/** What is to be explained in the classifier's session. */
export interface LrpRequest {
  /** One of `compositeNames` of `painlens/lrp`, and what it needs to know. */
  composite: string
  options: CompositeOptions
  /** See `JudgingGraphForm`: between two pieces a verdict may come. */
  longest?: number
}

export interface OpeningWithLrp extends LrpRequest {
  /** 0: one for each core. */
  threads: number
  /** Where the graph of a large model may be written meanwhile. */
  folder: string | undefined
}

export interface OneSession {
  engine: OnnxEngine
  /** Its nodes by provider, in a forward pass. */
  nodes: Record<string, number>
}

/**
 * Opens the LRP graph, with the plain forward pass beside it, on the CPU, and infers once. The model must be known to end where LRP
 * begins: behind its last activation there is nothing that a verdict needs.
 * @returns the session; or why there is none although LRP can explain the model: there is no room for the graph on disk, or in memory
 * @throws ModelError, UnsupportedModelError, UsageError (unknown composite)
 */
export async function openWithLrp(
  { file, head, output, input }: Manifest,
  { composite, options, longest, threads, folder }: OpeningWithLrp
): Promise<OneSession | Problem> {
  const rules = compositeOf(composite, options)
  const dims = batchDims(input, 1)
  const load = () => readLayerGraph(file, { head, output, inputDims: dims })
  let opened: OnnxEngine | undefined
  try {
    const { result: engine, nodes } = await withProfile(async (profileFilePrefix) => {
      const own = { threads: threads || cpus().length, folder, judges: true, longest, profileFilePrefix }
      opened = await OnnxEngine.create(load, rules, own)
      await opened.logits({ data: new Float32Array(3 * input.width * input.height), dims })
      opened.endProfiling()
      return opened
    })
    return { engine, nodes }
  } catch (error) {
    await opened?.close()
    if (error instanceof DiskError || error instanceof InferenceError) return problemOf(error)
    throw error
  }
}
