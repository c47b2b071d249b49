import { describe, expect, it } from 'vitest'
import { InputError, UsageError } from '../../../src/core/errors.js'
import { rulesOf } from '../../../src/lib/lrp/composites.js'
import { compositeOf, createExplainer, type ExplainerOptions, layerGraphOf, rules } from '../../../src/lib/lrp/index.js'
import { decodeModel } from '../../../src/lib/onnx/index.js'
import { pictures, withExplainer } from './compare.js'
import { buildNet, type Spec } from './nets.js'

const relu: Spec = { kind: 'relu' }
const pool: Spec = { kind: 'maxPool', kernel: [2, 2] }
const conv = (out: number): Spec => ({ kind: 'conv', out, kernel: [3, 3], pads: [1, 1, 1, 1] })
const tail: Spec[] = [{ kind: 'flatten' }, { kind: 'dense', out: 8 }, relu, { kind: 'dense', out: 3 }]
const vgg: Spec[] = [conv(4), relu, conv(4), relu, pool, conv(6), relu, pool, ...tail]

describe('options', () => {
  const net = buildNet(vgg, [3, 16, 16], 7)
  const data = pictures(net, 1, 8)
  const relevanceOf = (options: Omit<ExplainerOptions, 'model' | 'engine'>): Promise<Float32Array> =>
    withExplainer({ model: net.model, ...options }, async (explainer) => {
      return (await explainer.explain({ data, dims: [1, 3, 16, 16] })).relevance
    })

  it('options set an input-layer rule, an epsilon and a cut-off', async () => {
    const flat = await relevanceOf({ composite: 'lrp.sequential_preset_a', inputLayerRule: 'flat' })
    expect(flat).toEqual(await relevanceOf({ composite: 'lrp.sequential_preset_a_flat' }))
    expect(flat).toEqual(await relevanceOf({ composite: 'lrp.sequential_preset_a_flat_until_idx', untilLayerIdx: 1 }))
    expect(flat).not.toEqual(await relevanceOf({ composite: 'lrp.sequential_preset_a', untilLayerIdx: 2 }))
    const low = await relevanceOf({ composite: 'lrp.sequential_preset_a', inputLayerRule: [-4, 4], epsilon: 0.02 })
    const own = await relevanceOf({
      composite: [
        ['input', rules.bounded(-4, 4)],
        ['dense', rules.epsilon(0.02)],
        ['any', rules.alphaBeta(1, 0)]
      ]
    })
    expect(low).toEqual(own)
  })

  it.each([
    [{ composite: 'lrp.deep_taylor' }, /unknown composite "lrp.deep_taylor"\. Use one of lrp\.z, /],
    [{ composite: 'lrp.sequential_preset_a_flat_until_idx' }, /needs untilLayerIdx/],
    [{ composite: 'lrp.epsilon', epsilon: 0 }, /epsilon is 0/],
    [{ composite: 'lrp.epsilon', epsilon: '0.1' as unknown as number }, /epsilon is 0\.1/],
    [{ composite: 'lrp.z', epsilon: 0.1 }, /lrp\.z has no use for epsilon/],
    [{ composite: 'lrp.z', gamma: 0.1 }, /lrp\.z has no use for gamma/],
    [{ composite: 'lrp.gamma', gamma: -1 }, /gamma is -1/],
    [{ composite: 'lrp.gamma', gamma: [] }, /gamma is \[\]/],
    [{ composite: 'lrp.epsilon_gamma_box' }, /needs bounds as inputLayerRule/],
    [{ composite: 'lrp.epsilon_gamma_box', inputLayerRule: 'flat' as const }, /needs bounds as inputLayerRule/],
    [{ composite: 'lrp.z', inputLayerRule: [[0, 0, 9], 5] as const }, /inputLayerRule is \[\[0,0,9\],5\]/],
    [{ composite: 'lrp.z', inputLayerRule: [[0, 0], 5] as const }, /2 bounds are given for an input of \[3, 16, 16\]/],
    [{ composite: 'lrp.alpha_2_beta_1', alpha: 3, beta: 2 }, /lrp\.alpha_2_beta_1 has no use for alpha/],
    [{ composite: [['any', rules.z()]] as const, beta: 1 }, /a list of one's own has no use for beta/],
    [{ composite: undefined as unknown as string }, /unknown composite "undefined"/],
    [{ composite: 'lrp.z', untilLayerIdx: -1 }, /untilLayerIdx is -1/],
    [{ composite: 'lrp.z', inputLayerRule: [1, 1] as const }, /inputLayerRule is \[1,1\]/],
    [{ composite: 'lrp.z', inputLayerRule: [0] as unknown as [0, 1] }, /inputLayerRule is \[0\]/],
    [{ composite: 'lrp.z', inputLayerRule: 'bounded' as 'flat' }, /inputLayerRule is "bounded"/],
    [{ composite: 'lrp.alpha_beta', alpha: 2 }, /alpha is 2, beta is undefined/],
    [{ composite: 'lrp.alpha_beta', alpha: 2, beta: 2 }, /alpha is 2, beta is 2/],
    [{ composite: [['conv', rules.z()]] as const }, /no rule is for node "Gemm" \(Gemm\)/]
  ])('meaningless options are refused: %j', async (options, message) => {
    const explainer = createExplainer({ model: net.model, engine: 'tfjs', threads: 1, ...options })
    await expect(explainer).rejects.toThrow(message)
    await expect(explainer).rejects.toThrow(UsageError)
  })

  it('options of a call that do not fit the model are refused', async () => {
    await withExplainer({ model: net.model, composite: 'lrp.z' }, async (explainer) => {
      expect(explainer.inputDims).toEqual(['N', 3, 16, 16])
      const explain = (dims: number[], target?: number | number[]) => explainer.explain({ data, dims }, { target })
      await expect(explain([1, 16, 16, 3])).rejects.toThrow(InputError)
      await expect(explain([2, 3, 16, 16])).rejects.toThrow(/768 values as \[2, 3, 16, 16\] do not fit/)
      await expect(explain([1, 3, 16, 16], 3)).rejects.toThrow(/the target is 3 for 1 pictures and 3 classes/)
      await expect(explain([1, 3, 16, 16], [0, 1])).rejects.toThrow(UsageError)
      await expect(explain([1, 3, 16, 16], -1)).rejects.toThrow(UsageError)
    })
  })
})

describe('composites', () => {
  it('a composite is an ordered list of rules, with those of the input layer first', () => {
    expect(compositeOf('lrp.sequential_preset_b_flat', { inputLayerRule: [0, 1], untilLayerIdx: 3 })).toEqual([
      ['input', rules.bounded(0, 1)],
      [{ untilIndex: 3 }, rules.flat()],
      ['input', rules.flat()],
      ['dense', rules.epsilon(0.1)],
      ['conv', rules.alphaBeta(2, 1)]
    ])
  })

  it('several gammas are by depth: each is that of its part of the layers with weights', async () => {
    const graph = layerGraphOf(decodeModel(buildNet(vgg, [3, 16, 16], 3).model))
    const names = (gamma: number | number[]) =>
      [...rulesOf(graph, compositeOf('lrp.gamma', { gamma })).values()].map(({ name }) => name)
    expect(names(0.5)).toEqual(new Array(5).fill('Gamma0.5'))
    expect(names([0.5, 0.1])).toEqual(['Gamma0.5', 'Gamma0.5', 'Gamma0.5', 'Gamma0.1', 'Gamma0.1'])
    expect(names([1, 2, 3, 4, 5])).toEqual([1, 2, 3, 4, 5].map((gamma) => `Gamma${gamma}`))
    const box = compositeOf('lrp.epsilon_gamma_box', { gamma: [0.5, 0.1], inputLayerRule: [-1, 1] })
    expect([...rulesOf(graph, box).values()].map(({ name }) => name)).toEqual([
      'Bounded',
      'Gamma0.5',
      'Gamma0.5',
      'Epsilon',
      'Epsilon'
    ])
  })
})
