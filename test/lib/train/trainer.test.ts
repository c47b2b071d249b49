import { createRequire } from 'node:module'
import { describe, expect, it } from 'vitest'
import { layerGraphOf } from '../../../src/lib/lrp/index.js'
import type { OnnxModel } from '../../../src/lib/onnx/index.js'
import { createRandom } from '../../../src/lib/random.js'
import { type Chain, chainOf, type OptimizerName, Trainer, type TrainFrom } from '../../../src/lib/train/index.js'
import { buildVgg, randomWeights, type VggSpec } from '../../../src/lib/vgg/index.js'
import { naiveLoss } from './naive.js'

type Tensorflow = typeof import('@tensorflow/tfjs')

const spec: VggSpec = { input: { width: 8, height: 8 }, blocks: [[4], [5, 6]], dense: [10, 7, 9] }
const classes = 3

function vgg(): OnnxModel {
  return buildVgg(spec, randomWeights(spec, 3))
}

function chain(from: TrainFrom): Chain {
  return chainOf(layerGraphOf(vgg()), from, classes, 5, 'test')
}

function batchFor({ input }: Chain, rows: number, seed: number) {
  const random = createRandom(seed)
  const size = input.reduce((product, dim) => product * dim, 1)
  const features = Float32Array.from({ length: rows * size }, () => Math.max(-0.2, random.normal(0.2, 0.7)))
  const targets = new Float32Array(rows * classes)
  for (let row = 0; row < rows; row++) targets[row * classes + (row % classes)] = 1
  // A resting face: towards all classes alike.
  targets.fill(1 / classes, (rows - 1) * classes)
  return { features, targets, weights: Float32Array.from({ length: rows }, (_, row) => 1 + (row % 2)) }
}

const open = (of: Chain, optimizer: OptimizerName, dropout = 0, seed = 1): Promise<Trainer> =>
  Trainer.open(of, { optimizer, dropout, provider: 'cpu', threads: 1, random: createRandom(seed) })

/** The weights as they are before anything is trained. */
function copied(of: Chain): Map<string, Float32Array> {
  return new Map(
    of.layers.flatMap((layer): [string, Float32Array][] =>
      layer.kind === 'dense' || layer.kind === 'conv'
        ? [
            [`${layer.name}.weight`, layer.weights.slice()],
            [`${layer.name}.bias`, layer.bias.slice()]
          ]
        : []
    )
  )
}

describe('one step of training', () => {
  it.each(['fc8', 'fc7', 'fc6', 'conv5_1', 'all'] as const)(
    'moves each weight from %s on against its numeric gradient in float64',
    async (from) => {
      const trained = chain(from)
      const before = copied(trained)
      const batch = batchFor(trained, 4, 11)
      const trainer = await open(trained, 'sgd')
      const rate = 0.125
      const loss = await trainer.step(batch, rate)
      expect(loss).toBeCloseTo(naiveLoss(trained, before, batch), 5)
      const after = trainer.weights()
      expect([...after.keys()]).toEqual([...before.keys()])
      for (const [name, old] of before) {
        for (let i = 0; i < old.length; i += Math.max(1, Math.floor(old.length / 12))) {
          const at = (delta: number): number => {
            const moved = Float64Array.from(old)
            moved[i]! += delta
            return naiveLoss(trained, new Map<string, ArrayLike<number>>([...before, [name, moved]]), batch)
          }
          const gradient = (at(1e-5) - at(-1e-5)) / 2e-5
          expect((old[i]! - after.get(name)![i]!) / rate, `${name} ${i}`).toBeCloseTo(gradient, 4)
        }
      }
      await trainer.close()
    }
  )
})

describe('twenty steps of training', () => {
  it.each([
    ['sgd', 'all', 0.05],
    ['momentum', 'fc6', 0.02],
    ['momentum', 'conv5_1', 0.02],
    ['adam', 'fc7', 0.01]
  ] as const)('%s from %s gives the losses and weights of tfjs within 1e-4', async (optimizer, from, rate) => {
    const tf = createRequire(import.meta.url)('@tensorflow/tfjs') as Tensorflow
    await tf.setBackend('cpu')
    const trained = chain(from)
    const variables = new Map(
      [...copied(trained)].map(([name, values]) => [name, tf.variable(tf.tensor(values, shapeOf(trained, name)))])
    )
    const optimizers = {
      sgd: () => tf.train.sgd(rate),
      momentum: () => tf.train.momentum(rate, 0.9),
      adam: () => tf.train.adam(rate)
    }
    const second = optimizers[optimizer]()
    const trainer = await open(trained, optimizer)
    for (let step = 0; step < 20; step++) {
      const batch = batchFor(trained, 6, 100 + step)
      const expected = second.minimize(() => tfLoss(tf, trained, variables, batch), true)!.dataSync()[0]!
      expect(Math.abs((await trainer.step(batch, rate)) - expected), `step ${step}`).toBeLessThan(1e-4)
    }
    for (const [name, values] of trainer.weights()) {
      const expected = variables.get(name)!.dataSync()
      expect(Math.max(...values.map((value, i) => Math.abs(value - expected[i]!))), name).toBeLessThan(1e-4)
    }
    await trainer.close()
  })
})

function shapeOf({ layers }: Chain, name: string): number[] {
  const layer = layers.find((one) => 'name' in one && name.startsWith(`${one.name}.`))!
  if (layer.kind === 'dense') return name.endsWith('bias') ? [layer.outSize] : [layer.outSize, layer.inSize]
  if (layer.kind !== 'conv') throw new Error(name)
  const { outChannels, inChannels, kernel } = layer.geometry
  return name.endsWith('bias') ? [outChannels] : [outChannels, inChannels, ...kernel]
}

function tfLoss(
  tf: Tensorflow,
  { layers, input }: Chain,
  variables: Map<string, import('@tensorflow/tfjs').Variable>,
  { features, targets, weights }: ReturnType<typeof batchFor>
): import('@tensorflow/tfjs').Scalar {
  const rows = weights.length
  // tfjs's kernels for the CPU take maps with the channels last.
  const first = tf.tensor(features, [rows, ...input])
  let x: import('@tensorflow/tfjs').Tensor = input.length === 3 ? first.transpose([0, 2, 3, 1]) : first
  for (const layer of layers) {
    const [weight, bias] =
      'name' in layer ? [variables.get(`${layer.name}.weight`)!, variables.get(`${layer.name}.bias`)!] : []
    if (layer.kind === 'dense') x = x.matMul(weight!, false, true).add(bias!)
    if (layer.kind === 'conv')
      x = tf
        .conv2d(
          x as import('@tensorflow/tfjs').Tensor4D,
          weight!.transpose([2, 3, 1, 0]) as import('@tensorflow/tfjs').Tensor4D,
          1,
          'same'
        )
        .add(bias!)
    if (layer.kind === 'relu') x = x.relu()
    if (layer.kind === 'maxPool') x = tf.maxPool(x as import('@tensorflow/tfjs').Tensor4D, 2, 2, 'valid')
    if (layer.kind === 'reshape') x = x.transpose([0, 3, 1, 2]).reshape([rows, ...layer.dims])
  }
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  const logs = x.logSoftmax(1)
  return tf
    .tensor(targets, [rows, classes])
    .mul(logs)
    .sum(1)
    .mul(tf.tensor1d(weights).div(total))
    .sum()
    .neg()
    .asScalar()
}

describe('a trainer', () => {
  it('writes into the memory of the weights where that gives the same bits as copying', async () => {
    const trained = chain('fc6')
    const trainer = await open(trained, 'momentum')
    const memory = trainer.weights().get('dense1.weight')
    await trainer.step(batchFor(trained, 4, 1), 0.1)
    expect(trainer.inPlace).toBe(true)
    expect(trainer.weights().get('dense1.weight')).toBe(memory)
    await trainer.close()
  })

  it('takes its steps without a copy of the weights that they have written', async () => {
    const wide: VggSpec = { ...spec, dense: [600, 600, 9] }
    const trained = chainOf(layerGraphOf(buildVgg(wide, randomWeights(wide, 3)), 'test'), 'fc7', classes, 5, 'test')
    const trainer = await open(trained, 'momentum')
    const batch = batchFor(trained, 4, 1)
    await trainer.step(batch, 0.1)
    const before = process.memoryUsage().arrayBuffers
    for (let step = 0; step < 3; step++) await trainer.step(batch, 0.1)
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(4 * 600 * 600)
    await trainer.close()
  })

  it('that goes on from a checkpoint takes the very steps of one that never stopped', async () => {
    const rates = [0.05, 0.05, 0.02, 0.02]
    const whole = await open(chain('fc7'), 'adam')
    const begun = await open(chain('fc7'), 'adam')
    for (const [step, rate] of rates.entries()) await whole.step(batchFor(chain('fc7'), 5, step), rate)
    for (const [step, rate] of rates.slice(0, 2).entries()) await begun.step(batchFor(chain('fc7'), 5, step), rate)
    const { steps, arrays } = begun.state()
    const saved = { steps, arrays: new Map([...arrays].map(([name, values]) => [name, values.slice()])) }
    await begun.close()
    const resumed = await open(chain('fc7'), 'adam')
    resumed.restore(saved)
    for (const [step, rate] of rates.entries()) if (step >= 2) await resumed.step(batchFor(chain('fc7'), 5, step), rate)
    expect([...resumed.weights()]).toEqual([...whole.weights()])
    for (const trainer of [whole, resumed]) await trainer.close()
  })

  it('refuses a checkpoint of another network', async () => {
    const trainer = await open(chain('fc8'), 'momentum')
    expect(() => trainer.restore({ steps: 1, arrays: new Map([['dense1.weight', new Float32Array(2)]]) })).toThrow(
      /the checkpoint has no dense1.weight of this network/
    )
    await trainer.close()
  })

  it('drops values as its seed says, and none when it judges', async () => {
    const losses = async (seed: number): Promise<number[]> => {
      const trained = chain('fc6')
      const trainer = await open(trained, 'momentum', 0.5, seed)
      const batch = batchFor(trained, 4, 1)
      const seen = [await trainer.step(batch, 0), await trainer.step(batch, 0)]
      const logits = await trainer.logits(batch.features)
      expect(await trainer.logits(batch.features)).toEqual(logits)
      await trainer.close()
      return seen
    }
    const [first, second] = [await losses(1), await losses(2)]
    expect(await losses(1)).toEqual(first)
    expect(new Set([...first, ...second]).size).toBe(4)
  })

  it('says that the learning rate is too large when the loss is no number any more', async () => {
    const trained = chain('fc6')
    const trainer = await open(trained, 'sgd')
    const diverge = async (): Promise<void> => {
      for (let step = 0; step < 50; step++) await trainer.step(batchFor(trained, 4, step), 1e20)
    }
    await expect(diverge()).rejects.toMatchObject({ code: 'PL-TRAIN-DIVERGED', fix: 'Give a smaller --rate.' })
    await trainer.close()
  })
})
