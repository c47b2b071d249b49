/** What LRP costs in multiplications, and where it can be cut into two pieces that cost about the same. */
import type { Composite } from './composites.js'
import { type ConvLayer, type DenseLayer, isWeighted, type LayerGraph } from './layers.js'
import { isGiven, type Plan } from './plan.js'
import { plansOf } from './walk.js'

/** Of a layer: multiplications on the way forward, and those of its rule, of one sample. */
interface Cost {
  forward: number
  back: number
}

function costsOf(graph: LayerGraph, composite: Composite): Cost[] {
  const plans = plansOf(graph, composite)
  return graph.layers.map((layer, place) => {
    if (!isWeighted(layer)) return { forward: 0, back: 0 }
    const forward = multiplicationsOf(layer)
    return { forward, back: forward * waysOf(plans.get(place)!) }
  })
}

/** How often the rule multiplies by the layer's weights. What a layer answers to a number in place of every input is known beforehand. */
function waysOf({ passes }: Plan): number {
  let ways = 0
  for (const { terms, response } of passes)
    for (const { input, weights } of terms)
      ways += weights === 'ones' ? 0 : 1 + (response === 'computed' && !isGiven(input) ? 1 : 0)
  return ways
}

function multiplicationsOf(layer: ConvLayer | DenseLayer): number {
  if (layer.kind === 'dense') return layer.weights.length * (layer.dims.reduce((a, b) => a * b, 1) / layer.outSize)
  const [height, width] = layer.geometry.output
  return layer.weights.length * height * width
}

/**
 * How many forward passes' worth of multiplications LRP under a composite takes at least, the classifier's own forward pass
 * included: the floor for the time of any engine that spends it on multiplying. A rule's response that the forward pass
 * has made, or that can be told from another one, costs nothing; nor do rules whose weights are all alike.
 */
export function passesOf(graph: LayerGraph, composite: Composite): number {
  const costs = costsOf(graph, composite)
  const forward = sum(costs.map((cost) => cost.forward))
  return 1 + sum(costs.map(({ back }) => back)) / forward
}

/**
 * The layer at whose output an explanation is best cut in two: first the forward pass and the way back to there, then the forward pass up
 * to there once more and the rest of the way back. All relevance passes there, and the longer piece is as short as can be.
 * @param longest multiplications that need no cut
 * @returns its place; null where nothing is to be cut, or cannot
 */
export function middleLayerOf(graph: LayerGraph, composite: Composite, longest: number): number | null {
  const costs = costsOf(graph, composite)
  const [forward, back] = [sum(costs.map((cost) => cost.forward)), sum(costs.map((cost) => cost.back))]
  if (forward + back <= longest) return null
  let [middle, least]: [number | null, number] = [null, forward + back - 1]
  let [before, behind] = [0, back]
  for (let place = 1; place < graph.output; place++) {
    before += costs[place]!.forward + costs[place]!.back
    behind -= costs[place]!.back
    const longer = Math.max(forward + behind, before)
    // Of places that are as good the last: behind a pooling there is less to hand over.
    if (longer > least || !allPasses(graph, place)) continue
    middle = place
    least = longer
  }
  return middle
}

/** Whether no layer behind the place reads one before it. */
function allPasses({ layers }: LayerGraph, place: number): boolean {
  return layers.every(({ inputs }, reader) => reader <= place || inputs.every((input) => input >= place))
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)
