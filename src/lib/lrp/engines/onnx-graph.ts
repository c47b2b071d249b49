import { GraphBuilder, type OnnxAttribute, type OnnxGraph, type OnnxModel, type OnnxTensor } from '../../onnx/index.js'
import type { Composite } from '../composites.js'
import { middleLayerOf } from '../cost.js'
import type { LayerGraph } from '../layers.js'
import { Walk } from '../walk.js'
import type { UnpoolForm } from './onnx-emitter.js'
import { OnnxOps } from './onnx-ops.js'

/** Names of the LRP graph's inputs and outputs. */
export const lrpNames = {
  /** The pictures, as the classifier takes them. */
  input: 'input',
  /** [batch, class]: the weight of each output in what is explained; zeros stand for the largest output. */
  weights: 'weights',
  /** An int64 without dims, in graphs that also judge: one of `tasks`. */
  task: 'task',
  /** In graphs that are cut in two: what `between` gave, for the task `finish`; a batch of none for the others. */
  arriving: 'arriving',
  logits: 'logits',
  /** Relevance at the cut, of the task `explain`; only in graphs that are cut in two. */
  between: 'between',
  /** As the input. Of a task that does not give it, as each output, a batch of none. */
  relevance: 'relevance'
} as const

/**
 * What a graph that also judges may be asked for. `judge`: the logits, for the price of a plain forward pass. `explain`: logits and relevance,
 * or in a graph that is cut in two logits and `between`, from which `finish` makes the relevance.
 */
export const tasks = { judge: 0, explain: 1, finish: 2 } as const

export interface LrpGraphForm {
  /** What suits the provider that is to run it; `indices` unless given. */
  unpool?: UnpoolForm
}

export interface JudgingGraphForm extends LrpGraphForm {
  /**
   * The most multiplications of an explanation in one piece, for which a verdict may have to wait. 5·10⁹ unless given, a twentieth of a
   * second on two cores.
   */
  longest?: number
}

const defaultLongest = 5e9

export interface JudgingModel {
  model: OnnxModel
  /** What the batch's relevance has as dims at the cut; null where the graph is not cut in two. */
  cut: readonly number[] | null
}

/**
 * A classifier under a composite as one more ONNX model, which gives the logits and the relevance of the weighted outputs.
 * Weights that need no change are the classifier's own memory.
 */
export function lrpModelOf(graph: LayerGraph, composite: Composite, form: LrpGraphForm = {}): OnnxModel {
  const emitted = new Emitted(graph, composite, form)
  const [logits, relevance] = emitted.explained()
  emitted.give('logits', logits, 'batch')
  emitted.give('relevance', relevance, 'batch')
  return emitted.builder.toModel()
}

/** Such a model that also judges, with an input `task`; where an explanation takes long, it comes in two halves. */
export function judgingModelOf(graph: LayerGraph, composite: Composite, form: JudgingGraphForm = {}): JudgingModel {
  const middle = middleLayerOf(graph, composite, form.longest ?? defaultLongest)
  const emitted = new Emitted(graph, composite, form)
  const { builder, weights, input } = emitted
  const task = builder.input(lrpNames.task, [], 'int64')
  const only = (name: keyof typeof tasks, body: () => string[], like: readonly string[]): string[] =>
    onlyFor(builder, { task, name }, body, like)
  const [judged] = only('judge', () => [emitted.judged()], [weights])
  const cut = middle === null ? null : graph.layers[middle]!.dims
  const arriving = cut && builder.input(lrpNames.arriving, ['arriving', ...cut])
  const [logits, sent] = only('explain', () => emitted.explained(middle ?? 0), [weights, arriving ?? input])
  emitted.give('logits', builder.node('Concat', [judged!, logits!], { axis: 0 }), 'asked')
  if (cut) builder.output(builder.node('Identity', [sent!], {}, { name: lrpNames.between }), ['begun', ...cut])
  const [relevance] = arriving ? only('finish', () => [emitted.finished(middle!, arriving)], [input]) : [sent]
  emitted.give('relevance', relevance!, 'explained')
  const model = builder.toModel()
  return { model: { ...model, graph: withOwnWeights(model.graph) }, cut }
}

/** A graph to be, and its inputs; what it is to compute can be added more than once. */
class Emitted {
  readonly builder = new GraphBuilder({ name: 'lrp' })
  readonly input: string
  readonly weights: string
  readonly #graph: LayerGraph
  readonly #ops: OnnxOps
  readonly #walk: Walk<string>

  constructor(graph: LayerGraph, composite: Composite, { unpool = 'indices' }: LrpGraphForm) {
    this.#graph = graph
    this.input = this.builder.input(lrpNames.input, ['batch', ...graph.input.dims.slice(1)])
    this.weights = this.builder.input(lrpNames.weights, ['batch', graph.classes])
    this.#ops = new OnnxOps(this.builder, unpool)
    this.#walk = new Walk(this.#ops, graph, composite)
  }

  judged(): string {
    return this.#logitsOf(this.#walk.forward(this.input).output)
  }

  /** @param to the layer at whose output the relevance is wanted */
  explained(to = 0): [logits: string, relevance: string] {
    const { output, tape } = this.#walk.forward(this.input)
    const logits = this.#logitsOf(output)
    const mask = maskOf(this.builder, logits, this.weights, this.#graph.classes)
    const start = this.#ops.reshape(this.#ops.mul(logits, mask), [-1, ...this.#walk.outputDims])
    return [logits, this.#walk.backward(tape, start, { to })]
  }

  /** The rest of the way back, from a layer's output on. */
  finished(from: number, arriving: string): string {
    return this.#walk.backward(this.#walk.forward(this.input, from).tape, arriving, { from })
  }

  give(name: 'logits' | 'relevance', value: string, batch: string): void {
    const { classes, input } = this.#graph
    const dims = name === 'logits' ? [classes] : input.dims.slice(1)
    this.builder.output(this.builder.node('Identity', [value], {}, { name: lrpNames[name] }), [batch, ...dims])
  }

  #logitsOf(output: string): string {
    return this.#ops.reshape(output, [-1, this.#graph.classes])
  }
}

/**
 * Nodes that run for one task alone, under an If. Each task has a forward pass of its own: one in front of them would have to hand out what
 * LRP needs, and a runtime could not fuse its layers (on the CPU 11 % of its time).
 * @param like of each output a value whose dims it has, but for the batch
 * @returns the body's outputs; for another task each a batch of none
 */
function onlyFor(
  builder: GraphBuilder,
  { task, name }: { task: string; name: keyof typeof tasks },
  body: () => string[],
  like: readonly string[]
): string[] {
  const own = builder.constant('own_task', BigInt64Array.of(BigInt(tasks[name])), [])
  const branches = {
    then_branch: { graph: withoutUnread(builder.branch(name, body)) },
    else_branch: { graph: builder.branch(`not_${name}`, () => like.map((value) => noneOf(builder, value))) }
  }
  const outputs = like.map((_, i) => `${name}_${i}`)
  return builder.node('If', [builder.node('Equal', [task, own])], branches, { name: `if_${name}`, outputs })
}

/**
 * What nothing reads costs time to make: the places of a max pooling's winners, which only the way back needs, or the last layer before a
 * cut.
 */
function withoutUnread(graph: OnnxGraph): OnnxGraph {
  const read = new Set(graph.outputs.map(({ name }) => name))
  const nodes = graph.nodes.toReversed().flatMap((node) => {
    const last = node.outputs.findLastIndex((name) => read.has(name))
    if (last < 0) return []
    for (const input of node.inputs) read.add(input)
    return [{ ...node, outputs: node.outputs.slice(0, last + 1) }]
  })
  return { ...graph, nodes: nodes.reverse() }
}

/**
 * Moves weights into the branches that read them, but for those of dense layers: nearly all of a VGG-Face, they stay in front of the If, where
 * both find them. ONNX Runtime lays a convolution's weights out in blocks, which is what makes it fast, only where they are constants of
 * the graph that it is in.
 */
function withOwnWeights(graph: OnnxGraph): OnnxGraph {
  const shared = new Set(graph.nodes.flatMap(({ inputs }) => inputs))
  const nodes = graph.nodes.map((node) => {
    const attributes = [...node.attributes].map(([name, attribute]): [string, OnnxAttribute] => [
      name,
      attribute.type === 'graph'
        ? { type: 'graph', value: ownWeights(attribute.value, graph.initializers, shared) }
        : attribute
    ])
    return { ...node, attributes: new Map(attributes) }
  })
  return { ...graph, nodes, initializers: new Map([...graph.initializers].filter(([name]) => shared.has(name))) }
}

/** @param shared is told what the branch reads from around it */
function ownWeights(branch: OnnxGraph, around: OnnxGraph['initializers'], shared: Set<string>): OnnxGraph {
  const initializers = new Map<string, OnnxTensor>()
  const owned = (opType: string, input: string): string => {
    const tensor = around.get(input)
    if (tensor === undefined) return input
    if (opType === 'Gemm') {
      shared.add(input)
      return input
    }
    const name = `${branch.name}/${input}`
    initializers.set(name, { ...tensor, name })
    return name
  }
  const nodes = branch.nodes.map((node) => ({ ...node, inputs: node.inputs.map((input) => owned(node.opType, input)) }))
  return { ...branch, nodes, initializers }
}

/** A batch of none. */
function noneOf(builder: GraphBuilder, value: string): string {
  const zero = builder.constant('zero', BigInt64Array.of(0n), [1])
  return builder.node('Slice', [value, zero, zero, zero])
}

/** Each output's weight in the relevance that LRP starts with: the given ones, or where these are zeros 1 for the largest. */
function maskOf(builder: GraphBuilder, logits: string, weights: string, classes: number): string {
  const largest = builder.node('ArgMax', [logits], { axis: 1, keepdims: 0 })
  const depth = builder.constant('classes', BigInt64Array.of(BigInt(classes)), [1])
  const offOn = builder.constant('off_on', Float32Array.of(0, 1), [2])
  const mask = builder.node('OneHot', [largest, depth, offOn], { axis: -1 })
  const axis = builder.constant('axis', BigInt64Array.of(1n), [1])
  const squares = builder.node('ReduceSum', [builder.node('Mul', [weights, weights]), axis], { keepdims: 1 })
  const none = builder.node('Equal', [squares, builder.constant('zero', Float32Array.of(0), [])])
  return builder.node('Where', [none, mask, weights])
}
