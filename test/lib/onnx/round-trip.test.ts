import { InferenceSession, Tensor } from 'onnxruntime-node'
import { describe, expect, it } from 'vitest'
import { decodeModel, encodeModel, floatsOf, GraphBuilder, integersOf, tensorOf } from '../../../src/lib/onnx/index.js'

/** y = LeakyRelu(Gemm(x, w, b)), and the largest class. */
function smallModel() {
  const builder = new GraphBuilder({ name: 'small' })
  const x = builder.input('x', ['batch', 2])
  const w = builder.constant('w', new Float32Array([1, 2, 3, -4, -5, -6]), [3, 2])
  const b = builder.constant('b', new Float32Array([0.5, 0, 1]), [3])
  const z = builder.node('Gemm', [x, w, b], { transB: 1, alpha: { float: 2 } })
  const y = builder.node('LeakyRelu', [z], { alpha: { float: 0.25 } }, { name: 'y' })
  const [values, indices] = builder.node(
    'TopK',
    [y, builder.constant('k', BigInt64Array.of(1n), [1])],
    { axis: 1 },
    {
      outputs: ['best', 'index']
    }
  )
  builder.output(y, ['batch', 3])
  builder.output(values!, ['batch', 1])
  builder.output(indices!, ['batch', 1], 'int64')
  builder.metadata('origin', 'a test')
  return builder.toModel()
}

describe('an ONNX model', () => {
  it('an ONNX model survives writing and reading unchanged', () => {
    const model = smallModel()
    const again = decodeModel(encodeModel(model))
    expect(again).toEqual(model)
    expect(encodeModel(again)).toEqual(encodeModel(model))
  })

  it("ONNX Runtime computes a built model's values as worked out by hand", async () => {
    const session = await InferenceSession.create(encodeModel(smallModel()))
    const { y, best, index } = await session.run({ x: new Tensor('float32', [1, 1, 0, -1], [2, 2]) })
    // 2·(x·wᵀ) + b: [6, -2, -22] + b and [-4, 8, 12] + b, negative values times 0.25
    expect(Array.from(y!.data as Float32Array)).toEqual([6.5, -0.5, -5.25, -0.875, 8, 13])
    expect(Array.from(best!.data as Float32Array)).toEqual([6.5, 13])
    expect(Array.from(index!.data as BigInt64Array)).toEqual([0n, 2n])
    await session.release()
  })

  it('every kind of attribute keeps its type', () => {
    const builder = new GraphBuilder({ name: 'attributes' })
    const attributes = {
      int: -3,
      int_max: 2 ** 63,
      float: { float: 1 },
      ints: [1, -1, 2 ** 40],
      no_ints: [],
      floats: { floats: [0.5, 2] },
      string: 'valid',
      empty: '',
      strings: { strings: ['a', ''] },
      tensor: { tensor: tensorOf('t', new Uint8Array([1, 2, 3]), [3]) }
    }
    builder.output(builder.node('Any', [builder.input('x', [1])], attributes), [1])
    const [node] = decodeModel(encodeModel(builder.toModel())).graph.nodes
    expect(Object.fromEntries(node!.attributes)).toEqual({
      int: { type: 'int', value: -3 },
      int_max: { type: 'int', value: 2 ** 63 },
      float: { type: 'float', value: 1 },
      ints: { type: 'ints', value: [1, -1, 2 ** 40] },
      no_ints: { type: 'ints', value: [] },
      floats: { type: 'floats', value: [0.5, 2] },
      string: { type: 'string', value: 'valid' },
      empty: { type: 'string', value: '' },
      strings: { type: 'strings', value: ['a', ''] },
      tensor: { type: 'tensor', value: { name: 't', dims: [3], type: 'uint8', data: Uint8Array.of(1, 2, 3) } }
    })
  })

  it('an omitted optional input stays omitted', () => {
    const builder = new GraphBuilder({ name: 'optional' })
    const x = builder.input('x', [1, 2])
    builder.output(builder.node('Clip', [x, '', builder.constant('max', new Float32Array([1]), [])]), [1, 2])
    expect(decodeModel(encodeModel(builder.toModel())).graph.nodes[0]!.inputs).toEqual(['x', '', 'max'])
  })

  it('reading shares the memory of bytes and constants', () => {
    const bytes = encodeModel(smallModel())
    expect(decodeModel(bytes).graph.initializers.get('w')!.data.buffer).toBe(bytes.buffer)
    const weights = new Float32Array(4)
    expect(tensorOf('w', weights, [4]).data.buffer).toBe(weights.buffer)
  })
})

describe('tensor values', () => {
  it('tensor values are read at any alignment and from every float type', () => {
    const values = [0, 1.5, -2, 65504, 2 ** -24]
    const shifted = new Uint8Array(1 + values.length * 4)
    shifted.set(new Uint8Array(Float32Array.from(values).buffer), 1)
    const dims = [values.length]
    expect(Array.from(floatsOf({ name: 'a', type: 'float32', dims, data: shifted.subarray(1) }))).toEqual(values)
    expect(Array.from(floatsOf(tensorOf('b', Float64Array.from(values), dims)))).toEqual(values)
    const halves = Uint16Array.of(0x0000, 0x3e00, 0xc000, 0x7bff, 0x0001)
    expect(Array.from(floatsOf({ ...tensorOf('c', halves, dims), type: 'float16' }))).toEqual(values)
  })

  it('shapes and axes are read as whole numbers', () => {
    expect(integersOf(tensorOf('a', BigInt64Array.of(-1n, 3n), [2]))).toEqual([-1, 3])
    expect(integersOf(tensorOf('b', Int32Array.of(4), [1]))).toEqual([4])
    expect(() => integersOf(tensorOf('c', Float32Array.of(4), [1]))).toThrow(/tensor "c": the tensor is float32/)
    expect(() => floatsOf(tensorOf('d', Int32Array.of(4), [1]))).toThrow(/tensor "d": the tensor is int32/)
  })
})

describe('the builder', () => {
  it('the builder refuses a graph that could not be run', () => {
    const builder = new GraphBuilder({ name: 'wrong' })
    builder.input('x', [1])
    expect(() => builder.input('x', [1])).toThrow(/"x" is taken/)
    expect(() => builder.node('Relu', ['y'])).toThrow(/no value "y"/)
    expect(() => builder.node('LeakyRelu', ['x'], { alpha: 0.5 })).toThrow(/alpha: 0.5 is no INT/)
    expect(() => builder.constant('w', new Float32Array(5), [2, 3])).toThrow(/do not hold 5/)
    expect(() => builder.output('z', [1])).toThrow(/no value "z"/)
  })

  it('the builder gives each value a unique name', () => {
    const builder = new GraphBuilder({ name: 'names' })
    const x = builder.input('x', [1])
    expect([builder.node('Relu', [x]), builder.node('Relu', [x])]).toEqual(['Relu', 'Relu_1'])
    expect(builder.constant('x', new Float32Array(1), [1])).toBe('x_1')
  })
})
