import type * as tfjs from '@tensorflow/tfjs'
import type { Composite } from '../composites.js'
import { type Engine, type EngineResult, type Sample, startingRelevance, targetsOf } from '../engine.js'
import type { LayerGraph } from '../layers.js'
import { Walk } from '../walk.js'
import { acquireBackend, type Backend } from './tfjs-backend.js'
import { TfjsOps } from './tfjs-ops.js'

/** LRP computed by tfjs. */
export class TfjsEngine implements Engine {
  readonly name: string
  readonly #backend: Backend
  readonly #ops: TfjsOps
  readonly #walk: Walk<tfjs.Tensor>
  readonly #classes: number

  private constructor(backend: Backend, ops: TfjsOps, walk: Walk<tfjs.Tensor>, classes: number) {
    this.name = backend.name
    this.#backend = backend
    this.#ops = ops
    this.#walk = walk
    this.#classes = classes
  }

  /** Starts tfjs and prepares the weights; `graph` is not needed afterwards. */
  static async create(graph: LayerGraph, composite: Composite, threads?: number): Promise<TfjsEngine> {
    const backend = await acquireBackend(threads)
    const ops = new TfjsOps(backend.tf, backend.packs)
    try {
      return new TfjsEngine(backend, ops, new Walk(ops, graph, composite), graph.classes)
    } catch (error) {
      ops.dispose()
      await backend.release()
      throw error
    }
  }

  async explain({ data, dims }: Sample, wanted: readonly number[]): Promise<EngineResult> {
    const [ops, walk, classes] = [this.#ops, this.#walk, this.#classes]
    return ops.scope(() => {
      const { logits, tape } = walk.forward(ops.tensor(data, dims))
      const values = ops.values(logits)
      const target = targetsOf(values, wanted, classes)
      const start = ops.tensor(startingRelevance(values, target, classes), [wanted.length, ...walk.outputDims])
      return { logits: values, target, relevance: ops.values(walk.backward(tape, start)) }
    })
  }

  async close(): Promise<void> {
    this.#ops.dispose()
    await this.#backend.release()
  }
}
