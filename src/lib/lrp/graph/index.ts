import { UnsupportedModelError } from '../../../core/errors.js'
import {
  elementCount,
  type OnnxModel,
  type OnnxNode,
  type OutputChoice,
  type Signature,
  signatureOf
} from '../../onnx/index.js'
import type { ConvLayer, DenseLayer, Layer, LayerGraph, ScaleLayer } from '../layers.js'
import { add, batchNormalization, conv, gemm, matMul } from './convert-linear.js'
import { constant, flatten, globalAveragePool, pad, pool, relu, reshape, squeeze, transpose } from './convert-shape.js'
import { GraphReader, type SupportedOperator, supportedOperators } from './reader.js'

/** What is known of a classifier beside its graph. */
export interface GraphOptions extends OutputChoice {
  /** The input's dims, the batch in front, for those that the model leaves free. */
  inputDims?: readonly number[]
}

/**
 * Reads a classifier's ONNX graph as LRP's layers: NCHW as torch.onnx writes it, or NHWC with Transpose as tf2onnx
 * does. The last activation (softmax, log-softmax, sigmoid) is left out.
 * @throws UnsupportedModelError, with the node's name and type, for what LRP here cannot explain; ModelError where inputs or
 *   outputs are not those of a classifier
 */
export function layerGraphOf(model: OnnxModel, where = 'the model', options: GraphOptions = {}): LayerGraph {
  const signature = signatureOf(model, options, where)
  const { name } = signature.input
  const dims = inputDimsOf(signature, options.inputDims, where)
  const reader = new GraphReader(model, where)
  reader.pushInput(name, dims.slice(1) as number[])
  for (const node of needed(model.graph.nodes, signature.before)) {
    const operator = supportedOperators.find((each) => each === node.opType && ['', 'ai.onnx'].includes(node.domain))
    if (operator === undefined) throw reader.unsupported(node, 'there is no rule for this operator')
    converters[operator](node, reader)
  }
  const output = reader.placeOf(signature.before)
  if (output === undefined) throw refused('its output does not depend on its input', where)
  const classes = elementCount(reader.layers[output]!.dims)
  const { head } = signature
  return foldScales({ input: { name, dims }, layers: reader.layers, output, classes, head })
}

/** The input's dims with a size for all but the batch. */
function inputDimsOf({ input }: Signature, given: readonly number[] = [], where: string): (number | string)[] {
  const dims = input.dims.map((dim, axis) => (axis === 0 || isSize(dim) ? dim : (given[axis] ?? dim)))
  if (dims.length < 2 || !dims.slice(1).every(isSize)) {
    throw refused(`its input [${dims.join(', ')}] has no fixed size behind the batch`, where)
  }
  return dims
}

const isSize = (dim: number | string): boolean => typeof dim === 'number' && dim >= 1

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

type Convert = (node: OnnxNode, reader: GraphReader) => void

/** How each supported ONNX operator becomes a layer. */
const converters: Readonly<Record<SupportedOperator, Convert>> = {
  Conv: conv,
  Gemm: gemm,
  MatMul: matMul,
  Add: add,
  BatchNormalization: batchNormalization,
  Relu: relu,
  MaxPool: (node, reader) => pool('maxPool', node, reader),
  AveragePool: (node, reader) => pool('averagePool', node, reader),
  GlobalAveragePool: globalAveragePool,
  Flatten: flatten,
  Reshape: reshape,
  Squeeze: squeeze,
  Transpose: transpose,
  Pad: pad,
  Constant: constant,
  Dropout: (node, reader) => reader.alias(node),
  Identity: (node, reader) => reader.alias(node),
  Cast: (node, reader) => reader.alias(node)
}

/**
 * Takes each scale layer (a BatchNormalization, or a bias that stands alone) into the convolution or dense layer before
 * it, where nothing else reads that layer's output: LRP rules are for the weights that are really at work.
 */
function foldScales(graph: LayerGraph): LayerGraph {
  const readers = countReaders(graph)
  const layers: Layer[] = []
  const moved: number[] = []
  for (const layer of graph.layers) {
    const inputs = layer.inputs.map((input) => moved[input]!)
    const before = layers[inputs[0]!]
    if (layer.kind === 'scale' && before && takesIn(before, layer) && readers[layer.inputs[0]!] === 1) {
      layers[inputs[0]!] = folded(before, layer)
      moved.push(inputs[0]!)
    } else {
      layers.push({ ...layer, inputs } as Layer)
      moved.push(layers.length - 1)
    }
  }
  return { ...graph, layers, output: moved[graph.output]! }
}

/** A convolution's outputs lie on the first axis, a dense layer's on the last. */
function takesIn(before: Layer, { axis, dims }: ScaleLayer): before is ConvLayer | DenseLayer {
  return before.kind === 'conv' ? axis === 0 : before.kind === 'dense' && axis === dims.length - 1
}

function countReaders({ layers, output }: LayerGraph): number[] {
  const readers = layers.map(() => 0)
  readers[output] = 1
  for (const { inputs } of layers) for (const input of inputs) readers[input]!++
  return readers
}

function folded(layer: ConvLayer | DenseLayer, { factor, shift }: ScaleLayer): ConvLayer | DenseLayer {
  const perOutput = layer.weights.length / factor.length
  const plain = factor.every((value) => value === 1)
  const weights = plain ? layer.weights : layer.weights.map((weight, i) => weight * factor[Math.floor(i / perOutput)]!)
  const bias = shift.map((value, channel) => value + (layer.bias?.[channel] ?? 0) * factor[channel]!)
  return { ...layer, weights, bias }
}
