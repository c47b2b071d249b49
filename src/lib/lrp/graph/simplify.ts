import type { ConvLayer, DenseLayer, Layer, LayerGraph, ScaleLayer } from '../layers.js'

/**
 * Takes each scale layer (a BatchNormalization, or a shift or scale that stands alone) into the convolution or dense layer
 * before it, where nothing else reads what lies between: LRP rules are for the weights that are really at work. Those
 * before all weights are marked as the input's preprocessing.
 */
export function simplified(graph: LayerGraph): LayerGraph {
  return markPreprocessing(foldScales(graph))
}

function foldScales(graph: LayerGraph): LayerGraph {
  const readers = countReaders(graph)
  const layers: Layer[] = []
  const moved: number[] = []
  /** How often each of the new layers is read. */
  const read: number[] = []
  graph.layers.forEach((layer, place) => {
    const inputs = layer.inputs.map((input) => moved[input]!)
    const target = layer.kind === 'scale' ? targetOf(layer, inputs[0]!, layers, read) : null
    if (layer.kind === 'scale' && target !== null) {
      layers[target] = folded(layers[target] as ConvLayer | DenseLayer, layer)
      moved.push(inputs[0]!)
      read[inputs[0]!] = readers[place]!
    } else {
      layers.push({ ...layer, inputs } as Layer)
      read.push(readers[place]!)
      moved.push(layers.length - 1)
    }
  })
  return { ...graph, layers, output: moved[graph.output]! }
}

function countReaders({ layers, output }: LayerGraph): number[] {
  const readers = layers.map(() => 0)
  readers[output] = 1
  for (const { inputs } of layers) for (const input of inputs) readers[input]!++
  return readers
}

/** The convolution or dense layer that can take a scale in, which moves may lie between; null where there is none. */
function targetOf(scale: ScaleLayer, from: number, layers: readonly Layer[], read: readonly number[]): number | null {
  let shape: number[] | null = scale.shape
  for (let place = from; ; place = layers[place]!.inputs[0]!) {
    const layer = layers[place]!
    if (read[place] !== 1 || shape === null || shape.filter((size) => size > 1).length > 1) return null
    if (layer.kind === 'conv') return shape.slice(1).every((size) => size === 1) ? place : null
    if (layer.kind === 'dense') return shape.slice(0, -1).every((size) => size === 1) ? place : null
    if (layer.kind === 'transpose') shape = transposedBack(shape, layer.perm)
    else if (layer.kind === 'reshape') shape = reshapedBack(shape, layer.dims, layers[layer.inputs[0]!]!.dims)
    else return null
  }
}

function transposedBack(shape: readonly number[], perm: readonly number[]): number[] {
  const before = shape.map(() => 1)
  for (const [axis, size] of shape.entries()) before[perm[axis + 1]! - 1] = size
  return before
}

/** Where the only axis of a shape was before a reshape: the one of its size with as many values in front of it. */
function reshapedBack(shape: readonly number[], to: readonly number[], from: readonly number[]): number[] | null {
  const axis = shape.findIndex((size) => size > 1)
  if (axis < 0) return from.map(() => 1)
  const before = (dims: readonly number[], end: number): number => dims.slice(0, end).reduce((a, b) => a * b, 1)
  const own = from.findIndex((size, at) => size === to[axis] && before(from, at) === before(to, axis))
  return own < 0 ? null : from.map((size, at) => (at === own ? size : 1))
}

function folded(layer: ConvLayer | DenseLayer, { factor, shift }: ScaleLayer): ConvLayer | DenseLayer {
  const outputs = layer.kind === 'conv' ? layer.geometry.outChannels : layer.outSize
  const perOutput = layer.weights.length / outputs
  const of = (values: Float32Array, output: number): number => values[values.length === 1 ? 0 : output]!
  const plain = factor.every((value) => value === 1)
  const weights = plain
    ? layer.weights
    : layer.weights.map((weight, i) => weight * of(factor, Math.floor(i / perOutput)))
  const bias = Float32Array.from(
    { length: outputs },
    (_, output) => of(shift, output) + (layer.bias?.[output] ?? 0) * of(factor, output)
  )
  return { ...layer, weights, bias }
}

/** What may lie between the input and its preprocessing. */
const plainKinds: ReadonlySet<Layer['kind']> = new Set([
  ...(['input', 'scale', 'reshape', 'transpose', 'pad', 'crop', 'concat'] as const),
  ...(['relu', 'clip'] as const)
])

function markPreprocessing(graph: LayerGraph): LayerGraph {
  const plain: boolean[] = []
  for (const { kind, inputs } of graph.layers) plain.push(plainKinds.has(kind) && inputs.every((input) => plain[input]))
  const layers = graph.layers.map((layer, place) =>
    layer.kind === 'scale' ? { ...layer, handsOn: plain[place]! } : layer
  )
  return { ...graph, layers }
}
