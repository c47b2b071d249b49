import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Crop } from '../../../src/core/types.js'
import { alignFace } from '../../../src/lib/face/align.js'
import { loadManifest } from '../../../src/lib/model/load-manifest.js'
import type { Manifest } from '../../../src/lib/model/manifest.js'
import { batchDims, preprocess } from '../../../src/lib/model/preprocess.js'
import { createRandom } from '../../../src/lib/random.js'
import {
  type CropTarget,
  explainCrop,
  explainViews,
  type RelevanceSource,
  viewsAtOnce
} from '../../../src/stages/explain/explain-crop.js'
import { type ModelSource, openSource } from '../../../src/stages/explain/source.js'
import { mapToCrop, renderView, views } from '../../../src/stages/explain/views.js'
import { truthOf } from '../../../tools/bench/explanations/faces.js'
import { mean, spearman } from '../../../tools/bench/explanations/statistics.js'
import { planSample, splits } from '../../../tools/train/recipe.js'
import { jitterEyes, renderPicture } from '../../../tools/train/render-crops.js'

let manifest: Manifest
let explainer: ModelSource
beforeAll(async () => {
  manifest = await loadManifest(fileURLToPath(new URL('../../../models/pain-demo.yaml', import.meta.url)))
  const composite = 'lrp.sequential_preset_a_flat'
  explainer = await openSource(manifest, { composite, engine: 'onnx', threads: 2 })
})
afterAll(() => explainer.close())

/** The first of the test split's people that no report uses. */
const firstPerson = 5000

async function faceOf(person: number, sample: number) {
  const plan = planSample('test', person, sample)
  const picture = await renderPicture(plan)
  const landmarks = jitterEyes(picture.landmarks, createRandom(plan.seed))
  return { plan, crop: alignFace(picture, landmarks, manifest.input, manifest.alignment) }
}

describe('views explained in batches', () => {
  it('give the logits and relevance that each view gives alone', async () => {
    const { crop } = await faceOf(firstPerson, 0)
    const { target, answers } = await explainViews(explainer, manifest.input, crop, views, 'max')
    expect(answers).toHaveLength(16)
    const pixels = new Uint8Array(crop.data.length)
    for (const [i, view] of views.entries()) {
      renderView(crop, view, pixels)
      const data = preprocess({ ...crop, data: pixels }, manifest.input)
      const alone = await explainer.explain({ data, dims: batchDims(manifest.input, 1) }, { target })
      for (const [k, logit] of alone.logits[0]!.entries()) expect(answers[i]!.logits[k]).toBeCloseTo(logit, 4)
      const plane = crop.width * crop.height
      const summed = alone.relevance
        .subarray(0, plane)
        .map((r, p) => r + alone.relevance[p + plane]! + alone.relevance[p + 2 * plane]!)
      const map = mapToCrop(summed, view, crop)
      const most = Math.max(...map.map(Math.abs))
      answers[i]!.relevance.forEach((value, p) => {
        if (Math.abs(value - map[p]!) > 1e-4 * most) expect(value).toBeCloseTo(map[p]!, 6)
      })
    }
  })

  it('run in batches at 64 px, one by one at 224 px, and all for the target of the first view', async () => {
    const asked: [batch: number, target: CropTarget][] = []
    const source: RelevanceSource = {
      head: 'logits',
      classes: 3,
      cancels: false,
      explain: async ({ data, dims }, { target }) => {
        asked.push([dims[0]!, target])
        const logits = Array.from({ length: dims[0]! }, () => [0, 1, 0])
        return { logits, target: logits.map(() => 1), relevance: new Float32Array(data.length) }
      }
    }
    const ask = async (side: number, count: number, target: CropTarget) => {
      const size = { width: side, height: side }
      const crop: Crop = { ...size, data: new Uint8Array(3 * side * side), landmarks: new Float32Array(136) }
      const input = { ...manifest.input, ...size }
      const found = await explainViews(source, input, crop, views.slice(0, count), target)
      expect(found.answers).toHaveLength(count)
      return asked.splice(0)
    }
    expect(await ask(64, 16, 'max')).toEqual([
      [1, 'max'],
      [12, 1],
      [3, 1]
    ])
    expect(await ask(224, 3, 1)).toEqual([
      [1, 1],
      [1, 1],
      [1, 1]
    ])
    expect(await ask(224, 2, { 0: 1, 1: -1 })).toEqual([
      [1, { 0: 1, 1: -1 }],
      [1, { 0: 1, 1: -1 }]
    ])
    expect(await ask(64, 1, 'max')).toEqual([[1, 'max']])
    expect(viewsAtOnce({ width: 1000, height: 1000 })).toBe(1)
  })
})

describe('the uncertainty of the demonstration model', () => {
  it('correlates with its errors on rendered people outside its training set', async () => {
    const people = 6
    const unsure: number[] = []
    const errors: number[] = []
    for (let i = 0; i < people * splits.test.samples; i++) {
      const person = firstPerson + Math.floor(i / splits.test.samples)
      const { plan, crop } = await faceOf(person, i % splits.test.samples)
      const truth = truthOf(plan)
      if (truth < 0) continue
      const found = await explainCrop({ source: explainer, manifest, views: 6 }, crop, 'max')
      unsure.push(found.uncertainty.classes[found.target]!)
      errors.push(1 - found.probabilities[truth]!)
    }
    expect(unsure).toHaveLength(54)
    // 0.69 on the validation people; three standard errors (1/√53) below.
    expect(spearman(unsure, errors)).toBeGreaterThan(0.28)
    expect(mean(unsure)).toBeGreaterThan(5)
  })
})
