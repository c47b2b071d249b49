import { execFile } from 'node:child_process'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { DiskError, InputError, UnsupportedModelError } from '../../../src/core/errors.js'
import { acquireBackend } from '../../../src/lib/lrp/engines/tfjs-backend.js'
import { createExplainer } from '../../../src/lib/lrp/index.js'
import { encodeModel, GraphBuilder } from '../../../src/lib/onnx/index.js'
import { patience } from '../../support/slowness.js'
import { pictures, withExplainer, worst } from './compare.js'
import { buildNet, randomOf, type Spec } from './nets.js'

const run = promisify(execFile)
const engines = ['tfjs', 'onnx'] as const
const relu: Spec = { kind: 'relu' }
const pool: Spec = { kind: 'maxPool', kernel: [2, 2] }
const conv = (out: number): Spec => ({ kind: 'conv', out, kernel: [3, 3], pads: [1, 1, 1, 1], bias: false })
/** Without biases, so that rules which promise conservation keep it exactly. */
const vgg = [
  conv(4),
  relu,
  conv(4),
  relu,
  pool,
  conv(6),
  relu,
  pool,
  { kind: 'flatten' },
  dense(8),
  relu,
  dense(3)
] as Spec[]

function dense(out: number): Spec {
  return { kind: 'dense', out, bias: false }
}

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'painlens-lrp-'))
})
afterAll(() => rm(folder, { recursive: true }))

const sum = (values: Float32Array): number => values.reduce((total, value) => total + value, 0)

describe('relevance', () => {
  // Not alpha 2, beta 1: a neuron that nothing inhibits loses beta's share.
  it.each(['lrp.z', 'lrp.epsilon', 'lrp.alpha_1_beta_0', 'lrp.flat', 'lrp.w_square', 'lrp.z_plus'])(
    'relevance under %s sums up to the explained logit, also with flat areas',
    async (composite) => {
      const net = buildNet(vgg, [3, 16, 16], 3)
      const data = pictures(net, 1, 4)
      await withExplainer({ model: net.model, composite }, async (explainer) => {
        const { logits, target, relevance } = await explainer.explain({ data, dims: [1, 3, 16, 16] })
        const logit = logits[0]![target[0]!]!
        expect(Math.abs(logit)).toBeGreaterThan(1e-3)
        expect(sum(relevance) / logit).toBeCloseTo(1, 3)
      })
    }
  )

  it.each(engines)('relevance of a tied window goes to its first winner, once (%s)', async (engine) => {
    const net = buildNet([pool, { kind: 'flatten' }], [1, 4, 4], 1)
    const data = Float32Array.of(...[1, 1, -2, -2], ...[1, 1, -2, -3], ...[0, 0, 5, 6], ...[0, 0, 7, 7])
    await withExplainer({ model: net.model, composite: 'lrp.z', engine }, async (explainer) => {
      const at = async (target: number): Promise<number> => {
        const { relevance } = await explainer.explain({ data, dims: [1, 1, 4, 4] }, { target })
        expect(relevance.filter((value) => value !== 0).length).toBeLessThanOrEqual(1)
        return relevance.findIndex((value) => value !== 0)
      }
      expect([await at(0), await at(1), await at(3)]).toEqual([0, 2, 14])
    })
  })

  it.each(engines)('relevance is that of the requested class, sample by sample (%s)', async (engine) => {
    const net = buildNet(vgg, [3, 16, 16], 5)
    const data = pictures(net, 3, 6, { bands: false })
    const size = data.length / 3
    await withExplainer({ model: net.model, composite: 'lrp.sequential_preset_b_flat', engine }, async (explainer) => {
      const batch = await explainer.explain({ data, dims: [3, 3, 16, 16] }, { target: [2, 0, 1] })
      expect(batch.target).toEqual([2, 0, 1])
      for (const [sample, target] of [2, 0, 1].entries()) {
        const own = data.slice(sample * size, (sample + 1) * size)
        const alone = await explainer.explain({ data: own, dims: [1, 3, 16, 16] }, { target })
        expect(worst(batch.relevance.subarray(sample * size, (sample + 1) * size), alone.relevance)).toBeLessThan(1e-4)
        expect(worst(batch.logits[sample]!, alone.logits[0]!)).toBeLessThan(1e-5)
      }
      const largest = await explainer.explain({ data, dims: [3, 3, 16, 16] })
      expect(largest.target).toEqual(largest.logits.map((row) => row.indexOf(Math.max(...row))))
    })
  })
})

describe('the relevance of a model that ends in an activation', () => {
  /** Three logits of a dense layer, and what is put behind them. */
  const modelOf = (head: (graph: GraphBuilder, logits: string) => string): Uint8Array => {
    const graph = new GraphBuilder({ name: 'net' })
    const random = randomOf(3)
    const weights = Float32Array.from({ length: 12 }, () => random() - 0.5)
    const logits = graph.node('MatMul', [graph.input('x', ['N', 4]), graph.constant('w', weights, [4, 3])])
    graph.output(head(graph, logits), ['N', 3])
    return encodeModel(graph.toModel())
  }
  const heads: [string, string, (graph: GraphBuilder, logits: string) => string][] = [
    ['Softmax', 'softmax', (g, x) => g.node('Softmax', [x])],
    ['LogSoftmax', 'log_softmax', (g, x) => g.node('LogSoftmax', [x])],
    ['Sigmoid', 'sigmoid', (g, x) => g.node('Sigmoid', [x])],
    [
      'Exp, ReduceSum and Div',
      'softmax',
      (g, x) => {
        const e = g.node('Exp', [g.node('Sub', [x, g.node('ReduceMax', [x], { axes: [1], keepdims: 1 })])])
        const axes = g.constant('axes', BigInt64Array.of(1n), [1])
        return g.node('Div', [e, g.node('ReduceSum', [e, axes], { keepdims: 1 })])
      }
    ]
  ]
  const data = Float32Array.of(1, -2, 0.5, 3)
  const explainedBy = (model: Uint8Array, engine: 'tfjs' | 'onnx') =>
    withExplainer({ model, composite: 'lrp.z', engine }, async (explainer) => ({
      head: explainer.head,
      ...(await explainer.explain({ data, dims: [1, 4] }, { target: 2 }))
    }))

  it.each(heads)('%s starts from its logits', async (_, head, make) => {
    for (const engine of engines) {
      const bare = await explainedBy(
        modelOf((__, x) => x),
        engine
      )
      expect(bare.head).toBe('logits')
      expect(await explainedBy(modelOf(make), engine)).toEqual({ ...bare, head })
    }
  })
})

describe('a picture', () => {
  const net = buildNet(vgg, [3, 16, 16], 7)
  const dims = [1, 3, 16, 16]

  it.each(engines)('is explained as it was when it was given, whatever is written over it (%s)', async (engine) => {
    const data = pictures(net, 1, 8)
    await withExplainer({ model: net.model, composite: 'lrp.z', engine }, async (explainer) => {
      const wanted = await explainer.explain({ data: data.slice(), dims })
      const own = [...dims]
      const [first, second] = [explainer.explain({ data, dims: own }), explainer.explain({ data, dims: own })]
      data.fill(0)
      own[0] = 7
      expect(await first).toEqual(wanted)
      expect(await second).toEqual(wanted)
    })
  })

  it.each<[string, unknown, RegExp]>([
    ['float64', new Float64Array(768), /a Float64Array instead of a Float32Array/],
    ['uint8', new Uint8Array(768), /a Uint8Array instead of a Float32Array/],
    ['plain numbers', new Array(768).fill(0), /an? Array instead of a Float32Array/],
    ['nothing', undefined, /Undefined instead of a Float32Array/],
    [
      'an infinite value',
      new Float32Array(768).fill(Number.POSITIVE_INFINITY, 3, 4),
      /value 3 of the picture is Infinity/
    ],
    ['a value that is no number', new Float32Array(768).fill(Number.NaN, 767), /value 767 of the picture is NaN/]
  ])('of %s is refused by both engines', async (_, data, message) => {
    for (const engine of engines)
      await withExplainer({ model: net.model, composite: 'lrp.z', engine }, async (explainer) => {
        const refused = explainer.explain({ data: data as Float32Array, dims })
        await expect(refused).rejects.toThrow(message)
        await expect(refused).rejects.toThrow(InputError)
        await expect(refused).rejects.toMatchObject({ code: 'PL-LRP-CALL' })
      })
  })
})

describe('a model that LRP cannot explain', () => {
  const builderFor = (
    make: (builder: GraphBuilder, x: string) => string,
    dims: (number | string)[] = ['N', 2, 8, 8]
  ) => {
    const builder = new GraphBuilder({ name: 'net' })
    builder.output(make(builder, builder.input('x', dims)), ['N', 'n'])
    return encodeModel(builder.toModel())
  }
  const kernel = (builder: GraphBuilder): string => builder.constant('w', new Float32Array(2 * 2 * 9), [2, 2, 3, 3])
  const flatten = (builder: GraphBuilder, value: string): string => builder.node('Flatten', [value])

  it.each([
    [
      'an operator',
      /node "act" \(Sin\): there is no rule/,
      (b: GraphBuilder, x: string) => b.node('Sin', [x], {}, { name: 'act' })
    ],
    [
      'a Softmax in the middle',
      /node "Softmax" \(Softmax\): there is no rule/,
      (b: GraphBuilder, x: string) => b.node('Relu', [b.node('Softmax', [flatten(b, x)])])
    ],
    [
      'a reshape that mixes samples',
      /\(Reshape\): the shape \[-1, 8\] does not keep the batch apart/,
      (b: GraphBuilder, x: string) => b.node('Reshape', [x, b.constant('s', BigInt64Array.of(-1n, 8n), [2])])
    ],
    [
      'reflected pads',
      /\(Pad\): only constant padding/,
      (b: GraphBuilder, x: string) =>
        b.node('Pad', [x, b.constant('p', BigInt64Array.from([0, 0, 1, 1, 0, 0, 1, 1], BigInt), [8])], {
          mode: 'reflect'
        })
    ],
    [
      'weights that are no constant',
      /\(MatMul\): input 1 has to be a constant/,
      (b: GraphBuilder, x: string) => b.node('MatMul', [flatten(b, x), flatten(b, x)])
    ],
    [
      'weights that do not fit',
      /node "c" \(Conv\): weights \[2, 2, 3, 3\] and attributes do not fit 8 channels/,
      (b: GraphBuilder, x: string) =>
        b.node('Conv', [b.node('Transpose', [x], { perm: [0, 2, 1, 3] }), kernel(b)], {}, { name: 'c' })
    ],
    [
      'a transpose of the batch',
      /perm \[1, 0, 2, 3\] does not keep the batch first/,
      (b: GraphBuilder, x: string) => b.node('Transpose', [x], { perm: [1, 0, 2, 3] })
    ]
  ])('a model with %s is refused with the node and its type', async (_, message, make) => {
    const model = builderFor(make)
    const explainer = createExplainer({ model, composite: 'lrp.z', engine: 'tfjs' })
    await expect(explainer).rejects.toThrow(message)
    await expect(explainer).rejects.toThrow(UnsupportedModelError)
  })

  it('a model with an input of unknown size, or with two inputs, is refused', async () => {
    const free = builderFor((builder, x) => flatten(builder, x), ['N', 3, 'height', 8])
    await expect(createExplainer({ model: free, composite: 'lrp.z', engine: 'tfjs' })).rejects.toThrow(
      /\[N, 3, height, 8\] has no fixed/
    )
    const file = join(folder, 'two.onnx')
    const two = builderFor((builder, x) => builder.node('Add', [x, builder.input('y', ['N', 2, 8, 8])]))
    await writeFile(file, two)
    await expect(createExplainer({ model: file, composite: 'lrp.z', engine: 'tfjs' })).rejects.toThrow(
      /two\.onnx: .* 2 inputs/
    )
  })

  it('nodes that the output does not depend on are ignored', async () => {
    const builder = new GraphBuilder({ name: 'net' })
    const x = builder.input('x', ['N', 4])
    builder.node('Sigmoid', [x])
    const w = builder.constant('w', Float32Array.of(1, 2, 3, 4), [1, 4])
    builder.output(builder.node('Gemm', [x, w], { transB: 1 }), ['N', 1])
    await withExplainer({ model: encodeModel(builder.toModel()), composite: 'lrp.z' }, async (explainer) => {
      const { relevance } = await explainer.explain({ data: Float32Array.of(1, 1, 0, -1), dims: [1, 4] })
      expect([...relevance]).toEqual([1, 2, 0, -4])
    })
  })
})

describe('a large dense layer', () => {
  it('a large dense layer goes to ONNX Runtime through a temporary file, and tfjs does not pack it', async () => {
    const size = 4100
    const builder = new GraphBuilder({ name: 'large' })
    const random = randomOf(1)
    const weights = Float32Array.from({ length: size * size }, () => random() - 0.5)
    const x = builder.input('x', ['N', size])
    builder.output(builder.node('Gemm', [x, builder.constant('w', weights, [size, size])], { transB: 1 }), ['N', size])
    const model = encodeModel(builder.toModel())
    const data = Float32Array.from({ length: 2 * size }, () => random())
    // os.tmpdir() looks at TMPDIR each time.
    const own = await mkdtemp(join(folder, 'tmp-'))
    vi.stubEnv('TMPDIR', own)
    for (const engine of engines) {
      await withExplainer({ model, composite: 'lrp.z', engine }, async (explainer) => {
        const { relevance, logits } = await explainer.explain({ data, dims: [2, size] }, { target: [7, 4099] })
        for (const [sample, target] of [7, 4099].entries()) {
          const wanted = data
            .slice(sample * size, (sample + 1) * size)
            .map((value, i) => value * weights[target * size + i]!)
          expect(worst(relevance.subarray(sample * size, (sample + 1) * size), wanted)).toBeLessThan(1e-4)
          expect(logits[sample]![target]).toBeCloseTo(sum(wanted), 2)
        }
      })
    }
    expect(await readdir(own)).toEqual([])
    vi.stubEnv('TMPDIR', join(own, 'none'))
    const nowhere = createExplainer({ model, composite: 'lrp.z', engine: 'onnx' })
    await expect(nowhere).rejects.toThrow(DiskError)
    vi.unstubAllEnvs()
  })
})

describe('the tfjs engine', () => {
  const net = buildNet(vgg, [3, 16, 16], 9)

  it("the tfjs engine leaves the process's handlers as they were", async () => {
    const events = ['uncaughtException', 'unhandledRejection'] as const
    const before = [
      events.map((event) => process.rawListeners(event)),
      URL.createObjectURL,
      Reflect.get(globalThis, 'Worker')
    ]
    const data = pictures(net, 1, 1)
    const once = await withExplainer({ model: net.model, composite: 'lrp.z', threads: 2 }, async (explainer) => {
      expect(explainer.engine).toMatch(/^tfjs-(node|wasm \(2 threads\))$/)
      return (await explainer.explain({ data, dims: [1, 3, 16, 16] })).relevance
    })
    expect([
      events.map((event) => process.rawListeners(event)),
      URL.createObjectURL,
      Reflect.get(globalThis, 'Worker')
    ]).toEqual(before)
    const again = await withExplainer({ model: net.model, composite: 'lrp.z', threads: 1 }, async (explainer) => {
      expect(explainer.engine).toMatch(/^tfjs-(node|wasm \(1 thread\))$/)
      return (await explainer.explain({ data, dims: [1, 3, 16, 16] })).relevance
    })
    expect(again).toEqual(once)
  })

  it('the tfjs engine frees every tensor', async () => {
    const backend = await acquireBackend(1)
    const before = backend.tf.memory().numTensors
    const explainer = await createExplainer({
      model: net.model,
      composite: 'lrp.sequential_preset_b_flat',
      engine: 'tfjs'
    })
    const prepared = backend.tf.memory().numTensors
    for (let i = 0; i < 3; i++) await explainer.explain({ data: pictures(net, 2, i), dims: [2, 3, 16, 16] })
    expect(backend.tf.memory().numTensors).toBe(prepared)
    await explainer.close()
    await explainer.close()
    expect(backend.tf.memory().numTensors).toBe(before)
    await expect(explainer.explain({ data: pictures(net, 1, 1), dims: [1, 3, 16, 16] })).rejects.toThrow(/closed/)
    await backend.release()
  })

  it.each(['main thread', 'worker thread'])(
    'a process with the tfjs engine on the %s ends without a call of exit',
    async (place) => {
      const lrp = new URL('../../../dist/lib/lrp/index.js', import.meta.url).href
      const model = join(folder, 'net.onnx')
      await writeFile(model, net.model)
      const work = `
      const { createExplainer } = await import(${JSON.stringify(lrp)})
      const explainer = await createExplainer({ model: ${JSON.stringify(model)}, composite: 'lrp.z', engine: 'tfjs', threads: 2 })
      const { relevance } = await explainer.explain({ data: new Float32Array(768).fill(1), dims: [1, 3, 16, 16] })
      console.log(explainer.engine, relevance.length)
      await explainer.close()`
      const inWorker = `
      import { Worker } from 'node:worker_threads'
      new Worker(new URL('data:text/javascript,' + encodeURIComponent(${JSON.stringify(work)})))`
      const script = join(folder, 'script.mjs')
      await writeFile(script, place === 'main thread' ? work : inWorker)
      const { stdout } = await run(process.execPath, [script], { timeout: patience(30_000) })
      expect(stdout).toMatch(/^tfjs-.* 768\n$/)
    }
  )
})
