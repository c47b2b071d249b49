import { GraphBuilder, type OnnxModel } from '#painlens/lib/onnx/index.js'
import { Layers } from './layers.js'
import { addPicture } from './picture.js'
import type { Weight } from './weights.js'

/** Channels in and out of the four dense blocks. */
const blocks = [
  [3, 32],
  [32, 64],
  [64, 128],
  [128, 256]
] as const
const coordinates = 136

/**
 * face-api's 68-point landmark net as ONNX: four dense blocks of separable convolutions, each summing up what its layers
 * found, and one linear layer. Inputs as in `addPicture`, 112x112 with pads. Output `landmarks` [1, 136]: x0 y0 x1 y1 …
 * as shares of the input's width and height; output `feature` [1, 256]: what the linear layer reads them
 * from; output `texture` [1, 64, 28, 28]: what the second block sees at each place, of which the feature keeps nothing.
 */
export function landmarkModel(weights: ReadonlyMap<string, Weight>): OnnxModel {
  const graph = new GraphBuilder({ name: 'face_landmark_68' })
  const layers = new Layers(graph, weights)
  let x = addPicture(graph, { mean: [122.782, 117.001, 104.298], scale: 1 / 255 })
  for (const [block, [channelsIn, channelsOut]] of blocks.entries()) {
    x = denseBlock(layers, x, block, channelsIn, channelsOut)
    if (block === 1) graph.output(graph.node('Identity', [x], {}, { name: 'texture' }), [1, channelsOut, 28, 28])
  }
  x = graph.node('GlobalAveragePool', [x], {}, { name: 'mean_feature' })
  x = graph.node('Flatten', [x], {}, { name: 'feature' })
  graph.output(x, [1, 256])
  const matrix = graph.constant('fc.weights', layers.matrix('fc/weights', 256, coordinates), [256, coordinates])
  const bias = graph.constant('fc.bias', layers.vector('fc/bias', coordinates), [coordinates])
  graph.output(graph.node('Gemm', [x, matrix, bias], {}, { name: 'landmarks' }), [1, coordinates])
  return graph.toModel()
}

function denseBlock(layers: Layers, x: string, block: number, channelsIn: number, channelsOut: number): string {
  const { graph } = layers
  const name = `dense${block}`
  const relu = (input: string, step: string): string => graph.node('Relu', [input], {}, { name: `${name}.${step}` })
  const first =
    block === 0
      ? layers.conv(
          `${name}/conv0`,
          x,
          layers.filters(`${name}/conv0/filters`, 3, channelsIn, channelsOut),
          layers.vector(`${name}/conv0/bias`, channelsOut),
          { stride: 2 }
        )
      : layers.separable(`${name}/conv0`, x, channelsIn, channelsOut, { stride: 2 })
  let sum = relu(first, 'in')
  let last = sum
  for (const i of [1, 2, 3]) {
    const out = layers.separable(`${name}/conv${i}`, last, channelsOut, channelsOut)
    sum = graph.node('Add', [sum, out], {}, { name: `${name}.sum${i}` })
    last = relu(sum, `out${i}`)
  }
  return last
}
