import { existsSync } from 'node:fs'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { describe, expect, it } from 'vitest'
import {
  type Composite,
  compositeNames,
  compositeOf,
  layerGraphOf,
  lrpModelOf,
  lrpNames,
  rules
} from '../../../src/lib/lrp/index.js'
import { decodeModel, encodeModel, GraphBuilder, type OnnxModel, readModel } from '../../../src/lib/onnx/index.js'
import { buildVgg, randomWeights, vggDemo } from '../../../src/lib/vgg/index.js'
import { faceModels } from '../../../tools/bench/models.js'
import { pictures, worst } from './compare.js'
import { withoutKernel } from './cuda-kernels.js'
import { buildNet, type Spec } from './nets.js'
import { graphs, networks, noise } from './samples.js'

const optionsFor = (composite: string, untilLayerIdx: number) => ({
  ...(composite.includes('until') && { untilLayerIdx }),
  ...(composite.includes('box') && { inputLayerRule: [[-1, -2, -3], 4] as const }),
  ...(composite.startsWith('lrp.alpha_beta') && { alpha: 1.5, beta: 0.5 })
})

const vgg = buildVgg(vggDemo, randomWeights(vggDemo, 3))

/** One layer of `graphs` as a classifier. */
function modelOf(make: (b: GraphBuilder, x: string) => string): OnnxModel {
  const builder = new GraphBuilder({ name: 'net' })
  const flat = builder.node('Flatten', [make(builder, builder.input('x', ['N', 3, 11, 10]))], {}, { name: 'y' })
  builder.output(flat, ['N', 'n'])
  return builder.toModel()
}

async function run(model: OnnxModel, data: Float32Array, dims: readonly number[]): Promise<Float32Array> {
  const session = await InferenceSession.create(encodeModel(model))
  const classes = model.graph.inputs.find(({ name }) => name === lrpNames.weights)!.dims[1] as number
  const weights = new Tensor('float32', new Float32Array(dims[0]! * classes), [dims[0]!, classes])
  const { relevance } = await session.run({ input: new Tensor('float32', data, dims), weights })
  await session.release()
  return relevance!.data as Float32Array
}

describe('the graphs that are for a GPU', () => {
  it.each(networks)('every operator of the GPU graphs has a CUDA kernel: %s', (_, specs, untilLayerIdx) => {
    const graph = layerGraphOf(decodeModel(buildNet(specs, [3, 16, 16], 41).model))
    for (const name of compositeNames) {
      const composite = compositeOf(name, optionsFor(name, untilLayerIdx))
      expect(withoutKernel(lrpModelOf(graph, composite, { unpool: 'comparisons' })), name).toEqual([])
    }
  })

  it("every operator of a VGG-Face's GPU graph has a CUDA kernel, under any composite", () => {
    const graph = layerGraphOf(vgg)
    for (const name of compositeNames) {
      const composite = compositeOf(name, optionsFor(name, 1))
      expect(withoutKernel(lrpModelOf(graph, composite, { unpool: 'comparisons' })), name).toEqual([])
    }
    expect(withoutKernel(vgg)).toEqual([])
  })

  it.each(graphs)('every operator of the GPU graph has a CUDA kernel for %s', (_, make) => {
    for (const name of ['lrp.z', 'lrp.alpha_2_beta_1', 'lrp.flat', 'lrp.w_square'])
      expect(
        withoutKernel(lrpModelOf(layerGraphOf(modelOf(make)), compositeOf(name), { unpool: 'comparisons' })),
        name
      ).toEqual([])
  })

  it('every operator has a CUDA kernel for a stride with unequal pads and a bounded input', () => {
    const conv: Spec = { kind: 'conv', out: 4, kernel: [3, 2], strides: [2, 2], pads: [0, 1, 2, 0] }
    const net = buildNet([conv, { kind: 'relu' }, { kind: 'flatten' }, { kind: 'dense', out: 3 }], [3, 9, 8], 5)
    const composite: Composite = [
      ['input', rules.bounded(-3, 4)],
      ['any', rules.z()]
    ]
    expect(
      withoutKernel(lrpModelOf(layerGraphOf(decodeModel(net.model)), composite, { unpool: 'comparisons' }))
    ).toEqual([])
  })

  it('the graph for the CPU uses the indices of max pools', () => {
    const found = withoutKernel(lrpModelOf(layerGraphOf(vgg), compositeOf('lrp.z')))
    expect(found.filter((one) => one.includes('(MaxUnpool) has no kernel'))).toHaveLength(5)
    expect(found.filter((one) => one.includes('(MaxPool) asks for indices'))).toHaveLength(5)
  })
})

describe.skipIf(!existsSync(faceModels.finder))('the face models', () => {
  it.each(Object.entries(faceModels))('every operator of the face model has a CUDA kernel: %s', async (_, file) => {
    expect(withoutKernel(await readModel(file))).toEqual([])
  })
})

describe('the graphs that are for a GPU give the same numbers as those for the CPU', () => {
  const composites = ['lrp.z', 'lrp.flat', 'lrp.w_square', 'lrp.sequential_preset_b_flat']

  it.each(networks)('%s', async (_, specs) => {
    const net = buildNet(specs, [3, 16, 16], 41)
    const graph = layerGraphOf(decodeModel(net.model))
    // Its bands of one value make windows with several largest inputs.
    const data = pictures(net, 2, 12)
    for (const name of composites) {
      const [cpu, gpu] = await Promise.all(
        (['indices', 'comparisons'] as const).map((form) =>
          run(lrpModelOf(graph, compositeOf(name), { unpool: form }), data, [2, ...net.dims])
        )
      )
      expect(worst(gpu!, cpu!), name).toBeLessThan(1e-6)
    }
  })

  it.each(graphs.filter(([name]) => name.startsWith('MaxPool')))('%s', async (_, make) => {
    const graph = layerGraphOf(modelOf(make))
    const data = noise(2 * 330).map((value, i) => (i % 10 < 5 ? 0.25 : value))
    const [cpu, gpu] = await Promise.all(
      (['indices', 'comparisons'] as const).map((form) =>
        run(lrpModelOf(graph, compositeOf('lrp.flat'), { unpool: form }), data, [2, 3, 11, 10])
      )
    )
    expect(gpu!.some((value) => value !== 0)).toBe(true)
    expect(worst(gpu!, cpu!)).toBeLessThan(1e-6)
  })

  it('the GPU graph gives relevance of tied inputs to the first, row by row', async () => {
    const model = modelOf((b, x) => b.node('MaxPool', [x], { kernel_shape: [2, 2], strides: [2, 2] }))
    const data = new Float32Array(330).fill(1)
    // In the first window the upper left is lower, so its upper right, not its lower left, is the first of the largest.
    data[0] = 0
    const relevance = await run(
      lrpModelOf(layerGraphOf(model), compositeOf('lrp.z'), { unpool: 'comparisons' }),
      data,
      [1, 3, 11, 10]
    )
    expect([...relevance.subarray(0, 2), ...relevance.subarray(10, 12)]).toEqual([0, 1, 0, 0])
  })
})
