import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as ort from 'onnxruntime-node'
import { describe, expect, it } from 'vitest'
import {
  encodeModel,
  floatsOf,
  GraphBuilder,
  halfModelOf,
  type OnnxModel,
  planQuantisation,
  quantiseModel,
  rangeModelOf,
  type ValueRange
} from '../../../src/lib/onnx/index.js'
import { openSession, placedNodes } from '../../../src/lib/ort/provider.js'
import { createRandom, type Random } from '../../../src/lib/random.js'

const side = 12
const values = (random: Random, count: number, deviation: number) =>
  Float32Array.from({ length: count }, () => random.normal(0, deviation))

/** Weights whose outputs differ in size by 100, so that one scale for all of them would not do. */
function weightsOf(random: Random, outputs: number, each: number): Float32Array {
  return Float32Array.from({ length: outputs * each }, (_, i) =>
    random.normal(0, 0.3 * 100 ** ((Math.floor(i / each) % 3) / 2 - 0.5))
  )
}

/** Conv, Relu and MaxPool twice, a branch that is added, then dense layers. */
function net(options: { opset?: number; matmul?: boolean; transposed?: boolean } = {}): OnnxModel {
  const { opset = 17, matmul = false, transposed = true } = options
  const random = createRandom(3)
  const graph = new GraphBuilder({ name: 'net', opset })
  const conv = (input: string, outputs: number, inputs: number, name: string) => {
    const weights = graph.constant(`${name}_w`, weightsOf(random, outputs, inputs * 9), [outputs, inputs, 3, 3])
    const bias = graph.constant(`${name}_b`, values(random, outputs, 0.2), [outputs])
    return graph.node('Conv', [input, weights, bias], { pads: [1, 1, 1, 1], kernel_shape: [3, 3] }, { name })
  }
  const relu = (input: string) => graph.node('Relu', [input])
  graph.input('input', ['N', 3, side, side])
  const first = relu(conv('input', 6, 3, 'first'))
  const pooled = graph.node('MaxPool', [first], { kernel_shape: [2, 2], strides: [2, 2] })
  const second = relu(conv(pooled, 6, 6, 'second'))
  const third = conv(second, 6, 6, 'third')
  const sum = relu(graph.node('Add', [second, third], {}, { name: 'sum' }))
  const flat = graph.node('Flatten', [graph.node('MaxPool', [sum], { kernel_shape: [2, 2], strides: [2, 2] })])
  const hidden = 6 * (side / 4) ** 2
  const dense = values(random, hidden * 8, 0.2)
  const dims = transposed && !matmul ? [8, hidden] : [hidden, 8]
  const inputs = [flat, graph.constant('fc_w', dense, dims)]
  const fc = matmul
    ? graph.node('MatMul', inputs, {}, { name: 'fc' })
    : graph.node(
        'Gemm',
        [...inputs, graph.constant('fc_b', values(random, 8, 0.1), [8])],
        { transB: transposed ? 1 : 0 },
        { name: 'fc' }
      )
  const last = graph.constant('last_w', values(random, 8 * 3, 0.3), [8, 3])
  graph.output(graph.node('Gemm', [relu(fc), last], {}, { name: 'last' }), ['N', 3])
  return graph.toModel()
}

const pictures = (count: number, seed: number) => {
  const random = createRandom(seed)
  return Array.from({ length: count }, () => values(random, 3 * side * side, 1))
}

const cpu = { provider: 'cpu', threads: 1 } as const
const feed = (data: Float32Array) => ({ input: new ort.Tensor('float32', data, [1, 3, side, side]) })

async function outputs(model: OnnxModel, data: readonly Float32Array[]): Promise<number[][]> {
  const session = await openSession(encodeModel(model), cpu)
  const found: number[][] = []
  for (const each of data) found.push([...((await session.run(feed(each))).last!.data as Float32Array)])
  await session.release()
  return found
}

async function rangesOf(model: OnnxModel, plan: ReturnType<typeof planQuantisation>, data: readonly Float32Array[]) {
  const { model: own, outputs: names } = rangeModelOf(model, plan)
  const session = await openSession(encodeModel(own), cpu)
  const ranges = new Map<string, ValueRange>()
  for (const each of data) {
    const found = await session.run(feed(each))
    for (const [value, { min, max }] of names) {
      const [low, high] = [Number(found[min]!.data[0]), Number(found[max]!.data[0])]
      const before = ranges.get(value) ?? { min: low, max: high }
      ranges.set(value, { min: Math.min(before.min, low), max: Math.max(before.max, high) })
    }
  }
  await session.release()
  return ranges
}

async function quantised(model: OnnxModel): Promise<OnnxModel> {
  const plan = planQuantisation(model, 'last', 'net')
  return quantiseModel(model, plan, await rangesOf(model, plan, pictures(30, 1)), 'net')
}

/** Operators that ran, as ONNX Runtime's profile names them. */
async function operatorsOf(model: OnnxModel): Promise<string[]> {
  const folder = await mkdtemp(join(tmpdir(), 'painlens-profile-'))
  const session = await openSession(encodeModel(model), { ...cpu, profileFilePrefix: join(folder, 'p') })
  await session.run(feed(pictures(1, 5)[0]!))
  session.endProfiling()
  await session.release()
  const [file] = await readdir(folder)
  const nodes = placedNodes(await readFile(join(folder, file!), 'utf8'))
  await rm(folder, { recursive: true })
  return nodes.map(({ operator }) => operator)
}

describe('a quantised model', () => {
  it.each([
    ['Gemm with transposed weights', {}],
    ['Gemm with plain weights', { transposed: false }],
    ['MatMul', { matmul: true }],
    ['an older opset, whose own operators have no scale by channel', { opset: 11 }]
  ])('gives nearly what the float model gives: %s', async (_, options) => {
    const model = net(options)
    const test = pictures(20, 2)
    const [right, found] = [await outputs(model, test), await outputs(await quantised(model), test)]
    const errors = right.flatMap((row, i) => row.map((each, k) => Math.abs(each - found[i]![k]!)))
    const spread = Math.sqrt(right.flat().reduce((sum, each) => sum + each * each, 0) / right.flat().length)
    const mean = errors.reduce((sum, each) => sum + each, 0) / errors.length
    expect(mean / spread).toBeLessThan(0.03)
    expect(mean).toBeGreaterThan(0)
  })

  it('runs on the kernels for 8 bits between its first convolution and its last layer', async () => {
    const operators = await operatorsOf(await quantised(net()))
    expect(operators.filter((each) => each === 'QLinearConv')).toHaveLength(2)
    expect(operators).toEqual(expect.arrayContaining(['QGemm', 'QLinearAdd', 'Gemm']))
    expect(operators.some((each) => /^(Fused)?Conv$/.test(each))).toBe(true)
    expect(operators).not.toContain('Relu')
  })

  it('has dense weights as [input][output], which ONNX Runtime packs without a copy of them that it keeps', async () => {
    const model = net({ transposed: true })
    const { graph } = await quantised(model)
    const own = model.graph.initializers.get('fc_w')!
    const fc = graph.nodes.find(({ name }) => name === 'fc')!
    const part = (name: string) => graph.initializers.get(`${fc.outputs[0]}/weights/${name}`)!
    const [outputs, inputs] = own.dims as [number, number]
    const [floats, scales] = [floatsOf(own), floatsOf(part('scale'))]
    const whole = new Int8Array(part('whole').data.buffer, part('whole').data.byteOffset, outputs * inputs)
    expect([...part('whole').dims, fc.attributes.has('transB')]).toEqual([inputs, outputs, false])
    for (let output = 0; output < outputs; output++)
      for (let i = 0; i < inputs; i++) {
        const error = whole[i * outputs + output]! * scales[output]! - floats[output * inputs + i]!
        expect(Math.abs(error)).toBeLessThanOrEqual(scales[output]! / 2 + 1e-7)
      }
  })

  it('has the same quantised input behind a MaxPool as before it: a range of its own would cost precision', () => {
    const model = net()
    const { values } = planQuantisation(model, 'last', 'net')
    expect([...values.values()].filter((range) => range.startsWith('MaxPool')).length).toBe(1)
  })
})

describe('a model in half precision', () => {
  it.each([
    ['plain', {}],
    ['of an older opset', { opset: 11 }]
  ])('gives nearly what the float model gives, from the same input to the same output: %s', async (_, options) => {
    const model = net(options)
    const half = halfModelOf(model, 'net')
    const test = pictures(10, 2)
    const [right, found] = [await outputs(model, test), await outputs(half, test)]
    const errors = right.flatMap((row, i) => row.map((each, k) => Math.abs(each - found[i]![k]!)))
    expect(Math.max(...errors) / Math.max(...right.flat().map(Math.abs))).toBeLessThan(0.01)
    expect(Math.max(...errors)).toBeGreaterThan(0)
    expect([half.graph.inputs, half.graph.outputs]).toEqual([model.graph.inputs, model.graph.outputs])
    expect([...half.graph.initializers.values()].map(({ type }) => type)).not.toContain('float32')
  })
})

describe('what cannot be quantised', () => {
  it('is named by node, with the reason', () => {
    const graph = new GraphBuilder({ name: 'net' })
    graph.input('input', ['N', 4])
    const made = graph.node('Transpose', ['input'], { perm: [1, 0] })
    const odd = graph.node(
      'Gemm',
      ['input', graph.constant('w', new Float32Array(16), [4, 4])],
      { alpha: { float: 2 } },
      { name: 'odd' }
    )
    const product = graph.node('MatMul', [odd, made], {}, { name: 'attention' })
    graph.output(
      graph.node('Gemm', [product, graph.constant('v', new Float32Array(12), [4, 3])], {}, { name: 'last' }),
      ['N', 3]
    )
    expect(() => planQuantisation(graph.toModel(), 'last', 'net.onnx')).toThrow(
      'net.onnx: no layer of it can be computed in 8 bits (node "odd" (Gemm): its alpha, beta or transA is not what it is by default; node "attention" (MatMul): its weights are no constant; node "last" (Gemm): it is the last layer)'
    )
  })

  it('is a model that is quantised already', async () => {
    const model = await quantised(net())
    expect(() => planQuantisation(model, 'last', 'net.onnx')).toThrow(/it is quantised already, at node/)
  })

  it('are values that the crops gave no finite range of', async () => {
    const model = net()
    const plan = planQuantisation(model, 'last', 'net')
    const ranges = await rangesOf(model, plan, pictures(2, 1))
    const [value] = ranges.keys()
    expect(() =>
      quantiseModel(model, plan, new Map([...ranges, [value!, { min: 0, max: Number.NaN }]]), 'net')
    ).toThrow(/of the crops is from 0 to NaN/)
  })
})
