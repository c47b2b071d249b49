import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, describe, expect, it } from 'vitest'
import { loadManifest } from '../../../src/lib/model/load-manifest.js'
import { parseDemoArguments, runDemo } from '../../../tools/study-demo/demo.js'
import { demoSteps } from '../../../tools/study-demo/steps.js'
import { patience } from '../../support/slowness.js'

const folder = mkdtempSync(join(tmpdir(), 'painlens-study-demo-'))
afterAll(() => rmSync(folder, { recursive: true }))

const out = join(folder, 'out')
const options = { out, sizeName: 'quick', seed: 1, install: false, until: undefined } as const
const run = async (changes: object = {}): Promise<string> => {
  let said = ''
  const write = (text: string): void => {
    said += text
  }
  await runDemo({ ...options, ...changes }, write, new AbortController().signal)
  return said
}

describe('npm run study:demo', () => {
  it(
    'with a few people goes from rendered videos to a report and a model with a card; again, it does no step twice',
    async () => {
      sharp.concurrency(1)
      await run({ until: 'videos' })
      const filmed = statSync(join(out, 'videos/p001.mp4')).mtimeMs
      const said = await run()
      for (const { name } of demoSteps) expect(said).toMatch(new RegExp(`\\] ${name}: done in`))
      expect(statSync(join(out, 'videos/p001.mp4')).mtimeMs).toBe(filmed)
      const index = readFileSync(join(out, 'data/index.csv'), 'utf8')
      for (const label of ['pain', 'disgust', 'happiness', 'neutral']) expect(index).toContain(`,${label},`)
      expect(readFileSync(join(out, 'report/report.html'), 'utf8')).toContain('</html>')
      // The action units that were drawn, from the table to the report.
      expect(readFileSync(join(out, 'report/parts/action-unit-columns.csv'), 'utf8')).toMatch(/^AU04,/m)
      const manifest = await loadManifest(join(out, 'model/pain-demo.yaml'))
      expect(manifest).toMatchObject({ labels: ['pain', 'disgust', 'happiness'], demonstration: true })
      expect(readFileSync(join(out, 'model/pain-demo.md'), 'utf8')).toContain(manifest.sha256)
      expect((await loadManifest(join(out, 'run/final/model.yaml'))).resting).toEqual(
        JSON.parse(readFileSync(join(out, 'nights-evaluation/evaluation.json'), 'utf8')).resting
      )
      expect(await run()).not.toContain('$ painlens')
    },
    patience(300_000)
  )

  it('refuses a folder with a run of another size', async () => {
    await expect(run({ sizeName: 'full' })).rejects.toThrow(/holds a run of size quick and seed 1: give another --out/)
    expect(existsSync(join(out, 'people/cache'))).toBe(true)
  })

  it('refuses a folder with a run of the same name whose sizes were others', async () => {
    const old = join(folder, 'old')
    mkdirSync(old)
    const progress = { sizeName: 'quick', size: { people: 3 }, seed: 1, seconds: {} }
    writeFileSync(join(old, 'progress.json'), JSON.stringify(progress))
    await expect(run({ out: old })).rejects.toThrow(/size quick, which has changed since, and seed 1: give another/)
  })

  it('has defaults, takes options and refuses wrong ones', () => {
    expect(parseDemoArguments([])).toMatchObject({ sizeName: 'full', seed: 1, install: false })
    expect(parseDemoArguments(['--quick', '--until', 'train'])).toMatchObject({ sizeName: 'quick', until: 'train' })
    expect(() => parseDemoArguments(['--until', 'lunch'])).toThrow('there is no step "lunch"')
    expect(() => parseDemoArguments(['--seed', 'x'])).toThrow('not a whole number')
  })
})
