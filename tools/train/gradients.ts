import type { Tensor4D } from '@tensorflow/tfjs'
import type { VggWeights } from '#painlens/lib/vgg/index.js'
import type { Batch } from './batches.js'
import type { Tensorflow } from './gradient-kernels.js'
import type { Network } from './network.js'

export interface Gradients {
  /** Mean cross entropy against the targets, in nats. */
  loss: number
  /** By each of the network's variables. */
  gradients: Float32Array[]
}

/** Cross entropy of a batch, and its gradient by each of the network's variables. */
export function gradientsOf(
  tf: Tensorflow,
  network: Network,
  batch: Batch,
  { dropout, seed }: { dropout: number; seed: number }
): Gradients {
  const { count, targets } = batch
  const pixels = pixelsOf(tf, network, batch)
  const wanted = tf.tensor2d(targets, [count, targets.length / count])
  const { value, grads } = tf.variableGrads(
    () => tf.losses.softmaxCrossEntropy(wanted, network.forward(pixels, dropout, seed)).asScalar(),
    network.variables
  )
  // No tf.tidy around all this: it would search the answer's arrays for tensors, number by number.
  const gradients = network.variables.map(({ name }) => grads[name]!.dataSync() as Float32Array)
  const [loss] = value.dataSync()
  tf.dispose([pixels, wanted, value])
  tf.dispose(grads)
  return { loss: loss!, gradients }
}

/** Gives the network's variables new values. */
export function assignParameters(tf: Tensorflow, network: Network, parameters: readonly Float32Array[]): void {
  tf.tidy(() => {
    for (const [i, variable] of network.variables.entries()) variable.assign(tf.tensor(parameters[i]!, variable.shape))
  })
}

/** The plain VGG that the network is when normalized over the batch. */
export function foldOver(tf: Tensorflow, network: Network, batch: Batch): VggWeights {
  const pixels = pixelsOf(tf, network, batch)
  const weights = network.folded(pixels)
  pixels.dispose()
  return weights
}

function pixelsOf(tf: Tensorflow, { spec }: Network, { inputs, count }: Batch): Tensor4D {
  return tf.tensor4d(inputs, [count, spec.input.height, spec.input.width, 3])
}
