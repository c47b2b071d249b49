import type * as tfjs from '@tensorflow/tfjs-core'
import type { Composite } from '../composites.js'
import type { Engine, EngineResult, LoadGraph, Sample } from '../engine.js'
import type { LayerGraph } from '../layers.js'
import { startingRelevance } from '../targets.js'
import { cancelsUnder, Walk } from '../walk.js'
import { acquireBackend, type Backend } from './tfjs-backend.js'
import { TfjsOps } from './tfjs-ops.js'

/** LRP computed by tfjs. */
export class TfjsEngine implements Engine {
  readonly name: string
  readonly inputDims: readonly (number | string)[]
  readonly classes: number
  readonly head: LayerGraph['head']
  readonly cancels: boolean
  readonly #backend: Backend
  readonly #ops: TfjsOps
  readonly #walk: Walk<tfjs.Tensor>

  private constructor(backend: Backend, ops: TfjsOps, graph: LayerGraph, composite: Composite) {
    this.name = backend.name
    this.inputDims = graph.input.dims
    this.classes = graph.classes
    this.head = graph.head
    this.cancels = cancelsUnder(graph, composite)
    this.#backend = backend
    this.#ops = ops
    this.#walk = new Walk(ops, graph, composite)
  }

  /** Starts tfjs and prepares the weights. */
  static async create(load: LoadGraph, composite: Composite, threads?: number): Promise<TfjsEngine> {
    const graph = await load()
    const backend = await acquireBackend(threads)
    const ops = new TfjsOps(backend.tf, backend.wasm)
    try {
      return new TfjsEngine(backend, ops, graph, composite)
    } catch (error) {
      ops.dispose()
      await backend.release()
      throw error
    }
  }

  async explain({ data, dims }: Sample, weights: Float32Array): Promise<EngineResult> {
    const [ops, walk, classes] = [this.#ops, this.#walk, this.classes]
    return ops.scope(() => {
      const { output: logits, tape } = walk.forward(ops.tensor(data, dims))
      const values = ops.values(logits)
      const start = ops.tensor(startingRelevance(values, weights, classes), [dims[0]!, ...walk.outputDims])
      return { logits: values, relevance: ops.values(walk.backward(tape, start)) }
    })
  }

  async logits({ data, dims }: Sample): Promise<Float32Array> {
    const [ops, walk] = [this.#ops, this.#walk]
    return ops.scope(() => ops.values(walk.forward(ops.tensor(data, dims)).output))
  }

  async close(): Promise<void> {
    this.#ops.dispose()
    await this.#backend.release()
  }
}
