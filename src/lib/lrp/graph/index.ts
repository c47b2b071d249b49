import { UnsupportedModelError } from '../../../core/errors.js'
import { elementCount, type OnnxModel, type OnnxNode, type OnnxValue } from '../../onnx/index.js'
import type { LayerGraph } from '../layers.js'
import { converters } from './convert.js'
import { foldScales } from './fold.js'
import { GraphReader, supportedOperators } from './reader.js'

/**
 * Reads a classifier's ONNX graph as LRP's layers: NCHW as torch.onnx writes it, or NHWC with Transpose as tf2onnx
 * does. A trailing Softmax is left out. UnsupportedModelError, with the node's name and type, for anything that LRP
 * here cannot explain.
 */
export function layerGraphOf(model: OnnxModel, where = 'the model'): LayerGraph {
  const { graph } = model
  const input = onlyInput(graph.inputs, where)
  const reader = new GraphReader(model, where)
  reader.pushInput(input.name, input.dims.slice(1) as number[])
  for (const node of needed(graph.nodes, graph.outputs[0]!.name)) {
    const operator = supportedOperators.find((name) => name === node.opType && ['', 'ai.onnx'].includes(node.domain))
    if (operator === undefined) throw reader.unsupported(node, 'there is no rule for this operator')
    converters[operator](node, reader)
  }
  const output = reader.placeOf(graph.outputs[0]!.name)
  if (output === undefined) throw refused('its output does not depend on its input', where)
  const classes = elementCount(reader.layers[output]!.dims)
  return foldScales({ input: { name: input.name, dims: input.dims }, layers: reader.layers, output, classes })
}

function onlyInput(inputs: readonly OnnxValue[], where: string): OnnxValue {
  const [input] = inputs
  if (inputs.length !== 1 || input === undefined) throw refused(`it has ${inputs.length} inputs instead of one`, where)
  if (input.type !== 'float32') throw refused(`its input is ${input.type} instead of float32`, where)
  const free = input.dims.slice(1).find((dim) => typeof dim === 'string' || dim < 1)
  if (input.dims.length < 2 || free !== undefined) {
    throw refused(`its input [${input.dims.join(', ')}] has no fixed size behind the batch`, where)
  }
  return input
}

function refused(why: string, where: string): UnsupportedModelError {
  return new UnsupportedModelError('PL-LRP-MODEL', `LRP cannot explain this model: ${why}`, where)
}

/** The nodes that the output depends on, in the graph's order. */
function needed(nodes: readonly OnnxNode[], output: string): OnnxNode[] {
  const wanted = new Set([output])
  const kept: OnnxNode[] = []
  for (const node of [...nodes].reverse()) {
    if (!node.outputs.some((name) => wanted.has(name))) continue
    for (const input of node.inputs) wanted.add(input)
    kept.push(node)
  }
  return kept.reverse()
}
