import { InferenceSession, Tensor } from 'onnxruntime-node'
import { describe, expect, it } from 'vitest'
import { layerGraphOf } from '../../../src/lib/lrp/index.js'
import { encodeModel, GraphBuilder, type OnnxModel } from '../../../src/lib/onnx/index.js'
import { createRandom } from '../../../src/lib/random.js'
import { chainOf, frozenPart, Trainer, trainedModel, trainFroms } from '../../../src/lib/train/index.js'
import { buildVgg, randomWeights, type VggSpec } from '../../../src/lib/vgg/index.js'

const spec: VggSpec = { input: { width: 8, height: 8 }, blocks: [[4], [5, 6]], dense: [10, 7, 9] }
const base = buildVgg(spec, randomWeights(spec, 3))
const random = createRandom(1)
const pictures = Float32Array.from({ length: 2 * 3 * 8 * 8 }, () => random.normal(0, 1))

const weightsOf = ({ layers }: ReturnType<typeof chainOf>): Map<string, Float32Array> =>
  new Map(
    layers.flatMap((layer): [string, Float32Array][] =>
      'name' in layer
        ? [
            [`${layer.name}.weight`, layer.weights],
            [`${layer.name}.bias`, layer.bias]
          ]
        : []
    )
  )

async function run(model: OnnxModel, data: Float32Array, dims: number[]): Promise<Float32Array> {
  const session = await InferenceSession.create(encodeModel(model))
  const result = await session.run({ [session.inputNames[0]!]: new Tensor('float32', data, dims) })
  await session.release()
  return result[session.outputNames[0]!]!.data as Float32Array
}

describe('a trained model', () => {
  it.each(trainFroms)('trained from %s on judges pictures as the trainer judges their features', async (from) => {
    const chain = chainOf(layerGraphOf(base), from, 3, 5, 'test')
    const trainer = await Trainer.open(chain, { optimizer: 'sgd', dropout: 0, provider: 'cpu', threads: 1, random })
    const frozen = frozenPart(base, chain, 'test')
    expect(frozen === null).toBe(from === 'all')
    const features = frozen ? await run(frozen, pictures, [2, 3, 8, 8]) : pictures
    const targets = Float32Array.of(1, 0, 0, 0, 0, 1)
    for (let step = 0; step < 3; step++) await trainer.step({ features, targets, weights: Float32Array.of(1, 1) }, 0.1)
    const model = trainedModel(base, chain, trainer.weights(), 'test')
    const [ofTrainer, ofModel] = [await trainer.logits(features), await run(model, pictures, [2, 3, 8, 8])]
    ofTrainer.forEach((value, i) => void expect(ofModel[i]).toBeCloseTo(value, 5))
    await trainer.close()
  })

  it.each(['fc6', 'fc7', 'fc8'] as const)(
    'whose dense layers are convolutions is trained from %s on alike',
    async (from) => {
      const builder = new GraphBuilder({ name: 'convolutions' })
      const layer = (value: string, out: number, channels: number, side: number, pad = 0): string => {
        const count = out * channels * side * side
        const weights = Float32Array.from({ length: count }, () => random.normal(0, 0.3))
        const inputs = [value, builder.constant('w', weights, [out, channels, side, side])]
        return builder.node('Conv', inputs, { pads: [pad, pad, pad, pad] })
      }
      const relu = (value: string): string => builder.node('Relu', [value])
      const map = relu(layer(builder.input('x', ['N', 3, 8, 8]), 4, 3, 3, 1))
      const pooled = builder.node('MaxPool', [map], { kernel_shape: [2, 2], strides: [2, 2] })
      const last = layer(relu(layer(relu(layer(pooled, 10, 4, 4)), 7, 10, 1)), 9, 7, 1)
      builder.output(builder.node('Flatten', [last]), ['N', 9])
      const model = builder.toModel()
      const chain = chainOf(layerGraphOf(model), from, 3, 5, 'test')
      expect(chain.layers[0]!.kind).toBe('reshape')
      const trainer = await Trainer.open(chain, { optimizer: 'sgd', dropout: 0, provider: 'cpu', threads: 1, random })
      const features = await run(frozenPart(model, chain, 'test')!, pictures, [2, 3, 8, 8])
      const targets = Float32Array.of(1, 0, 0, 0, 0, 1)
      await trainer.step({ features, targets, weights: Float32Array.of(1, 1) }, 0.1)
      const trained = trainedModel(model, chain, trainer.weights(), 'test')
      const [ofTrainer, ofModel] = [await trainer.logits(features), await run(trained, pictures, [2, 3, 8, 8])]
      ofTrainer.forEach((value, i) => void expect(ofModel[i]).toBeCloseTo(value, 5))
      await trainer.close()
    }
  )

  it('can be trained again', async () => {
    const once = chainOf(layerGraphOf(base), 'fc7', 3, 5, 'test')
    const model = trainedModel(base, once, weightsOf(once), 'test')
    const twice = chainOf(layerGraphOf(model), 'fc8', 3, 6, 'test')
    const again = trainedModel(model, twice, weightsOf(twice), 'test')
    expect(await run(again, pictures, [2, 3, 8, 8])).toHaveLength(6)
  })

  it('keeps the frozen layers bit by bit', () => {
    const chain = chainOf(layerGraphOf(base), 'fc8', 3, 5, 'test')
    const model = trainedModel(base, chain, weightsOf(chain), 'test')
    for (const [name, { data }] of base.graph.initializers)
      if (!name.startsWith('fc5')) expect(model.graph.initializers.get(name)?.data, name).toBe(data)
  })
})

describe('a base model that cannot be trained', () => {
  it('from a layer that it does not have is refused with what it has', () => {
    const narrow = { ...spec, blocks: [[4]], dense: [9] }
    const shallow = buildVgg(narrow, randomWeights(narrow, 1))
    expect(() => chainOf(layerGraphOf(shallow), 'fc6', 3, 1, 'face.onnx')).toThrow(
      'face.onnx: fc6 is not there: the model has 1 convolutions, 1 max poolings and 1 dense layers in a row'
    )
  })

  it('because two branches meet behind that layer is refused', () => {
    const builder = new GraphBuilder({ name: 'branches' })
    const x = builder.input('x', ['n', 4])
    const weights = builder.constant('w', new Float32Array(16).fill(0.1), [4, 4])
    const left = builder.node('Gemm', [x, weights], {}, { name: 'left' })
    const sum = builder.node('Add', [left, builder.node('Gemm', [x, weights], {}, { name: 'right' })])
    builder.output(sum, ['n', 4])
    expect(() => chainOf(layerGraphOf(builder.toModel()), 'fc8', 3, 1, 'face.onnx')).toThrow(/two branches meet/)
  })
})
