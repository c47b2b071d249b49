import { writeFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { stringify } from 'yaml'
import { DiskError, messageOf } from '../../core/errors.js'
import { type ModelInput, sha256Of } from '../model/manifest.js'
import { GraphBuilder, type OnnxModel, writeModel } from '../onnx/index.js'
import { type VggLayer, type VggSpec, vggLayers, type WeightedLayer, weightCount, weightedLayersOf } from './spec.js'

/**
 * The network as an ONNX model, written as torch.onnx writes VGG: NCHW, Conv, Relu, MaxPool, Flatten, Gemm with transB.
 * Input `input` [batch, 3, height, width], output `logits` [batch, classes]. The model's tensors are the given arrays.
 * @throws RangeError if a layer's weights are missing or of another length
 */
export function buildVgg(spec: VggSpec, weights: VggWeights): OnnxModel {
  const graph = new GraphBuilder({ name: 'vgg' })
  const { width, height } = spec.input
  let value = graph.input('input', ['batch', 3, height, width])
  let flat = false
  for (const layer of vggLayers(spec)) {
    if (layer.kind === 'dense' && !flat) {
      value = graph.node('Flatten', [value], { axis: 1 }, { name: 'flatten' })
      flat = true
    }
    value = addLayer(graph, layer, value, weights)
  }
  graph.output(value, ['batch', spec.dense.at(-1)!])
  return graph.toModel()
}

function addLayer(graph: GraphBuilder, layer: VggLayer, value: string, weights: VggWeights): string {
  if (layer.kind === 'pool')
    return graph.node('MaxPool', [value], { kernel_shape: [2, 2], strides: [2, 2] }, { name: layer.name })
  const constants = addWeights(graph, layer, weights)
  if (layer.kind === 'conv') {
    const attributes = { kernel_shape: [3, 3], pads: [1, 1, 1, 1] }
    const sums = graph.node('Conv', [value, ...constants], attributes, { name: layer.name })
    return graph.node('Relu', [sums], {}, { name: `${layer.name}.relu` })
  }
  const outputs = [layer.last ? 'logits' : layer.name]
  const [sums] = graph.node('Gemm', [value, ...constants], { transB: 1 }, { name: layer.name, outputs })
  return layer.last ? sums! : graph.node('Relu', [sums!], {}, { name: `${layer.name}.relu` })
}

function addWeights(graph: GraphBuilder, layer: WeightedLayer, all: VggWeights): [string, string] {
  const found = all.get(layer.name)
  if (found?.weights.length !== weightCount(layer) || found.bias.length !== layer.outputs)
    throw new RangeError(
      `${layer.name} needs ${weightCount(layer)} weights and ${layer.outputs} biases, ` +
        `it was given ${found?.weights.length ?? 'none'} and ${found?.bias.length ?? 'none'}`
    )
  const dims = layer.kind === 'conv' ? [layer.outputs, layer.inputs, 3, 3] : [layer.outputs, layer.inputs]
  return [
    graph.constant(`${layer.name}.weight`, found.weights, dims),
    graph.constant(`${layer.name}.bias`, found.bias, [layer.outputs])
  ]
}

/** One layer's numbers in ONNX's layouts: a convolution's kernel OIHW, a dense layer's matrix [out, in]. */
export interface LayerWeights {
  weights: Float32Array
  bias: Float32Array
}

/** By layer name. The first dense layer reads the features in the order of an NCHW tensor. */
export type VggWeights = ReadonlyMap<string, LayerWeights>

/**
 * Weights spread evenly over ±√(6 / fan-in) (He, Zhang, Ren and Sun 2015, in the uniform form), which keeps the
 * activations' size through any depth of ReLU layers; biases zero. The same seed gives the same weights everywhere.
 * VGG-Face's 134 M take about a second and no more memory than they need.
 */
export function randomWeights(spec: VggSpec, seed: number): VggWeights {
  const result = new Map<string, LayerWeights>()
  for (const [i, layer] of weightedLayersOf(spec).entries()) {
    const count = weightCount(layer)
    const limit = Math.sqrt(6 / (count / layer.outputs))
    result.set(layer.name, {
      weights: evenlySpread(count, limit, seed * 1000 + i),
      bias: new Float32Array(layer.outputs)
    })
  }
  return result
}

/** Xorshift32 (Marsaglia 2003) written out in the loop: a call per number would cost more than the number. */
function evenlySpread(count: number, limit: number, seed: number): Float32Array {
  const out = new Float32Array(count)
  const scale = limit / 2 ** 31
  let state = Math.imul(seed + 0x6d2b79f5, 0x9e3779b1) | 1
  for (let i = 0; i < count; i++) {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    out[i] = state * scale
  }
  return out
}

/** VGG-Face's mean pixel, blue, green, red (Parkhi, Vedaldi and Zisserman 2015). */
const vggFaceMean: [number, number, number] = [93.594, 104.7624, 129.1863]

/** The manifest's values that the network does not determine; the first label is the alarm's. */
export interface VggDescription {
  name: string
  labels: readonly string[]
  licence: string
  intendedUse: string
  /** x = (value - mean) * scale; 1 is VGG-Face's own. */
  scale?: number
  metrics?: Record<string, unknown>
  temperature?: number
  /** By label, median and spread of the output on neutral faces. */
  resting?: Record<string, [number, number]> | null
}

/** Preprocessing of crops for a network of this family. */
export function vggInput(spec: VggSpec, scale = 1): ModelInput {
  return { layout: 'nchw', ...spec.input, colour: 'bgr', mean: vggFaceMean, scale }
}

/**
 * Writes the network and, beside it under the same name, its manifest.
 * @param file the .onnx file
 * @returns the manifest's path
 * @throws DiskError if writing fails, RangeError if labels and outputs differ in number
 */
export async function writeVgg(
  file: string,
  spec: VggSpec,
  weights: VggWeights,
  description: VggDescription
): Promise<string> {
  const { labels } = description
  if (labels.length !== spec.dense.at(-1))
    throw new RangeError(`${labels.length} labels (${labels.join(', ')}) for ${spec.dense.at(-1)} outputs`)
  await writeModel(file, buildVgg(spec, weights))
  const manifest = `${file.replace(/\.onnx$/, '')}.yaml`
  const text = stringify({
    name: description.name,
    labels,
    alarm_label: labels[0],
    file: basename(file),
    sha256: await sha256Of(file),
    licence: description.licence,
    input: vggInput(spec, description.scale),
    intended_use: description.intendedUse,
    temperature: description.temperature ?? 1,
    ...(description.resting && { resting: description.resting }),
    metrics: description.metrics
  })
  try {
    await writeFile(manifest, text)
  } catch (error) {
    throw new DiskError('PL-MODEL-UNWRITABLE', `the manifest could not be written: ${messageOf(error)}`, manifest, {
      cause: error
    })
  }
  return manifest
}

/** Writes an untrained network with its manifest, for measurements of time. @returns the manifest's path */
export function writeRandomVgg(spec: VggSpec, file: string, labels: readonly string[], seed: number): Promise<string> {
  return writeVgg(file, spec, randomWeights(spec, seed), {
    name: 'vgg-random-weights',
    labels,
    licence: 'Apache-2.0',
    intendedUse: 'benchmark'
  })
}
