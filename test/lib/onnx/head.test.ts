import { describe, expect, it } from 'vitest'
import { ModelError } from '../../../src/core/errors.js'
import {
  checkWeights,
  GraphBuilder,
  graphHeadOf,
  type Head,
  halfOf,
  knownHeadOf,
  numberOfHalf,
  type OutputChoice,
  signatureOf
} from '../../../src/lib/onnx/index.js'

type Make = (graph: GraphBuilder, logits: string) => string

/** A dense layer of three outputs, and what `make` puts behind it. */
function modelOf(make: Make) {
  const graph = new GraphBuilder({ name: 'net' })
  const x = graph.input('x', ['N', 4])
  const last = make(
    graph,
    graph.node('MatMul', [x, graph.constant('w', new Float32Array(12), [4, 3])], {}, { name: 'fc' })
  )
  graph.output(last, ['N', 3])
  return graph.toModel()
}

const number = (graph: GraphBuilder, ...values: number[]): string =>
  graph.constant('c', Float32Array.from(values), values.length > 1 ? [values.length] : [])
const index = (graph: GraphBuilder, at: number): string => graph.constant('i', BigInt64Array.of(BigInt(at)), [1])
const axis = (graph: GraphBuilder): string => graph.constant('axis', BigInt64Array.of(-1n), [1])
const sumOf = (graph: GraphBuilder, x: string): string => graph.node('ReduceSum', [x, axis(graph)], { keepdims: 1 })
const lessMax = (graph: GraphBuilder, x: string): string =>
  graph.node('Sub', [x, graph.node('ReduceMax', [x], { axes: [-1], keepdims: 1 })])
const shares = (graph: GraphBuilder, x: string): string => {
  const e = graph.node('Exp', [x])
  return graph.node('Div', [e, sumOf(graph, e)])
}
const quantised = (graph: GraphBuilder, x: string): string => {
  const scale = [number(graph, 1 / 256), graph.constant('zero', Uint8Array.of(0), [])]
  return graph.node('DequantizeLinear', [graph.node('QuantizeLinear', [x, ...scale]), ...scale])
}
const moved = (graph: GraphBuilder, x: string): string =>
  graph.node('Identity', [
    graph.node('Reshape', [graph.node('Cast', [x], { to: 1 }), graph.constant('s', BigInt64Array.of(0n, 3n), [2])])
  ])

const forms: [string, Head | null, Make][] = [
  ['a dense layer', 'logits', (_, x) => x],
  [
    'a bias and a temperature',
    'logits',
    (g, x) => g.node('Div', [g.node('Add', [x, number(g, 1, 2, 3)]), number(g, 2)])
  ],
  [
    'branches of one output each, joined',
    'logits',
    (g, x) => g.node('Concat', [g.node('Slice', [x, index(g, 0), index(g, 1), index(g, 1)]), x], { axis: 1 })
  ],
  ['a softmax', 'softmax', (g, x) => g.node('Softmax', [x], { axis: 1 })],
  ['a softmax, moved and cast', 'softmax', (g, x) => moved(g, g.node('Softmax', [moved(g, x)], { axis: 1 }))],
  ['a softmax, quantised', 'softmax', (g, x) => quantised(g, g.node('Softmax', [x], { axis: 1 }))],
  ['a softmax in Exp, ReduceSum and Div', 'softmax', shares],
  ['the same less the maximum', 'softmax', (g, x) => shares(g, lessMax(g, x))],
  [
    'the same by the reciprocal',
    'softmax',
    (g, x) => {
      const e = g.node('Exp', [lessMax(g, x)])
      return g.node('Mul', [g.node('Reciprocal', [sumOf(g, e)]), e])
    }
  ],
  ['the exponential of a log-softmax', 'softmax', (g, x) => g.node('Exp', [g.node('LogSoftmax', [x], { axis: 1 })])],
  ['a log-softmax', 'log_softmax', (g, x) => g.node('LogSoftmax', [x], { axis: 1 })],
  ['the logarithm of a softmax', 'log_softmax', (g, x) => g.node('Log', [g.node('Softmax', [x], { axis: 1 })])],
  [
    'a log-softmax in single steps',
    'log_softmax',
    (g, x) => {
      const centred = lessMax(g, x)
      return g.node('Sub', [centred, g.node('Log', [sumOf(g, g.node('Exp', [centred]))])])
    }
  ],
  [
    'a log-softmax by ReduceLogSumExp',
    'log_softmax',
    (g, x) => g.node('Sub', [x, g.node('ReduceLogSumExp', [x], { axes: [-1], keepdims: 1 })])
  ],
  ['a sigmoid', 'sigmoid', (g, x) => g.node('Sigmoid', [x])],
  [
    'the logistic function in single steps',
    'sigmoid',
    (g, x) => g.node('Div', [number(g, 1), g.node('Add', [g.node('Exp', [g.node('Neg', [x])]), number(g, 1)])])
  ],
  ['a ReLU', null, (g, x) => g.node('Relu', [x])],
  ['a scaled softmax', null, (g, x) => g.node('Mul', [g.node('Softmax', [x]), number(g, 100)])],
  ['the mean of two softmaxes', null, (g, x) => g.node('Add', [g.node('Softmax', [x]), g.node('Softmax', [x])])],
  ['shares of something else than exponentials', null, (g, x) => g.node('Div', [x, sumOf(g, g.node('Exp', [x]))])],
  [
    'a division by the sum of another value',
    null,
    (g, x) => g.node('Div', [g.node('Exp', [x]), sumOf(g, g.node('Exp', [g.node('Neg', [x])]))])
  ]
]

describe('the head of a graph', () => {
  it.each(forms)('that ends in %s is read as %s', (_, head, make) => {
    const { graph } = modelOf(make)
    const found = graphHeadOf(graph, graph.outputs[0]!.name)
    expect(found.head).toBe(head)
    if (head !== null && head !== 'logits') expect(beforeMoves(graph, found.before)).toBe('fc')
  })

  it('that the graph does not tell comes from the choice, and is refused without one', () => {
    const model = modelOf((g, x) => g.node('Relu', [x], {}, { name: 'act' }))
    expect(signatureOf(model, { head: 'sigmoid' }).head).toBe('sigmoid')
    expect(signatureOf(model, { head: 'auto' }).head).toBeNull()
    expect(() => knownHeadOf(signatureOf(model), 'net.onnx')).toThrow(
      /^net\.onnx: the graph ends in node "act" \(Relu\), which does not say .* Put head: logits, softmax/
    )
  })

  it('that contradicts the choice is refused', () => {
    const model = modelOf((g, x) => g.node('Softmax', [x], {}, { name: 'prob' }))
    expect(() => signatureOf(model, { head: 'sigmoid' })).toThrow(
      /head is sigmoid, but the graph ends in node "prob" \(Softmax\), which gives softmax\. Set head to auto or softmax/
    )
  })
})

/** The value that Reshape, Cast and Identity have made this one of. */
function beforeMoves(graph: ReturnType<typeof modelOf>['graph'], value: string): string {
  const node = graph.nodes.find(({ outputs }) => outputs.includes(value))
  return node && ['Identity', 'Reshape', 'Cast'].includes(node.opType) ? beforeMoves(graph, node.inputs[0]!) : value
}

describe('what a classifier takes and gives', () => {
  const twoOutputs = () => {
    const graph = new GraphBuilder({ name: 'net' })
    const x = graph.input('x', ['N', 4])
    graph.output(graph.node('Relu', [x], {}, { name: 'embedding' }), ['N', 4])
    graph.output(graph.node('MatMul', [x, graph.constant('w', new Float32Array(12), [4, 3])], {}, { name: 'scores' }), [
      'N',
      3
    ])
    return graph.toModel()
  }

  it('of several outputs is the one that is named; without a name they are listed', () => {
    expect(signatureOf(twoOutputs(), { output: 'scores' })).toMatchObject({
      head: 'logits',
      output: { name: 'scores' }
    })
    expect(() => signatureOf(twoOutputs())).toThrow(/2 outputs: embedding, scores\. Put output: NAME/)
    expect(() => signatureOf(twoOutputs(), { output: 'pain' })).toThrow(/no output "pain"\. .* embedding, scores/)
  })

  it.each([
    ['float32', ['x'], {}, null],
    ['uint8', ['x'], {}, null],
    ['int64', ['x'], {}, /its input "x" is int64\. Export .* float32, float16, float64, uint8/],
    ['float32', ['x', 'training'], {}, /2 inputs \(x, training\) instead of one\. .* as a constant/]
  ] as const)('with inputs of %s, %j is served or refused', (type, names, choice: OutputChoice, message) => {
    const graph = new GraphBuilder({ name: 'net' })
    const [x] = names.map((name) => graph.input(name, ['N', 3], type))
    graph.output(graph.node('Cast', [x!], { to: 1 }), ['N', 3])
    if (message === null) expect(signatureOf(graph.toModel(), choice).input.type).toBe(type)
    else expect(() => signatureOf(graph.toModel(), choice)).toThrow(message)
  })

  it.each([
    ['int64', /is int64, made by node "best" \(ArgMax\), not scores\. .* without the operator that chooses/],
    ['uint8', /is uint8.*\. Export the model with a DequantizeLinear/]
  ] as const)('with an output of %s is refused with what to do', (type, message) => {
    const graph = new GraphBuilder({ name: 'net' })
    const x = graph.input('x', ['N', 3])
    graph.output(graph.node('ArgMax', [x], {}, { name: 'best' }), ['N'], type)
    expect(() => signatureOf(graph.toModel())).toThrow(message)
    expect(() => signatureOf(graph.toModel())).toThrow(ModelError)
  })

  it('with a weight that is no number is refused by the tensor’s name; an infinite one is not', () => {
    const withWeight = (value: number) => {
      const graph = new GraphBuilder({ name: 'net' })
      graph.constant('conv1.w', Float32Array.of(0, 1, value), [3])
      return graph.toModel()
    }
    expect(() => checkWeights(withWeight(Number.NaN), 'net.onnx')).toThrow(
      /value 2 of its tensor "conv1\.w" is no number/
    )
    expect(() => checkWeights(withWeight(Number.NEGATIVE_INFINITY), 'net.onnx')).not.toThrow()
  })
})

describe('halves', () => {
  it('each of the 63488 finite halves comes back from its number', () => {
    const wrong: number[] = []
    for (let bits = 0; bits < 0x10000; bits++)
      if ((bits & 0x7c00) !== 0x7c00 && halfOf(numberOfHalf(bits)) !== bits) wrong.push(bits)
    expect(wrong).toEqual([])
  })

  it.each([
    [1 + 2 ** -11, 0x3c00],
    [1 + 3 * 2 ** -11, 0x3c02],
    [65519, 0x7bff],
    [65520, 0x7c00],
    [-1e9, 0xfc00],
    [2 ** -25, 0],
    [3 * 2 ** -25, 2],
    [Number.NaN, 0x7e00]
  ])('%s is rounded to the nearest half, ties to even', (value, bits) => {
    expect(halfOf(value)).toBe(bits)
  })
})
