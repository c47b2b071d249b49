import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { modelsListCommand } from '../../../src/commands/models/index.js'
import { ModelError } from '../../../src/core/errors.js'
import { writeTinyModel } from '../../support/tiny-model.js'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'painlens-models-'))
})
afterAll(() => rm(folder, { recursive: true }))

function pen(): { lines: () => string; write: (text: string) => void } {
  const texts: string[] = []
  return { lines: () => texts.join(''), write: (text) => void texts.push(text) }
}

describe('painlens models', () => {
  it('lists each classifier with its labels and intended use, and exits with 1 for an invalid manifest or a model that differs from it', async () => {
    const models = await mkdtemp(join(folder, 'list-'))
    await writeTinyModel(models)
    const good = pen()
    expect(await modelsListCommand({}, models, good.write)).toBe(0)
    expect(good.lines()).toMatch(/labels: pain, disgust, happiness; alarm for pain/)
    expect(good.lines()).toMatch(/intended use: /)
    await writeFile(join(models, 'bad.yaml'), 'name: bad\n')
    const bad = pen()
    expect(await modelsListCommand({}, models, bad.write)).toBe(1)
    expect(bad.lines()).toMatch(/bad\.yaml\n {2}wrong: /)
    expect(bad.lines()).toMatch(/labels: pain, disgust, happiness/)
  })

  it('lists the classifier that a config names, wherever it lies, and marks it; one that is not there is told as wrong', async () => {
    const [models, own] = [await mkdtemp(join(folder, 'installed-')), await mkdtemp(join(folder, 'own-'))]
    await writeTinyModel(models)
    const manifest = await writeTinyModel(own)
    const config = join(own, 'painlens.yaml')
    const lines = [
      'device: ward',
      'mqtt: { url: "mqtt://broker.example" }',
      'cameras: [{ id: bed, url: "rtsp://192.0.2.1/" }]'
    ]
    const written = (path: string): Promise<void> =>
      writeFile(config, [...lines, `model: { manifest: ${path} }`, ''].join('\n'))
    await written(manifest)
    const out = pen()
    expect(await modelsListCommand({ config }, models, out.write)).toBe(0)
    expect(out.lines().match(/labels: /g)).toHaveLength(2)
    expect(out.lines().match(/\(.*\), which the config names\n/g)).toEqual([
      `(${relative(process.cwd(), manifest)}), which the config names\n`
    ])
    await written('gone.yaml')
    const gone = pen()
    expect(await modelsListCommand({ config }, models, gone.write)).toBe(1)
    expect(gone.lines()).toMatch(/gone\.yaml, which the config names\n {2}wrong: /)
  })

  it('exits with 1 for a folder without manifests, and says so', async () => {
    const empty = await mkdtemp(join(folder, 'empty-'))
    const out = pen()
    expect(await modelsListCommand({}, empty, out.write)).toBe(1)
    expect(out.lines()).toMatch(/no model manifests/)
    await expect(modelsListCommand({}, join(folder, 'none'))).rejects.toThrow(ModelError)
  })
})
