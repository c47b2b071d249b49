/** Reads, builds and writes ONNX models without a protobuf library. */
export { type AttributeInput, GraphBuilder, type NodeOptions } from './builder.js'
export { type DecodeOptions, decodeModel } from './decode.js'
export { encodeModel, type WriteOptions, writeModel } from './encode.js'
export { readModel } from './read-file.js'
export { elementCount, floatsOf, integersOf, type TensorArray, tensorOf } from './tensor.js'
export {
  type DataType,
  dataTypes,
  nodeTitle,
  type OnnxAttribute,
  type OnnxGraph,
  type OnnxModel,
  type OnnxNode,
  type OnnxTensor,
  type OnnxValue
} from './types.js'
