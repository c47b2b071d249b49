import { serveWorker, Transferred } from '#painlens/core/worker.js'
import { randomWeights, type VggSpec, type VggWeights } from '#painlens/lib/vgg/index.js'
import type { Batch } from './batches.js'
import type { Tensorflow } from './gradient-kernels.js'
import { assignParameters, foldOver, type Gradients, gradientsOf } from './gradients.js'
import { createNetwork, type Network } from './network.js'
import { loadTensorflow } from './tensorflow.js'

let open: { tf: Tensorflow; network: Network } | undefined

function opened(): { tf: Tensorflow; network: Network } {
  if (!open) throw new Error('the worker is asked before it was opened')
  return open
}

const methods = {
  /** Makes the network from random weights. @returns its parameters, and which of them are kernels or matrices */
  async open({
    spec,
    seed
  }: {
    spec: VggSpec
    seed: number
  }): Promise<{ parameters: Float32Array[]; decays: boolean[] }> {
    const tf = await loadTensorflow()
    const network = createNetwork(tf, spec, randomWeights(spec, seed))
    open = { tf, network }
    return {
      parameters: network.variables.map((variable) => variable.dataSync() as Float32Array),
      decays: network.variables.map(({ rank }) => rank > 1)
    }
  },

  gradients(work: { parameters: Float32Array[]; batch: Batch; dropout: number; seed: number }): Transferred<Gradients> {
    const { tf, network } = opened()
    assignParameters(tf, network, work.parameters)
    const result = gradientsOf(tf, network, work.batch, work)
    return new Transferred(
      result,
      result.gradients.map(({ buffer }) => buffer as ArrayBuffer)
    )
  },

  fold(work: { parameters: Float32Array[]; batch: Batch }): VggWeights {
    const { tf, network } = opened()
    assignParameters(tf, network, work.parameters)
    return foldOver(tf, network, work.batch)
  }
}

export type GradientMethods = typeof methods
serveWorker(methods)
