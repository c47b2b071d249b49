import type { Layer, LayerGraph } from './layers.js'
import { isProportional } from './plan.js'
import type { Rule } from './rules.js'

/**
 * For each layer, whether only its outputs above zero can ever have relevance: a ReLU reads them and nothing else does, and
 * whatever lies behind the ReLU gives a zero no relevance. What a rule does with other outputs need not be worked out there.
 * @param rules of the layers with weights, by their place
 */
export function positiveOutputsOf({ layers, output }: LayerGraph, rules: ReadonlyMap<number, Rule>): boolean[] {
  // Whether a value of zero has no relevance. Relevance starts in proportion to the logits.
  const vanishes = layers.map(() => true)
  const read = layers.map(() => false)
  const positive = layers.map((_, place) => place !== output)
  for (let place = layers.length - 1; place >= 0; place--) {
    const layer = layers[place]!
    const keeps = keepsZeros(layer, vanishes[place]!, rules.get(place))
    const cuts = cutsNegative(layer) && vanishes[place]!
    for (const input of layer.inputs) {
      vanishes[input] &&= keeps
      positive[input] &&= cuts
      read[input] = true
    }
  }
  return positive.map((only, place) => only && read[place]!)
}

function cutsNegative(layer: Layer): boolean {
  return layer.kind === 'relu' || (layer.kind === 'clip' && layer.low >= 0)
}

/** Whether an input of zero gets no relevance, where `behind` says that of the layer's output. */
function keepsZeros(layer: Layer, behind: boolean, rule: Rule | undefined): boolean {
  switch (layer.kind) {
    case 'conv':
    case 'dense':
      return rule !== undefined && isProportional(rule)
    case 'scale':
      return !layer.handsOn
    case 'averagePool':
    case 'add':
      return true
    case 'clip':
      return behind && layer.low <= 0 && layer.high >= 0
    case 'sigmoid':
      return false
    default:
      return behind
  }
}
