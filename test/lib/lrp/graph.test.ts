import { InferenceSession, Tensor } from 'onnxruntime-node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { acquireBackend, type Backend } from '../../../src/lib/lrp/engines/tfjs-backend.js'
import { encodeModel, GraphBuilder } from '../../../src/lib/onnx/index.js'
import { withExplainer, worst } from './compare.js'
import { graphs, noise } from './samples.js'

let backend: Backend
beforeAll(async () => {
  backend = await acquireBackend(1)
})
afterAll(() => backend.release())

describe.each(['tfjs', 'onnx'] as const)('the layers of the %s engine', (engine) => {
  it.each(graphs)('the layer %s computes what ONNX Runtime computes and passes relevance back', async (_, make) => {
    const builder = new GraphBuilder({ name: 'net' })
    const body = make(builder, builder.input('x', ['N', 3, 11, 10]))
    const flat = builder.node('Flatten', [body], {}, { name: 'y' })
    builder.output(flat, ['N', 'n'])
    const model = encodeModel(builder.toModel())
    const session = await InferenceSession.create(model)
    const data = noise(2 * 330)
    const { y } = await session.run({ x: new Tensor('float32', data, [2, 3, 11, 10]) })
    await session.release()
    await withExplainer({ model, composite: 'lrp.z', engine }, async (explainer) => {
      const { logits, relevance } = await explainer.explain({ data, dims: [2, 3, 11, 10] })
      expect(
        worst(
          logits.flatMap((row) => [...row]),
          y!.data as Float32Array
        )
      ).toBeLessThan(1e-5)
      expect(relevance.every(Number.isFinite)).toBe(true)
      expect(relevance.some((value) => value !== 0)).toBe(true)
    })
  })
})
