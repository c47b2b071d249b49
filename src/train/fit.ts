import type { Tensor4D } from '@tensorflow/tfjs'
import type { ModelInput } from '../model/manifest.js'
import { randomWeights, type VggSpec, type VggWeights } from '../vgg/index.js'
import { AdamW } from './adamw.js'
import { type Batch, epochRandom, trainingBatches } from './batches.js'
import { fromTfjs } from './layouts.js'
import { createNetwork, type Network } from './network.js'
import type { Samples } from './samples.js'
import type { Tensorflow } from './tensorflow.js'

export interface FitOptions {
  epochs: number
  batchSize: number
  /** Highest learning rate; it rises over the first steps and falls along a cosine to zero. */
  learningRate: number
  weightDecay: number
  dropout: number
  seed: number
  /** After each step; `loss` is the cross entropy in nats, averaged over about the last fifty steps. */
  onStep?: (step: number, steps: number, loss: number) => void
}

export const fitDefaults: FitOptions = {
  epochs: 10,
  batchSize: 32,
  learningRate: 1.5e-3,
  weightDecay: 0.02,
  dropout: 0.25,
  seed: 1
}

const warmUpSteps = 100

/** Trains a network from random weights; the same samples, options and machine type give the same weights. */
export function fitNetwork(
  tf: Tensorflow,
  spec: VggSpec,
  input: ModelInput,
  samples: Samples,
  options: FitOptions
): VggWeights {
  const network = createNetwork(tf, spec, randomWeights(spec, options.seed))
  const parameters = network.variables.map((variable) => variable.dataSync().slice() as Float32Array)
  const optimizer = new AdamW(parameters, { weightDecay: options.weightDecay, clipNorm: 5 })
  const steps = options.epochs * Math.floor(samples.facts.length / options.batchSize)
  let step = 0
  let smoothed: number | undefined
  for (let epoch = 0; epoch < options.epochs; epoch++) {
    for (const batch of trainingBatches(samples, input, options.batchSize, epochRandom(options.seed, epoch))) {
      const { loss, gradients } = gradientsOf(tf, network, batch, { dropout: options.dropout, seed: step })
      optimizer.step(gradients, options.learningRate * schedule(step++, steps))
      assign(tf, network, parameters)
      smoothed = smoothed === undefined ? loss : smoothed + (loss - smoothed) * 0.02
      options.onStep?.(step, steps, smoothed)
    }
  }
  network.dispose()
  return fromTfjs(spec, parameters)
}

/** The learning rate's share of its highest value. */
function schedule(step: number, steps: number): number {
  return Math.min(1, (step + 1) / warmUpSteps) * 0.5 * (1 + Math.cos((Math.PI * step) / steps))
}

/** Cross entropy of a batch, and its gradient by each of the network's variables. */
export function gradientsOf(
  tf: Tensorflow,
  network: Network,
  { inputs, targets, count }: Batch,
  { dropout, seed }: { dropout: number; seed: number }
): { loss: number; gradients: Float32Array[] } {
  const { width, height } = network.spec.input
  return tf.tidy(() => {
    const batch: Tensor4D = tf.tensor4d(inputs, [count, height, width, 3])
    const wanted = tf.tensor2d(targets, [count, targets.length / count])
    const { value, grads } = tf.variableGrads(
      () => tf.losses.softmaxCrossEntropy(wanted, network.forward(batch, dropout, seed)).asScalar(),
      network.variables
    )
    const gradients = network.variables.map(({ name }) => grads[name]!.dataSync() as Float32Array)
    return { loss: value.dataSync()[0]!, gradients }
  })
}

function assign(tf: Tensorflow, network: Network, parameters: readonly Float32Array[]): void {
  tf.tidy(() => {
    for (const [i, variable] of network.variables.entries()) variable.assign(tf.tensor(parameters[i]!, variable.shape))
  })
}
