import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { afterAll, describe, expect, it } from 'vitest'
import { loadManifest } from '../../../src/lib/model/load-manifest.js'
import { checkShapes, declaredDims } from '../../../src/lib/model/manifest.js'
import { encodeModel, readModel } from '../../../src/lib/onnx/index.js'
import { createRandom } from '../../../src/lib/random.js'
import {
  buildVgg,
  type LayerWeights,
  layersOf,
  parameterCount,
  randomWeights,
  type VggSpec,
  type VggWeights,
  vggDemo,
  vggFace,
  writeRandomVgg,
  writeVgg
} from '../../../src/lib/vgg/index.js'

const small: VggSpec = { input: { width: 8, height: 12 }, blocks: [[3, 4], [5]], dense: [6, 2] }

const folder = mkdtempSync(join(tmpdir(), 'painlens-vgg-'))
afterAll(() => rmSync(folder, { recursive: true }))

describe('the topology', () => {
  it('the VGG-Face topology has the number of parameters from the literature', () => {
    // VGG-16 as torchvision has it, and VGG-Face with its 2622 identities.
    expect(parameterCount({ ...vggFace, dense: [4096, 4096, 1000] })).toBe(138_357_544)
    expect(parameterCount({ ...vggFace, dense: [4096, 4096, 2622] })).toBe(145_002_878)
    expect(parameterCount(vggFace)).toBe(134_272_835)
  })

  it('the topology has 13 convolutions, 5 poolings and 3 dense layers with the known names, full-size and small', () => {
    const names = layersOf(vggFace).map(({ name }) => name)
    expect(names.join(' ')).toBe(
      'conv1_1 conv1_2 pool1 conv2_1 conv2_2 pool2 conv3_1 conv3_2 conv3_3 pool3 ' +
        'conv4_1 conv4_2 conv4_3 pool4 conv5_1 conv5_2 conv5_3 pool5 fc6 fc7 fc8'
    )
    expect(layersOf(vggDemo).map(({ name }) => name)).toEqual(names)
  })

  it('an input that cannot be halved often enough is refused', () => {
    expect(() => layersOf({ ...vggDemo, input: { width: 64, height: 40 } })).toThrow('64x40 cannot be halved 5 times')
  })
})

describe('random weights', () => {
  it('random weights depend on the seed only', () => {
    const kernel = (seed: number) => randomWeights(small, seed).get('conv1_2')!.weights
    expect(kernel(3)).toEqual(kernel(3))
    expect(kernel(3)).not.toEqual(kernel(4))
  })

  it('random weights have mean 0 and the variance 2 / fan-in of He et al.', () => {
    const { weights, bias } = randomWeights({ ...small, dense: [6, 400, 2] }, 5).get('fc4')!
    const mean = weights.reduce((sum, w) => sum + w, 0) / weights.length
    const variance = weights.reduce((sum, w) => sum + w * w, 0) / weights.length
    expect(Math.abs(mean)).toBeLessThan(0.05)
    expect(variance / (2 / 6)).toBeGreaterThan(0.9)
    expect(variance / (2 / 6)).toBeLessThan(1.1)
    expect(new Set(bias)).toEqual(new Set([0]))
  })
})

describe('the ONNX model', () => {
  it('the ONNX model computes in ONNX Runtime what a naive VGG computes', async () => {
    const weights = withBiases(randomWeights(small, 7))
    const session = await InferenceSession.create(encodeModel(buildVgg(small, weights)))
    const random = createRandom(1)
    const pictures = [0, 1].map(() => Float32Array.from({ length: 3 * 12 * 8 }, () => random.normal(0, 1)))
    const data = Float32Array.from(pictures.flatMap((picture) => [...picture]))
    const { logits } = await session.run({ input: new Tensor('float32', data, [2, 3, 12, 8]) })
    const wanted = pictures.flatMap((picture) => naiveVgg(small, weights, picture))
    expect(logits!.dims).toEqual([2, 2])
    for (const [i, value] of wanted.entries()) expect((logits!.data as Float32Array)[i]).toBeCloseTo(value, 4)
  })

  it('a VGG with missing or wrongly sized weights is refused', () => {
    const weights = new Map(randomWeights(small, 1))
    weights.delete('conv2_1')
    expect(() => buildVgg(small, weights)).toThrow('conv2_1 needs 180 weights and 5 biases, it was given none')
    weights.set('conv2_1', { weights: new Float32Array(179), bias: new Float32Array(5) })
    expect(() => buildVgg(small, weights)).toThrow('it was given 179 and 5')
  })

  it('a VGG is written with a manifest that the daemon accepts', async () => {
    const spec = { ...small, input: { width: 16, height: 16 }, dense: [4, 3] }
    const path = await writeRandomVgg(spec, join(folder, 'random.onnx'), ['pain', 'disgust', 'happiness'], 1)
    const manifest = await loadManifest(path)
    expect(manifest).toMatchObject({
      alarmLabel: 'pain',
      demonstration: false,
      temperature: 1,
      file: join(folder, 'random.onnx')
    })
    expect(manifest.input).toEqual({
      layout: 'nchw',
      width: 16,
      height: 16,
      colour: 'bgr',
      mean: [93.594, 104.7624, 129.1863],
      scale: 1
    })
    const { graph } = await readModel(manifest.file)
    checkShapes(manifest, declaredDims(graph.inputs[0]!.dims), declaredDims(graph.outputs[0]!.dims)[1]!)
  })

  it('a VGG is not written with unsuitable labels or into a missing folder', async () => {
    const description = { name: 'x', labels: ['pain'], licence: 'x', intendedUse: 'x' }
    await expect(writeVgg(join(folder, 'x.onnx'), small, randomWeights(small, 1), description)).rejects.toThrow(
      '1 labels (pain) for 2 outputs'
    )
    await expect(writeRandomVgg(small, join(folder, 'none/x.onnx'), ['pain', 'other'], 1)).rejects.toThrow('x.onnx')
  })
})

function withBiases(weights: VggWeights): VggWeights {
  const random = createRandom(9)
  for (const { bias } of weights.values()) for (const i of bias.keys()) bias[i] = random.normal(0, 0.3)
  return weights
}

/** One value of a channels-first picture; outside it, zero. */
interface Volume {
  channels: number
  height: number
  width: number
  at(c: number, y: number, x: number): number
}

/** The network from its definition, number by number, in double precision. */
function naiveVgg(spec: VggSpec, weights: VggWeights, picture: ArrayLike<number>): number[] {
  let value = volume(3, spec.input.height, spec.input.width, (c, y, x) => {
    return picture[(c * spec.input.height + y) * spec.input.width + x]!
  })
  for (const layer of layersOf(spec)) {
    if (layer.kind === 'pool') value = naivePool(value)
    else if (layer.kind === 'conv') value = naiveConv(value, layer.outputs, weights.get(layer.name)!)
    else value = naiveDense(value, layer, weights.get(layer.name)!)
  }
  return Array.from({ length: value.channels }, (_, c) => value.at(c, 0, 0))
}

function volume(channels: number, height: number, width: number, of: Volume['at']): Volume {
  const values = Array.from({ length: channels * height * width }, (_, i) => {
    return of(Math.floor(i / (height * width)), Math.floor(i / width) % height, i % width)
  })
  const inside = (y: number, x: number) => y >= 0 && x >= 0 && y < height && x < width
  const at: Volume['at'] = (c, y, x) => (inside(y, x) ? values[(c * height + y) * width + x]! : 0)
  return { channels, height, width, at }
}

function naivePool(value: Volume): Volume {
  const corners = [0, 1, 2, 3]
  return volume(value.channels, value.height / 2, value.width / 2, (c, y, x) =>
    Math.max(...corners.map((corner) => value.at(c, 2 * y + (corner >> 1), 2 * x + (corner & 1))))
  )
}

function naiveConv(value: Volume, outputs: number, { weights, bias }: LayerWeights): Volume {
  return volume(outputs, value.height, value.width, (o, y, x) => {
    let sum = bias[o]!
    for (let c = 0; c < value.channels; c++)
      for (let k = 0; k < 9; k++)
        sum += value.at(c, y + Math.floor(k / 3) - 1, x + (k % 3) - 1) * weights[(o * value.channels + c) * 9 + k]!
    return Math.max(0, sum)
  })
}

function naiveDense(
  value: Volume,
  layer: { inputs: number; outputs: number; last: boolean },
  own: LayerWeights
): Volume {
  const { height, width } = value
  return volume(layer.outputs, 1, 1, (o) => {
    let sum = own.bias[o]!
    for (let i = 0; i < layer.inputs; i++) {
      const input = value.at(Math.floor(i / (height * width)), Math.floor(i / width) % height, i % width)
      sum += input * own.weights[o * layer.inputs + i]!
    }
    return layer.last ? sum : Math.max(0, sum)
  })
}
