import { GraphBuilder, type OnnxModel } from '#painlens/lib/onnx/index.js'
import { Layers } from './layers.js'
import { addPicture } from './picture.js'
import type { Weight } from './weights.js'

const channels = [16, 32, 64, 128, 256, 512] as const
/** Boxes per cell, each with four encodings and a logit. */
const finderAnchors = 5

/**
 * face-api's tiny face detector (a small YOLO v2 of separable convolutions) as ONNX. Inputs as in `addPicture`, any
 * multiple of 32. Output `grid` [1, rows/32, columns/32, 25]: for each cell five boxes of x, y, width, height (encoded)
 * and the logit of its score.
 */
export function finderModel(weights: ReadonlyMap<string, Weight>): OnnxModel {
  const graph = new GraphBuilder({ name: 'tiny_face_detector' })
  const layers = new Layers(graph, weights)
  const pool = (x: string, step: number, stride: number): string =>
    graph.node(
      'MaxPool',
      [x],
      { kernel_shape: [2, 2], strides: [stride, stride], auto_pad: 'SAME_UPPER' },
      { name: `pool${step}` }
    )
  const picture = addPicture(graph, { mean: [117.001, 114.697, 97.404], scale: 1 / 255 })
  const first = layers.filters('conv0/filters', 3, 3, channels[0])
  let x = layers.conv('conv0', picture, first, layers.vector('conv0/bias', channels[0]), {
    padding: 0,
    activation: 'leaky'
  })
  for (let i = 1; i < channels.length; i++)
    x = layers.separable(`conv${i}`, pool(x, i, 2), channels[i - 1]!, channels[i]!, { padding: 1, activation: 'leaky' })
  const outputs = 5 * finderAnchors
  const last = layers.filters('conv8/filters', 1, channels[5], outputs)
  x = layers.conv('conv8', pool(x, 6, 1), last, layers.vector('conv8/bias', outputs))
  graph.output(graph.node('Transpose', [x], { perm: [0, 2, 3, 1] }, { name: 'grid' }), [1, 'rows', 'columns', outputs])
  return graph.toModel()
}
