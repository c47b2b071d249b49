import { GraphBuilder, type OnnxModel } from '../../onnx/index.js'
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
  logits: 'logits',
  /** As the input. */
  relevance: 'relevance'
} as const

/**
 * A classifier under a composite as one more ONNX model, which gives the logits and the relevance of the weighted outputs.
 * Weights that need no change are the classifier's own memory.
 * @param unpool what suits the provider that is to run it
 */
export function lrpModelOf(graph: LayerGraph, composite: Composite, unpool: UnpoolForm = 'indices'): OnnxModel {
  const builder = new GraphBuilder({ name: 'lrp' })
  const sample = graph.input.dims.slice(1)
  const input = builder.input(lrpNames.input, ['batch', ...sample])
  const weights = builder.input(lrpNames.weights, ['batch', graph.classes])
  const ops = new OnnxOps(builder, unpool)
  const walk = new Walk(ops, graph, composite)
  const { logits, tape } = walk.forward(input)
  const flat = ops.reshape(logits, [-1, graph.classes])
  const mask = maskOf(builder, flat, weights, graph.classes)
  const start = ops.reshape(ops.mul(flat, mask), [-1, ...walk.outputDims])
  const relevance = walk.backward(tape, start)
  for (const [from, name, dims] of [
    [flat, lrpNames.logits, ['batch', graph.classes]],
    [relevance, lrpNames.relevance, ['batch', ...sample]]
  ] as const) {
    builder.output(builder.node('Identity', [from], {}, { name }), dims)
  }
  return builder.toModel()
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
