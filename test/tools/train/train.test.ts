import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { loadManifest } from '../../../src/lib/model/manifest.js'
import { train } from '../../../tools/train/train.js'
import { patience } from '../../support/slowness.js'

const folder = mkdtempSync(join(tmpdir(), 'painlens-train-'))
afterAll(() => rmSync(folder, { recursive: true }))

describe('the training script', () => {
  it(
    'npm run train renders, trains, measures and writes model, manifest and card',
    async () => {
      const said: string[] = []
      const options = {
        help: false,
        identities: 8,
        epochs: 1,
        seed: 5,
        out: join(folder, 'out'),
        cache: join(folder, 'cache')
      }
      const metrics = await train(options, (text) => said.push(text))
      const manifest = await loadManifest(join(folder, 'out/pain-demo.yaml'))
      expect(manifest.metrics).toMatchObject({ accuracy: expect.any(Number), pain: { recall: expect.any(Number) } })
      expect(manifest.temperature).toBeGreaterThan(0)
      const card = readFileSync(join(folder, 'out/pain-demo.md'), 'utf8')
      expect(card).toContain('npm run train -- --identities 8 --epochs 1 --seed 5')
      expect(card).toContain(manifest.sha256)
      expect(metrics.confusion.flat().reduce((sum, count) => sum + count, 0)).toBe(metrics.accuracy.count)
      expect(said.join('')).toMatch(/Rendering people \(test\): 2 of 2.*\n.*Training steps: 1 of 1/)
    },
    patience(180_000)
  )
})
