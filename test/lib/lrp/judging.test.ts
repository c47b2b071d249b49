import { describe, expect, it } from 'vitest'
import { compositeOf, layerGraphOf, lrpModelOf, needsBounds, plainCompositeNames } from '../../../src/lib/lrp/index.js'
import { decodeModel } from '../../../src/lib/onnx/index.js'
import { pictures, withExplainer, worst } from './compare.js'
import { buildNet, type Spec } from './nets.js'

const relu: Spec = { kind: 'relu' }
const pool: Spec = { kind: 'maxPool', kernel: [2, 2] }
const conv = (out: number): Spec => ({ kind: 'conv', out, kernel: [3, 3], pads: [1, 1, 1, 1] })
const net = buildNet(
  [
    conv(4),
    relu,
    conv(4),
    relu,
    pool,
    conv(6),
    relu,
    pool,
    { kind: 'flatten' },
    { kind: 'dense', out: 8 },
    relu,
    { kind: 'dense', out: 3 }
  ],
  [3, 16, 16],
  11
)
const sample = { data: pictures(net, 2, 7), dims: [2, 3, 16, 16] }

describe('a session that explains and judges', () => {
  it.each(plainCompositeNames)(
    'gives the same relevance as one that only explains, to the bit, under %s',
    async (name) => {
      const composite = compositeOf(name, needsBounds(name) ? { inputLayerRule: [-3, 3] } : {})
      const explain = (judges: boolean) =>
        withExplainer({ model: net.model, composite, engine: 'onnx', judges }, (explainer) =>
          explainer.explain(sample, { target: [2, 0] })
        )
      const [alone, both] = [await explain(false), await explain(true)]
      expect(both).toEqual(alone)
    }
  )

  it.each(['onnx', 'tfjs'] as const)('gives the same logits with and without an explanation (%s)', async (engine) => {
    await withExplainer({ model: net.model, composite: 'lrp.z', engine, judges: true }, async (explainer) => {
      const before = await explainer.logits(sample)
      const { logits } = await explainer.explain(sample)
      const after = await explainer.logits(sample)
      expect(before).toHaveLength(2)
      expect(after).toEqual(before)
      before.forEach((row, i) => {
        expect(worst(row, logits[i]!)).toBeLessThan(1e-5)
      })
    })
  })

  it('refuses a picture of another shape, and any once it is closed', async () => {
    await withExplainer({ model: net.model, composite: 'lrp.z', engine: 'onnx', judges: true }, async (explainer) => {
      await expect(explainer.logits({ ...sample, dims: [1, 3, 16, 16] })).rejects.toMatchObject({ code: 'PL-LRP-CALL' })
      await explainer.close()
      await expect(explainer.logits(sample)).rejects.toMatchObject({ code: 'PL-LRP-CLOSED' })
    })
  })

  it('has the weights of dense layers once, in front of both branches', () => {
    const graph = layerGraphOf(decodeModel(net.model))
    const { nodes, initializers } = lrpModelOf(graph, compositeOf('lrp.sequential_preset_a_flat'), {
      judges: true
    }).graph
    const branches = nodes.flatMap(({ attributes }) =>
      [...attributes.values()].flatMap((attribute) => (attribute.type === 'graph' ? [attribute.value] : []))
    )
    const readBy = branches.map((branch) =>
      branch.nodes.filter(({ opType }) => opType === 'Gemm').map(({ inputs }) => inputs[1]!)
    )
    expect(readBy[1]).toHaveLength(2)
    expect(readBy[0]).toEqual(expect.arrayContaining(readBy[1]!))
    for (const name of readBy.flat()) expect(initializers.has(name)).toBe(true)
  })
})
