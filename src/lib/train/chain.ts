import { UnsupportedModelError, UsageError } from '../../core/errors.js'
import type { ConvGeometry, Layer, LayerGraph, Window } from '../lrp/layers.js'
import { elementCount } from '../onnx/index.js'
import { createRandom } from '../random.js'
import { type TrainFrom, trainFroms } from './choices.js'

/** A layer with weights that are trained. */
export type TrainedLayer =
  | { kind: 'dense'; name: string; inSize: number; outSize: number; weights: Float32Array; bias: Float32Array }
  | { kind: 'conv'; name: string; geometry: ConvGeometry; weights: Float32Array; bias: Float32Array }
/** One layer of a chain. `dims` are its output's, without the batch. */
export type ChainLayer = { dims: readonly number[] } & (
  | TrainedLayer
  | { kind: 'relu' }
  | { kind: 'maxPool'; window: Window }
  | { kind: 'reshape' }
  | { kind: 'transpose'; perm: readonly number[] }
)

/** The layers of a classifier that are trained, one after the other; what lies before them stays as it is. */
export interface Chain {
  /** Dims of what the first layer reads, without the batch. */
  input: readonly number[]
  layers: ChainLayer[]
  classes: number
  /** How the node of the first layer is called in the model that the chain was taken from: `node "fc7" (Gemm)`. */
  firstNode: string
}

/** Weighted layers of a chain, in order. */
export function trainedLayersOf({ layers }: Chain): TrainedLayer[] {
  return layers.filter((layer) => layer.kind === 'dense' || layer.kind === 'conv')
}

/**
 * The end of a classifier from a layer on, with the last layer replaced by a new one: weights drawn from a normal distribution
 * of deviation 0.01, biases 0, as VGG-Face's authors fine-tuned (Parkhi, Vedaldi and Zisserman 2015, section 4.3). The
 * other weights are the graph's own memory, which training does not touch.
 * @param seed of the new weights
 * @param where what errors call the model
 * @throws UsageError where the classifier has no such layer; UnsupportedModelError where the end is no plain chain of
 *   convolutions, dense layers, ReLU and max pooling
 */
export function chainOf(graph: LayerGraph, from: TrainFrom, classes: number, seed: number, where: string): Chain {
  const order = lineOf(graph, where)
  if (!order.some(({ kind }) => kind === 'dense')) {
    const what = 'it is no classifier that can be trained: no dense layer leads to its output'
    throw new UnsupportedModelError('PL-TRAIN-MODEL', what, where, {
      fix: 'Give a network of convolutions, ReLU, max pooling and dense layers, as VGG-Face is.'
    })
  }
  const first = firstLayer(order, from, where)
  const named = order.slice(startOf(order, first))
  const last = named.findLast(({ kind }) => kind === 'dense')
  if (!last || named.slice(named.indexOf(last) + 1).some(({ kind }) => kind !== 'reshape'))
    throw refused('its last layer is no dense layer', where)
  const counts = { dense: 0, conv: 0 }
  const layers = named
    .slice(0, named.indexOf(last) + 1)
    .map((layer) => chainLayer(layer, layer === last ? classes : null, counts, seed, where))
  return { input: graph.layers[named[0]!.inputs[0]!]!.dims, layers, classes, firstNode: first.title }
}

/** A dense layer that a convolution stands for reads its map flattened, by a layer of the same node. */
function startOf(line: readonly Layer[], first: Layer): number {
  const at = line.indexOf(first)
  const before = line[at - 1]
  return before?.kind === 'reshape' && before.title === first.title ? at - 1 : at
}

/** The layers between input and output where each reads the one before it; from the last branch on where there are branches. */
function lineOf(graph: LayerGraph, where: string): Layer[] {
  const line: Layer[] = []
  for (let place = graph.output; ; ) {
    const layer = graph.layers[place]!
    if (layer.kind === 'input' || layer.inputs.length !== 1) break
    line.unshift(layer)
    place = layer.inputs[0]!
  }
  if (line.length === 0) throw refused('its output is where two branches meet', where)
  return line
}

const isWeighted = ({ kind }: Layer): boolean => kind === 'dense' || kind === 'conv'

/** Where training from each begins, as far as a network has it. */
const firstLayers: Record<TrainFrom, (line: readonly Layer[]) => Layer | undefined> = {
  fc8: (line) => line.filter(({ kind }) => kind === 'dense').at(-1),
  fc7: (line) => line.filter(({ kind }) => kind === 'dense').at(-2),
  fc6: (line) => line.filter(({ kind }) => kind === 'dense').at(-3),
  conv5_1: (line) => {
    const pools = line.filter(({ kind }) => kind === 'maxPool')
    return pools.length < 2 ? undefined : line.slice(line.indexOf(pools.at(-2)!)).find(({ kind }) => kind === 'conv')
  },
  all: (line) => (line[0]?.inputs[0] === 0 ? line.find(isWeighted) : undefined)
}

function firstLayer(line: readonly Layer[], from: TrainFrom, where: string): Layer {
  const found = firstLayers[from](line)
  if (found) return found
  const there = trainFroms.filter((one) => firstLayers[one](line))
  throw new UsageError('PL-TRAIN-FROM', `${from} is not there: the model has ${weightedNames(line)}`, where, {
    fix: there.length > 0 ? `Give --train-from ${there.join(' or ')}.` : 'Take another base.'
  })
}

function weightedNames(line: readonly Layer[]): string {
  const count = (kind: Layer['kind']): number => line.filter((layer) => layer.kind === kind).length
  return `${count('conv')} convolutions, ${count('maxPool')} max poolings and ${count('dense')} dense layers in a row`
}

interface Counts {
  dense: number
  conv: number
}

function chainLayer(layer: Layer, classes: number | null, counts: Counts, seed: number, where: string): ChainLayer {
  const { dims } = layer
  switch (layer.kind) {
    case 'dense': {
      if (dims.length !== 1) throw refused(`${layer.title} works on more than a vector`, where)
      const name = `dense${++counts.dense}`
      const { inSize, outSize } = layer
      if (classes !== null) return { kind: 'dense', name, ...newDense(inSize, classes, seed), dims: [classes] }
      return { kind: 'dense', name, inSize, outSize, ...weightsOf(layer, outSize), dims }
    }
    case 'conv': {
      if (layer.geometry.groups !== 1) throw refused(`${layer.title} is a grouped convolution`, where)
      const name = `conv${++counts.conv}`
      const { geometry } = layer
      return { kind: 'conv', name, geometry, ...weightsOf(layer, geometry.outChannels), dims }
    }
    case 'relu':
    case 'reshape':
      return { kind: layer.kind, dims }
    case 'maxPool':
      return { kind: 'maxPool', window: layer.window, dims }
    case 'transpose':
      return { kind: 'transpose', perm: layer.perm, dims }
    default:
      throw refused(`${layer.title} cannot be trained`, where)
  }
}

function newDense(inSize: number, outSize: number, seed: number) {
  const random = createRandom(seed)
  const weights = Float32Array.from({ length: inSize * outSize }, () => random.normal(0, 0.01))
  return { inSize, outSize, weights, bias: new Float32Array(outSize) }
}

function weightsOf({ weights, bias }: { weights: Float32Array; bias: Float32Array | null }, outputs: number) {
  return { weights, bias: bias ?? new Float32Array(outputs) }
}

function refused(why: string, where: string): UnsupportedModelError {
  return new UnsupportedModelError('PL-TRAIN-MODEL', `cannot be trained from there: ${why}`, where, {
    fix: 'Choose a later layer for --train-from, or a network of convolutions, ReLU, max pooling and dense layers as VGG-Face is.'
  })
}

/** Numbers in the weights and biases that are trained. */
export function trainedCount(chain: Chain): number {
  return trainedLayersOf(chain).reduce((sum, { weights, bias }) => sum + weights.length + bias.length, 0)
}

/** Dims of a layer's weights, as ONNX has them: dense [out, in], convolution [out, in, height, width]. */
export function weightDims(layer: TrainedLayer): number[] {
  if (layer.kind === 'dense') return [layer.outSize, layer.inSize]
  const { outChannels, inChannels, kernel } = layer.geometry
  return [outChannels, inChannels, ...kernel]
}

/** Numbers in one sample's features. */
export function featureCount({ input }: Chain): number {
  return elementCount(input)
}
