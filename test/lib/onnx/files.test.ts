import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { DiskError, ModelError } from '../../../src/core/errors.js'
import { decodeModel, encodeModel, floatsOf, GraphBuilder, readModel, writeModel } from '../../../src/lib/onnx/index.js'
import { WireWriter } from '../../../src/lib/onnx/wire.js'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'painlens-onnx-'))
})
afterAll(() => rm(folder, { recursive: true }))

function convModel() {
  const builder = new GraphBuilder({ name: 'conv' })
  const x = builder.input('x', ['batch', 1, 4, 4])
  const w = builder.constant(
    'w',
    Float32Array.from({ length: 18 }, (_, i) => i / 10),
    [2, 1, 3, 3]
  )
  const shape = builder.constant('shape', BigInt64Array.of(0n, -1n), [2])
  const z = builder.node('Relu', [builder.node('Conv', [x, w], { pads: [1, 1, 1, 1], kernel_shape: [3, 3] })])
  builder.output(builder.node('Reshape', [z, shape], {}, { name: 'y' }), ['batch', 32])
  return builder.toModel()
}

/** A model whose only tensor is encoded by hand, as other exporters may write it. */
function withTensor(tensor: WireWriter): Uint8Array {
  const type = new WireWriter().message(1, new WireWriter().varint(1, 1).message(2, new WireWriter()))
  const graph = new WireWriter()
    .message(1, new WireWriter().string(1, 'w').string(2, 'y').string(4, 'Identity'))
    .message(5, tensor.string(8, 'w'))
    .message(12, new WireWriter().string(1, 'y').message(2, type))
  const model = new WireWriter().varint(1, 3).message(7, graph).message(8, new WireWriter().varint(2, 9))
  return Buffer.concat(model.chunks)
}

const floats = (...values: number[]) => new Uint8Array(Float32Array.from(values).buffer)

describe('model files', () => {
  it('a model file is written completely and read back', async () => {
    const file = join(folder, 'conv.onnx')
    const model = convModel()
    await writeModel(file, model)
    await writeModel(file, model)
    expect(await readModel(file)).toEqual(decodeModel(encodeModel(model)))
    expect((await readdir(folder)).filter((name) => name.includes('conv'))).toEqual(['conv.onnx'])
  })

  it('large weights survive the gathered writes', async () => {
    const builder = new GraphBuilder({ name: 'large' })
    const weights = Float32Array.from({ length: 300_000 }, (_, i) => i)
    builder.output(builder.node('Identity', [builder.constant('w', weights, [300_000])]), [300_000])
    const file = join(folder, 'large.onnx')
    await writeModel(file, builder.toModel())
    expect(floatsOf((await readModel(file)).graph.initializers.get('w')!)).toEqual(weights)
  })

  it('a model file is read without a copy, whatever the alignment of its floats', async () => {
    for (const name of ['w', 'ww', 'www', 'wwww']) {
      const builder = new GraphBuilder({ name: 'shift' })
      const weights = Float32Array.from({ length: 300 }, (_, i) => i / 7)
      builder.output(builder.node('Identity', [builder.constant(name, weights, [300])]), [300])
      const file = join(folder, `${name}.onnx`)
      await writeModel(file, builder.toModel())
      const tensor = (await readModel(file)).graph.initializers.get(name)!
      expect(floatsOf(tensor)).toEqual(weights)
      expect(floatsOf(tensor).buffer).toBe(tensor.data.buffer)
    }
  })

  it('large weights can go into a data file, which ONNX Runtime finds', async () => {
    const builder = new GraphBuilder({ name: 'split' })
    const weights = Float32Array.from({ length: 2 * 20_000 }, (_, i) => (i % 13) - 6)
    const [large, small] = [
      builder.constant('large', weights, [2, 20_000]),
      builder.constant('b', Float32Array.of(1), [1])
    ]
    const more = builder.constant('more', weights, [20_000, 2])
    const x = builder.input('x', ['N', 20_000])
    const z = builder.node('Add', [builder.node('Gemm', [x, large], { transB: 1 }), small])
    builder.output(builder.node('Add', [z, builder.node('MatMul', [x, more])], {}, { name: 'y' }), ['N', 2])
    const file = join(folder, 'split.onnx')
    await writeModel(file, builder.toModel(), { dataFile: true, durable: false })
    expect(floatsOf((await readModel(file)).graph.initializers.get('more')!)).toEqual(weights)
    const session = await InferenceSession.create(file)
    const { y } = await session.run({ x: new Tensor('float32', new Float32Array(20_000).fill(1), [1, 20_000]) })
    const sums = [0, 1].map(
      (out) =>
        weights.subarray(out * 20_000, (out + 1) * 20_000).reduce((sum, value) => sum + value, 1) +
        weights.reduce((sum, value, i) => sum + (i % 2 === out ? value : 0), 0)
    )
    expect(Array.from(y!.data as Float32Array)).toEqual(sums)
    await session.release()
  })

  it('a model file that cannot be written leaves no remains and is reported', async () => {
    await expect(writeModel(join(folder, 'none', 'x.onnx'), convModel())).rejects.toThrow(DiskError)
    const taken = join(folder, 'taken.onnx')
    await mkdir(taken)
    await expect(writeModel(taken, convModel())).rejects.toThrow(/taken\.onnx: the model \(\d+ bytes\) could not be/)
    expect((await readdir(folder)).filter((name) => name.endsWith('.tmp'))).toEqual([])
  })

  it('a missing model file is named in the error', async () => {
    await expect(readModel(join(folder, 'absent.onnx'))).rejects.toThrow(
      /absent\.onnx: the model cannot be read: ENOENT/
    )
  })

  it('weights in a file beside the model are read', async () => {
    const entry = (key: string, value: string) => new WireWriter().string(1, key).string(2, value)
    const tensor = (location: string, length = '8') =>
      withTensor(
        new WireWriter()
          .varint(1, 2)
          .varint(2, 1)
          .message(13, entry('location', location))
          .message(13, entry('offset', '4'))
          .message(13, entry('length', length))
          .varint(14, 1)
      )
    await writeFile(join(folder, 'weights.bin'), floats(1, 2, 3))
    const file = join(folder, 'external.onnx')
    await writeFile(file, tensor('weights.bin'))
    expect(Array.from(floatsOf((await readModel(file)).graph.initializers.get('w')!))).toEqual([2, 3])
    await writeFile(file, tensor('weights.bin', '12'))
    await expect(readModel(file)).rejects.toThrow(/"w" lies beyond the 12 bytes of "weights.bin"/)
    await writeFile(file, tensor('absent.bin'))
    await expect(readModel(file)).rejects.toThrow(/data file ".*absent.bin" cannot be read/)
    for (const outside of ['../weights.bin', '/etc/passwd', 'a/../../weights.bin', '..']) {
      await writeFile(file, tensor(outside))
      await expect(readModel(file)).rejects.toThrow(/lie outside its folder/)
    }
    await symlink('/dev/null', join(folder, 'device.bin'))
    for (const special of ['device.bin', '.']) {
      await writeFile(file, tensor(special))
      await expect(readModel(file)).rejects.toThrow(/data file ".*" cannot be read: (it is no file|EISDIR)/)
    }
    expect(() => decodeModel(tensor('weights.bin'))).toThrow(/which was not given/)
  })
})

describe('tensors in typed fields', () => {
  const values = (bytes: Uint8Array) => decodeModel(bytes).graph.initializers.get('w')!
  it('tensors in typed fields are read packed and unpacked', () => {
    const packed = new WireWriter().varint(1, 2).varint(2, 1).bytes(4, floats(1.5, -2))
    expect(Array.from(floatsOf(values(withTensor(packed))))).toEqual([1.5, -2])
    const unpacked = new WireWriter().varint(1, 2).varint(2, 1).float(4, 1.5).float(4, -2)
    expect(Array.from(floatsOf(values(withTensor(unpacked))))).toEqual([1.5, -2])
    const int64 = new WireWriter().bytes(1, Uint8Array.of(2)).varint(2, 7).varint(7, -1).varint(7, 5)
    expect(values(withTensor(int64)).data).toEqual(new Uint8Array(BigInt64Array.of(-1n, 5n).buffer))
    const int8 = new WireWriter().varint(1, 2).varint(2, 3).varint(5, -1).varint(5, 5)
    expect(values(withTensor(int8)).data).toEqual(Uint8Array.of(255, 5))
  })
  it('tensors that do not fill their dims are refused', () => {
    const short = new WireWriter().varint(1, 3).varint(2, 1).bytes(9, floats(1, 2))
    expect(() => decodeModel(withTensor(short), { where: 'x.onnx' })).toThrow(
      new ModelError('PL-MODEL-DAMAGED', 'tensor "w" needs 12 bytes and has 8', 'x.onnx')
    )
  })
})

describe('a damaged model file', () => {
  it('a malformed model is refused with an explanation', () => {
    const sentence = (bytes: Uint8Array) => {
      try {
        decodeModel(bytes, { where: 'm.onnx' })
      } catch (error) {
        expect(error).toBeInstanceOf(ModelError)
        return (error as ModelError).message
      }
      throw new Error('it was taken')
    }
    expect(sentence(new Uint8Array(0))).toMatch(/no ONNX model: it has no graph/)
    expect(sentence(Buffer.from('{"json": true}\n'))).toMatch(/^m\.onnx: .*\. Export or copy the model again, .*\.$/)
    const whole = encodeModel(convModel())
    expect(sentence(whole.subarray(0, whole.length - 40))).toMatch(/cut short/)
    const model = convModel()
    model.graph.nodes[0]!.inputs[0] = 'gone'
    expect(sentence(encodeModel(model))).toMatch(/node "Conv" \(Conv\) reads "gone", which nothing produces/)
    model.graph.nodes[0]!.inputs[0] = 'x'
    model.graph.outputs[0]!.name = 'z'
    expect(sentence(encodeModel(model))).toMatch(/output "z" is produced by no node/)
  })

  it('a model with cut or changed bytes is refused or read correctly', () => {
    const whole = encodeModel(convModel())
    const readable = (bytes: Uint8Array) => {
      try {
        encodeModel(decodeModel(bytes))
        return true
      } catch (error) {
        if (!(error instanceof ModelError)) throw error
        return false
      }
    }
    for (let length = 0; length < whole.length; length++) expect(readable(whole.subarray(0, length))).toBe(false)
    const change = fc.record({ at: fc.nat(whole.length - 1), byte: fc.nat(255) })
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 6 }), (changes) => {
        const bytes = whole.slice()
        for (const { at, byte } of changes) bytes[at] = byte
        readable(bytes)
      }),
      { numRuns: 5000 }
    )
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        readable(bytes)
      }),
      { numRuns: 2000 }
    )
  })
})
