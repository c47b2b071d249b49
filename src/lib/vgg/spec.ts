import type { Size } from '../../core/types.js'

/**
 * A network of the VGG family (Simonyan and Zisserman 2015): blocks of 3x3 convolutions of stride 1 that keep the size,
 * each followed by ReLU, a 2x2 max pooling at the end of each block, then dense layers with ReLU between them.
 */
export interface VggSpec {
  input: Size
  /** Output channels of each convolution, block by block. */
  blocks: readonly (readonly number[])[]
  /** Outputs of each dense layer; the last are the logits. */
  dense: readonly number[]
}

/** VGG-Face (Parkhi, Vedaldi and Zisserman 2015), its 2622 identities replaced by the paper's three expressions. */
export const vggFace: VggSpec = {
  input: { width: 224, height: 224 },
  blocks: [
    [64, 64],
    [128, 128],
    [256, 256, 256],
    [512, 512, 512],
    [512, 512, 512]
  ],
  dense: [4096, 4096, 3]
}

/** The same 13 convolutions and 3 dense layers, narrow and small enough to be trained on a laptop. */
export const vggDemo: VggSpec = {
  input: { width: 64, height: 64 },
  blocks: [
    [8, 8],
    [16, 16],
    [24, 24, 24],
    [32, 32, 32],
    [64, 64, 64]
  ],
  dense: [128, 128, 3]
}

export type VggLayer =
  | { kind: 'conv'; name: string; inputs: number; outputs: number }
  | { kind: 'pool'; name: string }
  | { kind: 'dense'; name: string; inputs: number; outputs: number; last: boolean }
/** A layer that has weights. */
export type WeightedLayer = Extract<VggLayer, { inputs: number }>

/**
 * The layers in order, under VGG-Face's names: conv1_1 … pool5, then fc6 and on (after five blocks).
 * @throws RangeError if the poolings do not divide the input
 */
export function vggLayers(spec: VggSpec): VggLayer[] {
  const layers: VggLayer[] = []
  let channels = 3
  for (const [b, block] of spec.blocks.entries()) {
    for (const [c, outputs] of block.entries()) {
      layers.push({ kind: 'conv', name: `conv${b + 1}_${c + 1}`, inputs: channels, outputs })
      channels = outputs
    }
    layers.push({ kind: 'pool', name: `pool${b + 1}` })
  }
  const { width, height } = featureSize(spec)
  let inputs = width * height * channels
  for (const [d, outputs] of spec.dense.entries()) {
    const last = d === spec.dense.length - 1
    layers.push({ kind: 'dense', name: `fc${spec.blocks.length + 1 + d}`, inputs, outputs, last })
    inputs = outputs
  }
  return layers
}

/** Only those layers that have weights, in order. */
export function weightedLayersOf(spec: VggSpec): WeightedLayer[] {
  return vggLayers(spec).filter((layer): layer is WeightedLayer => layer.kind !== 'pool')
}

/** Size of the last pooling's output. */
export function featureSize({ input, blocks }: VggSpec): Size {
  const step = 2 ** blocks.length
  if (input.width % step !== 0 || input.height % step !== 0)
    throw new RangeError(`an input of ${input.width}x${input.height} cannot be halved ${blocks.length} times`)
  return { width: input.width / step, height: input.height / step }
}

/** Numbers in a layer's weights: a 3x3 kernel per pair of channels, or a matrix. */
export function weightCount({ kind, inputs, outputs }: WeightedLayer): number {
  return inputs * outputs * (kind === 'conv' ? 9 : 1)
}

/** Weights and biases of the whole network. */
export function parameterCount(spec: VggSpec): number {
  return weightedLayersOf(spec).reduce((sum, layer) => sum + weightCount(layer) + layer.outputs, 0)
}
