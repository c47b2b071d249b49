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
  /** int64 [batch]: the output neuron to explain, -1 for the largest. */
  wanted: 'wanted',
  logits: 'logits',
  /** int64 [batch]: the neuron that was explained. */
  target: 'target',
  /** As the input. */
  relevance: 'relevance'
} as const

/**
 * A classifier under a composite as one more ONNX model, which gives the logits and the relevance of the wanted outputs.
 * Weights that need no change are the classifier's own memory.
 * @param unpool what suits the provider that is to run it
 */
export function lrpModelOf(graph: LayerGraph, composite: Composite, unpool: UnpoolForm = 'indices'): OnnxModel {
  const builder = new GraphBuilder({ name: 'lrp' })
  const sample = graph.input.dims.slice(1)
  const input = builder.input(lrpNames.input, ['batch', ...sample])
  const wanted = builder.input(lrpNames.wanted, ['batch'], 'int64')
  const ops = new OnnxOps(builder, unpool)
  const walk = new Walk(ops, graph, composite)
  const { logits, tape } = walk.forward(input)
  const flat = ops.reshape(logits, [-1, graph.classes])
  const { target, mask } = targetOf(builder, flat, wanted, graph.classes)
  const start = ops.reshape(ops.mul(flat, mask), [-1, ...walk.outputDims])
  const relevance = walk.backward(tape, start)
  for (const [from, name, dims] of [
    [flat, lrpNames.logits, ['batch', graph.classes]],
    [relevance, lrpNames.relevance, ['batch', ...sample]]
  ] as const) {
    builder.output(builder.node('Identity', [from], {}, { name }), dims)
  }
  builder.output(builder.node('Identity', [target], {}, { name: lrpNames.target }), ['batch'], 'int64')
  return builder.toModel()
}

/** The explained neuron per sample, and a mask over the logits that is 1 there. */
function targetOf(
  builder: GraphBuilder,
  logits: string,
  wanted: string,
  classes: number
): { target: string; mask: string } {
  const zero = builder.constant('zero', BigInt64Array.of(0n), [])
  const largest = builder.node('ArgMax', [logits], { axis: 1, keepdims: 0 })
  const target = builder.node('Where', [builder.node('Less', [wanted, zero]), largest, wanted])
  const depth = builder.constant('classes', BigInt64Array.of(BigInt(classes)), [1])
  const mask = builder.node('OneHot', [target, depth, builder.constant('off_on', Float32Array.of(0, 1), [2])], {
    axis: -1
  })
  return { target, mask }
}
