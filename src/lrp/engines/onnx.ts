import '../../core/no-telemetry.js'
import { mkdtemp, rm } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { InferenceError, messageOf } from '../../core/errors.js'
import { encodeModel, type OnnxModel, writeModel } from '../../onnx/index.js'
import { openSession, type ProviderName } from '../../ort/session.js'
import type { Composite } from '../composites.js'
import type { Engine, EngineResult, Sample } from '../engine.js'
import type { LayerGraph } from '../layers.js'
import { lrpModelOf, lrpNames } from './onnx-graph.js'

/** Models above this size go to ONNX Runtime through files that it maps, which saves two copies in memory. */
const largestInMemory = 64e6

export interface OnnxEngineOptions {
  provider?: ProviderName
  threads?: number
  /** Where the graph of a large model may lie while it is opened; the system's temporary folder without it. */
  folder?: string
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
    const { provider = 'cpu', threads = Math.min(2, availableParallelism()), folder = tmpdir() } = options
    const session = await open(lrpModelOf(graph, composite), { provider, threads, folder })
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

async function open(
  model: OnnxModel,
  { provider, threads, folder }: { provider: ProviderName; threads: number; folder: string }
): Promise<InferenceSession> {
  const size = [...model.graph.initializers.values()].reduce((sum, { data }) => sum + data.byteLength, 0)
  if (size <= largestInMemory) return await openSession(encodeModel(model), { provider, threads })
  const own = await mkdtemp(join(folder, 'painlens-lrp-'))
  try {
    const file = join(own, 'lrp.onnx')
    await writeModel(file, model, { dataFile: true, durable: false })
    return await openMapped(file, provider, threads)
  } finally {
    // What is mapped stays readable.
    await rm(own, { recursive: true, force: true })
  }
}

/** As `openSession`, but weights are used from where they are mapped: no second copy in a layout of the runtime's own. */
async function openMapped(file: string, provider: ProviderName, threads: number): Promise<InferenceSession> {
  try {
    return await InferenceSession.create(file, {
      executionProviders: [provider],
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      logSeverityLevel: 4,
      extra: { session: { disable_prepacking: '1', intra_op: { allow_spinning: '0' } } }
    })
  } catch (cause) {
    throw new InferenceError(
      `the LRP graph cannot be opened: ${messageOf(cause).split('\n')[0]}`,
      `onnx-${provider}`,
      'Set explanation.engine to tfjs, or inference.provider to cpu.',
      { cause }
    )
  }
}
