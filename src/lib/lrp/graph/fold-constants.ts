import '../../../core/no-telemetry.js'
import type { Tensor } from 'onnxruntime-node'
import { messageOf, UnsupportedModelError } from '../../../core/errors.js'
import {
  type DataType,
  dataTypes,
  encodeModel,
  type OnnxModel,
  type OnnxNode,
  type OnnxTensor
} from '../../onnx/index.js'
import { openSession } from '../../ort/provider.js'

/**
 * The model with everything that depends on constants only worked out, by ONNX Runtime: dequantised weights, shapes put
 * together from numbers. What a reader follows by itself, for nothing, stays: Constant, casts between floats, and
 * matrices that a Transpose turns for a MatMul.
 * @throws UnsupportedModelError where the runtime cannot work them out
 */
export async function foldConstants(model: OnnxModel, where: string): Promise<OnnxModel> {
  const { graph } = model
  const constant = constantNodes(model)
  const kept = new Set(graph.nodes.filter((node) => !constant.has(node) || isLight(node, model, constant)))
  const results = new Set(graph.nodes.filter((node) => !kept.has(node)).flatMap(({ outputs }) => outputs))
  const read = [...kept].flatMap(({ inputs }) => inputs).concat(graph.outputs.map(({ name }) => name))
  const wanted = [...new Set(read)].filter((name) => results.has(name))
  if (wanted.length === 0) return model
  const found = await workOut(subgraph(model, constant, wanted), wanted).catch((cause: unknown) => {
    throw new UnsupportedModelError('PL-LRP-MODEL', `its constants cannot be worked out (${messageOf(cause)})`, where, {
      cause,
      fix: 'Export the model with its constants folded: torch.onnx.export(…, do_constant_folding=True), or onnxsim.'
    })
  })
  const initializers = new Map([...graph.initializers, ...found.map((tensor) => [tensor.name, tensor] as const)])
  return { ...model, graph: { ...graph, nodes: graph.nodes.filter((node) => kept.has(node)), initializers } }
}

/** Nodes whose inputs are all constants. Those without inputs other than Constant draw random numbers. */
function constantNodes({ graph }: OnnxModel): Set<OnnxNode> {
  const known = new Set(graph.initializers.keys())
  const found = new Set<OnnxNode>()
  for (const node of graph.nodes) {
    const isConstant =
      node.opType === 'Constant' ||
      (node.inputs.length > 0 && node.inputs.every((name) => name === '' || known.has(name)))
    // A subgraph may read values of the graph around it.
    const hasSubgraph = [...node.attributes.values()].some(({ type }) => type === 'other') && node.opType !== 'Constant'
    if (!isConstant || hasSubgraph) continue
    found.add(node)
    for (const output of node.outputs) known.add(output)
  }
  return found
}

const floats = new Set<unknown>([dataTypes.float32.code, dataTypes.float16.code, dataTypes.float64.code])
const products = new Set(['MatMul', 'Gemm'])

function isLight(node: OnnxNode, { graph }: OnnxModel, constant: ReadonlySet<OnnxNode>): boolean {
  const { opType, inputs, outputs, attributes } = node
  if (opType === 'Constant') return ![...attributes.values()].some(({ type }) => type === 'other')
  const source = graph.initializers.get(inputs[0]!)
  if (opType === 'Cast') return source?.type.startsWith('float') === true && floats.has(attributes.get('to')?.value)
  if (opType !== 'Transpose' || source?.dims.length !== 2) return false
  const readers = graph.nodes.filter((other) => other.inputs.includes(outputs[0]!))
  return readers.every((reader) => products.has(reader.opType) && !constant.has(reader))
}

/** A model of the constant nodes that `wanted` needs, without inputs. */
function subgraph(model: OnnxModel, constant: ReadonlySet<OnnxNode>, wanted: readonly string[]): OnnxModel {
  const needed = new Set(wanted)
  const nodes: OnnxNode[] = []
  for (const node of [...model.graph.nodes].reverse()) {
    if (!constant.has(node) || !node.outputs.some((name) => needed.has(name))) continue
    for (const input of node.inputs) needed.add(input)
    nodes.unshift(node)
  }
  const initializers = new Map([...model.graph.initializers].filter(([name]) => needed.has(name)))
  const outputs = wanted.map((name) => ({ name, type: 'float32' as const, dims: [], inferred: true }))
  return { ...model, graph: { name: 'constants', nodes, inputs: [], outputs, initializers } }
}

async function workOut(model: OnnxModel, wanted: readonly string[]): Promise<OnnxTensor[]> {
  const session = await openSession(encodeModel(model), { provider: 'cpu', threads: 1 })
  try {
    const results = await session.run({})
    return wanted.map((name) => tensorOfResult(name, results[name]!))
  } finally {
    await session.release()
  }
}

function tensorOfResult(name: string, { type, dims, data }: Tensor): OnnxTensor {
  // ONNX Runtime and dataTypes name types alike; strings, which no weight is, it has beside.
  const { buffer, byteOffset, byteLength } = data as Exclude<Tensor['data'], string[]>
  return { name, type: type as DataType, dims: [...dims], data: new Uint8Array(buffer, byteOffset, byteLength) }
}
