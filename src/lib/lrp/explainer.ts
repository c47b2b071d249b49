import { InputError, UsageError } from '../../core/errors.js'
import { elementCount, type Head } from '../onnx/index.js'
import type { ProviderName } from '../ort/provider-names.js'
import { type Composite, type CompositeOptions, compositeOf } from './composites.js'
import type { Engine, EngineName, LoadGraph, Sample } from './engine.js'
import type { OnnxEngineOptions } from './engines/onnx.js'
import { type GraphOptions, readLayerGraph } from './graph/index.js'
import { type Target, targetsOf, targetWeights } from './targets.js'

type Create = (load: LoadGraph, composite: Composite, options: OnnxEngineOptions) => Promise<Engine>

/** Loaded with its packages when it is chosen. */
const engines: Record<EngineName, Create> = {
  tfjs: async (load, composite, { threads }) => {
    const { TfjsEngine } = await import('./engines/tfjs.js')
    return TfjsEngine.create(load, composite, threads)
  },
  onnx: async (load, composite, options) => {
    const { OnnxEngine } = await import('./engines/onnx.js')
    return OnnxEngine.create(load, composite, options)
  }
}

export interface ExplainerOptions extends CompositeOptions, GraphOptions {
  /** An ONNX file's path, or its bytes (which must then stay as they are until the explainer is there). */
  model: string | Uint8Array
  /** One of `compositeNames`, or a list of [which layers, which rule]. */
  composite: string | Composite
  engine: EngineName
  /** Of the classes, in the model's order, by which a target may name them. */
  labels?: readonly string[]
  /** For the wasm backend and for ONNX Runtime on the CPU; min(2, cores) without it. */
  threads?: number
  /** Where the onnx engine computes; cpu without it. */
  provider?: ProviderName
  /** Whether `logits` of the onnx engine is to take no longer than the classifier itself. */
  judges?: boolean
  /** Where the onnx engine may put a large model's graph (its size and half as much) while opening it. */
  folder?: string
}

export interface Relevance {
  /** [batch][class], before the model's last activation. */
  logits: Float32Array[]
  /** The explained class of each sample; of a weighting the class with the largest weight. */
  target: number[]
  /** Signed, in the shape of the input: how much each value speaks for (or against) the target. */
  relevance: Float32Array
}

export interface Explainer {
  /** What computes: `tfjs-wasm (2 threads)`, `onnx-cuda`, … */
  readonly engine: string
  /** The model's input: the batch and other free dimensions as names. */
  readonly inputDims: readonly (number | string)[]
  readonly classes: number
  /** How the model's outputs are to be read; null where neither its graph nor the options say. */
  readonly head: Head | null
  /** Whether the composite's rules may nearly divide by zero on this model, so that rounding decides where relevance goes. */
  readonly cancels: boolean
  /**
   * Explains a batch, of which it takes a copy. Calls are answered one after the other; the tfjs engine blocks its thread meanwhile.
   * @throws InputError for values that are no finite numbers of a Float32Array in the model's shape; UsageError for another target;
   *   InferenceError where the runtime fails
   */
  explain(sample: Sample, options?: { target?: Target }): Promise<Relevance>
  /**
   * The classifier's answer alone, by the same session as the relevance: [batch][class], before the model's last activation. Errors as
   * `explain`. With the onnx engine it costs as much as an explanation unless the explainer was created with `judges`.
   */
  logits(sample: Sample): Promise<Float32Array[]>
  /**
   * Frees tensors and threads; further calls of `explain` fail. The wasm backend's heap itself goes with its thread, or
   * serves the next explainer.
   */
  close(): Promise<void>
}

/**
 * Prepares a classifier for being explained by Layer-wise Relevance Propagation. ModelError for a file that is no
 * ONNX model, UnsupportedModelError (by node name and type) for one that LRP here cannot explain, UsageError for an
 * unknown composite or options at odds.
 */
export async function createExplainer(options: ExplainerOptions): Promise<Explainer> {
  const { engine, model, threads, provider, folder, judges } = options
  const create = engines[engine]
  if (create === undefined) {
    throw new UsageError('PL-LRP-CALL', `unknown LRP engine "${engine}"`, 'createExplainer', {
      fix: 'Use onnx or tfjs.'
    })
  }
  const composite = compositeOf(options.composite, options)
  const own = await create(() => readLayerGraph(model, options), composite, { threads, provider, folder, judges })
  return explainerOf(own, options.labels)
}

/** An explainer over an engine that is open; it closes it. @param labels as in `ExplainerOptions` */
export function explainerOf(engine: Engine, labels?: readonly string[]): Explainer {
  return new OneAtATime(engine, labels)
}

class OneAtATime implements Explainer {
  #last: Promise<unknown> = Promise.resolve()
  #closed: Promise<void> | null = null

  constructor(
    private readonly own: Engine,
    private readonly labels: readonly string[] | undefined
  ) {}

  get engine(): string {
    return this.own.name
  }

  get inputDims(): readonly (number | string)[] {
    return this.own.inputDims
  }

  get classes(): number {
    return this.own.classes
  }

  get head(): Head | null {
    return this.own.head
  }

  get cancels(): boolean {
    return this.own.cancels
  }

  async explain(sample: Sample, { target = 'max' }: { target?: Target } = {}): Promise<Relevance> {
    const own = this.#checked(sample, 'explain')
    const { classes } = this
    const weights = targetWeights(target, own.dims[0]!, classes, this.labels)
    const { logits, relevance } = await this.#inTurn(() => this.own.explain(own, weights))
    return { logits: this.#rowsOf(logits), target: targetsOf(logits, weights, classes), relevance }
  }

  async logits(sample: Sample): Promise<Float32Array[]> {
    const own = this.#checked(sample, 'logits')
    return this.#rowsOf(await this.#inTurn(() => this.own.logits(own)))
  }

  close(): Promise<void> {
    this.#closed ??= this.#last.then(() => this.own.close())
    return this.#closed
  }

  #inTurn<R>(work: () => Promise<R>): Promise<R> {
    const result = this.#last.then(work)
    this.#last = result.catch(() => undefined)
    return result
  }

  #rowsOf(logits: Float32Array): Float32Array[] {
    const { classes } = this
    return Array.from({ length: logits.length / classes }, (_, row) => logits.slice(row * classes, (row + 1) * classes))
  }

  /** A copy: calls wait for each other, and the caller may write the next picture into its array meanwhile. */
  #checked({ data, dims }: Sample, call: 'explain' | 'logits'): Sample {
    if (this.#closed) throw new UsageError('PL-LRP-CLOSED', 'the explainer is closed', call)
    if (!(data instanceof Float32Array)) {
      const given = Object.prototype.toString.call(data).slice('[object '.length, -1)
      throw new InputError('PL-LRP-CALL', `the picture is a ${given} instead of a Float32Array`, call, {
        fix: 'Give the values as the model takes them, after its preprocessing, in a Float32Array.'
      })
    }
    const given = Array.isArray(dims) ? [...(dims as number[])] : []
    const fits =
      given.length === this.inputDims.length && this.inputDims.slice(1).every((dim, i) => dim === given[i + 1])
    const [batch] = given
    if (!fits || !Number.isInteger(batch) || batch! < 1 || data.length !== elementCount(given)) {
      throw new InputError(
        'PL-LRP-CALL',
        `${data.length} values as [${given.join(', ')}] do not fit the model's [${this.inputDims.join(', ')}]`,
        call,
        { fix: 'Give the picture in the shape of the model, the batch in front.' }
      )
    }
    const wrong = data.findIndex((value) => !Number.isFinite(value))
    if (wrong >= 0)
      throw new InputError('PL-LRP-CALL', `value ${wrong} of the picture is ${data[wrong]}`, call, {
        fix: 'Give finite numbers.'
      })
    return { data: data.slice(), dims: given }
  }
}
