import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { vggFace, writeRandomVgg } from '../../../src/lib/vgg/index.js'
import { patience } from '../../support/slowness.js'
import { withExplainer, worst } from './compare.js'

let folder: string
let model: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'painlens-full-size-'))
  model = join(folder, 'vgg-face.onnx')
  await writeRandomVgg({ ...vggFace, dense: [4096, 4096, 3] }, model, ['pain', 'disgust', 'happiness'], 1)
}, patience(120_000))
afterAll(() => rm(folder, { recursive: true }))

/** Half of it is one colour, as a mask or a wall is: there every pool has tied maxima. */
const picture = Float32Array.from({ length: 3 * 224 * 224 }, (_, i) =>
  i % 224 < 112 ? 40 : 60 * Math.sin(i * 1.7) + 50 * Math.cos(i * 0.013)
)

describe('a VGG-Face of full size', () => {
  it.each(['lrp.sequential_preset_a_flat', 'lrp.sequential_preset_b_flat'])(
    'both engines give a full-size VGG-Face the same relevance under %s',
    async (composite) => {
      const explain = (engine: 'tfjs' | 'onnx') =>
        withExplainer({ model, composite, engine, threads: 2 }, (explainer) =>
          explainer.explain({ data: picture, dims: [1, 3, 224, 224] }, { target: 'max' })
        )
      const [tfjs, onnx] = [await explain('tfjs'), await explain('onnx')]
      expect(onnx.target).toEqual(tfjs.target)
      expect(worst(onnx.logits[0]!, tfjs.logits[0]!)).toBeLessThan(1e-4)
      expect(onnx.relevance.some((value) => value !== 0)).toBe(true)
      expect(worst(onnx.relevance, tfjs.relevance)).toBeLessThan(2e-3)
    },
    patience(180_000)
  )
})
