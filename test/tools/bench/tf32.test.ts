import { InferenceSession, Tensor } from 'onnxruntime-node'
import { describe, expect, it } from 'vitest'
import { encodeModel, GraphBuilder } from '../../../src/lib/onnx/index.js'
import { roundedToTf32 } from '../../../tools/bench/tf32.js'

describe('a model rounded to TF32', () => {
  it('a model rounded to TF32 multiplies numbers of 10 bits, rounded to the nearest, and adds in full precision', async () => {
    const graph = new GraphBuilder({ name: 'products' })
    const weights = graph.constant('weights', Float32Array.of(1 + 2 ** -12, 1), [1, 2])
    const product = graph.node('Gemm', [graph.input('x', ['N', 2]), weights], { transB: 1 })
    graph.output(graph.node('Mul', [product, product], {}, { name: 'y' }), ['N', 1])
    const session = await InferenceSession.create(encodeModel(roundedToTf32(graph.toModel())), {
      graphOptimizationLevel: 'disabled'
    })
    const rows = [
      [1 + 2 ** -10, 0],
      [1 + 2 ** -12, 0],
      [1 + 3 * 2 ** -12, 0],
      [1024, 2 ** -9]
    ]
    const { y } = await session.run({ x: new Tensor('float32', Float32Array.from(rows.flat()), [4, 2]) })
    await session.release()
    const products = [1 + 2 ** -10, 1, 1 + 2 ** -10, Math.fround(1024 + 2 ** -9)]
    expect([...(y!.data as Float32Array)]).toEqual(products.map((value) => Math.fround(value * value)))
  })
})
