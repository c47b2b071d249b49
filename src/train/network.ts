import type { Tensor, Tensor2D, Tensor4D, Variable } from '@tensorflow/tfjs'
import { featureSize, layersOf, type VggSpec, type VggWeights } from '../vgg/index.js'
import { type Shaped, toTfjs } from './layouts.js'
import type { Tensorflow } from './tensorflow.js'

/** A VGG as tfjs variables. */
export interface Network {
  spec: VggSpec
  /** In the order of the layers, weights before biases. */
  variables: Variable[]
  /**
   * Logits [batch, classes] of an NHWC batch.
   * @param dropout share of the dense layers' activations that is dropped; 0 outside of training
   * @param seed    of the dropout
   */
  forward(batch: Tensor4D, dropout: number, seed: number): Tensor2D
  dispose(): void
}

export function createNetwork(tf: Tensorflow, spec: VggSpec, weights: VggWeights): Network {
  const variable = ({ values, dims }: Shaped): Variable => tf.variable(tf.tensor(values, dims))
  const byLayer = new Map(
    toTfjs(spec, weights).map(({ name, weights, bias }) => [name, [variable(weights), variable(bias)] as const])
  )
  const variables = [...byLayer.values()].flat()
  const { width, height } = featureSize(spec)
  return {
    spec,
    variables,
    forward(batch, dropout, seed) {
      let value: Tensor = batch
      for (const layer of layersOf(spec)) {
        if (layer.kind === 'pool') {
          value = tf.maxPool(value as Tensor4D, 2, 2, 'valid')
          continue
        }
        const [weights, bias] = byLayer.get(layer.name)!
        if (layer.kind === 'conv') {
          value = tf.relu(tf.add(tf.conv2d(value as Tensor4D, weights as Tensor4D, 1, 'same'), bias))
          continue
        }
        if (value.rank === 4) value = tf.reshape(value, [-1, width * height * value.shape[3]!])
        if (dropout > 0 && !layer.last) value = tf.dropout(value, dropout, undefined, `${seed}${layer.name}`)
        const sums = tf.add(tf.matMul(value as Tensor2D, weights as Tensor2D), bias)
        value = layer.last ? sums : tf.relu(sums)
      }
      return value as Tensor2D
    },
    dispose() {
      for (const one of variables) one.dispose()
    }
  }
}
