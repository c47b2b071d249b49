import { GraphBuilder, type OnnxModel } from '../onnx/index.js'
import { layersOf, type VggLayer, type VggSpec, type WeightedLayer, weightCount } from './spec.js'
import type { VggWeights } from './weights.js'

/**
 * The network as an ONNX model, written as torch.onnx writes VGG: NCHW, Conv, Relu, MaxPool, Flatten, Gemm with transB.
 * Input `input` [batch, 3, height, width], output `logits` [batch, classes]. The model's tensors are the given arrays.
 * @throws RangeError if a layer's weights are missing or of another length
 */
export function buildVgg(spec: VggSpec, weights: VggWeights): OnnxModel {
  const graph = new GraphBuilder({ name: 'vgg' })
  const { width, height } = spec.input
  let value = graph.input('input', ['batch', 3, height, width])
  let flat = false
  for (const layer of layersOf(spec)) {
    if (layer.kind === 'dense' && !flat) {
      value = graph.node('Flatten', [value], { axis: 1 }, { name: 'flatten' })
      flat = true
    }
    value = addLayer(graph, layer, value, weights)
  }
  graph.output(value, ['batch', spec.dense.at(-1)!])
  return graph.toModel()
}

function addLayer(graph: GraphBuilder, layer: VggLayer, value: string, weights: VggWeights): string {
  if (layer.kind === 'pool')
    return graph.node('MaxPool', [value], { kernel_shape: [2, 2], strides: [2, 2] }, { name: layer.name })
  const constants = addWeights(graph, layer, weights)
  if (layer.kind === 'conv') {
    const attributes = { kernel_shape: [3, 3], pads: [1, 1, 1, 1] }
    const sums = graph.node('Conv', [value, ...constants], attributes, { name: layer.name })
    return graph.node('Relu', [sums], {}, { name: `${layer.name}.relu` })
  }
  const outputs = [layer.last ? 'logits' : layer.name]
  const [sums] = graph.node('Gemm', [value, ...constants], { transB: 1 }, { name: layer.name, outputs })
  return layer.last ? sums! : graph.node('Relu', [sums!], {}, { name: `${layer.name}.relu` })
}

function addWeights(graph: GraphBuilder, layer: WeightedLayer, all: VggWeights): [string, string] {
  const found = all.get(layer.name)
  if (found?.weights.length !== weightCount(layer) || found.bias.length !== layer.outputs)
    throw new RangeError(
      `${layer.name} needs ${weightCount(layer)} weights and ${layer.outputs} biases, ` +
        `it was given ${found?.weights.length ?? 'none'} and ${found?.bias.length ?? 'none'}`
    )
  const dims = layer.kind === 'conv' ? [layer.outputs, layer.inputs, 3, 3] : [layer.outputs, layer.inputs]
  return [
    graph.constant(`${layer.name}.weight`, found.weights, dims),
    graph.constant(`${layer.name}.bias`, found.bias, [layer.outputs])
  ]
}
