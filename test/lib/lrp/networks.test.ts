import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { acquireBackend, type Backend } from '../../../src/lib/lrp/engines/tfjs-backend.js'
import { compositeNames } from '../../../src/lib/lrp/index.js'
import { naiveRelevance, pictures, withExplainer, worst } from './compare.js'
import { forward, type NaiveRule } from './naive.js'
import { buildNet, type Net } from './nets.js'
import { networks } from './samples.js'

let backend: Backend
beforeAll(async () => {
  backend = await acquireBackend(1)
})
afterAll(() => backend.release())

/** Of the pictures' three channels. */
const bounds: [number[], number[]] = [
  [-5, -6, -4.5],
  [4.5, 5, 7]
]
const epsilonOf = (epsilon: number, bias: boolean): NaiveRule => ({ rule: 'epsilon', epsilon, bias })
const alphaBetaOf = (alpha: number, beta: number, bias: boolean): NaiveRule => ({
  rule: 'alpha_beta',
  alpha,
  beta,
  bias
})

/** Numbers per channel as they reach the first layer with weights. */
function behindFront(perChannel: number[], { naive, weighted, dims }: Net): number[] {
  const plane = dims[1]! * dims[2]!
  const picture = Float64Array.from({ length: perChannel.length * plane }, (_, i) => perChannel[Math.floor(i / plane)]!)
  return [...(forward(naive.slice(0, weighted[0]), picture).at(-1) ?? picture)]
}

/** What each name means, said once more: by kind of layer, `first` for the first one with weights. */
function naiveRuleOf(name: string, kind: string, first: boolean, net: Net): NaiveRule {
  const bias = !name.endsWith('_IB')
  const base = name.replace('_IB', '')
  if (first && (base.endsWith('_flat') || base.endsWith('_until_idx'))) return { rule: 'flat' }
  if (base.includes('preset') && kind === 'dense') return epsilonOf(0.1, bias)
  if (base.includes('preset')) return base.includes('preset_a') ? alphaBetaOf(1, 0, bias) : alphaBetaOf(2, 1, bias)
  if (base === 'lrp.gamma') return { rule: 'gamma', gamma: 0.25, bias }
  if (base === 'lrp.epsilon_gamma_box') {
    if (first) return { rule: 'bounded', low: behindFront(bounds[0], net), high: behindFront(bounds[1], net) }
    return kind === 'dense' ? epsilonOf(1e-6, bias) : { rule: 'gamma', gamma: 0.25, bias }
  }
  if (base === 'lrp.epsilon') return epsilonOf(1e-7, bias)
  if (base === 'lrp.alpha_beta') return alphaBetaOf(1.5, 0.5, bias)
  if (base === 'lrp.alpha_1_beta_0') return alphaBetaOf(1, 0, bias)
  if (base === 'lrp.alpha_2_beta_1') return alphaBetaOf(2, 1, bias)
  return { rule: base.slice('lrp.'.length) as 'z' | 'flat' | 'w_square' | 'z_plus', bias }
}

const engines = ['tfjs', 'onnx'] as const

describe.each(networks)('%s', (_, specs, untilLayerIdx) => {
  const net = buildNet(specs, [3, 16, 16], 41)
  const data = pictures(net, 2, 12)
  it.each(compositeNames)('relevance under %s follows the formulas for each sample of a batch', async (composite) => {
    const ruleOf = (index: number): NaiveRule =>
      naiveRuleOf(composite, net.naive[net.weighted[index]!]!.kind, index === 0, net)
    const wanted = naiveRelevance(net, data, ruleOf)
    const options = {
      ...(composite.includes('until') && { untilLayerIdx }),
      ...(composite.includes('box') && { inputLayerRule: bounds }),
      ...(composite.startsWith('lrp.alpha_beta') && { alpha: 1.5, beta: 0.5 })
    }
    for (const engine of engines) {
      await withExplainer({ model: net.model, composite, engine, ...options }, async (explainer) => {
        const { relevance, logits } = await explainer.explain({ data, dims: [2, ...net.dims] })
        expect(
          worst(
            logits.flatMap((row) => [...row]),
            wanted.logits.flat()
          )
        ).toBeLessThan(1e-4)
        expect(worst(relevance, wanted.relevance), engine).toBeLessThan(5e-3)
      })
    }
  })
})
