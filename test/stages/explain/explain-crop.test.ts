import { describe, expect, it } from 'vitest'
import { InferenceError, UnsupportedModelError } from '../../../src/core/errors.js'
import { type Crop, regionNames } from '../../../src/core/types.js'
import type { Manifest } from '../../../src/lib/model/manifest.js'
import { softmax } from '../../../src/lib/model/preprocess.js'
import { explainCrop, type RelevanceSource, summedOverColours } from '../../../src/stages/explain/explain-crop.js'

const manifest: Manifest = {
  name: 'fake',
  path: '/models/fake.yaml',
  file: '/models/fake.onnx',
  sha256: '0'.repeat(64),
  labels: ['pain', 'disgust', 'happiness'],
  alarmLabel: 'pain',
  alarmIndex: 0,
  licence: 'Apache-2.0',
  input: { layout: 'nhwc', width: 16, height: 16, colour: 'rgb', mean: [10, 20, 30], scale: 0.5 },
  alignment: { eyeDistance: 0.38, eyeY: 0.36 },
  head: 'auto',
  intendedUse: 'demonstration',
  demonstration: true,
  temperature: 2,
  resting: null,
  metrics: {}
}

/** All landmarks at one place outside, so that all pixels are `outside`. */
const crop: Crop = {
  width: 16,
  height: 16,
  data: new Uint8Array(16 * 16 * 3).fill(50),
  landmarks: new Float32Array(136).fill(-100)
}

type Answer = Awaited<ReturnType<RelevanceSource['explain']>>

/** A fake of LRP that records its calls. */
function fakeSource(answer: Partial<Answer> | Error) {
  const asked: Parameters<RelevanceSource['explain']>[] = []
  const source: RelevanceSource = {
    head: 'logits',
    classes: 3,
    cancels: false,
    explain: async (...question) => {
      asked.push(question)
      if (answer instanceof Error) throw answer
      return { logits: [[2, 0, -2]], target: [0], relevance: new Float32Array(768).fill(1), ...answer }
    }
  }
  return { source, asked }
}

describe('the explanation of a crop', () => {
  it('preprocesses the crop by the manifest, and returns the target that was explained', async () => {
    const { source, asked } = fakeSource({ target: [1] })
    const found = await explainCrop({ source, manifest, views: 1 }, crop, 'max')
    const [{ data, dims }, options] = asked[0]!
    expect(dims).toEqual([1, 16, 16, 3])
    expect([...data.subarray(0, 4)]).toEqual([20, 15, 10, 20])
    expect(options).toEqual({ target: 'max' })
    const powers = [1, 0, -1].map(Math.exp)
    const sum = powers.reduce((a, b) => a + b)
    expect(found.target).toBe('disgust')
    expect(found.probability).toBeCloseTo(powers[1]! / sum, 6)
    expect([...found.logits]).toEqual([2, 0, -2])
    expect(found.probabilities[0]).toBeCloseTo(powers[0]! / sum, 6)
    expect(found.uncertainty).toEqual({ classes: {}, regions: {}, views: 1 })
    expect(found.relevance).toEqual(new Float32Array(256).fill(3))
    expect(found.regions.find(({ region }) => region === 'outside')).toEqual({
      region: 'outside',
      positive: 1,
      negative: 0,
      balance: 1
    })
    expect(found.regions.map(({ region }) => region)).toEqual(regionNames)
    expect(found.text.en).toBe(
      "The model's impression of disgust rests mostly on parts outside the face (100 %); be careful with it."
    )
  })

  it('has an uncertainty from several views, and the relevance and probability of the unchanged crop', async () => {
    const { source, asked } = fakeSource({})
    const answering: RelevanceSource = {
      ...source,
      explain: async (input, options) => {
        await source.explain(input, options)
        const batch = input.dims[0]!
        // The first call is about the crop; the mirror image, the first of the others, gets another answer than they.
        const logits = Array.from({ length: batch }, (_, i) => (batch > 1 && i === 0 ? [-90, 90, 0] : [90, -90, 0]))
        return { logits, target: logits.map(() => 0), relevance: new Float32Array(768 * batch).fill(1) }
      }
    }
    const { probability, uncertainty, relevance } = await explainCrop(
      { source: answering, manifest, views: 4 },
      crop,
      0
    )
    expect(asked.map(([{ dims }, { target }]) => [dims[0], target])).toEqual([
      [1, 0],
      [3, 0]
    ])
    expect(probability).toBeCloseTo(softmax([90, -90, 0], manifest.temperature)[0]!, 6)
    expect(relevance).toEqual(new Float32Array(256).fill(3))
    // One of four says 0 instead of 1: a deviation of the square root of 3/16, twice; the maps are all alike.
    expect(uncertainty.classes).toEqual({ pain: 43.3, disgust: 86.6, happiness: 0 })
    expect(uncertainty.regions).toEqual(Object.fromEntries(regionNames.map((name) => [name, 0])))
    expect(uncertainty.views).toBe(4)
  })

  it('tells by how much rounding changes the map, where rules may nearly divide by zero', async () => {
    const { source, asked } = fakeSource({ target: [2] })
    const cancelling: RelevanceSource = {
      ...source,
      cancels: true,
      explain: async (input, options) => {
        const answer = await source.explain(input, options)
        // The last of the calls is the one with changed digits.
        if (asked.length === 3) answer.relevance[5] = 1.25
        return answer
      }
    }
    const found = await explainCrop({ source: cancelling, manifest, views: 2 }, crop, 'max')
    expect(found.conditioning).toBeCloseTo(0.25, 6)
    expect(found.text.en).toMatch(/changes noticeably when the picture is changed slightly/)
    const [[exact], , [nudged, { target }]] = asked as [(typeof asked)[0], (typeof asked)[0], (typeof asked)[0]]
    expect(target).toBe(2)
    const changes = exact.data.map((value, i) => Math.abs(nudged.data[i]! - value) / Math.abs(value))
    expect(Math.min(...changes)).toBeGreaterThan(0.8e-6)
    expect(Math.max(...changes)).toBeLessThan(1.2e-6)
    expect(new Set(exact.data.map((value, i) => Math.sign(nudged.data[i]! - value))).size).toBe(2)
    const steady = fakeSource({})
    expect((await explainCrop({ source: steady.source, manifest, views: 2 }, crop, 0)).conditioning).toBeNull()
    expect(steady.asked).toHaveLength(2)
  })

  it('explains each of two labels by a single output, the second by its opposite', async () => {
    const two = { ...manifest, labels: ['pain', 'none'], temperature: 1 }
    const { source, asked } = fakeSource({ logits: [[-3]] })
    const single = { ...source, head: 'sigmoid', classes: 1 } as const
    const explain = (target: 'max' | number) => explainCrop({ source: single, manifest: two, views: 1 }, crop, target)
    const [pain, none, likeliest] = [await explain(0), await explain(1), await explain('max')]
    expect(asked.map(([, { target }]) => target)).toEqual([0, 0, 0])
    expect(pain.target).toBe('pain')
    expect(pain.probability).toBeCloseTo(1 / (1 + Math.exp(3)), 6)
    expect([...pain.logits]).toEqual([-3, 3])
    expect(pain.relevance).toEqual(new Float32Array(256).fill(3))
    expect(none.relevance).toEqual(new Float32Array(256).fill(-3))
    expect(none.probability).toBeCloseTo(1 - pain.probability, 6)
    expect(likeliest).toEqual(none)
    const contrast = await explainCrop({ source: single, manifest: two, views: 1 }, crop, { 0: 1, 1: -1 })
    expect(asked.at(-1)![1]).toEqual({ target: { 0: 2 } })
    expect([contrast.target, contrast.weights]).toEqual(['pain - none', { pain: 1, none: -1 }])
  })

  it('reads the outputs of a sigmoid head one by one', async () => {
    const { source } = fakeSource({})
    const found = await explainCrop({ source: { ...source, head: 'sigmoid' }, manifest, views: 1 }, crop, 0)
    for (const [i, logit] of [2, 0, -2].entries())
      expect(found.probabilities[i]).toBeCloseTo(1 / (1 + Math.exp(-logit / manifest.temperature)), 6)
  })

  it('rejects with an InferenceError that contains the cause', async () => {
    const broken = { ...crop, width: 8 }
    await expect(explainCrop({ ...fakeSource({}), manifest, views: 1 }, broken, 0)).rejects.toThrow(/8x16.*16x16/)
    for (const [cause, message] of [
      [new Error('out of memory'), /out of memory/],
      [new InferenceError('PL-LRP-TFJS', 'tfjs is gone', 'LRP'), /^LRP: tfjs is gone/],
      [new UnsupportedModelError('PL-LRP-NODE', 'Einsum is unknown', 'node 7'), /Einsum is unknown/]
    ] as const) {
      const failing = explainCrop({ ...fakeSource(cause), manifest, views: 1 }, crop, 0)
      await expect(failing).rejects.toThrow(InferenceError)
      await expect(failing).rejects.toThrow(message)
    }
  })

  it('rejects relevance that contains NaN', async () => {
    const relevance = new Float32Array(768)
    relevance[5] = Number.NaN
    await expect(explainCrop({ ...fakeSource({ relevance }), manifest, views: 1 }, crop, 0)).rejects.toThrow(
      InferenceError
    )
  })
})

describe('relevance per pixel', () => {
  it('is the sum over the colour channels, in both layouts', () => {
    const size = { width: 2, height: 1 }
    const values = Float32Array.of(1, 2, 4, 8, 16, -32)
    expect([...summedOverColours(values, { ...manifest.input, ...size, layout: 'nhwc' })]).toEqual([7, -8])
    expect([...summedOverColours(values, { ...manifest.input, ...size, layout: 'nchw' })]).toEqual([21, -22])
  })
})
