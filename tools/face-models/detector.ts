import { GraphBuilder, type OnnxModel } from '#painlens/lib/onnx/index.js'
import { type Filters, Layers } from './layers.js'
import { addPicture } from './picture.js'
import type { Weight } from './weights.js'

/** Output channels of MobileNet v1's thirteen depthwise separable layers, and which of them halve the picture. */
const mobilenet = [64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024, 1024] as const
const halving: ReadonlySet<number> = new Set([2, 4, 6, 12])
/** Channels in and out of the layers behind it: 1x1, then 3x3 with stride 2, four times. */
const extra = [
  [1024, 256],
  [256, 512],
  [512, 128],
  [128, 256],
  [256, 128],
  [128, 256],
  [256, 64],
  [64, 128]
] as const
/** Boxes per cell on each of the six levels. */
const boxesPerCell = [3, 6, 6, 6, 6, 6] as const
/** Of batch normalisation. */
const epsilon = 0.001

interface Level {
  x: string
  channels: number
}

/**
 * face-api's SSD MobileNet v1 as ONNX, batch normalisation folded into the convolutions. Inputs as in `addPicture`, any
 * multiple of 128. Outputs in the order of `anchorsOf`: `scores` [boxes] in 0..1 and `boxes` [boxes, 4] (y, x, height,
 * width, encoded as in Liu et al. 2016).
 */
export function detectorModel(weights: ReadonlyMap<string, Weight>): OnnxModel {
  const graph = new GraphBuilder({ name: 'ssd_mobilenetv1_face' })
  const layers = new Layers(graph, weights)
  const picture = addPicture(graph, { mean: [127.5, 127.5, 127.5], scale: 1 / 127.5 })
  const heads = features(layers, picture).map((level, i) => head(layers, level, i))
  const join = (name: string, parts: string[]): string => graph.node('Concat', parts, { axis: 0 }, { name })
  const scores = heads.map((outputs) => outputs.scores)
  const boxes = heads.map((outputs) => outputs.boxes)
  graph.output(join('scores', scores), ['anchors'])
  graph.output(join('boxes', boxes), ['anchors', 4])
  return graph.toModel()
}

/** The six levels: behind MobileNet's layers 11 and 13, and behind each halving of the layers that follow. */
function features(layers: Layers, picture: string): Level[] {
  let x = layers.conv(
    'conv_0',
    picture,
    layers.filters('MobilenetV1/Conv2d_0_pointwise/weights', 3, 3, 32),
    layers.vector('MobilenetV1/Conv2d_0_pointwise/convolution_bn_offset', 32),
    { stride: 2, activation: 'relu6' }
  )
  const levels: Level[] = []
  let channels = 32
  for (const [i, channelsOut] of mobilenet.entries()) {
    const layer = i + 1
    x = depthwise(layers, x, layer, channels)
    x = pointwise(layers, x, `MobilenetV1/Conv2d_${layer}`, { kernel: 1, channelsIn: channels, channelsOut })
    channels = channelsOut
    if (layer === 11 || layer === 13) levels.push({ x, channels })
  }
  for (const [i, [channelsIn, channelsOut]] of extra.entries()) {
    const odd = i % 2 === 1
    const shape = odd ? { kernel: 3, stride: 2 } : { kernel: 1 }
    x = pointwise(layers, x, `Prediction/Conv2d_${i}`, { ...shape, channelsIn, channelsOut })
    if (odd) levels.push({ x, channels: channelsOut })
  }
  return levels
}

function pointwise(
  layers: Layers,
  x: string,
  layer: string,
  shape: { kernel: number; stride?: number; channelsIn: number; channelsOut: number }
): string {
  const { kernel, stride, channelsIn, channelsOut } = shape
  const filters = layers.filters(`${layer}_pointwise/weights`, kernel, channelsIn, channelsOut)
  const bias = layers.vector(`${layer}_pointwise/convolution_bn_offset`, channelsOut)
  return layers.conv(layer, x, filters, bias, { stride, activation: 'relu6' })
}

/** A depthwise layer with its batch normalisation folded in: w·γ/√(σ²+ε), β − μ·γ/√(σ²+ε). */
function depthwise(layers: Layers, x: string, layer: number, channels: number): string {
  const prefix = `MobilenetV1/Conv2d_${layer}_depthwise`
  const filters = layers.depthwiseFilters(`${prefix}/depthwise_weights`, channels)
  const [gamma, beta, mean, variance] = ['gamma', 'beta', 'moving_mean', 'moving_variance'].map((name) =>
    layers.vector(`${prefix}/BatchNorm/${name}`, channels)
  )
  const bias = new Float32Array(channels)
  for (let c = 0; c < channels; c++) {
    const factor = gamma![c]! / Math.sqrt(variance![c]! + epsilon)
    for (let k = 0; k < 9; k++) filters.data[c * 9 + k]! *= factor
    bias[c] = beta![c]! - mean![c]! * factor
  }
  return layers.conv(`depthwise_${layer}`, x, filters, bias, {
    depthwise: true,
    stride: halving.has(layer) ? 2 : 1,
    activation: 'relu6'
  })
}

/** Scores [cells·boxes] and box encodings [cells·boxes, 4] of one level. */
function head(layers: Layers, { x, channels }: Level, level: number): { scores: string; boxes: string } {
  const count = boxesPerCell[level]!
  const prefix = `Prediction/BoxPredictor_${level}`
  const classes = layers.filters(`${prefix}/ClassPredictor/weights`, 1, channels, 3 * count)
  const biases = layers.vector(`${prefix}/ClassPredictor/biases`, 3 * count)
  const faces = Array.from({ length: count }, (_, box) => 3 * box + 1)
  const faceBiases = Float32Array.from(faces, (channel) => biases[channel]!)
  const logits = flat(layers.graph, layers.conv(`scores_${level}`, x, pick(classes, faces), faceBiases), 1)
  const filters = layers.filters(`${prefix}/BoxEncodingPredictor/weights`, 1, channels, 4 * count)
  const bias = layers.vector(`${prefix}/BoxEncodingPredictor/biases`, 4 * count)
  return {
    scores: layers.graph.node('Sigmoid', [logits], {}, { name: `sigmoid_${level}` }),
    boxes: flat(layers.graph, layers.conv(`boxes_${level}`, x, filters, bias), 4)
  }
}

/** The chosen output channels alone: of each box's three classes only "face" is wanted. */
function pick({ data, shape }: Filters, channels: readonly number[]): Filters {
  const [, channelsIn, height, width] = shape
  const size = channelsIn * height * width
  const picked = new Float32Array(channels.length * size)
  channels.forEach((channel, i) => {
    picked.set(data.subarray(channel * size, (channel + 1) * size), i * size)
  })
  return { data: picked, shape: [channels.length, channelsIn, height, width] }
}

/** [1, boxes·n, rows, columns] to [rows·columns·boxes, n], or without the last axis where n is 1. */
function flat(graph: GraphBuilder, x: string, n: number): string {
  const turned = graph.node('Transpose', [x], { perm: [0, 2, 3, 1] }, { name: `${x}.nhwc` })
  const shape = BigInt64Array.from(n === 1 ? [-1n] : [-1n, BigInt(n)])
  return graph.node('Reshape', [turned, graph.constant(`${x}.shape`, shape, [shape.length])], {}, { name: `${x}.flat` })
}
