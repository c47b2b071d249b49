import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { acquireBackend, type Backend } from '../../../src/lib/lrp/engines/tfjs-backend.js'
import { withExplainer } from './compare.js'

/** What iNNvestigate computes, where its results lie beside the repository. */
const folder = join(import.meta.dirname, '../../../../shared/lrp-reference')

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
  if (!existsSync(join(path, 'index.json'))) return []
  const cases = JSON.parse(readFileSync(join(path, 'index.json'), 'utf8')) as Case[]
  return cases.map((one) => [`${one.model}, ${one.analyzer}, target ${one.target ?? 'max'}`, path, one])
}

const floats = (file: string): Float32Array => new Float32Array(new Uint8Array(readFileSync(file)).buffer)

describe.skipIf(!existsSync(folder)).each(['tfjs', 'onnx'] as const)(
  'iNNvestigate agrees with the %s engine',
  (engine) => {
    let backend: Backend
    beforeAll(async () => {
      backend = await acquireBackend(1)
    })
    afterAll(() => backend.release())

    const cases = [...casesIn(folder), ...casesIn(join(folder, 'multilayer'))]
    it('all 36 + 8 reference cases of iNNvestigate are reproduced', () => expect(cases).toHaveLength(44))

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
  }
)
