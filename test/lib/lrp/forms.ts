import { dataTypes } from '../../../src/lib/onnx/index.js'
import { connect, connections, type NetBuilder, normal, randomOf, type Spec, size } from './nets.js'

/* What exporters write in more than one way, as parts of a net: each into the ONNX graph and into the naive layers. */

const own = (add: (net: NetBuilder) => void): Spec => ({ kind: 'own', add })
const ints = (net: NetBuilder, ...values: number[]): string =>
  net.onnx.constant('i', BigInt64Array.from(values, BigInt), [values.length])
const scalar = (net: NetBuilder, value: number): string => net.onnx.constant('s', Float32Array.of(value), [])
const index = (net: NetBuilder, value: number): string => net.onnx.constant('i', BigInt64Array.of(BigInt(value)), [])
const map = (net: NetBuilder): [number, number, number] => net.dims as [number, number, number]

/** Axes are an attribute before opset 13, an input since then. */
function onAxes(net: NetBuilder, operator: 'Unsqueeze' | 'Squeeze', value: string, axis: number): string {
  if (net.opset < 13) return net.onnx.node(operator, [value], { axes: [axis] })
  return net.onnx.node(operator, [value, ints(net, axis)])
}

const flattened = (shape: (net: NetBuilder) => string): Spec =>
  own((net) => {
    net.value = net.onnx.node('Reshape', [net.value, shape(net)])
    net.dims = [size(net.dims)]
  })

const batchSize = (net: NetBuilder): string =>
  net.onnx.node('Gather', [net.onnx.node('Shape', [net.value]), index(net, 0)], { axis: 0 })

/** `x.view(x.size(0), -1)` and its kin. */
export const flattens: Record<string, [opset: number, spec: Spec]> = {
  Flatten: [17, { kind: 'flatten' }],
  'Reshape to [0, -1]': [17, flattened((net) => ints(net, 0, -1))],
  'Reshape to [-1, features]': [17, flattened((net) => ints(net, -1, size(net.dims)))],
  ...Object.fromEntries(
    [9, 11, 13, 20].map((opset) => [
      `x.view(x.size(0), -1) in opset ${opset}`,
      [
        opset,
        flattened((net) =>
          net.onnx.node('Concat', [onAxes(net, 'Unsqueeze', batchSize(net), 0), ints(net, -1)], { axis: 0 })
        )
      ] as [number, Spec]
    ])
  ),
  'Shape(start, end), as dynamo writes it': [
    20,
    flattened((net) => {
      const batch = net.onnx.node('Shape', [net.value], { start: 0, end: 1 })
      return net.onnx.node('Concat', [batch, ints(net, -1)], { axis: 0 })
    })
  ],
  'a product of sizes': [
    17,
    flattened((net) => {
      const shape = net.onnx.node('Shape', [net.value])
      const part = (at: number): string => net.onnx.node('Gather', [shape, index(net, at)], { axis: 0 })
      const product = net.onnx.node('Mul', [net.onnx.node('Mul', [part(1), part(2)]), part(3)])
      const [batch, rest] = [part(0), product].map((value) => onAxes(net, 'Unsqueeze', value, 0))
      return net.onnx.node('Concat', [batch!, rest!], { axis: 0 })
    })
  ],
  'Slice and ReduceProd of the shape': [
    17,
    flattened((net) => {
      const shape = net.onnx.node('Cast', [net.onnx.node('Shape', [net.value])], { to: dataTypes.int64.code })
      const rest = net.onnx.node('ReduceProd', [net.onnx.node('Slice', [shape, ints(net, 1), ints(net, 4)])], {
        axes: [0],
        keepdims: 1
      })
      return net.onnx.node('Concat', [net.onnx.node('Slice', [shape, ints(net, 0), ints(net, 1)]), rest], { axis: 0 })
    })
  ]
}

/** A dense layer whose weights reach its MatMul or Gemm by way of `weights`, from [in, out]. */
const dense = (out: number, weights: (net: NetBuilder, values: Float32Array, inSize: number) => string): Spec =>
  own((net) => {
    const inSize = size(net.dims)
    const values = net.weights(inSize * out, 0.4).map((value) => Math.round(value * 64) / 64)
    const links = connections(out, inSize)
    for (let k = 0; k < values.length; k++) connect(links, Math.floor(k / out), k % out, values[k]!)
    net.push({ kind: 'dense', connections: links })
    net.value = net.onnx.node('MatMul', [net.value, weights(net, values, inSize)])
    net.dims = [out]
  })

const turned = (values: Float32Array, rows: number, columns: number): Float32Array =>
  values.map((_, k) => values[(k % rows) * columns + Math.floor(k / rows)]!)

/** Weights are multiples of 1/64, which float16 and a scale of 1/64 hold exactly. */
export const denseForms: Record<string, Spec> = {
  'MatMul over a Transpose of an initializer': dense(5, (net, values, inSize) => {
    const stored = net.onnx.constant('w', turned(values, inSize, 5), [5, inSize])
    return net.onnx.node('Transpose', [stored], { perm: [1, 0] })
  }),
  'weights in float16, cast': dense(5, (net, values, inSize) => {
    const halves = net.onnx.tensor({
      name: 'w',
      type: 'float16',
      dims: [inSize, 5],
      data: new Uint8Array(Uint16Array.from(values, halfBits).buffer)
    })
    return net.onnx.node('Cast', [halves], { to: dataTypes.float32.code })
  }),
  'weights in int8, dequantised': dense(5, (net, values, inSize) => {
    const bytes = net.onnx.constant(
      'w',
      Int8Array.from(values, (value) => value * 64),
      [inSize, 5]
    )
    const zero = net.onnx.constant('zero', Int8Array.of(0), [])
    return net.onnx.node('DequantizeLinear', [bytes, scalar(net, 1 / 64), zero])
  }),
  'weights in a Constant node': dense(5, (net, values, inSize) => {
    const data = new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
    return net.onnx.node('Constant', [], {
      value: { tensor: { name: 'w', type: 'float32', dims: [inSize, 5], data } }
    })
  }),
  'weights in Constant.value_floats, reshaped': dense(5, (net, values, inSize) => {
    const flat = net.onnx.node('Constant', [], { value_floats: { floats: [...values] } })
    return net.onnx.node('Reshape', [flat, net.onnx.node('Constant', [], { value_ints: [inSize, 5] })])
  }),
  'Constant.value_float and value_int as a scale and an axis': own((net) => {
    const part = dense(5, (_, values, inSize) =>
      net.onnx.constant(
        'w',
        values.map((v) => v / 2),
        [inSize, 5]
      )
    )
    if (part.kind === 'own') part.add(net)
    // The factor belongs to the layer's weights.
    net.value = net.onnx.node('Mul', [net.value, net.onnx.node('Constant', [], { value_float: { float: 2 } })])
  })
}

/** Exact for multiples of 1/64 below 32. */
function halfBits(value: number): number {
  if (value === 0) return 0
  const exponent = Math.floor(Math.log2(Math.abs(value)))
  return (value < 0 ? 0x8000 : 0) | ((exponent + 15) << 10) | ((Math.abs(value) / 2 ** exponent - 1) * 1024)
}

/** A dense layer as a convolution whose kernel is the whole map, and what flattens its 1x1 output. */
export const denseAsConvolution: Spec[] = [
  own((net) => {
    const [channels, height, width] = map(net)
    const inSize = size(net.dims)
    const values = net.weights(6 * inSize, 0.3)
    const links = connections(6, inSize)
    for (let k = 0; k < values.length; k++) connect(links, k % inSize, Math.floor(k / inSize), values[k]!)
    const bias = net.weights(6, 0.2)
    links.bias.set(bias)
    net.push({ kind: 'dense', connections: links })
    const inputs = [
      net.value,
      net.onnx.constant('w', values, [6, channels, height, width]),
      net.onnx.constant('b', bias, [6])
    ]
    net.value = net.onnx.node('Conv', inputs)
    net.dims = [6, 1, 1]
  }),
  { kind: 'relu' },
  own((net) => {
    net.value = net.onnx.node('Flatten', [net.value])
    net.dims = [6]
  })
]

/** A convolution of NHWC maps, as tf2onnx writes it, with its bias behind the second Transpose. */
export const nhwcConvolution: Spec = own((net) => {
  const [, height, width] = map(net)
  const naive = net.naive.length
  const part: Spec = { kind: 'conv', out: 4, kernel: [3, 3], pads: [1, 1, 1, 1], bias: false }
  net.addAll([part])
  const bias = net.weights(4, 0.3)
  net.naive[naive]!.connections!.bias.forEach((_, at, all) => {
    all[at] = bias[Math.floor(at / (height * width))]!
  })
  const last = net.onnx.node('Transpose', [net.value], { perm: [0, 2, 3, 1] })
  const shifted = net.onnx.node('Add', [last, net.onnx.constant('b', bias, [4])])
  net.value = net.onnx.node('Transpose', [shifted], { perm: [0, 3, 1, 2] })
})

/** x·factor + shift for each colour, on an input of three: relevance goes through, as if it were done before the model. */
const preprocessing = (
  factor: readonly number[],
  shift: readonly number[],
  write: (net: NetBuilder, perColour: (values: readonly number[]) => string) => void
): Spec =>
  own((net) => {
    const pixels = size(net.dims) / 3
    const colour = (at: number): number => Math.floor(at / pixels)
    net.push({
      kind: 'activation',
      apply: (value, at) => value * Math.fround(factor[colour(at)]!) + Math.fround(shift[colour(at)]!)
    })
    write(net, (values) => net.onnx.constant('c', Float32Array.from(values), [3, 1, 1]))
  })

const mean = [0.4, -0.7, 1.1]
const deviation = [0.5, 2, 1.25]
const minusMean = mean.map((value) => -value)
const standardized = minusMean.map((value, i) => value / deviation[i]!)
const ones = [1, 1, 1]
const inverse = deviation.map((value) => 1 / value)

export const preprocessings: Record<string, Spec> = {
  'Sub of the mean': preprocessing(ones, minusMean, (net, per) => {
    net.value = net.onnx.node('Sub', [net.value, per(mean)])
  }),
  'Add of the negative mean': preprocessing(ones, minusMean, (net, per) => {
    net.value = net.onnx.node('Add', [per(minusMean), net.value])
  }),
  'Sub and Div': preprocessing(inverse, standardized, (net, per) => {
    net.value = net.onnx.node('Div', [net.onnx.node('Sub', [net.value, per(mean)]), per(deviation)])
  }),
  'BatchNormalization in front': preprocessing(inverse, standardized, (net) => {
    const flat = (values: readonly number[]): string => net.onnx.constant('n', Float32Array.from(values), [3])
    const variance = flat(deviation.map((value) => value * value))
    const inputs = [net.value, flat(ones), flat([0, 0, 0]), flat(mean), variance]
    net.value = net.onnx.node('BatchNormalization', inputs, { epsilon: { float: 0 } })
  }),
  'Mul and Add in NHWC': preprocessing(inverse, standardized, (net) => {
    const flat = (values: readonly number[]): string => net.onnx.constant('n', Float32Array.from(values), [3])
    const last = net.onnx.node('Transpose', [net.value], { perm: [0, 2, 3, 1] })
    const scaled = net.onnx.node('Add', [net.onnx.node('Mul', [last, flat(inverse)]), flat(standardized)])
    net.value = net.onnx.node('Transpose', [scaled], { perm: [0, 3, 1, 2] })
  }),
  'mean - x': preprocessing([-1, -1, -1], mean, (net, per) => {
    net.value = net.onnx.node('Sub', [per(mean), net.value])
  })
}

const swap = (write: (net: NetBuilder) => string): Spec =>
  own((net) => {
    const pixels = size(net.dims) / 3
    const sources = Array.from({ length: 3 * pixels }, (_, at) => [
      (2 - Math.floor(at / pixels)) * pixels + (at % pixels)
    ])
    net.push({ kind: 'same', sources })
    net.value = write(net)
  })

/** RGB to BGR. */
export const colourSwaps: Record<string, Spec> = {
  Gather: swap((net) => net.onnx.node('Gather', [net.value, ints(net, 2, 1, 0)], { axis: 1 })),
  'Slice backwards': swap((net) =>
    net.onnx.node('Slice', [net.value, ints(net, -1), ints(net, -100), ints(net, 1), ints(net, -1)])
  ),
  'Split and Concat': swap((net) => {
    const parts = net.onnx.node('Split', [net.value], { axis: 1 }, { outputs: 3 })
    return net.onnx.node('Concat', [...parts].reverse(), { axis: 1 })
  })
}

const activated = (apply: (value: number, channel: number) => number, write: (net: NetBuilder) => string): Spec =>
  own((net) => {
    const pixels = size(net.dims) / net.dims[0]
    net.push({ kind: 'activation', apply: (value, at) => apply(value, Math.floor(at / pixels)) })
    net.value = write(net)
  })

const sigmoid = (value: number): number => 1 / (1 + Math.exp(-value))
const slopes = [0.1, 0.2, 0.3, 0.4]

/** Behind a convolution of four channels. */
export const activations: Record<string, Spec> = {
  'Clip to 0 and 6': activated(
    (value) => Math.min(6, Math.max(0, value)),
    (net) => net.onnx.node('Clip', [net.value, scalar(net, 0), scalar(net, 6)])
  ),
  'Max with 0': activated(
    (value) => Math.max(0, value),
    (net) => net.onnx.node('Max', [net.value, scalar(net, 0)])
  ),
  LeakyRelu: activated(
    (value) => (value > 0 ? value : value * Math.fround(0.2)),
    (net) => net.onnx.node('LeakyRelu', [net.value], { alpha: { float: 0.2 } })
  ),
  PRelu: activated(
    (value, channel) => (value > 0 ? value : value * Math.fround(slopes[channel]!)),
    (net) => net.onnx.node('PRelu', [net.value, net.onnx.constant('slope', Float32Array.from(slopes), [4, 1, 1])])
  ),
  Tanh: activated(Math.tanh, (net) => net.onnx.node('Tanh', [net.value])),
  'x · Sigmoid(x)': activated(
    (value) => value * sigmoid(value),
    (net) => net.onnx.node('Mul', [net.value, net.onnx.node('Sigmoid', [net.value])])
  ),
  HardSwish: activated(
    (value) => value * Math.min(1, Math.max(0, value / 6 + 0.5)),
    (net) => net.onnx.node('HardSwish', [net.value])
  ),
  'x · Clip(x + 3, 0, 6) / 6': activated(
    (value) => (value * Math.min(6, Math.max(0, value + 3))) / 6,
    (net) => {
      const { onnx, value } = net
      const inside = onnx.node('Clip', [onnx.node('Add', [value, scalar(net, 3)]), scalar(net, 0), scalar(net, 6)])
      return onnx.node('Mul', [value, onnx.node('Div', [inside, scalar(net, 6)])])
    }
  )
}

/** A squeeze-and-excitation block on four channels: a gate for each, from all of them. */
export const squeezeAndExcitation = (gate: 'Sigmoid' | 'HardSigmoid', expanded = false): Spec =>
  own((net) => {
    const { value, place, dims } = net
    const [channels, height, width] = map(net)
    const convolution = (out: number): Spec => ({ kind: 'conv', out, kernel: [1, 1] })
    net.addAll([{ kind: 'globalAveragePool' }, convolution(2), { kind: 'relu' }, convolution(channels)])
    net.push({
      kind: 'activation',
      apply: gate === 'Sigmoid' ? sigmoid : (x) => Math.min(1, Math.max(0, x * Math.fround(0.2) + 0.5))
    })
    const gates = Array.from({ length: channels * height * width }, (_, at) => Math.floor(at / (height * width)))
    net.naive.push({ kind: 'gate', inputs: [place, net.place], gates })
    net.place = net.naive.length - 1
    const own = net.onnx.node(gate, [net.value])
    const factor = expanded ? net.onnx.node('Expand', [own, net.onnx.node('Shape', [value])]) : own
    net.value = net.onnx.node('Mul', [factor, value])
    net.dims = dims
  })

/** The same behind a ReLU6, which is bounded too. */
export const gatedRelu6 = (gate: 'Sigmoid' | 'HardSigmoid'): Spec[] => [
  activations['Clip to 0 and 6']!,
  squeezeAndExcitation(gate)
]

/** Sum of three branches, as MXNet's exporter writes residual sums. */
export const sumOfThree: Spec = own((net) => {
  const { value, place, dims } = net
  const branch = (): [string, number] => {
    Object.assign(net, { value, place, dims })
    net.addAll([{ kind: 'conv', out: dims[0], kernel: [1, 1] }, { kind: 'relu' }])
    return [net.value, net.place]
  }
  const [[a, first], [b, second]] = [branch(), branch()]
  net.naive.push({ kind: 'add', inputs: [place, first] })
  net.naive.push({ kind: 'add', inputs: [net.naive.length - 1, second] })
  net.place = net.naive.length - 1
  net.value = net.onnx.node('Sum', [value, a, b])
})

/** Two convolutions of the same value, joined by channels (an inception module). */
export const joined: Spec = own((net) => {
  const { value, place, dims } = net
  const branch = (kernel: [number, number], pad: number): [string, number] => {
    Object.assign(net, { value, place, dims })
    net.addAll([{ kind: 'conv', out: 3, kernel, pads: [pad, pad, pad, pad] }, { kind: 'relu' }])
    return [net.value, net.place]
  }
  const [[a, first], [b, second]] = [branch([1, 1], 0), branch([3, 3], 1)]
  const each = size(net.dims)
  const pieces = Array.from({ length: 2 * each }, (_, at): [number, number] => [Math.floor(at / each), at % each])
  net.naive.push({ kind: 'join', inputs: [first, second], pieces })
  net.place = net.naive.length - 1
  net.value = net.onnx.node('Concat', [a, b], { axis: -3 })
  net.dims = [6, net.dims[1]!, net.dims[2]!]
})

/** The larger of a value's halves by channels, as LightCNN has it. */
export const maxFeatureMap: Spec = own((net) => {
  const [channels, height, width] = map(net)
  const half = (channels / 2) * height * width
  net.push({ kind: 'maxPool', sources: Array.from({ length: half }, (_, at) => [at, half + at]) })
  net.value = net.onnx.node('Max', net.onnx.node('Split', [net.value], { axis: 1 }, { outputs: 2 }))
  net.dims = [channels / 2, height, width]
})

/** a - b of two branches, which is a + (-b): the second convolution's weights work the other way round. */
export const difference: Spec = own((net) => {
  const { value, place, dims } = net
  net.addAll([{ kind: 'conv', out: dims[0], kernel: [3, 3], pads: [1, 1, 1, 1] }])
  const links = net.naive[net.place]!.connections!
  links.weight = links.weight.map((weight) => -weight)
  links.bias = links.bias.map((bias) => -bias)
  net.naive.push({ kind: 'add', inputs: [place, net.place] })
  net.place = net.naive.length - 1
  net.value = net.onnx.node('Sub', [value, net.value])
})

const pooled = (kind: 'maxPool' | 'linear', write: (net: NetBuilder) => string): Spec =>
  own((net) => {
    const [channels, height, width] = map(net)
    const pixels = height * width
    const sources = Array.from({ length: channels }, (_, c) =>
      Array.from({ length: pixels }, (__, p) => c * pixels + p)
    )
    const links = connections(channels, channels * pixels)
    sources.forEach((window, c) => {
      for (const from of window) connect(links, from, c, 1 / pixels)
    })
    net.push(kind === 'maxPool' ? { kind, sources } : { kind, connections: links })
    net.value = write(net)
    net.dims = [channels]
  })

/** Each ends in [channels]. */
export const globalPools: Record<string, Spec> = {
  'GlobalMaxPool and Flatten': pooled('maxPool', ({ onnx, value }) =>
    onnx.node('Flatten', [onnx.node('GlobalMaxPool', [value])])
  ),
  'ReduceMax over height and width': pooled('maxPool', ({ onnx, value }) =>
    onnx.node('ReduceMax', [value], { axes: [2, 3], keepdims: 0 })
  ),
  'ReduceMean over height and width': pooled('linear', ({ onnx, value }) =>
    onnx.node('ReduceMean', [value], { axes: [-1, -2], keepdims: 0 })
  ),
  'ReduceMean over width, then over height': pooled('linear', ({ onnx, value }) =>
    onnx.node('ReduceMean', [onnx.node('ReduceMean', [value], { axes: [3], keepdims: 0 })], { axes: [2], keepdims: 0 })
  ),
  'ReduceMean of NHWC maps': pooled('linear', ({ onnx, value }) => {
    const last = onnx.node('Transpose', [value], { perm: [0, 2, 3, 1] })
    return onnx.node('ReduceMean', [last], { axes: [1, 2], keepdims: 0 })
  })
}

/** Inverted residuals of a depthwise convolution, as MobileNetV2 has them. */
export const invertedResidual: Spec = {
  kind: 'residual',
  body: [
    { kind: 'conv', out: 8, kernel: [1, 1], bias: false },
    { kind: 'batchNorm' },
    activations['Clip to 0 and 6']!,
    { kind: 'conv', out: 8, kernel: [3, 3], pads: [1, 1, 1, 1], groups: 8, bias: false },
    { kind: 'batchNorm' },
    activations['Clip to 0 and 6']!,
    { kind: 'conv', out: 4, kernel: [1, 1] }
  ]
}

/** Noise as pictures are: the same each time. */
export function noiseOf(length: number, seed: number): Float32Array {
  const random = randomOf(seed)
  return Float32Array.from({ length }, () => normal(random))
}
