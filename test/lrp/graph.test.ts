import { InferenceSession, Tensor } from 'onnxruntime-node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { acquireBackend, type Backend } from '../../src/lrp/engines/tfjs-backend.js'
import { encodeModel, GraphBuilder } from '../../src/onnx/index.js'
import { withExplainer, worst } from './compare.js'
import { normal, randomOf } from './nets.js'

let backend: Backend
beforeAll(async () => {
  backend = await acquireBackend(1)
})
afterAll(() => backend.release())

const random = randomOf(77)
const noise = (length: number): Float32Array => Float32Array.from({ length }, () => normal(random))
const weights = (builder: GraphBuilder, ...dims: number[]): string =>
  builder.constant('w', noise(dims.reduce((product, dim) => product * dim, 1)), dims)
const integers = (builder: GraphBuilder, ...values: number[]): string =>
  builder.constant('i', BigInt64Array.from(values, BigInt), [values.length])

/** What exporters write in more than one way; the input is [N, 3, 11, 10]. */
const graphs: [string, (b: GraphBuilder, x: string) => string][] = [
  [
    'Conv SAME_UPPER',
    (b, x) => b.node('Conv', [x, weights(b, 4, 3, 4, 2)], { auto_pad: 'SAME_UPPER', strides: [3, 2] })
  ],
  [
    'Conv SAME_LOWER',
    (b, x) => b.node('Conv', [x, weights(b, 4, 3, 4, 2)], { auto_pad: 'SAME_LOWER', strides: [1, 2] })
  ],
  ['Conv VALID', (b, x) => b.node('Conv', [x, weights(b, 4, 3, 3, 3)], { auto_pad: 'VALID', dilations: [2, 1] })],
  ['MaxPool with ceil_mode', (b, x) => b.node('MaxPool', [x], { kernel_shape: [2, 3], strides: [2, 2], ceil_mode: 1 })],
  [
    'MaxPool with ceil_mode and pads',
    (b, x) => b.node('MaxPool', [x], { kernel_shape: [3, 3], strides: [3, 2], pads: [1, 1, 1, 1], ceil_mode: 1 })
  ],
  [
    'MaxPool SAME_UPPER',
    (b, x) => b.node('MaxPool', [x], { kernel_shape: [3, 2], strides: [2, 2], auto_pad: 'SAME_UPPER' })
  ],
  ['MaxPool, dilated', (b, x) => b.node('MaxPool', [x], { kernel_shape: [2, 2], dilations: [3, 2], strides: [2, 1] })],
  [
    'AveragePool with ceil_mode',
    (b, x) => b.node('AveragePool', [x], { kernel_shape: [2, 3], strides: [2, 2], pads: [1, 0, 0, 1], ceil_mode: 1 })
  ],
  [
    'AveragePool that counts its padding',
    (b, x) => b.node('AveragePool', [x], { kernel_shape: [3, 3], pads: [1, 1, 1, 1], count_include_pad: 1 })
  ],
  [
    'GlobalAveragePool and Squeeze',
    (b, x) => b.node('Squeeze', [b.node('GlobalAveragePool', [x]), integers(b, 2, -1)])
  ],
  [
    'Gemm with alpha and beta, not transposed',
    (b, x) => {
      const bias = b.constant('b', noise(1), [1])
      const inputs = [b.node('Flatten', [x]), weights(b, 330, 4), bias]
      return b.node('Gemm', inputs, { alpha: { float: 0.5 }, beta: { float: 2 } })
    }
  ],
  [
    'a Conv bias that comes as an Add',
    (b, x) => {
      const bias = b.constant('b', noise(4), [1, 4, 1, 1])
      return b.node('Add', [bias, b.node('Conv', [x, weights(b, 4, 3, 3, 3)])])
    }
  ],
  [
    'a shift that no layer can take in',
    (b, x) => b.node('Add', [b.node('Relu', [x]), b.constant('b', noise(3), [3, 1, 1])])
  ],
  [
    'a BatchNormalization of a value that is read twice',
    (b, x) => {
      const z = b.node('Conv', [x, weights(b, 3, 3, 1, 1)])
      const [scale, shift, mean] = [weights(b, 3), weights(b, 3), weights(b, 3)]
      const variance = b.constant('v', Float32Array.of(0.5, 1, 2), [3])
      return b.node('Add', [z, b.node('BatchNormalization', [z, scale, shift, mean, variance])])
    }
  ],
  [
    'Pad with a value, a Constant node and Identity',
    (b, x) => {
      const pads = {
        dims: [8],
        name: 'p',
        type: 'int64' as const,
        data: new Uint8Array(new BigInt64Array(8).fill(0n).buffer)
      }
      new BigInt64Array(pads.data.buffer).set([0n, 0n, 1n, 2n, 0n, 0n, 0n, 1n])
      const amounts = b.node('Identity', [b.node('Constant', [], { value: { tensor: pads } })])
      return b.node('Identity', [b.node('Pad', [x, amounts, b.constant('v', Float32Array.of(0.7), [])])])
    }
  ],
  [
    'Reshape and Transpose',
    (b, x) => b.node('Transpose', [b.node('Reshape', [x, integers(b, 0, 33, -1)])], { perm: [0, 2, 1] })
  ]
]

describe.each(['tfjs', 'onnx'] as const)('the layers of the %s engine', (engine) => {
  it.each(graphs)('compute for %s what ONNX Runtime does, and relevance has a way back', async (_, make) => {
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
