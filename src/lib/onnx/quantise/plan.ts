import { ModelError } from '../../../core/errors.js'
import { nodesBefore, nodeTitle, type OnnxGraph, type OnnxModel, type OnnxNode, type OnnxTensor } from '../types.js'

/** Where a layer's weights lie, and along which axis of them its outputs. */
export interface QuantisedLayer {
  node: OnnxNode
  weights: OnnxTensor
  axis: 0 | 1
  /** One value for each output; absent where the layer has none. */
  bias?: OnnxTensor
}

/** What of a classifier is computed in 8 bits. */
export interface QuantisePlan {
  /** The nodes that the scores depend on, in the graph's order. */
  nodes: readonly OnnxNode[]
  /** The layers whose weights become 8 bits, by their node. */
  layers: ReadonlyMap<OnnxNode, QuantisedLayer>
  /**
   * The values that exist in 8 bits, each with the value whose range it has: its own, or that of the value which an operator
   * such as MaxPool has moved.
   */
  values: ReadonlyMap<string, string>
  /** The weighted layers that stay in float32, and why, as `node "fc8" (Gemm): it is the last layer`. */
  left: readonly string[]
}

/** Operators that move values: their outputs have the range of their first input. */
const moves = new Set(['MaxPool', 'Flatten', 'Reshape', 'Transpose', 'Squeeze', 'Unsqueeze', 'Identity'])
/** Operators on activations alone, for which ONNX Runtime has a kernel of 8 bits. */
const sums = new Set(['Add', 'AveragePool', 'GlobalAveragePool', 'Concat'])
/** What is merged into the layer before: only its result has a range. */
const activations = new Set(['Relu', 'Clip'])
const weighted = new Set(['Conv', 'Gemm', 'MatMul'])
const quantised =
  /^(QuantizeLinear|DequantizeLinear|DynamicQuantizeLinear|QLinear.*|QGemm|.*Integer|MatMulIntegerToFloat)$/

/**
 * Chooses what of a classifier is computed in 8 bits: all layers with constant weights but for the first convolution (three
 * channels are as fast in float32) and the last layers, and the operators between them.
 * @param output the value that holds the scores
 * @throws ModelError where it is quantised already, and where nothing can be: then with the reason for each layer
 */
export function planQuantisation({ graph }: OnnxModel, output: string, where: string): QuantisePlan {
  const nodes = nodesBefore(graph.nodes, output)
  const done = nodes.find(({ opType }) => quantised.test(opType))
  if (done !== undefined)
    throw new ModelError('PL-QUANTISE-MODEL', `it is quantised already, at ${nodeTitle(done)}`, where, {
      fix: 'Name the manifest of the float32 model that it was made of.'
    })
  const candidates = nodes.filter(({ opType }) => weighted.has(opType))
  const outer = outerReasons(nodes, candidates)
  const layers = new Map<OnnxNode, QuantisedLayer>()
  const left: string[] = []
  for (const node of candidates) {
    const found = outer.get(node) ?? layerOf(node, graph)
    if (typeof found === 'string') left.push(`${nodeTitle(node)}: ${found}`)
    else layers.set(node, found)
  }
  if (layers.size === 0) {
    const why = left.length > 0 ? left.join('; ') : `it has no ${[...weighted].join(', ')} layer`
    throw new ModelError('PL-QUANTISE-MODEL', `no layer of it can be computed in 8 bits (${why})`, where)
  }
  return { nodes, layers, values: valuesOf(nodes, layers, output), left }
}

/** Why the layers at both ends stay in float32. */
function outerReasons(nodes: readonly OnnxNode[], candidates: readonly OnnxNode[]): Map<OnnxNode, string> {
  const reasons = new Map<OnnxNode, string>()
  const [first] = candidates
  if (first?.opType === 'Conv') reasons.set(first, 'it is the first layer')
  for (const node of lastOf(nodes, candidates)) reasons.set(node, 'it is the last layer')
  return reasons
}

/** The weighted layers behind which there is no other one. */
function lastOf(nodes: readonly OnnxNode[], candidates: readonly OnnxNode[]): OnnxNode[] {
  const isFollowed = new Set<string>()
  const last: OnnxNode[] = []
  for (const node of [...nodes].reverse()) {
    const isCandidate = candidates.includes(node)
    const followed = node.outputs.some((output) => isFollowed.has(output))
    if (isCandidate && !followed) last.push(node)
    if (isCandidate || followed) for (const input of node.inputs) isFollowed.add(input)
  }
  return last
}

/** The layer as it can be quantised, or why it cannot. */
function layerOf(node: OnnxNode, { initializers }: OnnxGraph): QuantisedLayer | string {
  const [, weightsName = '', biasName = ''] = node.inputs
  const weights = initializers.get(weightsName)
  if (weights === undefined) return 'its weights are no constant'
  if (weights.type !== 'float32') return `its weights are ${weights.type}`
  const number = (name: string, otherwise: number): number => {
    const attribute = node.attributes.get(name)
    return attribute?.type === 'float' || attribute?.type === 'int' ? attribute.value : otherwise
  }
  const isPlain = number('alpha', 1) === 1 && number('beta', 1) === 1 && number('transA', 0) === 0
  if (!isPlain) return 'its alpha, beta or transA is not what it is by default'
  if (node.opType !== 'Conv' && weights.dims.length !== 2) return `its weights have ${weights.dims.length} dimensions`
  const axis = node.opType === 'Conv' || (node.opType === 'Gemm' && number('transB', 0) === 1) ? 0 : 1
  if (biasName === '') return { node, weights, axis }
  const bias = initializers.get(biasName)
  const outputs = weights.dims[axis]!
  if (bias === undefined || bias.type !== 'float32') return 'its bias is no float32 constant'
  if (bias.data.byteLength !== 4 * outputs) return 'its bias has not one value for each output'
  return { node, weights, axis, bias }
}

/** The values in 8 bits: what goes into such a layer and comes out of it, and what operators between them make of that. */
function valuesOf(
  nodes: readonly OnnxNode[],
  layers: ReadonlyMap<OnnxNode, QuantisedLayer>,
  output: string
): Map<string, string> {
  const values = new Map<string, string>()
  const take = (value: string, range = value): void => {
    if (value !== output && !values.has(value)) values.set(value, range)
  }
  // What goes into a layer comes from in front of it, so that the first pass has to know it.
  for (const { inputs } of layers.keys()) values.set(inputs[0]!, inputs[0]!)
  for (const node of nodes) {
    const [first = ''] = node.inputs
    const [result = ''] = node.outputs
    if (layers.has(node)) take(resultOf(node, nodes, output))
    else if (moves.has(node.opType) && values.has(first)) values.set(result, values.get(first)!)
    else if (sums.has(node.opType) && node.inputs.every((input) => values.has(input)))
      take(resultOf(node, nodes, output))
  }
  values.delete(output)
  return values
}

/** What a layer and the activation behind it give, where nothing else reads what is between them. */
function resultOf({ outputs }: OnnxNode, nodes: readonly OnnxNode[], output: string): string {
  const [own = ''] = outputs
  const readers = nodes.filter(({ inputs }) => inputs.includes(own))
  const [reader] = readers
  const isMerged = own !== output && readers.length === 1 && activations.has(reader!.opType)
  return isMerged ? reader!.outputs[0]! : own
}
