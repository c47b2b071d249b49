import type { Tensor4D } from '@tensorflow/tfjs'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { describe, expect, it } from 'vitest'
import { encodeModel } from '../../../src/lib/onnx/index.js'
import { createRandom } from '../../../src/lib/random.js'
import { buildVgg, randomWeights, type VggSpec, vggDemo } from '../../../src/lib/vgg/index.js'
import { foldStatistics, toTfjs } from '../../../tools/train/layouts.js'
import { createNetwork } from '../../../tools/train/network.js'
import { loadWasm } from '../../../tools/train/tensorflow.js'

const random = createRandom(4)

describe('the way from tfjs to ONNX', () => {
  it.each([
    ['the demonstration network', vggDemo, 3],
    ['one that is wider than high', { input: { width: 12, height: 8 }, blocks: [[4], [5, 6]], dense: [7, 3] }, 5]
  ] satisfies [string, VggSpec, number][])(
    '%s gives the same logits in tfjs and in ONNX, with normalization folded in',
    async (_, spec, count) => {
      const { width, height } = spec.input
      const tf = await loadWasm()
      const network = createNetwork(tf, spec, randomWeights(spec, 2))
      // Other gains and shifts than at the start, so that the folding has something to do.
      for (const variable of network.variables)
        if (variable.rank === 1)
          variable.assign(tf.tensor(Float32Array.from({ length: variable.size }, () => random.normal(1, 0.3))))
      const values = Float32Array.from({ length: count * height * width * 3 }, () => random.normal(0, 0.5))
      const batch: Tensor4D = tf.tensor4d(values, [count, height, width, 3])
      const wanted = network.forward(batch, 0, 0).dataSync()
      const session = await InferenceSession.create(encodeModel(buildVgg(spec, network.folded(batch))))
      const nchw = tf.transpose(batch, [0, 3, 1, 2]).dataSync() as Float32Array
      const { logits } = await session.run({ input: new Tensor('float32', nchw, [count, 3, height, width]) })
      const found = logits!.data as Float32Array
      expect(found).toHaveLength(wanted.length)
      const spread = Math.max(...wanted) - Math.min(...wanted)
      expect(spread).toBeGreaterThan(0.1)
      // Of the logits' own size, as rounding is: in which order a processor's kernels add up differs.
      for (const [i, value] of wanted.entries()) expect(Math.abs(found[i]! - value) / spread).toBeLessThan(1e-4)
    }
  )

  it('weights read back from ONNX are identical', () => {
    const spec: VggSpec = { input: { width: 8, height: 4 }, blocks: [[2, 3], [4]], dense: [5, 2] }
    const weights = randomWeights(spec, 6)
    const layers = toTfjs(spec, weights).map(({ weights, bias }) => {
      return { weights: weights.values, shift: bias.values, normalization: null }
    })
    expect(foldStatistics(spec, layers)).toEqual(weights)
  })
})
