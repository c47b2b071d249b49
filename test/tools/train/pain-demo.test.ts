import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { beforeAll, describe, expect, it } from 'vitest'
import { loadManifest } from '../../../src/lib/model/load-manifest.js'
import type { Manifest } from '../../../src/lib/model/manifest.js'
import { batchDims, preprocess, softmax } from '../../../src/lib/model/preprocess.js'
import { readModel } from '../../../src/lib/onnx/index.js'
import { layersOf, vggDemo } from '../../../src/lib/vgg/index.js'
import { planSample, type SamplePlan, splits } from '../../../tools/train/recipe.js'
import { renderCrops } from '../../../tools/train/render-crops.js'
import { patience } from '../../support/slowness.js'

const path = fileURLToPath(new URL('../../../models/pain-demo.yaml', import.meta.url))
const people = 16

let manifest: Manifest
let faces: { plan: SamplePlan; probabilities: Float32Array }[]

beforeAll(async () => {
  manifest = await loadManifest(path)
  const session = await InferenceSession.create(manifest.file, { intraOpNumThreads: 1 })
  faces = []
  for (let i = 0; i < people * splits.fresh.samples; i++) {
    const plan = planSample('fresh', Math.floor(i / splits.fresh.samples), i % splits.fresh.samples)
    const crop = { ...manifest.input, data: await renderCrops(plan, manifest.input, 1) }
    const input = new Tensor('float32', preprocess(crop, manifest.input), batchDims(manifest.input, 1))
    const { logits } = await session.run({ input })
    faces.push({ plan, probabilities: softmax(logits!.data as Float32Array, manifest.temperature) })
  }
}, patience(180_000))

describe('the committed demonstration model', () => {
  it('the demonstration model has the VGG topology, fits its manifest and states its intended use', async () => {
    expect(manifest).toMatchObject({
      labels: ['pain', 'disgust', 'happiness'],
      alarmLabel: 'pain',
      demonstration: true
    })
    const { graph } = await readModel(manifest.file)
    const wanted = layersOf(vggDemo).map(({ kind, name }) => [
      name,
      { conv: 'Conv', pool: 'MaxPool', dense: 'Gemm' }[kind]
    ])
    const found = graph.nodes.filter(({ opType }) => ['Conv', 'MaxPool', 'Gemm'].includes(opType))
    expect(found.map(({ name, opType }) => [name, opType])).toEqual(wanted)
    const card = await readFile(path.replace('.yaml', '.md'), 'utf8')
    expect(card).toContain(manifest.sha256)
    expect(card).toContain('never validated on real')
  })

  it('the demonstration model classifies expressions of intensity 0.4 and above of unseen people', () => {
    const expressive = faces.filter(({ plan }) => plan.expression !== 'neutral')
    const right = expressive.filter(({ plan, probabilities }) => {
      return manifest.labels[probabilities.indexOf(Math.max(...probabilities))] === plan.expression
    })
    expect(expressive).toHaveLength(people * 3)
    expect(right.length / expressive.length).toBeGreaterThanOrEqual(0.9)
  })

  it('the demonstration model is sure of strong pain and undecided about a resting face', () => {
    const pain = ({ probabilities }: { probabilities: Float32Array }) => probabilities[manifest.alarmIndex]!
    const strong = faces.filter(({ plan }) => plan.expression === 'pain' && plan.intensity >= 0.5)
    const resting = faces.filter(({ plan }) => plan.expression === 'neutral')
    const share = (of: typeof faces, holds: (score: number) => boolean) =>
      of.filter((face) => holds(pain(face))).length / of.length
    expect(share(strong, (score) => score > 0.7)).toBeGreaterThanOrEqual(0.85)
    expect(share(resting, (score) => score < 0.7)).toBeGreaterThanOrEqual(0.95)
  })
})
