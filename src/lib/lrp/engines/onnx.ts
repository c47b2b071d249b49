import '../../../core/no-telemetry.js'
import { randomUUID } from 'node:crypto'
import { mkdir, rm } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type InferenceSession, Tensor } from 'onnxruntime-node'
import { DiskError, InferenceError, messageOf } from '../../../core/errors.js'
import { collectGarbage } from '../../../core/garbage.js'
import { encodeModel, writeModel } from '../../onnx/index.js'
import { openSession, type SessionOptions } from '../../ort/provider.js'
import type { ProviderName } from '../../ort/provider-names.js'
import type { Composite } from '../composites.js'
import type { Engine, EngineResult, LoadGraph, Sample } from '../engine.js'
import { isWeighted } from '../layers.js'
import { cancelsUnder } from '../walk.js'
import type { UnpoolForm } from './onnx-emitter.js'
import { type JudgingGraphForm, judgingModelOf, lrpModelOf, lrpNames, tasks } from './onnx-graph.js'

/** Models above this size go to ONNX Runtime through files that it maps, which saves two copies in memory. */
const largestInMemory = 64e6

export interface OnnxEngineOptions {
  provider?: ProviderName
  threads?: number
  /** Where the graph of a large model may lie while it is opened; the system's temporary folder without it. */
  folder?: string
  /** Whether `logits` is to cost no more than the classifier's own forward pass; the weights are there once all the same. */
  judges?: boolean
  /** See `JudgingGraphForm`. */
  longest?: number
  /** See `SessionOptions`; `endProfiling` writes it. */
  profileFilePrefix?: string
}

/** Which form of the graph suits a provider. */
const unpoolForms: Record<ProviderName, UnpoolForm> = { cpu: 'indices', cuda: 'comparisons', tensorrt: 'comparisons' }

type Shape = Pick<Engine, 'inputDims' | 'classes' | 'head' | 'cancels'>
/** The cut is that of `JudgingModel`. */
type Opened = Shape & { judges: boolean; cut: readonly number[] | null }

/** An explanation whose second half is to come. */
export interface Unfinished {
  sample: Sample
  logits: Float32Array
  /** Relevance at the cut, [batch, …]. */
  between: Float32Array
}

/** LRP as one more ONNX model, run by ONNX Runtime on the classifier's own provider. */
export class OnnxEngine implements Engine {
  readonly name: string
  readonly inputDims: readonly (number | string)[]
  readonly classes: number
  readonly head: Shape['head']
  readonly cancels: boolean
  readonly #session: InferenceSession
  readonly #judges: boolean
  readonly #cut: readonly number[] | null

  private constructor(session: InferenceSession, name: string, opened: Opened) {
    const { inputDims, classes, head, cancels, judges, cut } = opened
    this.#session = session
    this.#judges = judges
    this.#cut = cut
    this.name = name
    this.inputDims = inputDims
    this.classes = classes
    this.head = head
    this.cancels = cancels
  }

  /** Emits the graph and opens a session with it. */
  static async create(load: LoadGraph, composite: Composite, options: OnnxEngineOptions): Promise<OnnxEngine> {
    const { provider = 'cpu', threads = defaultThreads() } = options
    const { session, ...shape } = await openLrpSession(load, composite, options)
    const judges = options.judges ?? false
    const detail = provider === 'cpu' ? ` (${threads} thread${threads === 1 ? '' : 's'})` : ''
    return new OnnxEngine(session, `onnx-${provider}${detail}`, { ...shape, judges })
  }

  async explain(sample: Sample, weights: Float32Array): Promise<EngineResult> {
    const found = await this.begin(sample, weights)
    return 'between' in found ? this.finish(found) : found
  }

  /** Explains, or where that takes long in an engine that judges, the first half of it: something else may run before `finish`. */
  async begin(sample: Sample, weights: Float32Array): Promise<EngineResult | Unfinished> {
    const results = await this.#run(sample, weights, 'explain')
    const logits = floats(results, 'logits')
    if (this.#cut) return { sample, logits, between: floats(results, 'between') }
    return { logits, relevance: floats(results, 'relevance') }
  }

  async finish({ sample, logits, between }: Unfinished): Promise<EngineResult> {
    const results = await this.#run(sample, this.#noWeights(sample), 'finish', between)
    return { logits, relevance: floats(results, 'relevance') }
  }

  async logits(sample: Sample): Promise<Float32Array> {
    return floats(await this.#run(sample, this.#noWeights(sample), 'judge'), 'logits')
  }

  /** Writes the profile that the options asked for; what runs afterwards is not in it. */
  endProfiling(): void {
    this.#session.endProfiling()
  }

  async close(): Promise<void> {
    await this.#session.release()
  }

  #noWeights({ dims }: Sample): Float32Array {
    return new Float32Array(dims[0]! * this.classes)
  }

  /** @param arriving at the cut; none unless given */
  async #run(
    { data, dims }: Sample,
    weights: Float32Array,
    task: keyof typeof tasks,
    arriving: Float32Array = new Float32Array(0)
  ): Promise<InferenceSession.ReturnType> {
    const cut = this.#cut && [arriving.length === 0 ? 0 : dims[0]!, ...this.#cut]
    const feeds = {
      [lrpNames.input]: new Tensor('float32', data, dims),
      [lrpNames.weights]: new Tensor('float32', weights, [dims[0]!, this.classes]),
      ...(this.#judges && { [lrpNames.task]: new Tensor('int64', BigInt64Array.of(BigInt(tasks[task])), []) }),
      ...(cut && { [lrpNames.arriving]: new Tensor('float32', arriving, cut) })
    }
    try {
      return await this.#session.run(feeds)
    } catch (cause) {
      const [code, what] =
        task === 'judge' ? (['PL-INFERENCE-FAILED', 'the inference'] as const) : (['PL-LRP-RUN', 'LRP'] as const)
      throw new InferenceError(code, `${what} failed: ${messageOf(cause)}`, this.name, { cause })
    }
  }
}

function floats(results: InferenceSession.ReturnType, name: keyof typeof lrpNames): Float32Array {
  return results[lrpNames[name]]!.data as Float32Array
}

function defaultThreads(): number {
  return Math.min(2, availableParallelism())
}

/** A session with the LRP graph, whose inputs and outputs are those of `lrpNames`; in the form that suits the provider. */
export async function openLrpSession(
  load: LoadGraph,
  composite: Composite,
  options: OnnxEngineOptions
): Promise<Shape & Pick<Opened, 'cut'> & { session: InferenceSession }> {
  const {
    provider = 'cpu',
    threads = defaultThreads(),
    folder = tmpdir(),
    judges,
    longest,
    profileFilePrefix
  } = options
  const { model, ...shape } = await emit(load, composite, { unpool: unpoolForms[provider], judges, longest }, folder)
  try {
    return { ...shape, session: await open(model, { provider, threads, profileFilePrefix }) }
  } finally {
    // What is mapped stays readable.
    if (typeof model === 'string') await rm(dirname(model), { recursive: true, force: true })
  }
}

/** The LRP graph: bytes, or for a large one a file in a new folder below `folder`. DiskError if there is no room for it. */
async function emit(
  load: LoadGraph,
  composite: Composite,
  form: JudgingGraphForm & Pick<OnnxEngineOptions, 'judges'>,
  folder: string
): Promise<Shape & Pick<Opened, 'cut'> & { model: Uint8Array | string }> {
  const graph = await load()
  const cancels = cancelsUnder(graph, composite)
  const { model: emitted, cut } = form.judges
    ? judgingModelOf(graph, composite, form)
    : { model: lrpModelOf(graph, composite, form), cut: null }
  const shape = { inputDims: graph.input.dims, classes: graph.classes, head: graph.head, cancels, cut }
  const size = graph.layers.reduce((sum, layer) => sum + (isWeighted(layer) ? layer.weights.byteLength : 0), 0)
  if (size <= largestInMemory) return { model: encodeModel(emitted), ...shape }
  const own = join(folder, `painlens-lrp-${randomUUID()}`)
  try {
    await mkdir(own).catch((cause: unknown) => refuseFolder(folder, cause))
    const model = join(own, 'lrp.onnx')
    await writeModel(model, emitted, { dataFile: true, durable: false })
    return { model, ...shape }
  } catch (error) {
    // What cannot be removed must not hide why.
    await rm(own, { recursive: true, force: true }).catch(() => undefined)
    throw error
  }
}

function refuseFolder(folder: string, cause: unknown): never {
  throw new DiskError('PL-LRP-FOLDER', `no folder for the LRP graph can be made: ${messageOf(cause)}`, folder, {
    cause
  })
}

async function open(model: Uint8Array | string, options: SessionOptions): Promise<InferenceSession> {
  if (typeof model !== 'string') return await openSession(model, options)
  collectGarbage()
  try {
    return await openSession(model, { ...options, mapped: true })
  } catch (cause) {
    throw new InferenceError(
      'PL-LRP-OPEN',
      `the LRP graph cannot be opened: ${messageOf(cause instanceof Error && cause.cause ? cause.cause : cause).split('\n')[0]}`,
      `onnx-${options.provider}`,
      { cause }
    )
  }
}
