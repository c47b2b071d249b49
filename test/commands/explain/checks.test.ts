import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { relevanceMapOf } from '../../../src/commands/explain/checks.js'
import { explainCommand } from '../../../src/commands/explain/index.js'
import { openExplainer } from '../../../src/commands/explain/job.js'
import type { Crop } from '../../../src/core/types.js'
import { alignFace } from '../../../src/lib/face/align.js'
import { loadManifest } from '../../../src/lib/model/load-manifest.js'
import type { Manifest } from '../../../src/lib/model/manifest.js'
import { batchDims, preprocess, softmax } from '../../../src/lib/model/preprocess.js'
import { createRandom } from '../../../src/lib/random.js'
import { randomWeights, writeVgg } from '../../../src/lib/vgg/index.js'
import { createIdentity, type Expression, expressionUnits, renderPortrait } from '../../../src/show/render/index.js'
import {
  type Curve,
  type FlippingCurves,
  judgeFlipping,
  judgeRandomisation,
  likenessOf,
  openShuffledModel,
  type Predict,
  randomCurves,
  relevanceCurves
} from '../../../src/stages/explain/checks/index.js'
import { faceModelFolder } from '../../support/face-models.js'

const composite = 'lrp.sequential_preset_a_flat'
let folder: string
let faces: string
let manifest: Manifest
/** Aligned faces, and the label that the demonstration model sees in each. */
let crops: { crop: Crop; target: number }[]

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'painlens-checks-'))
  faces = join(folder, 'faces')
  await mkdir(faces)
  manifest = await loadManifest('models/pain-demo.yaml')
  crops = []
  for (const [i, expression] of (['pain', 'disgust', 'happiness'] satisfies Expression[]).entries()) {
    const units = expressionUnits(expression, 0.9, createRandom(700 + i))
    const portrait = await renderPortrait({ identity: createIdentity(700 + i), units, faceSize: 160 })
    const { width, height, data } = portrait
    await sharp(data, { raw: { width, height, channels: 3 } })
      .png()
      .toFile(join(faces, `${expression}.png`))
    const crop = alignFace(portrait, portrait.landmarks, manifest.input, manifest.alignment)
    crops.push({ crop, target: manifest.labels.indexOf(expression) })
  }
})
afterAll(() => rm(folder, { recursive: true }))

/** How a method explains a crop under a model; a deliberately wrong one need not look at the model. */
type Method = (crop: Crop, target: number, model: string | Uint8Array) => Promise<Float32Array>

const lrp: Method = async (crop, target, model) => {
  const explainer = await openExplainer({ manifest, engine: 'onnx' }, composite, model)
  try {
    return (await relevanceMapOf(explainer, manifest, crop, target)).relevance
  } finally {
    await explainer.close()
  }
}

let drawn = 0
const random: Method = async ({ width, height }) => {
  const next = createRandom(9000 + drawn++)
  return Float32Array.from({ length: width * height }, () => next() - 0.5)
}

/** An edge detector: it looks like a face, and knows nothing of the model. */
const edges: Method = async ({ width, height, data }) =>
  Float32Array.from({ length: width * height }, (_, pixel) => Math.abs(data[3 * pixel]! - data[3 * (pixel + 1)]!) || 0)

async function flippingOf(method: Method) {
  const explainer = await openExplainer({ manifest, engine: 'onnx' }, composite)
  try {
    const results: (FlippingCurves & { random: Curve[] })[] = []
    for (const [i, { crop, target }] of crops.entries()) {
      const predict: Predict = async (pictures) => {
        const data = new Float32Array(pictures.length * crop.data.length)
        pictures.forEach((picture, at) => {
          const part = data.subarray(at * picture.length, (at + 1) * picture.length)
          preprocess({ ...crop, data: picture }, manifest.input, part)
        })
        const dims = batchDims(manifest.input, pictures.length)
        const { logits } = await explainer.explain({ data, dims }, { target })
        return logits.map((own) => softmax(own, manifest.temperature)[target]!)
      }
      const curves = await relevanceCurves(crop, await method(crop, target, manifest.file), predict)
      results.push({ ...curves, random: await randomCurves(crop, predict, i) })
    }
    return judgeFlipping(results)
  } finally {
    await explainer.close()
  }
}

async function randomisationOf(method: Method) {
  const model = await openShuffledModel(manifest.file, 3)
  try {
    const cascade = []
    const originals = await Promise.all(crops.map(({ crop, target }) => method(crop, target, manifest.file)))
    for (const count of [1, 8, model.layers.length]) {
      const shuffled = await model.upTo(count)
      const step = []
      for (const [i, { crop, target }] of crops.entries())
        step.push(likenessOf(originals[i]!, await method(crop, target, shuffled)))
      cascade.push(step)
    }
    return judgeRandomisation(cascade)
  } finally {
    await model.close()
  }
}

describe('the checks of explanations', () => {
  it('pass LRP of the demonstration model on rendered faces', async () => {
    const flipping = await flippingOf(lrp)
    expect(flipping.passed).toBe(true)
    expect(flipping.mostRelevantFirst).toBeLessThan(flipping.random)
    expect(flipping.leastRelevantFirst).toBeGreaterThan(flipping.random)
    expect((await randomisationOf(lrp)).passed).toBe(true)
  })

  it('fail random maps', async () => {
    const flipping = await flippingOf(random)
    expect(flipping.passed).toBe(false)
    // They differ under every model, so the other check cannot see through them.
    expect((await randomisationOf(random)).outcome).toBe('changes')
  })

  it('fail a map that does not depend on the weights', async () => {
    expect(await randomisationOf(edges)).toMatchObject({ outcome: 'unchanged', passed: false })
  })
})

describe('painlens explain --check', () => {
  let said: string
  let complained: string
  const output = {
    write: (text: string) => {
      said += text
    },
    complain: (text: string) => {
      complained += text
    },
    progress: () => undefined
  }
  beforeEach(() => {
    said = ''
    complained = ''
  })
  const check = (images: string[], out: string, more: object = {}, signal = new AbortController().signal) =>
    explainCommand({ images, out, check: true, ...more }, signal, output, faceModelFolder)

  it('reports each composite in tables and in a JSON file', async () => {
    const out = join(folder, 'checked')
    expect(await check([faces], out, { composite: 'lrp.epsilon,lrp.alpha_1_beta_0' })).toBe(0)
    expect(said).toMatch(/lrp\.epsilon .* ok: the maps change\n/)
    expect(said).toMatch(/lrp\.alpha_1_beta_0 .* caution: the maps change little\n/)
    expect(said).toContain('Sixt, Granz and')
    expect(said.match(/ok: hurts more than random/g)).toHaveLength(2)
    expect(said.match(/For a clinician:/g)).toHaveLength(2)
    const json = JSON.parse(await readFile(join(out, 'check.json'), 'utf8'))
    expect(json).toMatchObject({ passed: true, model: { name: 'pain-demo', demonstration: true } })
    expect(json.pictures.map(({ target }: { target: string }) => target)).toEqual(['disgust', 'happiness', 'pain'])
    expect(json.randomisation.layers_from_output).toHaveLength(16)
    expect(json.randomisation.layers_from_output[0]).toMatch(/fc8/)
    for (const { randomisation, pixel_flipping } of json.composites) {
      expect(randomisation.rank_correlation_absolute).toHaveLength(16)
      expect(pixel_flipping.curves).toHaveLength(3)
      for (const curve of pixel_flipping.curves) expect(curve.most_relevant_first[0]).toBeCloseTo(curve.random[0], 6)
    }
  })

  it('fails for a model whose weights are all 0, since its maps do not depend on them', async () => {
    const spec = { input: { width: 32, height: 32 }, blocks: [[3], [3]], dense: [4, 3] }
    const weights = randomWeights(spec, 1)
    for (const layer of weights.values()) layer.weights.fill(0)
    const about = {
      name: 'blind',
      labels: ['pain', 'disgust', 'happiness'],
      licence: 'Apache-2.0',
      intendedUse: 'test'
    }
    const model = await writeVgg(join(folder, 'blind.onnx'), spec, weights, about)
    const out = join(folder, 'blind')
    expect(await check([join(faces, 'pain.png')], out, { model, composite: 'lrp.epsilon' })).toBe(1)
    expect(said).toContain('FAILED: the maps do not change')
    expect(said).toContain('FAILED: no better than a random order may be')
    expect(JSON.parse(await readFile(join(out, 'check.json'), 'utf8')).passed).toBe(false)
  })

  it('names unreadable pictures, and stops when it is aborted', async () => {
    const out = join(folder, 'partly')
    const missing = join(faces, 'missing.png')
    expect(await check([join(faces, 'pain.png'), missing], out, { composite: 'lrp.z' })).toBe(1)
    expect(complained).toMatch(/^painlens: .*missing\.png: there is no such file/)
    expect(said).toContain('1 of 2 taken (1 unreadable)\n')
    await expect(check([missing], out)).rejects.toThrow(/no pictures are there/)
    const broken = join(folder, 'broken.png')
    await writeFile(broken, (await readFile(join(faces, 'pain.png'))).subarray(0, 100))
    await expect(check([broken], out)).rejects.toThrow(/none of the pictures can be taken/)
    const stop = new AbortController()
    const progress = (line: string | null): void => {
      if (line?.startsWith('flipping')) stop.abort()
    }
    const options = { images: [faces], out: join(folder, 'stopped'), check: true }
    expect(await explainCommand(options, stop.signal, { ...output, progress }, faceModelFolder)).toBe(1)
    expect(complained).toContain('stopped before the checks were done')
  })
})
