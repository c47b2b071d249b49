import { nodeTitle, type OnnxGraph, type OnnxNode } from './types.js'

/**
 * How a classifier's outputs are to be read. `logits`: unbounded scores that a softmax (of a single output, a sigmoid)
 * makes probabilities of; `softmax`: probabilities that sum up to 1; `log_softmax`: their logarithms; `sigmoid`: each
 * output a probability of its own.
 */
export const heads = ['logits', 'softmax', 'log_softmax', 'sigmoid'] as const
export type Head = (typeof heads)[number]

/** What a graph says of one of its outputs. */
export interface GraphHead {
  /** Null where the graph does not say. */
  head: Head | null
  /** The value before the last activation: what LRP starts from. The output itself where there is no activation. */
  before: string
  /** The node that settles it, or at which the search ended, as errors name it. */
  by: string
}

/**
 * Reads from the graph what an output is: the search goes back from it through operators that only move, cast or quantise
 * values, to a softmax or sigmoid (as one operator, or written out as Exp, ReduceSum and Div), or to weighted sums.
 */
export function graphHeadOf(graph: OnnxGraph, output: string): GraphHead {
  const search = new HeadSearch(graph)
  const value = search.origin(output)
  const node = search.producer(value)
  const by = node ? nodeTitle(node) : `"${value}"`
  if (node) {
    for (const { head, match } of activations) {
      const before = match(node, search)
      if (before !== null) return { head, before, by }
    }
  }
  return { head: search.isSum(value) ? 'logits' : null, before: output, by }
}

/** Operators whose output is their first input, moved, cast or quantised. */
const moves = new Set([
  ...['Identity', 'Reshape', 'Flatten', 'Squeeze', 'Unsqueeze', 'Transpose', 'Dropout'],
  ...['Cast', 'CastLike', 'QuantizeLinear', 'DequantizeLinear']
])
/** Weighted sums, also in the quantised spellings of ONNX and of ONNX Runtime (com.microsoft). */
const sums = new Set([
  ...['Gemm', 'MatMul', 'Conv', 'FusedMatMul', 'MatMulInteger', 'ConvInteger'],
  ...['QGemm', 'QLinearMatMul', 'QLinearConv', 'MatMulIntegerToFloat', 'DynamicQuantizeMatMul']
])
/** With one constant input these shift or scale; of weighted sums they leave weighted sums. */
const shifts = new Set(['Add', 'Sub', 'Mul', 'Div', 'BatchNormalization'])
/** Means over places: networks without dense layers end in one. */
const means = new Set(['GlobalAveragePool', 'AveragePool', 'ReduceMean'])
/** Operators that choose some of the outputs, or join branches of one output each. */
const choices = new Set(['Gather', 'Slice', 'Split', 'Concat'])
/** What may stand between the last sum and such a mean (SqueezeNet). */
const rectifiers = new Set(['Relu', 'LeakyRelu', 'PRelu', 'Clip'])

/** The value before an activation that ends in this node; null where it is another one. */
type Match = (node: OnnxNode, search: HeadSearch) => string | null

const named =
  (...names: string[]): Match =>
  ({ opType, inputs }) =>
    names.includes(opType) ? inputs[0]! : null

const softmax = named('Softmax', 'QLinearSoftmax')
const logSoftmax = named('LogSoftmax')

const activations: readonly { head: Head; match: Match }[] = [
  { head: 'softmax', match: softmax },
  { head: 'softmax', match: shareOfExponentials },
  { head: 'softmax', match: (node, search) => inner(node, 'Exp', search, anyLogSoftmax) },
  { head: 'log_softmax', match: anyLogSoftmax },
  { head: 'sigmoid', match: named('Sigmoid', 'QLinearSigmoid') },
  { head: 'sigmoid', match: logisticFunction }
]

function anyLogSoftmax(node: OnnxNode, search: HeadSearch): string | null {
  return (
    logSoftmax(node, search) ??
    lessLogOfSum(node, search) ??
    inner(node, 'Log', search, softmax) ??
    inner(node, 'Log', search, shareOfExponentials)
  )
}

/** A `match` of what comes before a node of that type. */
function inner({ opType, inputs }: OnnxNode, type: string, search: HeadSearch, match: Match): string | null {
  const before = opType === type ? search.before(inputs[0]!) : undefined
  return before ? match(before, search) : null
}

/** e / Σe, or e · 1/Σe, with e = exp(x) or exp(x - max x). */
function shareOfExponentials({ opType, inputs }: OnnxNode, search: HeadSearch): string | null {
  const [a, b] = inputs.map((input) => search.origin(input))
  if (opType === 'Div') return exponentOfShare(a!, b!, search)
  if (opType !== 'Mul') return null
  for (const [e, rest] of [
    [a!, b!],
    [b!, a!]
  ]) {
    const reciprocal = search.producer(rest!)
    if (reciprocal?.opType === 'Reciprocal') return exponentOfShare(e!, search.origin(reciprocal.inputs[0]!), search)
  }
  return null
}

function exponentOfShare(e: string, sum: string, search: HeadSearch): string | null {
  const [exp, total] = [search.producer(e), search.producer(sum)]
  if (exp?.opType !== 'Exp' || total?.opType !== 'ReduceSum' || search.origin(total.inputs[0]!) !== e) return null
  return search.unshifted(exp.inputs[0]!)
}

/** x - log Σexp(x), the same with x - max x, or by ReduceLogSumExp. */
function lessLogOfSum({ opType, inputs }: OnnxNode, search: HeadSearch): string | null {
  if (opType !== 'Sub') return null
  const x = search.origin(inputs[0]!)
  const log = search.before(inputs[1]!)
  if (log?.opType === 'ReduceLogSumExp') return search.origin(log.inputs[0]!) === x ? search.unshifted(x) : null
  const total = log?.opType === 'Log' ? search.before(log.inputs[0]!) : undefined
  const exp = total?.opType === 'ReduceSum' ? search.before(total.inputs[0]!) : undefined
  return exp?.opType === 'Exp' && search.origin(exp.inputs[0]!) === x ? search.unshifted(x) : null
}

/** 1 / (1 + exp(-x)). */
function logisticFunction({ opType, inputs }: OnnxNode, search: HeadSearch): string | null {
  const isOver = opType === 'Reciprocal' || (opType === 'Div' && search.isConstant(inputs[0]!))
  const sum = isOver ? search.before(inputs.at(-1)!) : undefined
  const term = sum?.opType === 'Add' ? sum.inputs.find((input) => !search.isConstant(input)) : undefined
  const exp = term === undefined ? undefined : search.before(term)
  const negative = exp?.opType === 'Exp' ? search.before(exp.inputs[0]!) : undefined
  return negative?.opType === 'Neg' ? negative.inputs[0]! : null
}

class HeadSearch {
  readonly #producers = new Map<string, OnnxNode>()
  readonly #constants: Set<string>

  constructor(graph: OnnxGraph) {
    this.#constants = new Set(graph.initializers.keys())
    for (const node of graph.nodes) {
      for (const output of node.outputs) this.#producers.set(output, node)
      if (node.inputs.every((input) => input === '' || this.#constants.has(input)))
        for (const output of node.outputs) this.#constants.add(output)
    }
  }

  producer(value: string): OnnxNode | undefined {
    return this.#producers.get(value)
  }

  isConstant(value: string): boolean {
    return this.#constants.has(value)
  }

  /** The value that moves, casts and quantisations have made this one of. */
  origin(value: string): string {
    let at = value
    for (let node = this.producer(at); node && moves.has(node.opType); node = this.producer(at)) at = node.inputs[0]!
    return at
  }

  before(value: string): OnnxNode | undefined {
    return this.producer(this.origin(value))
  }

  /** x of x - max x, which has the same softmax. */
  unshifted(value: string): string {
    const node = this.before(value)
    if (node?.opType !== 'Sub') return value
    const max = this.before(node.inputs[1]!)
    const isMax = max?.opType === 'ReduceMax' && this.origin(max.inputs[0]!) === this.origin(node.inputs[0]!)
    return isMax ? node.inputs[0]! : value
  }

  /** Whether it is a weighted sum, or shifts, scalings and means of one. */
  isSum(value: string, mayBeRectified = false): boolean {
    const node = this.before(value)
    if (node === undefined) return false
    if (sums.has(node.opType)) return true
    if (means.has(node.opType)) return this.isSum(node.inputs[0]!, true)
    if (rectifiers.has(node.opType)) return mayBeRectified && this.isSum(node.inputs[0]!)
    if (!shifts.has(node.opType) && !choices.has(node.opType)) return false
    const free = node.inputs.filter((input) => input !== '' && !this.isConstant(input))
    if (node.opType === 'Concat') return free.every((input) => this.isSum(input))
    if (free.length === 1) return this.isSum(free[0]!, mayBeRectified)
    // The product of a quantised sum and its scale, which was found while it ran.
    return node.opType === 'Mul' && free.some((input) => this.before(input)?.opType.endsWith('Integer'))
  }
}
