import { mkdtemp, rm } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { type InferenceSession, Tensor } from 'onnxruntime-node'
import { InferenceError, messageOf } from '../../core/errors.js'
import { encodeModel, type OnnxModel, writeModel } from '../../onnx/index.js'
import { openSession, type ProviderName } from '../../ort/session.js'
import type { Composite } from '../composites.js'
import type { Engine, EngineResult, Sample } from '../engine.js'
import type { LayerGraph } from '../layers.js'
import { lrpModelOf, lrpNames } from './onnx-graph.js'

/** Models above this size go to ONNX Runtime through a file, which saves a copy in memory. */
const largestInMemory = 64e6

export interface OnnxEngineOptions {
  provider?: ProviderName
  threads?: number
}

/** LRP as one more ONNX model, run by ONNX Runtime on the classifier's own provider. */
export class OnnxEngine implements Engine {
  readonly name: string
  readonly #session: InferenceSession

  private constructor(session: InferenceSession, name: string) {
    this.#session = session
    this.name = name
  }

  /** Emits the graph and opens a session with it; the layer graph is not needed afterwards. */
  static async create(graph: LayerGraph, composite: Composite, options: OnnxEngineOptions): Promise<OnnxEngine> {
    const { provider = 'cpu', threads = Math.min(2, availableParallelism()) } = options
    const session = await open(lrpModelOf(graph, composite), { provider, threads })
    const detail = provider === 'cpu' ? ` (${threads} thread${threads === 1 ? '' : 's'})` : ''
    return new OnnxEngine(session, `onnx-${provider}${detail}`)
  }

  async explain({ data, dims }: Sample, wanted: readonly number[]): Promise<EngineResult> {
    const feeds = {
      [lrpNames.input]: new Tensor('float32', data, dims),
      [lrpNames.wanted]: new Tensor('int64', BigInt64Array.from(wanted, BigInt), [wanted.length])
    }
    try {
      const results = await this.#session.run(feeds)
      return {
        logits: results[lrpNames.logits]!.data as Float32Array,
        target: Array.from(results[lrpNames.target]!.data as BigInt64Array, Number),
        relevance: results[lrpNames.relevance]!.data as Float32Array
      }
    } catch (cause) {
      throw new InferenceError(
        `LRP failed: ${messageOf(cause)}`,
        this.name,
        'Set explanation.engine to tfjs, or inference.provider to cpu.',
        { cause }
      )
    }
  }

  async close(): Promise<void> {
    await this.#session.release()
  }
}

async function open(model: OnnxModel, options: { provider: ProviderName; threads: number }): Promise<InferenceSession> {
  const size = [...model.graph.initializers.values()].reduce((sum, { data }) => sum + data.byteLength, 0)
  if (size <= largestInMemory) return await openSession(encodeModel(model), options)
  const folder = await mkdtemp(join(tmpdir(), 'painlens-lrp-'))
  try {
    const file = join(folder, 'lrp.onnx')
    await writeModel(file, model)
    return await openSession(file, options)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
