import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { acquireBackend, type Backend } from '../../../src/lib/lrp/engines/tfjs-backend.js'
import { type Composite, rules } from '../../../src/lib/lrp/index.js'
import { naiveRelevance, pictures, withExplainer, worst } from './compare.js'
import type { NaiveRule } from './naive.js'
import { buildNet, type Spec } from './nets.js'

// One backend for the whole file; starting one takes longer than a case.
let backend: Backend
beforeAll(async () => {
  backend = await acquireBackend(1)
})
afterAll(() => backend.release())

const pairs: [string, rules.Rule, NaiveRule][] = [
  ['Z', rules.z(), { rule: 'z' }],
  ['Z without bias', rules.z(false), { rule: 'z', bias: false }],
  ['Epsilon 0.1', rules.epsilon(0.1), { rule: 'epsilon', epsilon: 0.1 }],
  ['Epsilon 1e-7 without bias', rules.epsilon(1e-7, false), { rule: 'epsilon', epsilon: 1e-7, bias: false }],
  ['WSquare', rules.wSquare(), { rule: 'w_square' }],
  ['Flat', rules.flat(), { rule: 'flat' }],
  ['Alpha1Beta0', rules.alphaBeta(1, 0), { rule: 'alpha_beta', alpha: 1, beta: 0 }],
  ['Alpha2Beta1', rules.alphaBeta(2, 1), { rule: 'alpha_beta', alpha: 2, beta: 1 }],
  ['Alpha2Beta1 without bias', rules.alphaBeta(2, 1, false), { rule: 'alpha_beta', alpha: 2, beta: 1, bias: false }],
  ['Alpha3Beta2', rules.alphaBeta(3, 2), { rule: 'alpha_beta', alpha: 3, beta: 2 }],
  ['ZPlus', rules.zPlus(), { rule: 'z_plus' }],
  ['Gamma 0.25', rules.gamma(0.25), { rule: 'gamma', gamma: 0.25 }],
  ['Gamma 2 without bias', rules.gamma(2, false), { rule: 'gamma', gamma: 2, bias: false }],
  ['Bounded', rules.bounded(-3, 4), { rule: 'bounded', low: -3, high: 4 }],
  [
    'Bounded by channel',
    rules.bounded([-4, -5, -3.5, -6], [4, 5, 6, 3.5]),
    { rule: 'bounded', low: [-4, -5, -3.5, -6], high: [4, 5, 6, 3.5] }
  ]
]

/** What a ReLU in front makes of a rule: bounds are those of the model's input, which it cuts, too. */
function behindRelu(naive: NaiveRule): NaiveRule {
  if (naive.rule !== 'bounded') return naive
  const cut = (bound: number | number[]) => (Array.isArray(bound) ? bound.map(positive) : positive(bound))
  return { ...naive, low: cut(naive.low), high: cut(naive.high) }
}
const positive = (value: number): number => Math.max(value, 0)

const shapes: [string, Spec][] = [
  ['conv 3x3', { kind: 'conv', out: 4, kernel: [3, 3], pads: [1, 1, 1, 1] }],
  ['conv 3x3 without bias', { kind: 'conv', out: 4, kernel: [3, 3], pads: [1, 1, 1, 1], bias: false }],
  ['conv 1x1', { kind: 'conv', out: 5, kernel: [1, 1] }],
  ['conv 3x3, valid', { kind: 'conv', out: 4, kernel: [3, 3] }],
  ['conv 5x3, asymmetric pads', { kind: 'conv', out: 3, kernel: [5, 3], pads: [2, 0, 1, 2] }],
  ['conv 1x1 with pads beyond the kernel', { kind: 'conv', out: 3, kernel: [1, 1], pads: [1, 1, 1, 1] }],
  ['conv 3x3, stride 2', { kind: 'conv', out: 4, kernel: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] }],
  ['conv 2x2, stride 3 with rest', { kind: 'conv', out: 4, kernel: [2, 2], strides: [3, 3] }],
  ['conv 2x1, stride 5x2', { kind: 'conv', out: 4, kernel: [2, 1], strides: [5, 2] }],
  ['conv 3x3, dilated', { kind: 'conv', out: 4, kernel: [3, 3], dilations: [2, 1], pads: [2, 1, 2, 1] }],
  ['conv 3x3, dilated with stride', { kind: 'conv', out: 2, kernel: [3, 2], dilations: [2, 3], strides: [2, 1] }],
  ['conv 3x3, two groups', { kind: 'conv', out: 4, kernel: [3, 3], groups: 2, pads: [1, 1, 1, 1] }],
  ['conv 3x3, depthwise', { kind: 'conv', out: 4, kernel: [3, 3], groups: 4, strides: [2, 1] }]
]

/** The rule under test on the first layer; with ReLU in front (`nonNegative`) its input has no negative part. */
function netFor(spec: Spec, nonNegative: boolean, seed: number) {
  const front: Spec[] = nonNegative ? [{ kind: 'relu' }] : []
  const last: Spec[] = [{ kind: 'relu' }, { kind: 'flatten' }, { kind: 'dense', out: 3 }]
  return buildNet([...front, spec, ...last], [4, 9, 8], seed)
}

const engines = ['tfjs', 'onnx'] as const

describe.each(pairs)('%s', (_, rule, naive) => {
  const composite: Composite = [
    ['conv', rule],
    ['dense', rules.epsilon(0.1)]
  ]
  const ruleOf =
    (relu: boolean) =>
    (index: number): NaiveRule => {
      if (index > 0) return { rule: 'epsilon', epsilon: 0.1 }
      return relu ? behindRelu(naive) : naive
    }

  it.each(shapes)("relevance follows the rule's formula on %s", async (_, spec) => {
    for (const seed of [1, 2]) {
      const net = netFor(spec, seed === 2, seed)
      const data = pictures(net, 2, seed + 50)
      const wanted = naiveRelevance(net, data, ruleOf(seed === 2))
      for (const engine of engines) {
        await withExplainer({ model: net.model, composite, engine }, async (explainer) => {
          const { relevance, logits } = await explainer.explain({ data, dims: [2, ...net.dims] })
          expect(
            worst(
              logits.flatMap((row) => [...row]),
              wanted.logits.flat()
            )
          ).toBeLessThan(1e-5)
          expect(worst(relevance, wanted.relevance), engine).toBeLessThan(2e-3)
        })
      }
    }
  })

  it.each(['gemm', 'matMul'] as const)("relevance follows the rule's formula on a dense layer (%s)", async (form) => {
    for (const seed of [4, 5, 6]) {
      const front: Spec[] = seed === 5 ? [{ kind: 'relu' }] : []
      const specs: Spec[] = [...front, { kind: 'flatten' }, { kind: 'dense', out: 7, form, bias: seed !== 6 }]
      const net = buildNet([...specs, { kind: 'relu' }, { kind: 'dense', out: 3, form }], [4, 5, 3], seed)
      const data = pictures(net, 3, seed + 50)
      const wanted = naiveRelevance(net, data, ruleOf(seed === 5))
      const inFront: Composite = [['input', rule], ...composite]
      for (const engine of engines) {
        await withExplainer({ model: net.model, composite: inFront, engine }, async (explainer) => {
          const { relevance } = await explainer.explain({ data, dims: [3, ...net.dims] })
          expect(worst(relevance, wanted.relevance), engine).toBeLessThan(2e-3)
        })
      }
    }
  })
})
