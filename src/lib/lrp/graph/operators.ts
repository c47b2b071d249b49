import type { OnnxNode } from '../../onnx/index.js'
import {
  activation,
  arithmetic,
  bound,
  clip,
  hardSigmoid,
  hardSwish,
  leakyRelu,
  negation,
  pRelu,
  quantize,
  sumOfAll
} from './convert-arithmetic.js'
import { batchNormalization, conv, gemm, matMul } from './convert-linear.js'
import { convertReduce, globalPool, maxOfBranches, pool } from './convert-pools.js'
import {
  concat,
  constant,
  expand,
  flatten,
  gather,
  pad,
  reshape,
  slice,
  split,
  squeeze,
  transpose,
  unsqueeze
} from './convert-shape.js'
import type { GraphReader } from './reader.js'

type Convert = (node: OnnxNode, reader: GraphReader) => void

const alias: Convert = (node, reader) => reader.alias(node)

/** How each supported operator of ONNX becomes layers; docs/operate/models.md lists them by their LRP rule. */
export const operators: Readonly<Record<string, Convert>> = {
  Conv: conv,
  Gemm: gemm,
  MatMul: matMul,
  BatchNormalization: batchNormalization,
  Add: (node, reader) => arithmetic('Add', node, reader),
  Sub: (node, reader) => arithmetic('Sub', node, reader),
  Mul: (node, reader) => arithmetic('Mul', node, reader),
  Div: (node, reader) => arithmetic('Div', node, reader),
  Sum: sumOfAll,
  Neg: negation,
  Relu: (node, reader) => activation('relu', node, reader),
  Sigmoid: (node, reader) => activation('sigmoid', node, reader),
  Tanh: (node, reader) => activation('tanh', node, reader),
  HardSigmoid: hardSigmoid,
  HardSwish: hardSwish,
  LeakyRelu: leakyRelu,
  PRelu: pRelu,
  Clip: clip,
  Max: (node, reader) =>
    node.inputs.some((_, position) => reader.isConstant(node, position))
      ? bound('low', node, reader)
      : maxOfBranches(node, reader),
  Min: (node, reader) => bound('high', node, reader),
  MaxPool: (node, reader) => pool('maxPool', node, reader),
  AveragePool: (node, reader) => pool('averagePool', node, reader),
  GlobalMaxPool: (node, reader) => globalPool('maxPool', node, reader),
  GlobalAveragePool: (node, reader) => globalPool('averagePool', node, reader),
  ReduceMax: (node, reader) => convertReduce('maxPool', node, reader),
  ReduceMean: (node, reader) => convertReduce('averagePool', node, reader),
  Concat: concat,
  Expand: expand,
  Split: split,
  Slice: slice,
  Gather: gather,
  Flatten: flatten,
  Reshape: reshape,
  Squeeze: squeeze,
  Unsqueeze: unsqueeze,
  Transpose: transpose,
  Pad: pad,
  Constant: constant,
  QuantizeLinear: quantize,
  DequantizeLinear: alias,
  Cast: alias,
  Dropout: alias,
  Identity: alias
}
