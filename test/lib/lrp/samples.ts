import type { GraphBuilder } from '../../../src/lib/onnx/index.js'
import { normal, randomOf, type Spec } from './nets.js'

const conv = (out: number, more: Partial<Spec & { kind: 'conv' }> = {}): Spec => ({
  kind: 'conv',
  out,
  kernel: [3, 3],
  pads: [1, 1, 1, 1],
  ...more
})
const relu: Spec = { kind: 'relu' }
const vggTail: Spec[] = [{ kind: 'flatten' }, { kind: 'dense', out: 8 }, relu, { kind: 'dense', out: 3 }]

/** The last number is what untilLayerIdx has to be for the first convolution alone: a Pad before it counts, too. */
export const networks: [string, Spec[], number][] = [
  [
    'a small VGG',
    [
      ...[conv(4), relu, conv(4), relu, { kind: 'maxPool', kernel: [2, 2] } as Spec],
      ...[conv(6), relu, { kind: 'maxPool', kernel: [2, 2] } as Spec, { kind: 'dropout' } as Spec],
      ...vggTail,
      { kind: 'softmax' }
    ],
    1
  ],
  [
    'a net of overlapping and padded pools',
    [
      ...[conv(4, { kernel: [5, 5], strides: [2, 2] }), relu],
      { kind: 'maxPool', kernel: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] },
      ...[conv(5, { pads: [0, 1, 2, 1] }), relu],
      { kind: 'averagePool', kernel: [2, 3], strides: [1, 2], pads: [0, 1, 1, 0] },
      { kind: 'averagePool', kernel: [2, 2], strides: [1, 1], pads: [1, 0, 0, 1], include: true },
      ...vggTail
    ],
    1
  ],
  [
    'a residual net with normalizations',
    [
      { kind: 'pad', pads: [1, 2, 1, 0] },
      ...[conv(4, { pads: [0, 0, 0, 0], bias: false }), { kind: 'batchNorm' } as Spec, relu],
      { kind: 'residual', body: [conv(4), { kind: 'batchNorm' }, relu, conv(4)] },
      ...[relu, { kind: 'batchNorm' } as Spec, { kind: 'maxPool', kernel: [2, 2] } as Spec],
      ...[conv(6), relu, { kind: 'globalAveragePool' } as Spec, { kind: 'flatten' } as Spec],
      ...[{ kind: 'dense', out: 5, form: 'matMul' } as Spec, { kind: 'batchNorm' } as Spec, relu],
      { kind: 'dense', out: 4, form: 'matMul' }
    ],
    2
  ]
]

const random = randomOf(77)
export const noise = (length: number): Float32Array => Float32Array.from({ length }, () => normal(random))
const weights = (builder: GraphBuilder, ...dims: number[]): string =>
  builder.constant('w', noise(dims.reduce((product, dim) => product * dim, 1)), dims)
const integers = (builder: GraphBuilder, ...values: number[]): string =>
  builder.constant('i', BigInt64Array.from(values, BigInt), [values.length])

/** What exporters write in more than one way; the input is [N, 3, 11, 10]. */
export const graphs: [string, (b: GraphBuilder, x: string) => string][] = [
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
