import { ModelError } from '../../core/errors.js'
import { floatsOf, halfOf } from './tensor.js'
import { dataTypes, nodeTitle, type OnnxAttribute, type OnnxModel, type OnnxNode, type OnnxTensor } from './types.js'

/** Inputs that ONNX wants in float32 whatever the others are, by operator: their places. */
const alwaysFloat32: Readonly<Record<string, readonly number[]>> = { Resize: [1, 2], Upsample: [1] }

/**
 * A classifier that computes in float16, with input and outputs in float32 as before: what GPUs are fast in. Whether it judges right has to
 * be proved: sums beyond 65504 overflow.
 * @throws ModelError where a branch of the graph would have to be converted, too
 */
export function halfModelOf(model: OnnxModel, where: string): OnnxModel {
  const { graph } = model
  const branching = graph.nodes.find(({ attributes }) => [...attributes.values()].some(({ type }) => type === 'other'))
  if (branching) {
    throw new ModelError('PL-PRECISION-NONE', `${nodeTitle(branching)} has a graph of its own`, where, {
      fix: 'Export the classifier without control flow, or set inference.precision to float32.'
    })
  }
  const kept = new Set(
    graph.nodes.flatMap(({ opType, inputs }) => (alwaysFloat32[opType] ?? []).map((place) => inputs[place] ?? ''))
  )
  const initializers = new Map(
    [...graph.initializers].map(([name, tensor]) => [name, kept.has(name) ? tensor : halved(tensor)])
  )
  const isFloat = ({ type }: { type: string }) => type === 'float32'
  const begin = graph.inputs.filter(isFloat).map(({ name }) => cast(name, `${name}/half`, 'float16'))
  const end = graph.outputs.filter(isFloat).map(({ name }) => cast(`${name}/half`, name, 'float32'))
  const renamed = new Map([
    ...begin.map(({ inputs, outputs }) => [inputs[0]!, outputs[0]!] as const),
    ...end.map(({ inputs, outputs }) => [outputs[0]!, inputs[0]!] as const)
  ])
  const own = (name: string): string => renamed.get(name) ?? name
  const nodes = graph.nodes.map((node) => ({
    ...node,
    inputs: node.inputs.map(own),
    outputs: node.outputs.map(own),
    attributes: new Map([...node.attributes].map(([name, value]) => [name, attributeOf(node, name, value)]))
  }))
  return { ...model, graph: { ...graph, initializers, nodes: [...begin, ...nodes, ...end] } }
}

function halved(tensor: OnnxTensor): OnnxTensor {
  if (tensor.type !== 'float32') return tensor
  const halves = Uint16Array.from(floatsOf(tensor), halfOf)
  return { ...tensor, type: 'float16', data: new Uint8Array(halves.buffer) }
}

/** Constants, and casts to what was float32. */
function attributeOf({ opType }: OnnxNode, name: string, attribute: OnnxAttribute): OnnxAttribute {
  if (attribute.type === 'tensor') return { ...attribute, value: halved(attribute.value) }
  const isCast = opType === 'Cast' && name === 'to' && attribute.type === 'int'
  return isCast && attribute.value === dataTypes.float32.code
    ? { ...attribute, value: dataTypes.float16.code }
    : attribute
}

const cast = (from: string, to: string, type: 'float16' | 'float32'): OnnxNode => ({
  name: `${to}/cast`,
  opType: 'Cast',
  domain: '',
  inputs: [from],
  outputs: [to],
  attributes: new Map([['to', { type: 'int', value: dataTypes[type].code }]])
})
