import { GraphBuilder, type OnnxAttribute, type OnnxGraph, type OnnxModel, type OnnxTensor } from '../../onnx/index.js'
import type { Composite } from '../composites.js'
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
  /** A bool without dims, in graphs that also judge: whether relevance is wanted, or the logits alone. */
  explain: 'explain',
  logits: 'logits',
  /** As the input; of a graph that was not to explain, nothing. */
  relevance: 'relevance'
} as const

export interface LrpGraphForm {
  /** What suits the provider that is to run it; `indices` unless given. */
  unpool?: UnpoolForm
  /** Whether the graph has an input `explain`, and without it gives the logits for the price of a plain forward pass. */
  judges?: boolean
}

/**
 * A classifier under a composite as one more ONNX model, which gives the logits and the relevance of the weighted outputs.
 * Weights that need no change are the classifier's own memory.
 */
export function lrpModelOf(graph: LayerGraph, composite: Composite, form: LrpGraphForm = {}): OnnxModel {
  const { unpool = 'indices', judges = false } = form
  const builder = new GraphBuilder({ name: 'lrp' })
  const sample = graph.input.dims.slice(1)
  const input = builder.input(lrpNames.input, ['batch', ...sample])
  const weights = builder.input(lrpNames.weights, ['batch', graph.classes])
  const ops = new OnnxOps(builder, unpool)
  const walk = new Walk(ops, graph, composite)
  const explained = (): [logits: string, relevance: string] => {
    const { logits, tape } = walk.forward(input)
    const flat = ops.reshape(logits, [-1, graph.classes])
    const mask = maskOf(builder, flat, weights, graph.classes)
    const start = ops.reshape(ops.mul(flat, mask), [-1, ...walk.outputDims])
    return [flat, walk.backward(tape, start)]
  }
  const judged = (): [logits: string, none: string] => {
    const logits = ops.reshape(walk.forward(input).logits, [-1, graph.classes])
    return [logits, nothingOf(builder, input)]
  }
  const [logits, relevance] = judges ? either(builder, explained, judged) : explained()
  for (const [from, name, dims] of [
    [logits, lrpNames.logits, ['batch', graph.classes]],
    [relevance, lrpNames.relevance, [judges ? 'explained' : 'batch', ...sample]]
  ] as const) {
    builder.output(builder.node('Identity', [from], {}, { name }), dims)
  }
  const model = builder.toModel()
  return judges ? { ...model, graph: withOwnWeights(model.graph) } : model
}

/**
 * Both graphs under an If. Each has a forward pass of its own: one in front of the If would have to hand out what LRP needs, and a
 * runtime could not fuse its layers (on the CPU 11 % of its time).
 */
function either(
  builder: GraphBuilder,
  explained: () => [string, string],
  judged: () => [string, string]
): [logits: string, relevance: string] {
  const wanted = builder.input(lrpNames.explain, [], 'bool')
  const branches = {
    then_branch: { graph: builder.branch('explain', explained) },
    else_branch: { graph: withoutUnread(builder.branch('judge', judged)) }
  }
  return builder.node('If', [wanted], branches, { name: 'either', outputs: 2 }) as [string, string]
}

/** Values that no node reads cost time to make: the places of a max pooling's winners, which only the way back needs. */
function withoutUnread(graph: OnnxGraph): OnnxGraph {
  const read = new Set([...graph.nodes.flatMap(({ inputs }) => inputs), ...graph.outputs.map(({ name }) => name)])
  const nodes = graph.nodes.map((node) => ({ ...node, outputs: node.outputs.filter((name) => read.has(name)) }))
  return { ...graph, nodes }
}

/**
 * Moves weights into the branches that read them, but for those of dense layers: nearly all of a VGG-Face, they stay in front of the If, where
 * both find them. ONNX Runtime lays a convolution's weights out in blocks, which is what makes it fast, only where they are constants of
 * the graph that it is in.
 */
function withOwnWeights(graph: OnnxGraph): OnnxGraph {
  const shared = new Set<string>()
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

/** No picture of the input's size. */
function nothingOf(builder: GraphBuilder, input: string): string {
  const [start, axis] = [0n, 0n].map((value) => builder.constant('zero', BigInt64Array.of(value), [1])) as [
    string,
    string
  ]
  return builder.node('Slice', [input, start, start, axis])
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
