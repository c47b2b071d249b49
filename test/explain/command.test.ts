import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { openFaceTaker } from '../../src/commands/explain/faces.js'
import { explainCommand } from '../../src/commands/explain.js'
import { DiskError, InputError, ModelError } from '../../src/core/errors.js'
import { type RegionShare, regionNames } from '../../src/core/types.js'
import { alignFace } from '../../src/face/align.js'
import { buildFaceModels } from '../../src/face/models/index.js'
import { loadManifest } from '../../src/model/manifest.js'
import { createIdentity, type Rendered, renderPortrait } from '../../src/render/index.js'
import { writeRandomVgg } from '../../src/vgg/index.js'

let folder: string
let model: string
let faceModels: string
let portrait: Rendered
let said: string[]
let complained: string[]
const output = {
  write: (text: string) => void said.push(text),
  complain: (text: string) => void complained.push(text)
}

const savePng = (file: string, { width, height, data }: Pick<Rendered, 'width' | 'height' | 'data'>) =>
  sharp(data, { raw: { width, height, channels: 3 } })
    .png()
    .toFile(file)

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'painlens-explain-command-'))
  faceModels = join(folder, 'face-models')
  await buildFaceModels({ outDir: faceModels })
  const small = { input: { width: 64, height: 64 }, blocks: [[4], [4], [4]], dense: [8, 3] }
  model = await writeRandomVgg(small, join(folder, 'small.onnx'), ['pain', 'disgust', 'happiness'], 3)
  portrait = await renderPortrait({ identity: createIdentity(12), units: { AU12: 0.8 }, faceSize: 150 })
})
afterAll(() => rm(folder, { recursive: true }))
beforeEach(() => {
  said = []
  complained = []
})

const run = (images: string[], out: string, more: object = {}, signal = new AbortController().signal) =>
  explainCommand(images, { model, out, faceModels, ...more }, signal, output)

describe('painlens explain', () => {
  it('explains what it can, names what it cannot, and says so in its exit code', async () => {
    const pictures = join(folder, 'pictures')
    const out = join(pictures, 'explained')
    await mkdir(join(pictures, 'ward'), { recursive: true })
    await savePng(join(pictures, 'resident.png'), portrait)
    await savePng(join(pictures, 'ward', 'resident.png'), portrait)
    await writeFile(join(pictures, 'broken.jpg'), 'this is no picture')
    await writeFile(join(pictures, 'notes.txt'), 'not looked at')
    // Results of before lie within the folder that is walked, and are not to be explained in their turn.
    await mkdir(out)
    await savePng(join(out, 'resident-overlay.png'), portrait)
    await sharp({ create: { width: 320, height: 240, channels: 3, background: 'green' } })
      .png()
      .toFile(join(pictures, 'lawn.png'))

    expect(await run([pictures, join(pictures, 'missing.jpg'), join(pictures, 'resident.png')], out)).toBe(1)

    expect(complained.map((line) => line.replace(folder, '…'))).toEqual([
      expect.stringMatching(/^painlens: …\/pictures\/broken\.jpg: cannot be read as a picture/),
      expect.stringMatching(/^painlens: …\/pictures\/lawn\.png: no face is found in it\./),
      expect.stringMatching(/^painlens: …\/pictures\/missing\.jpg: cannot be read as a picture/)
    ])
    expect(said.at(-1)).toBe(`3 of 6 explained; the results are in ${out}\n`)
    expect((await readdir(out)).sort()).toEqual(
      ['resident-2', 'resident', 'ward-resident']
        .flatMap((stem) => [`${stem}-heatmap.png`, `${stem}-overlay.png`, `${stem}.json`])
        .sort()
    )
    const result = JSON.parse(await readFile(join(out, 'resident.json'), 'utf8'))
    expect(result).toMatchObject({
      picture: join(pictures, 'resident.png'),
      model: { name: 'vgg-random-weights', demonstration: false },
      face: { faces: 1 },
      composite: 'lrp.sequential_preset_a_flat'
    })
    expect(Object.keys(result.logits)).toEqual(['pain', 'disgust', 'happiness'])
    expect(result.probabilities[result.target]).toBe(Math.max(...(Object.values(result.probabilities) as number[])))
    expect(result.regions.map(({ region }: RegionShare) => region)).toEqual(regionNames)
    expect(said[0]).toContain(`${result.target} ${result.probability.toFixed(2)}. ${result.text.en}`)
    const { x, y, width, height } = result.face.box
    const { box } = portrait
    expect(Math.hypot(x + width / 2 - box.x - box.width / 2, y + height / 2 - box.y - box.height / 2)).toBeLessThan(30)
    expect(await sharp(join(out, 'resident-heatmap.png')).metadata()).toMatchObject({ width: 64, channels: 4 })
  })

  it('takes crops as they are, with landmarks where they belong', async () => {
    const manifest = await loadManifest(model)
    const crop = alignFace(portrait, portrait.landmarks, { width: 200, height: 200 }, manifest.alignment)
    const file = join(folder, 'crop.png')
    await savePng(file, crop)
    const faces = await openFaceTaker(manifest, true, faceModels)
    try {
      const { crop: taken, box } = await faces.take(file)
      expect([taken.width, taken.height, box]).toEqual([64, 64, null])
      const expected = alignFace(portrait, portrait.landmarks, manifest.input, manifest.alignment).landmarks
      const away = expected.map((value, i) => Math.abs(value - taken.landmarks[i]!))
      expect(away.reduce((a, b) => a + b) / away.length).toBeLessThan(2)
    } finally {
      await faces.close()
    }
    const out = join(folder, 'crops-explained')
    expect(await run([file], out, { crop: true, composite: 'lrp.epsilon' })).toBe(0)
    expect(JSON.parse(await readFile(join(out, 'crop.json'), 'utf8'))).toMatchObject({
      face: { box: null },
      composite: 'lrp.epsilon'
    })
  })

  it('ends when it is stopped, before its start and in the midst of it', async () => {
    const file = join(folder, 'resident.png')
    await savePng(file, portrait)
    expect(await run([file], join(folder, 'x'), {}, AbortSignal.abort())).toBe(1)
    expect(complained).toEqual(['painlens: stopped after 0 of 1 pictures.\n'])
    const stop = new AbortController()
    const running = run([file], join(folder, 'x'), {}, stop.signal)
    setTimeout(() => stop.abort(), 200)
    expect(await running).toBe(1)
    expect(await readdir(join(folder, 'x'))).toEqual([])
    const afterOne = new AbortController()
    const write = (text: string): void => {
      if (text.startsWith('1/2 ')) afterOne.abort()
    }
    complained = []
    const options = { model, out: join(folder, 'x'), faceModels }
    expect(await explainCommand([file, file], options, afterOne.signal, { ...output, write })).toBe(1)
    expect(complained).toEqual(['painlens: stopped after 1 of 2 pictures.\n'])
  })

  it('says what is wrong as a whole: no pictures, no model, no face models, no folder to write to', async () => {
    const empty = join(folder, 'empty')
    await mkdir(empty)
    await expect(run([empty], join(folder, 'y'))).rejects.toThrow(InputError)
    const file = join(folder, 'one.png')
    await savePng(file, portrait)
    await expect(run([file], join(folder, 'y'), { model: join(empty, 'no.yaml') })).rejects.toThrow(ModelError)
    await expect(run([file], join(folder, 'y'), { faceModels: empty })).rejects.toThrow(/painlens models build/)
    await expect(run([file], join(file, 'below'))).rejects.toThrow(DiskError)
  })
})
