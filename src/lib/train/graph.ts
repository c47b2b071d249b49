import { Emitter, maxPools } from '../lrp/engines/onnx-emitter.js'
import type { ConvGeometry } from '../lrp/layers.js'
import { GraphBuilder, type OnnxModel } from '../onnx/index.js'
import type { Chain, ChainLayer, TrainedLayer } from './chain.js'
import { weightDims } from './chain.js'
import type { OptimizerName } from './choices.js'

/** What an optimizer keeps for each weight, beside it. */
const statesOf: Readonly<Record<OptimizerName, readonly string[]>> = {
  sgd: [],
  momentum: ['velocity'],
  adam: ['first', 'second']
}

const momentum = 0.9
export const adam = { beta1: 0.9, beta2: 0.999, epsilon: 1e-7 }

/** Names of the training graph's inputs; its output beside the weights is the loss. */
export const stepNames = {
  /** Features [batch, …]. */
  features: 'features',
  /** Wanted probabilities [batch, class]; each row sums up to 1. */
  targets: 'targets',
  /** What each sample counts [batch]; they sum up to 1. */
  shares: 'shares',
  /** The learning rate; for Adam corrected for the step. */
  rate: 'rate',
  /** Adam: corrects the second moment for its start at zero. */
  correction: 'correction',
  /** Mean cross entropy, weighted by `shares`. */
  loss: 'loss',
  logits: 'logits',
  /** No tensor, and the first of the outputs: see `StepEmitter`. */
  unread: 'unread'
} as const

/** A weight or a bias and what the optimizer keeps of it: inputs of the graph, and outputs under `next …`. */
export interface Parameter {
  name: string
  dims: number[]
}

/** All parameters of a chain in the order of its layers, states of the optimizer behind each weight. */
export function parametersOf(chain: Chain, optimizer: OptimizerName): Parameter[] {
  return chain.layers.flatMap((layer) => {
    if (layer.kind !== 'dense' && layer.kind !== 'conv') return []
    const own = [
      { name: `${layer.name}.weight`, dims: weightDims(layer) },
      { name: `${layer.name}.bias`, dims: [layer.bias.length] }
    ]
    return own.flatMap((one) => [
      one,
      ...statesOf[optimizer].map((state) => ({ ...one, name: `${one.name}.${state}` }))
    ])
  })
}

export const nextName = (parameter: string): string => `next ${parameter}`

/** A place in a chain where values are dropped: behind a ReLU that a dense layer feeds, and before the first dense layer. */
export interface Drop {
  /** uint8 [batch, size]: 0 drops a value. */
  mask: string
  size: number
}

/** Where a chain drops values in training (Srivastava et al. 2014), as VGG-Face does: before each dense layer but the first of all. */
export function dropsOf({ layers }: Chain): Map<ChainLayer, Drop> {
  const drops = new Map<ChainLayer, Drop>()
  layers.forEach((layer, place) => {
    const before = layers[place - 1]
    if (layer.kind === 'dense' && before?.kind === 'relu')
      drops.set(before, { mask: `${layer.name}.mask`, size: layer.inSize })
  })
  return drops
}

/**
 * One step of training as an ONNX graph of plain operators: forward, backward and update. Weights and states are inputs, their
 * new values outputs; with an output's buffer given as its input's, a step writes in place.
 * @param dropout the share of values that is dropped, 0 for none
 */
export function stepModel(chain: Chain, optimizer: OptimizerName, dropout: number): OnnxModel {
  return new StepEmitter(chain, optimizer, dropout).emit()
}

/**
 * The chain as it judges, weights as inputs: features [batch, …] → logits [batch, class].
 */
export function judgeModel(chain: Chain): OnnxModel {
  const builder = new GraphBuilder({ name: 'judge' })
  const emit = new Emitter(builder)
  let value = builder.input(stepNames.features, ['batch', ...chain.input])
  for (const { name, dims } of parametersOf(chain, 'sgd')) builder.input(name, dims)
  for (const layer of chain.layers) value = forward(emit, layer, value)
  builder.output(emit.builder.node('Identity', [value], {}, { name: stepNames.logits }), ['batch', chain.classes])
  return builder.toModel()
}

/** Adds a layer; its weights are the values `<name>.weight` and `<name>.bias`. @returns its output */
export function forward(emit: Emitter, layer: ChainLayer, x: string): string {
  switch (layer.kind) {
    case 'dense':
      return emit.node('Gemm', [x, ...weightNames(layer)], { transB: 1 })
    case 'conv':
      return emit.node('Conv', [x, ...weightNames(layer)], convAttributes(layer.geometry))
    case 'relu':
      return emit.node('Relu', [x])
    case 'maxPool': {
      const { kernel, strides, pads, dilations } = layer.window
      return emit.node('MaxPool', [x], { kernel_shape: kernel, strides, pads, dilations })
    }
    case 'reshape':
      return emit.node('Reshape', [x, emit.integers([-1, ...layer.dims])])
    case 'transpose':
      return emit.node('Transpose', [x], { perm: layer.perm })
  }
}

const weightNames = ({ name }: TrainedLayer): [string, string] => [`${name}.weight`, `${name}.bias`]

function convAttributes({ kernel, strides, pads, dilations }: ConvGeometry) {
  return { kernel_shape: kernel, strides, pads, dilations }
}

/** What the way back through a layer needs. */
interface Passed {
  layer: ChainLayer
  input: string
  output: string
  inputDims: readonly number[]
  unpool: ((gradient: string) => string) | null
  drop: Drop | null
}

class StepEmitter {
  readonly #builder = new GraphBuilder({ name: 'training step' })
  readonly #emit = new Emitter(this.#builder)
  readonly #drops: Map<ChainLayer, Drop>

  constructor(
    private readonly chain: Chain,
    private readonly optimizer: OptimizerName,
    private readonly dropout: number
  ) {
    this.#drops = dropout > 0 ? dropsOf(chain) : new Map()
  }

  emit(): OnnxModel {
    const { chain } = this
    const features = this.#builder.input(stepNames.features, ['batch', ...chain.input])
    const targets = this.#builder.input(stepNames.targets, ['batch', chain.classes])
    const shares = this.#builder.input(stepNames.shares, ['batch'])
    this.#builder.input(stepNames.rate, [])
    this.#addUnread()
    if (this.optimizer === 'adam') this.#builder.input(stepNames.correction, [])
    for (const { mask, size } of this.#drops.values()) this.#builder.input(mask, ['batch', size], 'uint8')
    for (const { name, dims } of parametersOf(chain, this.optimizer)) this.#builder.input(name, dims)
    const passed = this.#forward(features)
    const gradient = this.#loss(passed.at(-1)!.output, targets, shares)
    this.#backward(passed, gradient)
    return this.#builder.toModel()
  }

  /**
   * After a run, onnxruntime-node copies each output that was asked for into a new array, also one that was written into memory of
   * the caller: for fc6 to fc8 a gigabyte a step. It goes through the outputs in the graph's order and gives up at the first that is no
   * tensor, when all of them are written already. So this one comes first, and who asks for it gets no copies (`Trainer`).
   */
  #addUnread(): void {
    const nothing = this.#builder.node('SequenceConstruct', [stepNames.rate], {}, { name: stepNames.unread })
    this.#builder.outputOfOtherType(nothing)
  }

  #forward(features: string): Passed[] {
    let value = features
    let inputDims = this.chain.input
    return this.chain.layers.map((layer) => {
      const input = value
      let unpool: Passed['unpool'] = null
      if (layer.kind === 'maxPool') {
        const pooled = maxPools.indices(this.#emit, input, layer.window, inputDims[0]!)
        value = pooled.output
        unpool = pooled.unpool
      } else value = forward(this.#emit, layer, input)
      const drop = this.#drops.get(layer) ?? null
      if (drop) value = this.#emit.node('Mul', [value, this.#emit.node('Cast', [drop.mask], { to: 1 })])
      if (drop) value = this.#emit.node('Mul', [value, this.#emit.scalar(1 / (1 - this.dropout))])
      const passed = { layer, input, output: value, inputDims, unpool, drop }
      inputDims = layer.dims
      return passed
    })
  }

  /** Cross entropy of a softmax. @returns its gradient by the logits: (p − target) · share */
  #loss(logits: string, targets: string, shares: string): string {
    const emit = this.#emit
    const logs = emit.node('LogSoftmax', [logits], { axis: 1 })
    const perSample = emit.node('ReduceSum', [emit.node('Mul', [targets, logs]), emit.integers([1])], { keepdims: 0 })
    const weighted = emit.node('ReduceSum', [emit.node('Mul', [perSample, shares])], { keepdims: 0 })
    this.#builder.output(this.#builder.node('Neg', [weighted], {}, { name: stepNames.loss }), [])
    const column = emit.node('Unsqueeze', [shares, emit.integers([1])])
    return emit.node('Mul', [emit.node('Sub', [emit.node('Exp', [logs]), targets]), column])
  }

  #backward(passed: readonly Passed[], start: string): void {
    let gradient = start
    for (const [place, step] of [...passed.entries()].reverse()) {
      const { layer } = step
      // The input's gradient comes first: a layer's weights may be written in place once they have been read.
      const before = place > 0 ? this.#inputGradient(step, gradient) : null
      if (layer.kind === 'dense') this.#updateDense(layer, step.input, gradient)
      if (layer.kind === 'conv') this.#updateConv(layer, step.input, gradient)
      if (before !== null) gradient = before
    }
  }

  #inputGradient({ layer, output, inputDims, unpool, drop }: Passed, gradient: string): string {
    const emit = this.#emit
    switch (layer.kind) {
      case 'dense':
        return emit.node('Gemm', [gradient, weightNames(layer)[0]])
      case 'conv':
        return this.#convInputGradient(layer.geometry, weightNames(layer)[0], gradient)
      case 'relu': {
        // Behind a drop the output is above zero exactly where the value was, and was kept.
        const open = emit.node('Greater', [output, emit.scalar(0)])
        const scaled = drop ? emit.node('Mul', [gradient, emit.scalar(1 / (1 - this.dropout))]) : gradient
        return emit.node('Where', [open, scaled, emit.scalar(0)])
      }
      case 'maxPool':
        return unpool!(gradient)
      case 'reshape':
        return emit.node('Reshape', [gradient, emit.integers([-1, ...inputDims])])
      case 'transpose':
        return emit.node('Transpose', [gradient], { perm: layer.perm.map((_, axis) => layer.perm.indexOf(axis)) })
    }
  }

  #convInputGradient(geometry: ConvGeometry, weights: string, gradient: string): string {
    const { kernel, strides, pads, dilations, input } = geometry
    const output_padding = [0, 1].map((axis) => {
      const reach = dilations[axis]! * (kernel[axis]! - 1) + 1
      return (input[axis]! + pads[axis]! + pads[axis + 2]! - reach) % strides[axis]!
    })
    const attributes = { kernel_shape: kernel, strides, dilations, pads, output_padding }
    return this.#emit.node('ConvTranspose', [gradient, weights], attributes)
  }

  /** v' = μv − rate·gᵀa and w' = w − rate·gᵀa are one Gemm each: the gradient itself is never stored. */
  #updateDense(layer: TrainedLayer, input: string, gradient: string): void {
    const emit = this.#emit
    const [weight, bias] = weightNames(layer)
    if (this.optimizer === 'adam') {
      this.#update(
        weight,
        weightDims(layer),
        emit.node('MatMul', [this.#transposed(gradient, weightDims(layer)[0]!), input])
      )
      this.#update(bias, [layer.bias.length], this.#sumOfBatch(gradient, [0]))
      return
    }
    const step = emit.node('Mul', [gradient, emit.node('Neg', [stepNames.rate])])
    const onto = this.optimizer === 'sgd' ? weight : `${weight}.velocity`
    const dims = weightDims(layer)
    const beta = { float: this.optimizer === 'sgd' ? 1 : momentum }
    const moved = this.#next(onto, dims, 'Gemm', [this.#transposed(step, dims[0]!), input, onto], { beta })
    if (this.optimizer === 'momentum') this.#next(weight, dims, 'Add', [weight, moved])
    this.#update(bias, [layer.bias.length], this.#sumOfBatch(gradient, [0]))
  }

  /**
   * [batch, size] → [size, batch]. Gemm's own transA transposes a block anew for each block of columns, which takes longer than
   * multiplying; a Transpose of two axes in front of a Gemm would be made into a transA again.
   */
  #transposed(value: string, size: number): string {
    const emit = this.#emit
    const lifted = emit.node('Transpose', [emit.node('Unsqueeze', [value, emit.integers([0])])], { perm: [0, 2, 1] })
    return emit.node('Reshape', [lifted, emit.integers([size, -1])])
  }

  /** The weights' gradient tap by tap: each is a product of the gradient with the inputs that the tap has met. */
  #updateConv(layer: TrainedLayer & { kind: 'conv' }, input: string, gradient: string): void {
    const emit = this.#emit
    const { kernel, strides, dilations, pads, output, inChannels, outChannels } = layer.geometry
    const [weight, bias] = weightNames(layer)
    const rows = emit.node('Reshape', [
      emit.node('Transpose', [gradient], { perm: [1, 0, 2, 3] }),
      emit.integers([outChannels, -1])
    ])
    const [top, left, bottom, right] = pads
    const padded = emit.node('Pad', [input, emit.integers([0, 0, top, left, 0, 0, bottom, right])])
    const lastChannels = emit.node('Transpose', [padded], { perm: [0, 2, 3, 1] })
    const taps = Array.from({ length: kernel[0] * kernel[1] }, (_, tap) => {
      const start = [Math.floor(tap / kernel[1]) * dilations[0], (tap % kernel[1]) * dilations[1]] as const
      const ends = [0, 1].map((axis) => start[axis]! + (output[axis]! - 1) * strides[axis]! + 1)
      const met = emit.node('Slice', [
        lastChannels,
        emit.integers(start),
        emit.integers(ends),
        emit.integers([1, 2]),
        emit.integers(strides)
      ])
      const columns = emit.node('Reshape', [met, emit.integers([-1, inChannels])])
      return emit.node('Unsqueeze', [emit.node('MatMul', [rows, columns]), emit.integers([2])])
    })
    const dims = weightDims(layer)
    const whole = emit.node('Reshape', [emit.node('Concat', taps, { axis: 2 }), emit.integers(dims)])
    this.#update(weight, dims, whole)
    this.#update(bias, [layer.bias.length], this.#sumOfBatch(gradient, [0, 2, 3]))
  }

  #sumOfBatch(gradient: string, axes: readonly number[]): string {
    return this.#emit.node('ReduceSum', [gradient, this.#emit.integers(axes)], { keepdims: 0 })
  }

  /** The optimizer's step for a parameter, given its gradient. */
  #update(name: string, dims: number[], gradient: string): void {
    const emit = this.#emit
    const times = (value: string, factor: number): string => emit.node('Mul', [value, emit.scalar(factor)])
    if (this.optimizer === 'adam') {
      const [first, second] = [`${name}.first`, `${name}.second`]
      const moment = this.#next(first, dims, 'Add', [times(first, adam.beta1), times(gradient, 1 - adam.beta1)])
      const squared = times(emit.node('Mul', [gradient, gradient]), 1 - adam.beta2)
      const energy = this.#next(second, dims, 'Add', [times(second, adam.beta2), squared])
      const corrected = emit.node('Sqrt', [emit.node('Mul', [energy, stepNames.correction])])
      const ratio = emit.node('Div', [moment, emit.node('Add', [corrected, emit.scalar(adam.epsilon)])])
      this.#next(name, dims, 'Sub', [name, emit.node('Mul', [ratio, stepNames.rate])])
      return
    }
    const step = emit.node('Mul', [gradient, stepNames.rate])
    if (this.optimizer === 'sgd') this.#next(name, dims, 'Sub', [name, step])
    else {
      const velocity = `${name}.velocity`
      const moved = this.#next(velocity, dims, 'Sub', [times(velocity, momentum), step])
      this.#next(name, dims, 'Add', [name, moved])
    }
  }

  /** A parameter's new value, as an output. */
  #next(
    parameter: string,
    dims: number[],
    opType: string,
    inputs: string[],
    attributes: Record<string, number | { float: number }> = {}
  ): string {
    const value = this.#builder.node(opType, inputs, attributes, { name: nextName(parameter) })
    this.#builder.output(value, dims)
    return value
  }
}
