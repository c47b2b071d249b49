import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { acquireBackend, type Backend } from '../../../src/lib/lrp/engines/tfjs-backend.js'
import { withExplainer } from './compare.js'

/** What iNNvestigate computes: a small set of it, or another in the same form, see reference/README.md. */
const own = join(import.meta.dirname, 'reference')
const folder = process.env.PAINLENS_LRP_REFERENCE ?? own

interface Case {
  analyzer: string
  model: string
  input: string
  dims: number[]
  target?: number | null
  attribution: string
}

const composites: Record<string, string> = {
  LRPZ: 'lrp.z',
  LRPEpsilon: 'lrp.epsilon',
  LRPAlpha1Beta0: 'lrp.alpha_1_beta_0',
  LRPFlat: 'lrp.flat',
  LRPSequentialPresetAFlat: 'lrp.sequential_preset_a_flat',
  LRPZ_Flat_input_layer_rule: 'lrp.z'
}

function casesIn(path: string): [string, string, Case][] {
  const cases = JSON.parse(readFileSync(join(path, 'index.json'), 'utf8')) as Case[]
  return cases.map((one) => [`${one.model}, ${one.analyzer}, target ${one.target ?? 'max'}`, path, one])
}

const floats = (file: string): Float32Array => new Float32Array(new Uint8Array(readFileSync(file)).buffer)

describe.each(['tfjs', 'onnx'] as const)('iNNvestigate agrees with the %s engine', (engine) => {
  let backend: Backend
  beforeAll(async () => {
    backend = await acquireBackend(1)
  })
  afterAll(() => backend.release())

  const cases = [...casesIn(folder), ...casesIn(join(folder, 'multilayer'))]
  it('the reference cases of iNNvestigate have each rule and each kind of layer', () => {
    for (const composite of Object.keys(composites))
      expect(cases.filter(([, , { analyzer }]) => analyzer === composite).length).toBeGreaterThanOrEqual(6)
    for (const layer of ['Dense', 'Dense_relu', 'Conv2D', 'Conv2D_relu', 'MaxPooling2D', 'AveragePooling2D'])
      expect(cases.filter(([, , { attribution }]) => attribution.includes(`.${layer}.`)).length).toBe(6)
    for (const form of ['torch', 'keras'])
      expect(cases.filter(([, , { model }]) => model.includes(`.${form}.`)).length).toBeGreaterThanOrEqual(2)
  })

  it.each(cases)(
    'the reference case %s of iNNvestigate is reproduced',
    async (_, path, { analyzer, model, input, dims, target, attribution }) => {
      const inputLayerRule = analyzer.endsWith('Flat_input_layer_rule') ? 'flat' : undefined
      const options = { model: join(path, model), composite: composites[analyzer]!, inputLayerRule, engine } as const
      await withExplainer(options, async (explainer) => {
        const { relevance } = await explainer.explain(
          { data: floats(join(path, input)), dims },
          { target: target ?? 'max' }
        )
        const wanted = floats(join(path, attribution))
        const largest = wanted.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
        const off = wanted.filter(
          (value, i) => !(Math.abs(relevance[i]! - value) <= 0.01 * Math.abs(value) + 1e-6 * largest)
        )
        expect(relevance).toHaveLength(wanted.length)
        expect(off).toHaveLength(0)
      })
    }
  )
})
