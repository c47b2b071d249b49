import { createHash } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { stringify } from 'yaml'
import { ModelError } from '../../../src/core/errors.js'
import { loadManifest } from '../../../src/lib/model/load-manifest.js'
import { checkShapes } from '../../../src/lib/model/manifest.js'

const bytes = Buffer.from('not quite a model, but a file with a hash')
const good = {
  name: 'test',
  labels: ['pain', 'disgust', 'happiness'],
  alarm_label: 'pain',
  file: 'test.onnx',
  sha256: createHash('sha256').update(bytes).digest('hex'),
  licence: 'Apache-2.0',
  input: { layout: 'nchw', width: 64, height: 48, colour: 'bgr', mean: [93.594, 104.7624, 129.1863] },
  intended_use: 'demonstration'
}

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'painlens-manifest-'))
  await writeFile(join(folder, 'test.onnx'), bytes)
})
afterEach(() => rm(folder, { recursive: true }))

async function load(changes: object) {
  const path = join(folder, 'test.yaml')
  await writeFile(path, stringify({ ...good, ...changes }))
  return loadManifest(path)
}

describe('loadManifest', () => {
  it('a valid manifest is read, with defaults', async () => {
    const manifest = await load({})
    expect(manifest).toMatchObject({
      labels: good.labels,
      alarmIndex: 0,
      demonstration: true,
      temperature: 1,
      file: join(folder, 'test.onnx'),
      alignment: { eyeDistance: 0.38, eyeY: 0.36 }
    })
    expect(manifest.input.scale).toBe(1)
  })

  it('outputs at rest are read where there are any', async () => {
    expect((await load({})).resting).toBeNull()
    const resting = { pain: [-1.5, 0.4], disgust: [0.2, 0.3], happiness: [1, 0] }
    expect((await load({ resting })).resting).toEqual(resting)
  })

  it.each([
    [
      'outputs at rest of some labels only',
      { resting: { pain: [1, 0.2] } },
      /resting names pain, but the labels are pain,/
    ],
    ['a spread at rest below 0', { resting: { pain: [1, -0.2] } }, /resting\.pain\[1\]/],
    ['a hash that is not the file’s', { sha256: 'a'.repeat(64) }, /SHA-256 is [0-9a-f]{64}.*says a{64}/],
    [
      'an alarm label that is not among the labels',
      { alarm_label: 'agony' },
      /alarm_label is "agony", but the labels are pain, disgust/
    ],
    ['a label twice', { labels: ['pain', 'pain'] }, /same class twice/],
    ['an unknown key', { colour: 'bgr' }, /colour/],
    ['a wrong colour order', { input: { ...good.input, colour: 'grb' } }, /input\.colour/],
    ['a device without an end', { file: '/dev/zero' }, /zero: the model cannot be read \(it is no file\)/],
    ['a file that is not there', { file: 'gone.onnx' }, /gone\.onnx: the model cannot be read/]
  ])('a manifest with %s is refused with the reason', async (_, changes, message) => {
    const error = await load(changes).catch((e: unknown) => e)
    expect(error).toBeInstanceOf(ModelError)
    expect((error as Error).message).toMatch(message)
  })

  it('a missing file and broken YAML are reported', async () => {
    await expect(loadManifest(join(folder, 'none.yaml'))).rejects.toThrow(
      /none\.yaml: the model manifest cannot be read/
    )
    await writeFile(join(folder, 'bad.yaml'), 'a: [1')
    await expect(loadManifest(join(folder, 'bad.yaml'))).rejects.toThrow(/is no YAML/)
  })
})

describe('checkShapes', () => {
  it('a model of the manifest’s shape is accepted with a free or a fixed batch', async () => {
    const manifest = await load({})
    expect(() => checkShapes(manifest, [null, 3, 48, 64], 3)).not.toThrow()
    expect(() => checkShapes(manifest, [1, 3, 48, 64], 3)).not.toThrow()
  })

  it('a model with another input size, layout or number of classes is refused', async () => {
    const manifest = await load({})
    expect(() => checkShapes(manifest, [null, 3, 224, 224], 3)).toThrow(/takes \[batch, 3, 224, 224\]/)
    expect(() => checkShapes(manifest, [null, 48, 64, 3], 3)).toThrow(/the manifest says input nchw/)
    expect(() => checkShapes(manifest, [null, 3, 48, 64], 7)).toThrow(/3 labels .* 7 outputs/)
  })
})
