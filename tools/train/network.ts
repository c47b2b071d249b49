import type { GradSaveFunc, Tensor, Tensor2D, Tensor4D, Variable } from '@tensorflow/tfjs'
import { featureSize, layersOf, type VggSpec, type VggWeights, type WeightedLayer } from '#painlens/lib/vgg/index.js'
import { type ChannelStatistics, channelStatistics, normalizeRelu, normalizeReluGradients } from './batch-norm.js'
import type { Tensorflow } from './gradient-kernels.js'
import { foldStatistics, type TrainedLayer, toTfjs } from './layouts.js'

/**
 * A VGG as tfjs variables, with batch normalization between each layer's sums and its ReLU: without it thirteen plain
 * layers hardly begin to learn. The normalization is folded into the weights when training is over.
 */
export interface Network {
  spec: VggSpec
  /** In the order of the layers: weights, gain and shift of each; the last has a bias in place of them. */
  variables: Variable[]
  /**
   * Logits [batch, classes] of an NHWC batch, normalized over that batch.
   * @param dropout share of the last layer's inputs that is dropped; 0 outside of training
   * @param seed    of the dropout
   */
  forward(batch: Tensor4D, dropout: number, seed: number): Tensor2D
  /** The plain VGG that answers as this network does when it is normalized over this batch. */
  folded(batch: Tensor4D): VggWeights
  dispose(): void
}

interface Parameters {
  weights: Variable
  /** Of the normalization; null in the last layer. */
  gain: Variable | null
  /** Added last: the normalization's shift, or the last layer's bias. */
  shift: Variable
}

export function createNetwork(tf: Tensorflow, spec: VggSpec, start: VggWeights): Network {
  const parameters = new Map<string, Parameters>()
  for (const { name, weights, bias, last } of toTfjs(spec, start)) {
    parameters.set(name, {
      weights: tf.variable(tf.tensor(weights.values, weights.dims)),
      gain: last ? null : tf.variable(tf.ones(bias.dims)),
      shift: tf.variable(tf.tensor(bias.values, bias.dims))
    })
  }
  const variables = [...parameters.values()].flatMap(({ weights, gain, shift }) => [weights, gain ?? [], shift].flat())
  const walk = (batch: Tensor4D, activate: Activate): Tensor2D => {
    let value: Tensor = batch
    for (const layer of layersOf(spec)) {
      if (layer.kind === 'pool') value = tf.maxPool(value as Tensor4D, 2, 2, 'valid')
      else value = activate(layer, layer.kind === 'dense' ? flat(tf, spec, value) : value, parameters.get(layer.name)!)
    }
    return value as Tensor2D
  }
  return {
    spec,
    variables,
    forward: (batch, dropout, seed) =>
      walk(batch, (layer, value, own) => {
        if (own.gain) return normalized(tf, weigh(tf, layer, value, own), own.gain, own.shift)
        const kept = dropout > 0 ? tf.dropout(value, dropout, undefined, `dropout ${seed}`) : value
        return tf.add(weigh(tf, layer, kept, own), own.shift)
      }),
    folded: (batch) => foldStatistics(spec, trainedLayers(tf, batch, walk, parameters)),
    dispose() {
      for (const one of variables) one.dispose()
    }
  }
}

/** What a layer with weights makes of its input. */
type Activate = (layer: WeightedLayer, value: Tensor, own: Parameters) => Tensor

function flat(tf: Tensorflow, spec: VggSpec, value: Tensor): Tensor {
  const { width, height } = featureSize(spec)
  return value.rank === 4 ? tf.reshape(value, [-1, width * height * value.shape[3]!]) : value
}

function weigh(tf: Tensorflow, { kind }: WeightedLayer, value: Tensor, { weights }: Parameters): Tensor {
  if (kind === 'conv') return tf.conv2d(value as Tensor4D, weights as Tensor4D, 1, 'same')
  return tf.matMul(value as Tensor2D, weights as Tensor2D)
}

const floats = (tensor: Tensor): Float32Array => tensor.dataSync() as Float32Array

function normalized(tf: Tensorflow, sums: Tensor, gain: Tensor, shift: Tensor): Tensor {
  const operation = tf.customGrad((...given) => {
    // tfjs hands a custom gradient its tensors and then `save`.
    const [x, scale, offset, save] = given as unknown as [Tensor, Tensor, Tensor, GradSaveFunc]
    const values = floats(x)
    const statistics = channelStatistics(values, scale.size)
    const y = normalizeRelu(values, statistics, floats(scale), floats(offset))
    save([x, scale])
    const gradFunc = (dy: Tensor, saved: Tensor[]): Tensor[] => {
      const [x, scale] = saved as [Tensor, Tensor]
      const gradients = normalizeReluGradients(floats(x), y, floats(dy), statistics, floats(scale))
      return [
        tf.tensor(gradients.x, x.shape),
        tf.tensor(gradients.gain, scale.shape),
        tf.tensor(gradients.shift, scale.shape)
      ]
    }
    return { value: tf.tensor(y, x.shape), gradFunc }
  })
  return operation(sums, gain, shift)
}

/** The parameters, with each layer's statistics over the batch. */
function trainedLayers(
  tf: Tensorflow,
  batch: Tensor4D,
  walk: (batch: Tensor4D, activate: Activate) => Tensor,
  parameters: ReadonlyMap<string, Parameters>
): TrainedLayer[] {
  const statistics = new Map<string, ChannelStatistics>()
  tf.tidy(() =>
    walk(batch, (layer, value, own) => {
      const sums = weigh(tf, layer, value, own)
      if (!own.gain) return sums
      statistics.set(layer.name, channelStatistics(floats(sums), layer.outputs))
      return normalized(tf, sums, own.gain, own.shift)
    })
  )
  return [...parameters].map(([name, { weights, gain, shift }]) => ({
    weights: floats(weights),
    shift: floats(shift),
    normalization: gain && { gain: floats(gain), ...statistics.get(name)! }
  }))
}
