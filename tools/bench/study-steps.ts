/**
 * What one task of `npm run bench -- study` costs, in a process of its own: steps of training by painlens's graph or tfjs, the features that `study train`
 * caches, and ONNX Runtime's bare pass through the same layers. Prints a `Cost` as JSON.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import sharp from 'sharp'
import { foldConstants, layerGraphOf } from '#painlens/lib/lrp/index.js'
import { loadManifest } from '#painlens/lib/model/load-manifest.js'
import { batchDims } from '#painlens/lib/model/preprocess.js'
import { encodeModel, readModel } from '#painlens/lib/onnx/index.js'
import { createRandom } from '#painlens/lib/random.js'
import { median } from '#painlens/lib/statistics/index.js'
import { type Chain, chainOf, featureCount, frozenPart, Trainer } from '#painlens/lib/train/index.js'
import { extractionBatch, Features } from '#painlens/study/train/features.js'
import { loadWasm } from '../train/tensorflow.js'

/** Of an image, in the median; memory of the whole process. */
export interface Cost {
  wallMs: number
  cpuMs: number
  peakMb: number
}

export interface StepsTask {
  task: 'painlens' | 'tfjs'
  /** Of the dense layers, from the features to the classes. */
  sizes: readonly number[]
  batch: number
  /** Measured, behind one that does not count. */
  steps: number
  /** tfjs's: its heap may not take a momentum for each weight. Ours is always momentum. */
  optimizer: 'momentum' | 'sgd'
}

export interface PassTask {
  task: 'caching' | 'bare'
  /** Of the base model, of which the layers below fc7 are passed. */
  manifest: string
  batches: number
}

export const threads = 2
const classes = 3

type Step = () => Promise<unknown>

/** Times each step per image; the first one does not count. */
async function costOfSteps(step: Step, steps: number, images: number): Promise<Cost> {
  const watch = new Watch(images)
  for (let i = 0; i <= steps; i++) {
    await step()
    watch.lap()
  }
  return watch.cost()
}

/** Laps of so many images; the first one does not count. */
class Watch {
  #wall = performance.now()
  #cpu = process.cpuUsage()
  readonly #laps: { wallMs: number; cpuMs: number }[] = []

  constructor(private readonly images: number) {}

  lap(): void {
    const { user, system } = process.cpuUsage(this.#cpu)
    const wallMs = (performance.now() - this.#wall) / this.images
    this.#laps.push({ wallMs, cpuMs: (user + system) / 1000 / this.images })
    this.#wall = performance.now()
    this.#cpu = process.cpuUsage()
  }

  cost(): Cost {
    const laps = this.#laps.slice(1)
    return {
      wallMs: median(laps.map(({ wallMs }) => wallMs)),
      cpuMs: median(laps.map(({ cpuMs }) => cpuMs)),
      peakMb: process.resourceUsage().maxRSS / 1024
    }
  }
}

const filled = (count: number, deviation: number): Float32Array => {
  const random = createRandom(count)
  return new Float32Array(count).map(() => (random() - 0.5) * 2 * deviation)
}

/** Momentum, with dropout, as `study train` does it by default. */
async function painlensStep({ sizes, batch }: StepsTask): Promise<Step> {
  const dense = sizes.slice(1).map((outSize, i) => {
    const inSize = sizes[i]!
    const weights = filled(inSize * outSize, 1 / Math.sqrt(inSize))
    const bias = new Float32Array(outSize)
    return { kind: 'dense' as const, name: `dense${i + 1}`, inSize, outSize, weights, bias, dims: [outSize] }
  })
  const layers = dense.flatMap((layer, i) =>
    i < dense.length - 1 ? [layer, { kind: 'relu' as const, dims: layer.dims }] : [layer]
  )
  const chain: Chain = { input: [sizes[0]!], layers, classes, firstNode: '' }
  const random = createRandom(1)
  const trainer = await Trainer.open(chain, { optimizer: 'momentum', dropout: 0.5, provider: 'cpu', threads, random })
  // The trainer has copies of its own.
  for (const layer of dense) layer.weights = new Float32Array(0)
  const features = filled(batch * sizes[0]!, 1)
  const targets = Float32Array.from({ length: batch * classes }, (_, i) => (i % classes === 0 ? 1 : 0))
  const weights = new Float32Array(batch).fill(1)
  return () => trainer.step({ features, targets, weights }, 1e-4)
}

async function tfjsStep({ sizes, batch, optimizer: name }: StepsTask): Promise<Step> {
  const tf = await loadWasm()
  const weights = sizes
    .slice(1)
    .map((out, i) => tf.variable(tf.tensor2d(filled(sizes[i]! * out, 1 / Math.sqrt(sizes[i]!)), [sizes[i]!, out])))
  const biases = sizes.slice(1).map((out) => tf.variable(tf.zeros([out])))
  const x = tf.tensor2d(filled(batch * sizes[0]!, 1), [batch, sizes[0]!])
  const y = tf.oneHot(tf.zeros([batch], 'int32'), classes)
  const optimizer = name === 'sgd' ? tf.train.sgd(1e-4) : tf.train.momentum(1e-4, 0.9)
  const loss = () => {
    let value: import('@tensorflow/tfjs').Tensor = x
    for (const [i, weight] of weights.entries()) {
      value = value.matMul(weight).add(biases[i]!)
      if (i < weights.length - 1) value = value.relu()
    }
    return value.logSoftmax(1).mul(y).sum(1).mean().neg().asScalar()
  }
  return async () => {
    const value = optimizer.minimize(loss, true)
    await value?.data()
    value?.dispose()
  }
}

/** The layers below fc7 of a base, as `study train` takes them apart. */
async function frozenOf(manifest: string) {
  const { file, input } = await loadManifest(manifest)
  const model = await foldConstants(await readModel(file), file)
  const chain = chainOf(layerGraphOf(model, file), 'fc7', classes, 1, file)
  return { frozen: frozenPart(model, chain, file)!, size: featureCount(chain), input }
}

/** From crops in PNG files to the features in the cache's file. */
async function cachingCost({ manifest, batches }: PassTask): Promise<Cost> {
  const { frozen, size, input } = await frozenOf(manifest)
  const folder = await mkdtemp(join(tmpdir(), 'painlens-bench-'))
  try {
    const crops = await writeCrops(folder, (batches + 1) * extractionBatch, input)
    const watch = new Watch(extractionBatch)
    const features = await Features.open(frozen, size, {
      ...{ folder, crops, views: 1, input, cache: join(folder, 'cache'), key: 'bench' },
      ...{ form: 'float32', provider: 'cpu', threads },
      onProgress: () => watch.lap(),
      signal: new AbortController().signal
    })
    await features.close()
    return watch.cost()
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** Pictures that take as long to decode as faces do: light that changes slowly, and a camera's noise. */
async function writeCrops(folder: string, count: number, size: { width: number; height: number }): Promise<string[]> {
  const random = createRandom(1)
  const { width, height } = size
  return Promise.all(
    Array.from({ length: count }, async (_, i) => {
      const data = Uint8Array.from(
        { length: 3 * width * height },
        (_, at) => 128 + 90 * Math.sin(at / 9000) + 12 * random()
      )
      await sharp(data, { raw: { width, height, channels: 3 } })
        .png()
        .toFile(join(folder, `${i}.png`))
      return `${i}.png`
    })
  )
}

/** ONNX Runtime alone with its own defaults, on numbers that are in memory. */
async function bareCost({ manifest, batches }: PassTask): Promise<Cost> {
  const { frozen, input } = await frozenOf(manifest)
  const session = await InferenceSession.create(encodeModel(frozen), { intraOpNumThreads: threads })
  const dims = batchDims(input, extractionBatch)
  const data = filled(
    dims.reduce((product, dim) => product * dim, 1),
    100
  )
  const feeds = { [session.inputNames[0]!]: new Tensor('float32', data, dims) }
  return costOfSteps(() => session.run(feeds), batches, extractionBatch)
}

async function costOf(task: StepsTask | PassTask): Promise<Cost> {
  switch (task.task) {
    case 'caching':
      return cachingCost(task)
    case 'bare':
      return bareCost(task)
    case 'painlens':
      return costOfSteps(await painlensStep(task), task.steps, task.batch)
    case 'tfjs':
      return costOfSteps(await tfjsStep(task), task.steps, task.batch)
  }
}

if (process.argv[1]?.endsWith('study-steps.js'))
  process.stdout.write(JSON.stringify(await costOf(JSON.parse(process.argv[2]!) as StepsTask | PassTask)))
