import { describe, expect, it, onTestFinished } from 'vitest'
import { OnnxEngine, type Unfinished } from '../../../src/lib/lrp/engines/onnx.js'
import {
  compositeOf,
  judgingModelOf,
  layerGraphOf,
  needsBounds,
  plainCompositeNames
} from '../../../src/lib/lrp/index.js'
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

  // Flat multiplies nothing on the way back, so halves would not be shorter.
  it.each(plainCompositeNames.filter((name) => name !== 'lrp.flat'))(
    'gives the same relevance in two halves, between which it may judge, to the bit, under %s',
    async (name) => {
      const composite = compositeOf(name, needsBounds(name) ? { inputLayerRule: [-3, 3] } : {})
      const open = async (longest: number) => {
        const load = async () => layerGraphOf(decodeModel(net.model))
        const engine = await OnnxEngine.create(load, composite, { threads: 1, judges: true, longest })
        onTestFinished(() => engine.close())
        return engine
      }
      const [whole, halves] = [await open(Number.POSITIVE_INFINITY), await open(0)]
      const weights = Float32Array.of(0, 0, 1, 0.5, -1, 0)
      const begun = await halves.begin(sample, weights)
      expect(begun).toHaveProperty('between')
      const judged = await halves.logits({ ...sample, data: sample.data.map((value) => -value) })
      expect(judged).not.toEqual(begun.logits)
      const found = await halves.finish(begun as Unfinished)
      expect(found).toEqual(await whole.explain(sample, weights))
      expect(found).toEqual(await halves.explain(sample, weights))
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
    const { nodes, initializers } = judgingModelOf(graph, compositeOf('lrp.sequential_preset_a_flat')).model.graph
    const branches = nodes.flatMap(({ attributes }) =>
      [...attributes.values()].flatMap((attribute) => (attribute.type === 'graph' ? [attribute.value] : []))
    )
    const readBy = ['judge', 'explain'].map((task) =>
      branches
        .find(({ name }) => name === task)!
        .nodes.filter(({ opType }) => opType === 'Gemm')
        .map(({ inputs }) => inputs[1]!)
    )
    expect(readBy[0]).toHaveLength(2)
    expect(readBy[1]).toEqual(expect.arrayContaining(readBy[0]!))
    for (const name of readBy.flat()) expect(initializers.has(name)).toBe(true)
  })
})
