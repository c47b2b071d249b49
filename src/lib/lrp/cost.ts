import { type Composite, rulesOf } from './composites.js'
import type { ConvLayer, DenseLayer, LayerGraph } from './layers.js'
import { isWeighted } from './layers.js'
import { planOf } from './plan.js'
import type { Term } from './rules.js'

/**
 * How many forward passes' worth of multiplications LRP under a composite takes at least, the classifier's own forward pass
 * included: the floor for the time of any engine that spends it on multiplying. A rule's response that the forward pass
 * has made, or that can be told from another one, costs nothing; nor do rules whose weights are all alike.
 */
export function passesOf(graph: LayerGraph, composite: Composite): number {
  const rules = rulesOf(graph, composite)
  let [forward, extra] = [0, 0]
  graph.layers.forEach((layer, place) => {
    if (!isWeighted(layer)) return
    const cost = multiplicationsOf(layer)
    forward += cost
    const { passes } = planOf(rules.get(place)!, graph.layers[layer.inputs[0]]!.nonNegative)
    for (const { terms, response } of passes)
      for (const term of terms)
        extra += cost * (isUniform(term) ? 0 : 1 + (response === 'computed' && reads(term) ? 1 : 0))
  })
  return 1 + extra / forward
}

const isUniform = ({ weights }: Term): boolean => weights === 'ones'
/** What a layer answers to a number in place of every input is known beforehand. */
const reads = ({ input }: Term): boolean => typeof input !== 'number'

function multiplicationsOf(layer: ConvLayer | DenseLayer): number {
  if (layer.kind === 'dense') return layer.weights.length * (layer.dims.reduce((a, b) => a * b, 1) / layer.outSize)
  const [height, width] = layer.geometry.output
  return layer.weights.length * height * width
}
