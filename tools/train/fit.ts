import { WorkerClient, workerScript } from '#painlens/core/worker.js'
import type { ModelInput } from '#painlens/lib/model/manifest.js'
import type { VggSpec, VggWeights } from '#painlens/lib/vgg/index.js'
import { AdamW } from './adamw.js'
import { type Batch, epochRandom, trainingBatches } from './batches.js'
import type { GradientMethods } from './gradient-worker.js'
import type { Gradients } from './gradients.js'
import type { Samples } from './samples.js'

export interface FitOptions {
  epochs: number
  /** Samples of a step, over both workers. */
  batchSize: number
  /** Highest learning rate; it rises over the first steps and falls along a cosine to zero. */
  learningRate: number
  weightDecay: number
  /** Share of the last layer's inputs that is dropped. */
  dropout: number
  seed: number
  /** After each step; `loss` is its batch's cross entropy in nats. */
  onStep?: (step: number, steps: number, loss: number) => void
}

export const fitDefaults: FitOptions = {
  epochs: 10,
  batchSize: 48,
  learningRate: 3e-3,
  weightDecay: 0.02,
  dropout: 0.2,
  seed: 1
}

/** Each step's batch is halved between two threads; fixed, because the halves are normalized each for itself. */
const workers = 2
const warmUpSteps = 40
/** Samples over which the normalization is fixed in the end: so many that another one would change nothing. */
const foldingBatch = 512

type Worker = WorkerClient<GradientMethods>

interface TrainingData {
  samples: Samples
  input: ModelInput
  /** The network's outputs. */
  people: number
}

/** Trains a network from random weights to tell the people of the samples apart; the same samples, options and machine type give the same weights. */
export async function fitNetwork(
  spec: VggSpec,
  input: ModelInput,
  samples: Samples,
  options: FitOptions
): Promise<VggWeights> {
  const script = workerScript(import.meta.url, './gradient-worker.js')
  const team = Array.from({ length: workers }, () => new WorkerClient<GradientMethods>(script, 'the training worker'))
  try {
    const [start] = await Promise.all(team.map((worker) => worker.call('open', { spec, seed: options.seed })))
    const { parameters, decays } = start!
    const optimizer = new AdamW(parameters, { weightDecay: options.weightDecay, clipNorm: 5, decays })
    const people = spec.dense.at(-1)!
    await takeSteps(team, parameters, optimizer, { input, samples, people }, options)
    const size = Math.min(foldingBatch, samples.facts.length)
    const [batch] = trainingBatches(samples, input, { size, people }, epochRandom(options.seed, -1))
    return await team[0]!.call('fold', { parameters, batch: batch! })
  } finally {
    await Promise.all(team.map((worker) => worker.close()))
  }
}

async function takeSteps(
  team: readonly Worker[],
  parameters: Float32Array[],
  optimizer: AdamW,
  data: TrainingData,
  { epochs, batchSize, learningRate, dropout, seed, onStep }: FitOptions
): Promise<void> {
  const share = Math.floor(batchSize / team.length)
  const steps = epochs * Math.floor(data.samples.facts.length / (share * team.length))
  for (const [step, batches] of stepBatches(data, share, { epochs, seed, parts: team.length })) {
    const parts = await Promise.all(
      team.map((worker, i) =>
        worker.call('gradients', { parameters, batch: batches[i]!, dropout, seed: step * team.length + i })
      )
    )
    const { loss, gradients } = mean(parts)
    optimizer.step(gradients, learningRate * schedule(step, steps))
    onStep?.(step + 1, steps, loss)
  }
}

/** The batches of each step, one for each worker, through all epochs. */
function* stepBatches(
  { samples, input, people }: TrainingData,
  size: number,
  { epochs, seed, parts }: { epochs: number; seed: number; parts: number }
): Generator<[step: number, batches: Batch[]]> {
  let step = 0
  for (let epoch = 0; epoch < epochs; epoch++) {
    let batches: Batch[] = []
    for (const batch of trainingBatches(samples, input, { size, people }, epochRandom(seed, epoch))) {
      batches.push(batch)
      if (batches.length < parts) continue
      yield [step++, batches]
      batches = []
    }
  }
}

function mean(parts: readonly Gradients[]): Gradients {
  const gradients = parts[0]!.gradients.map((first, i) => {
    return first.map((_, at) => parts.reduce((sum, part) => sum + part.gradients[i]![at]!, 0) / parts.length)
  })
  return { loss: parts.reduce((sum, { loss }) => sum + loss, 0) / parts.length, gradients }
}

/** The learning rate's share of its highest value. */
function schedule(step: number, steps: number): number {
  return Math.min(1, (step + 1) / warmUpSteps) * 0.5 * (1 + Math.cos((Math.PI * step) / steps))
}
