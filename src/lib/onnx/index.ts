/** Reads, builds and writes ONNX models without a protobuf library. */
export { type AttributeInput, GraphBuilder, type NodeOptions } from './builder.js'
export { type DecodeOptions, decodeModel } from './decode.js'
export { encodeModel, removeUnfinished, type WriteOptions, writeModel } from './encode.js'
export { halfModelOf } from './half.js'
export { graphHeadOf, type Head, heads } from './head.js'
export {
  planQuantisation,
  type QuantisePlan,
  quantiseModel,
  rangeModelOf,
  type ValueRange
} from './quantise/index.js'
export { readModel } from './read-file.js'
export {
  checkWeights,
  type InputType,
  inputTypes,
  knownHeadOf,
  type OutputChoice,
  type Signature,
  signatureOf
} from './signature.js'
export { elementCount, floatsOf, halfOf, integersOf, numberOfHalf, type TensorArray, tensorOf } from './tensor.js'
export {
  type DataType,
  dataTypes,
  nodesBefore,
  nodeTitle,
  type OnnxAttribute,
  type OnnxGraph,
  type OnnxModel,
  type OnnxNode,
  type OnnxTensor,
  type OnnxValue
} from './types.js'
