import type { ConvLayer, DenseLayer, Layer, LayerGraph, ScaleLayer } from '../layers.js'

/**
 * Takes each scale layer (a BatchNormalization, or a bias that stands alone) into the convolution or dense layer before
 * it, where nothing else reads that layer's output: LRP rules are for the weights that are really at work.
 */
export function foldScales(graph: LayerGraph): LayerGraph {
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
