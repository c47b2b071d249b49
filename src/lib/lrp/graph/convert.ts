import type { OnnxNode } from '../../onnx/index.js'
import { add, batchNormalization, conv, gemm, matMul } from './convert-linear.js'
import {
  constant,
  flatten,
  globalAveragePool,
  pad,
  pool,
  relu,
  reshape,
  softmax,
  squeeze,
  transpose
} from './convert-shape.js'
import type { GraphReader, SupportedOperator } from './reader.js'

type Convert = (node: OnnxNode, reader: GraphReader) => void

/** How each supported ONNX operator becomes a layer. */
export const converters: Readonly<Record<SupportedOperator, Convert>> = {
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
  Softmax: softmax
}
