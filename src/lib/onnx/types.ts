import { WireError } from './wire.js'

/** The parts of ONNX's protobuf messages (onnx.proto, IR version 3 and later) that painlens reads and writes. */

/** Element types by the names onnxruntime uses, with ONNX's number (TensorProto.DataType) and bytes per element. */
export const dataTypes = {
  float32: { code: 1, bytes: 4 },
  uint8: { code: 2, bytes: 1 },
  int8: { code: 3, bytes: 1 },
  uint16: { code: 4, bytes: 2 },
  int16: { code: 5, bytes: 2 },
  int32: { code: 6, bytes: 4 },
  int64: { code: 7, bytes: 8 },
  bool: { code: 9, bytes: 1 },
  float16: { code: 10, bytes: 2 },
  float64: { code: 11, bytes: 8 },
  uint32: { code: 12, bytes: 4 },
  uint64: { code: 13, bytes: 8 },
  bfloat16: { code: 16, bytes: 2 }
} as const
export type DataType = keyof typeof dataTypes

/** Where a tensor's bytes lie when they are not in the model file (TensorProto.external_data). */
export interface ExternalData {
  /** Relative to the model's folder. */
  location: string
  offset: number
  /** Bytes; null means up to the file's end. */
  length: number | null
}

export interface OnnxTensor {
  name: string
  dims: number[]
  type: DataType
  /** Row-major, little-endian, as raw_data holds it; often a view of the file's bytes, at any alignment. */
  data: Uint8Array
  /** On writing, refers to another file in place of `data`. On reading that is resolved, so nothing has it. */
  external?: ExternalData
}

/**
 * A node's attribute; `other` keeps types that painlens does not read (sparse tensors, also subgraphs) in encoded form. A `graph`
 * is only written: a branch of an If, whose nodes see the values and initializers of the graph around it.
 */
export type OnnxAttribute =
  | { type: 'float' | 'int'; value: number }
  | { type: 'floats' | 'ints'; value: number[] }
  | { type: 'string'; value: string }
  | { type: 'strings'; value: string[] }
  | { type: 'tensor'; value: OnnxTensor }
  | { type: 'graph'; value: OnnxGraph }
  | { type: 'other'; value: Uint8Array }

export interface OnnxNode {
  name: string
  opType: string
  /** Empty for ONNX's own operators. */
  domain: string
  /** Names of values; an empty string is an optional input that is left out. */
  inputs: string[]
  outputs: string[]
  attributes: Map<string, OnnxAttribute>
}

/** A graph's input or output. A dimension is a size, or a name where it is free (`batch`). */
export interface OnnxValue {
  name: string
  type: DataType
  dims: (number | string)[]
  /** Type and dims are left for the runtime to infer, and not written. */
  inferred?: boolean
}

export interface OnnxGraph {
  name: string
  /** In topological order, as ONNX requires. */
  nodes: OnnxNode[]
  inputs: OnnxValue[]
  outputs: OnnxValue[]
  initializers: Map<string, OnnxTensor>
}

export interface OnnxModel {
  irVersion: number
  producer: string
  opsets: { domain: string; version: number }[]
  graph: OnnxGraph
  metadata: Map<string, string>
}

/** @throws WireError if the graph is inconsistent, as in truncated or hand-made files */
export function checkOnnx(model: OnnxModel): void {
  const { graph } = model
  const known = new Set(['', ...graph.initializers.keys()])
  for (const { name } of graph.inputs) known.add(name)
  for (const node of graph.nodes) {
    const missing = node.inputs.find((input) => !known.has(input))
    if (missing !== undefined) throw new WireError(`${nodeTitle(node)} reads "${missing}", which nothing produces`)
    if (node.opType === '') throw new WireError(`node "${node.name}" has no operator type`)
    for (const output of node.outputs) {
      if (output !== '' && known.has(output)) throw new WireError(`${nodeTitle(node)} produces "${output}" once more`)
      known.add(output)
    }
  }
  checkEnds(graph, known)
}

function checkEnds(graph: OnnxGraph, known: Set<string>): void {
  if (graph.outputs.length === 0) throw new WireError('the graph has no output')
  const missing = graph.outputs.find(({ name }) => !known.has(name))
  if (missing) throw new WireError(`the graph's output "${missing.name}" is produced by no node`)
}

/** A node's name in errors: `node "conv1" (Conv)`; its first output's name if it has none. */
export function nodeTitle(node: { name: string; opType: string; outputs: string[] }): string {
  return `node "${node.name || node.outputs[0] || '?'}" (${node.opType})`
}

/** The nodes that a value depends on, in the order in which they are given. */
export function nodesBefore(nodes: readonly OnnxNode[], value: string): OnnxNode[] {
  const wanted = new Set([value])
  const kept: OnnxNode[] = []
  for (const node of [...nodes].reverse()) {
    if (!node.outputs.some((name) => wanted.has(name))) continue
    for (const input of node.inputs) wanted.add(input)
    kept.push(node)
  }
  return kept.reverse()
}
