import { UnsupportedModelError } from '../../core/errors.js'
import { Emitter } from '../lrp/engines/onnx-emitter.js'
import { GraphBuilder, nodesBefore, nodeTitle, type OnnxModel, type OnnxNode } from '../onnx/index.js'
import { type Chain, trainedLayersOf, weightDims } from './chain.js'
import { forward, stepNames } from './graph.js'

/**
 * The part of a classifier before a chain, as a model of its own: pictures as the classifier takes them → features, the output
 * of that name. Null where the chain begins with the pictures themselves. Its tensors are the classifier's.
 * @param where what errors call the model
 */
export function frozenPart(model: OnnxModel, chain: Chain, where: string): OnnxModel | null {
  const value = firstNode(model, chain, where).inputs[0]!
  if (model.graph.inputs.some(({ name }) => name === value)) return null
  return cutAt(model, value, chain)
}

function firstNode(model: OnnxModel, { firstNode }: Chain, where: string): OnnxNode {
  const found = model.graph.nodes.filter((node) => nodeTitle(node) === firstNode)
  if (found.length === 1) return found[0]!
  throw new UnsupportedModelError('PL-TRAIN-MODEL', `${found.length} nodes are called ${firstNode}`, where, {
    fix: 'Give each node of the model a name of its own.'
  })
}

/** The nodes that a value depends on, and that value as the only output. */
function cutAt(model: OnnxModel, value: string, chain: Chain): OnnxModel {
  const { graph } = model
  const nodes = nodesBefore(graph.nodes, value)
  const wanted = new Set([value, ...nodes.flatMap(({ inputs }) => inputs)])
  return {
    ...model,
    graph: {
      ...graph,
      nodes,
      inputs: graph.inputs.filter(({ name }) => wanted.has(name)),
      outputs: [{ name: value, type: 'float32', dims: ['batch', ...chain.input] }],
      initializers: new Map([...graph.initializers].filter(([name]) => wanted.has(name)))
    }
  }
}

/**
 * The whole classifier with the trained weights: the nodes before the chain as they were, then the chain as torch.onnx writes such
 * layers; its output `logits` [batch, class].
 * @param weights by the names `<layer>.weight` and `<layer>.bias`
 */
export function trainedModel(
  model: OnnxModel,
  chain: Chain,
  weights: ReadonlyMap<string, Float32Array>,
  where: string
): OnnxModel {
  const value = firstNode(model, chain, where).inputs[0]!
  const before = cutAt(model, value, chain)
  const opset = model.opsets.find(({ domain }) => domain === '' || domain === 'ai.onnx')?.version ?? 17
  const builder = new GraphBuilder({ name: 'trained', opset: Math.max(13, opset) })
  let output = builder.input(value, ['batch', ...chain.input])
  for (const layer of trainedLayersOf(chain)) {
    builder.constant(`${layer.name}.weight`, weights.get(`${layer.name}.weight`)!, weightDims(layer))
    builder.constant(`${layer.name}.bias`, weights.get(`${layer.name}.bias`)!, [layer.bias.length])
  }
  const emit = new Emitter(builder)
  for (const layer of chain.layers) output = forward(emit, layer, output)
  builder.output(builder.node('Identity', [output], {}, { name: stepNames.logits }), ['batch', chain.classes])
  const end = renamed(builder.toModel(), [value, stepNames.logits], freePrefix(before))
  return {
    ...model,
    graph: {
      ...before.graph,
      nodes: [...before.graph.nodes, ...end.graph.nodes],
      inputs: model.graph.inputs,
      outputs: end.graph.outputs,
      initializers: new Map([...before.graph.initializers, ...end.graph.initializers])
    }
  }
}

/** Begins no name of the model: a model may have been trained before. */
function freePrefix({ graph }: OnnxModel): string {
  const names = [...graph.initializers.keys(), ...graph.nodes.flatMap(({ name, outputs }) => [name, ...outputs])]
  for (let count = 1; ; count++) {
    const prefix = count === 1 ? 'trained.' : `trained${count}.`
    if (!names.some((name) => name.startsWith(prefix))) return prefix
  }
}

/** The model with a prefix to the name of each node and value but those that are kept. */
function renamed(model: OnnxModel, kept: readonly string[], prefix: string): OnnxModel {
  const own = (name: string): string => (name === '' || kept.includes(name) ? name : prefix + name)
  const { graph } = model
  return {
    ...model,
    graph: {
      ...graph,
      nodes: graph.nodes.map((node) => ({
        ...node,
        name: own(node.name),
        inputs: node.inputs.map(own),
        outputs: node.outputs.map(own)
      })),
      initializers: new Map([...graph.initializers].map(([name, one]) => [own(name), { ...one, name: own(name) }]))
    }
  }
}
