import { readdirSync, readFileSync } from 'node:fs'
import { appendFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { acquireBackend, type Backend } from '../../../src/lib/lrp/engines/tfjs-backend.js'
import { withExplainer, worst } from './compare.js'

/** Networks as torch.onnx writes them, with relevance in float64 from PyTorch; see make.py there. */
const folder = join(import.meta.dirname, 'exports')
const names = readdirSync(folder)
  .filter((file) => file.endsWith('.onnx'))
  .map((file) => file.slice(0, -'.onnx'.length))
const floats = (name: string): Float32Array => new Float32Array(new Uint8Array(readFileSync(join(folder, name))).buffer)

/** As in forms.test.ts. */
const table = process.env.PAINLENS_FORMS_TABLE

/** What the head of each is; logits unless named. */
const heads: Record<string, string> = {
  softmax: 'softmax',
  temp: 'softmax',
  logsoftmax: 'log_softmax',
  sigmoid: 'sigmoid'
}

let backend: Backend
beforeAll(async () => {
  backend = await acquireBackend(1)
})
afterAll(() => backend.release())

describe("torch.onnx's exports", () => {
  it('that are compared are there', () => {
    expect(names.length).toBeGreaterThan(20)
  })

  it.each(names)('of the network %s have the relevance that PyTorch computes', async (name) => {
    const data = floats(`${name}.input.f32`)
    const wanted = floats(`${name}.relevance.f32`)
    const dims = name.startsWith('norm_nhwc') ? [1, 16, 16, 3] : [1, 3, 16, 16]
    const errors: number[] = []
    for (const engine of ['tfjs', 'onnx'] as const) {
      await withExplainer({ model: join(folder, `${name}.onnx`), composite: 'lrp.z', engine }, async (explainer) => {
        expect(explainer.head).toBe(heads[name.split('.')[0]!] ?? 'logits')
        const { relevance } = await explainer.explain({ data, dims })
        expect(wanted.some((value) => Math.abs(value) > 1e-6)).toBe(true)
        errors.push(worst(relevance, wanted))
      })
    }
    expect(Math.max(...errors)).toBeLessThan(1e-4)
    const row = ['torch.onnx 1.13', name.replace('.', ', opset '), ...errors.map((error) => error.toExponential(0))]
    if (table) await appendFile(table, `| ${row.join(' | ')} |\n`)
  })
})
