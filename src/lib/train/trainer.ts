import { type InferenceSession, Tensor } from 'onnxruntime-node'
import { InferenceError, messageOf } from '../../core/errors.js'
import { elementCount, encodeModel, type OnnxModel } from '../onnx/index.js'
import { openSession } from '../ort/provider.js'
import type { ProviderName } from '../ort/provider-names.js'
import { createRandom } from '../random.js'
import { type Chain, type ChainLayer, featureCount, trainedLayersOf } from './chain.js'
import type { OptimizerName } from './choices.js'
import { adam, dropsOf, judgeModel, nextName, parametersOf, stepModel, stepNames } from './graph.js'

export interface TrainerOptions {
  optimizer: OptimizerName
  /** Share of the values that is dropped behind dense layers, 0 to below 1. */
  dropout: number
  provider: ProviderName
  /** 0: one for each core. */
  threads: number
  /** Numbers evenly spread over [0, 1): decide what is dropped. */
  random: () => number
}

/** A batch: rows one after the other. */
export interface Batch {
  /** [rows · features]. */
  features: Float32Array
  /** [rows · classes]: wanted probabilities, each row summing up to 1. */
  targets: Float32Array
  /** [rows]: what each counts; any positive numbers. */
  weights: Float32Array
}

/**
 * Trains a chain: weights and the optimizer's states are tensors that a graph in ONNX Runtime reads and writes anew with each
 * step, in their own memory where that gives the same numbers, which is tried once when it is opened. `run` blocks the thread.
 */
export class Trainer {
  readonly #parameters: Map<string, Tensor>
  readonly #pairs: Uint16Array
  #steps = 0

  private constructor(
    private readonly chain: Chain,
    private readonly options: TrainerOptions,
    private readonly session: InferenceSession,
    private readonly judge: InferenceSession,
    /** Whether steps write into the weights' own memory. */
    readonly inPlace: boolean
  ) {
    this.#parameters = startOf(chain, options.optimizer)
    this.#pairs = pairsKept(Math.round(options.dropout * 256))
  }

  /** @throws ModelError where ONNX Runtime does not take the graph */
  static async open(chain: Chain, options: TrainerOptions): Promise<Trainer> {
    const { optimizer, dropout, provider, threads } = options
    const inPlace = await writesInPlace(chain, options)
    const open = (model: OnnxModel): Promise<InferenceSession> =>
      openSession(encodeModel(model), { provider, threads, mapped: true })
    const session = await open(stepModel(chain, optimizer, dropout))
    return new Trainer(chain, options, session, await open(judgeModel(chain)), inPlace)
  }

  /** Steps so far. */
  get steps(): number {
    return this.#steps
  }

  /**
   * One step down the gradient of the batch's mean cross entropy.
   * @param rate the learning rate
   * @returns the loss before the step, in nats
   * @throws InferenceError where the loss is no finite number: the weights are then of no use
   */
  async step({ features, targets, weights }: Batch, rate: number): Promise<number> {
    const { chain, options } = this
    const rows = weights.length
    const total = weights.reduce((sum, weight) => sum + weight, 0)
    const feeds: Record<string, Tensor> = {
      [stepNames.features]: new Tensor('float32', features, [rows, ...chain.input]),
      [stepNames.targets]: new Tensor('float32', targets, [rows, chain.classes]),
      [stepNames.shares]: new Tensor(
        'float32',
        weights.map((weight) => weight / total),
        [rows]
      ),
      ...this.#rates(rate)
    }
    if (options.dropout > 0)
      for (const { mask, size } of dropsOf(chain).values())
        feeds[mask] = new Tensor('uint8', maskOf(rows * size, this.#pairs, options.random), [rows, size])
    const loss = await takeStep(this.session, feeds, this.#parameters, this.inPlace)
    this.#steps++
    if (!Number.isFinite(loss))
      throw new InferenceError('PL-TRAIN-DIVERGED', `the loss is ${loss} after ${this.#steps} steps`, 'training', {
        fix: 'Give a smaller --rate.'
      })
    return loss
  }

  #rates(rate: number): Record<string, Tensor> {
    const scalar = (value: number): Tensor => new Tensor('float32', Float32Array.of(value), [])
    if (this.options.optimizer !== 'adam') return { [stepNames.rate]: scalar(rate) }
    const step = this.#steps + 1
    return {
      [stepNames.rate]: scalar(rate / (1 - adam.beta1 ** step)),
      [stepNames.correction]: scalar(1 / (1 - adam.beta2 ** step))
    }
  }

  /** @param features [rows · features] @returns [rows · classes] */
  async logits(features: Float32Array): Promise<Float32Array> {
    const rows = features.length / featureCount(this.chain)
    const feeds: Record<string, Tensor> = {
      [stepNames.features]: new Tensor('float32', features, [rows, ...this.chain.input])
    }
    for (const { name } of parametersOf(this.chain, 'sgd')) feeds[name] = this.#parameters.get(name)!
    const result = await this.judge.run(feeds)
    return result[stepNames.logits]!.data as Float32Array
  }

  /** Weights and biases by the names of `parametersOf`: the trainer's own memory, as it is until the next step. */
  weights(): Map<string, Float32Array> {
    return this.#arrays(parametersOf(this.chain, 'sgd').map(({ name }) => name))
  }

  /** What a checkpoint needs: weights, the optimizer's states, steps. The trainer's own memory, as it is until the next step. */
  state(): { steps: number; arrays: Map<string, Float32Array> } {
    return { steps: this.#steps, arrays: this.#arrays([...this.#parameters.keys()]) }
  }

  /** Goes on from a checkpoint. @throws InferenceError where it is of another chain or optimizer */
  restore({ steps, arrays }: { steps: number; arrays: ReadonlyMap<string, Float32Array> }): void {
    this.#set([...this.#parameters.keys()], arrays)
    this.#steps = steps
  }

  /** Takes over weights and biases, and leaves the optimizer's states. @throws InferenceError as `restore` */
  load(weights: ReadonlyMap<string, Float32Array>): void {
    this.#set(
      parametersOf(this.chain, 'sgd').map(({ name }) => name),
      weights
    )
  }

  #set(names: readonly string[], arrays: ReadonlyMap<string, Float32Array>): void {
    for (const name of names) {
      const given = arrays.get(name)
      const own = this.#parameters.get(name)!.data as Float32Array
      if (given?.length !== own.length)
        throw new InferenceError('PL-TRAIN-CHECKPOINT', `the checkpoint has no ${name} of this network`, 'training')
      own.set(given)
    }
  }

  #arrays(names: readonly string[]): Map<string, Float32Array> {
    return new Map(names.map((name) => [name, this.#parameters.get(name)!.data as Float32Array]))
  }

  async close(): Promise<void> {
    await this.session.release()
    await this.judge.release()
    this.#parameters.clear()
  }
}

/** Copies of the chain's weights, states of zeros. */
function startOf(chain: Chain, optimizer: OptimizerName): Map<string, Tensor> {
  const given = new Map<string, Float32Array>(
    trainedLayersOf(chain).flatMap(({ name, weights, bias }) => [
      [`${name}.weight`, weights] as const,
      [`${name}.bias`, bias] as const
    ])
  )
  return new Map(
    parametersOf(chain, optimizer).map(({ name, dims }) => {
      const count = dims.reduce((product, dim) => product * dim, 1)
      return [name, new Tensor('float32', given.get(name)?.slice() ?? new Float32Array(count), dims)]
    })
  )
}

/** Runs a step; `parameters` hold the new values afterwards. @returns the loss */
async function takeStep(
  session: InferenceSession,
  feeds: Record<string, Tensor>,
  parameters: Map<string, Tensor>,
  inPlace: boolean
): Promise<number> {
  const loss = new Tensor('float32', new Float32Array(1), [])
  const fetches: Record<string, Tensor | null> = { [stepNames.loss]: loss }
  for (const [name, tensor] of parameters) {
    feeds[name] = tensor
    fetches[nextName(name)] = inPlace ? tensor : null
  }
  if (inPlace) await runUnread(session, feeds, fetches)
  else {
    const result = await session.run(feeds, fetches)
    for (const name of parameters.keys()) parameters.set(name, result[nextName(name)] as Tensor)
  }
  return (loss.data as Float32Array)[0]!
}

/** What the binding says of `stepNames.unread`, where it gives up handing over outputs: none of them is copied. */
const noTensor = 'Non tensor type'

/** Runs a graph whose outputs are all written into tensors of the caller, and have been when this is over. */
async function runUnread(
  session: InferenceSession,
  feeds: Record<string, Tensor>,
  fetches: Record<string, Tensor | null>
): Promise<void> {
  try {
    await session.run(feeds, { [stepNames.unread]: null, ...fetches })
  } catch (error) {
    if (!messageOf(error).includes(noTensor)) throw error
  }
}

/**
 * Whether steps may write into the memory they read from: ONNX Runtime promises nothing, so the same steps are taken both ways on
 * a chain of the same form with narrow layers, and compared bit by bit.
 */
async function writesInPlace(chain: Chain, options: TrainerOptions): Promise<boolean> {
  const { optimizer, provider, threads } = options
  if (provider !== 'cpu') return false
  const narrow = narrowed(chain)
  const model = encodeModel(stepModel(narrow, optimizer, 0))
  const session = await openSession(model, { provider, threads, mapped: true })
  try {
    const [copied, inPlace] = [startOf(narrow, optimizer), startOf(narrowed(chain), optimizer)]
    const feeds = (): Record<string, Tensor> => trialFeeds(narrow, optimizer)
    for (let step = 0; step < 3; step++) {
      await takeStep(session, feeds(), copied, false)
      // A binding that gives up otherwise than known gets the outputs copied.
      const isTaken = await takeStep(session, feeds(), inPlace, true).then(Number.isFinite, () => false)
      if (!isTaken) return false
    }
    return [...copied].every(([name, { data }]) => {
      const other = inPlace.get(name)!.data as Float32Array
      return (data as Float32Array).every((value, i) => Object.is(value, other[i]))
    })
  } finally {
    await session.release()
  }
}

/** The same kinds of layers with few channels, and weights drawn anew: what `writesInPlace` tries. */
function narrowed(chain: Chain): Chain {
  const random = createRandom(1)
  const draw = (count: number): Float32Array => Float32Array.from({ length: count }, () => random.normal(0, 0.3))
  const input = chain.input.length === 1 ? [16] : [4, ...chain.input.slice(1)]
  let dims: readonly number[] = input
  const layers = chain.layers.map((layer): ChainLayer => {
    const next = narrowLayer(layer, dims, draw)
    dims = next.dims
    return next
  })
  return { ...chain, input, layers, classes: dims[0]! }
}

function narrowLayer(layer: ChainLayer, dims: readonly number[], draw: (count: number) => Float32Array): ChainLayer {
  switch (layer.kind) {
    case 'dense': {
      const [inSize, outSize] = [dims[0]!, Math.min(8, layer.outSize)]
      return { ...layer, inSize, outSize, weights: draw(inSize * outSize), bias: draw(outSize), dims: [outSize] }
    }
    case 'conv': {
      const [inChannels, outChannels] = [dims[0]!, Math.min(4, layer.geometry.outChannels)]
      const taps = layer.geometry.kernel[0] * layer.geometry.kernel[1]
      return {
        ...layer,
        geometry: { ...layer.geometry, inChannels, outChannels },
        weights: draw(inChannels * outChannels * taps),
        bias: draw(outChannels),
        dims: [outChannels, ...layer.dims.slice(1)]
      }
    }
    case 'maxPool':
      return { ...layer, dims: [dims[0]!, ...layer.dims.slice(1)] }
    case 'relu':
      return { ...layer, dims }
    case 'reshape':
      return { ...layer, dims: [elementCount(dims)] }
    case 'transpose':
      return { ...layer, dims: layer.perm.slice(1).map((axis) => dims[axis - 1]!) }
  }
}

/** Three samples, the same at each call. */
function trialFeeds(chain: Chain, optimizer: OptimizerName): Record<string, Tensor> {
  const rows = 3
  const random = createRandom(2)
  const features = Float32Array.from({ length: rows * featureCount(chain) }, () => random.normal(0, 1))
  const targets = new Float32Array(rows * chain.classes)
  for (let row = 0; row < rows; row++) targets[row * chain.classes + (row % chain.classes)] = 1
  const scalar = (value: number): Tensor => new Tensor('float32', Float32Array.of(value), [])
  return {
    [stepNames.features]: new Tensor('float32', features, [rows, ...chain.input]),
    [stepNames.targets]: new Tensor('float32', targets, [rows, chain.classes]),
    [stepNames.shares]: new Tensor('float32', new Float32Array(rows).fill(1 / rows), [rows]),
    [stepNames.rate]: scalar(0.1),
    ...(optimizer === 'adam' && { [stepNames.correction]: scalar(1) })
  }
}

/**
 * 0 where a value is dropped, else 1. Four from each number drawn, so that the share is exact to 1/256. Two bytes are looked up
 * together: one by one they would take a twentieth of a step of fc7 and fc8, with the other cores at rest.
 */
function maskOf(count: number, pairs: Uint16Array, random: () => number): Uint8Array {
  const mask = new Uint16Array(2 * Math.ceil(count / 4))
  for (let i = 0; i < mask.length; i += 2) {
    const bits = Math.floor(random() * 2 ** 32)
    mask[i] = pairs[bits & 0xffff]!
    mask[i + 1] = pairs[bits >>> 16]!
  }
  return new Uint8Array(mask.buffer, 0, count)
}

/** For each two bytes, as a number of 16 bits: 1 in the place of each byte that is at least the limit, 0 in that of the other. */
function pairsKept(limit: number): Uint16Array {
  const kept = (byte: number): number => (byte < limit ? 0 : 1)
  return Uint16Array.from({ length: 2 ** 16 }, (_, pair) => kept(pair & 255) | (kept(pair >>> 8) << 8))
}
