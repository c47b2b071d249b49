import { describe, expect, it } from 'vitest'
import { createRandom } from '../../../src/lib/random.js'
import { randomWeights, type VggSpec, vggInput } from '../../../src/lib/vgg/index.js'
import { AdamW } from '../../../tools/train/adamw.js'
import { fitDefaults, fitNetwork } from '../../../tools/train/fit.js'
import { splits } from '../../../tools/train/recipe.js'
import type { SampleFacts, Samples } from '../../../tools/train/samples.js'

const spec: VggSpec = { input: { width: 16, height: 16 }, blocks: [[4], [6]], dense: [8, 3] }

/** Crops of three people who are plain to tell apart: another third of the picture is bright. */
function toySamples(people: number): Samples {
  const random = createRandom(2)
  const facts: SampleFacts[] = []
  const pixels = Array.from({ length: people }, () => {
    const crops = new Uint8Array(splits.train.samples * 16 * 16 * 3)
    for (let sample = 0; sample < splits.train.samples; sample++) {
      const kind = facts.length % 3
      facts.push({ expression: 'neutral', identity: kind, intensity: 1, resting: null, faceSize: 100, tone: 0.5 })
      for (let i = 0; i < 16 * 16 * 3; i++) {
        const bright = Math.floor(i / (16 * 3) / 5.4) === kind
        crops[sample * 16 * 16 * 3 + i] = (bright ? 190 : 60) + random.uniform(-20, 20)
      }
    }
    return crops
  })
  return { facts, variants: 1, pixels }
}

const input = vggInput(spec, 1 / 128)
const options = { ...fitDefaults, batchSize: 16 }

describe('training', () => {
  it('training learns an easily separable task', async () => {
    const losses: number[] = []
    const onStep = (_step: number, _steps: number, loss: number) => losses.push(loss)
    await fitNetwork(spec, input, toySamples(24), { ...options, epochs: 6, onStep })
    const mean = (losses: number[]) => losses.reduce((sum, loss) => sum + loss, 0) / losses.length
    const guessing = Math.log(3)
    expect(losses).toHaveLength(6 * Math.floor((24 * splits.train.samples) / 16))
    expect(mean(losses.slice(0, 8))).toBeGreaterThan(guessing)
    expect(mean(losses.slice(-8))).toBeLessThan(0.75 * guessing)
  })

  it('training with the same seed gives the same weights', async () => {
    const samples = toySamples(6)
    const run = () => fitNetwork(spec, input, samples, { ...options, epochs: 1 })
    const first = await run()
    expect(first).not.toEqual(randomWeights(spec, options.seed))
    expect(await run()).toEqual(first)
  })
})

describe('AdamW', () => {
  it('AdamW steps as the paper defines', () => {
    const values = [Float32Array.of(1, -2), Float32Array.of(0.5)]
    const optimizer = new AdamW(values, { weightDecay: 0.1, clipNorm: 1e9, decays: [true, false] })
    const gradients = [
      [0.3, -0.1, 2],
      [-0.2, 0.4, 1]
    ]
    const wanted = [1, -2, 0.5]
    const [m, v] = [
      [0, 0, 0],
      [0, 0, 0]
    ]
    for (const [t, g] of gradients.entries()) {
      optimizer.step([Float32Array.of(g[0]!, g[1]!), Float32Array.of(g[2]!)], 0.01)
      for (let i = 0; i < 3; i++) {
        m![i] = 0.9 * m![i]! + 0.1 * g[i]!
        v![i] = 0.999 * v![i]! + 0.001 * g[i]! ** 2
        const decay = i < 2 ? 0.01 * 0.1 * wanted[i]! : 0
        wanted[i]! -=
          (0.01 * (m![i]! / (1 - 0.9 ** (t + 1)))) / (Math.sqrt(v![i]! / (1 - 0.999 ** (t + 1))) + 1e-8) + decay
      }
    }
    for (const [i, value] of [...values[0]!, ...values[1]!].entries()) expect(value).toBeCloseTo(wanted[i]!, 5)
  })

  it('a gradient longer than the limit is scaled down', () => {
    const step = (gradient: number, clipNorm: number) => {
      const values = [Float32Array.of(0, 0)]
      const optimizer = new AdamW(values, { weightDecay: 0, clipNorm, decays: [false] })
      optimizer.step([Float32Array.of(gradient, gradient)], 0.1)
      optimizer.step([Float32Array.of(1, -1)], 0.1)
      return values[0]!
    }
    const clipped = Math.SQRT1_2 * 3
    for (const i of [0, 1]) expect(step(100, 3)[i]).toBeCloseTo(step(clipped, 3)[i]!, 5)
    expect(step(100, 1e9)[1]).not.toBeCloseTo(step(100, 3)[1]!, 3)
  })
})
