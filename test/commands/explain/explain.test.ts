import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { unreadableText } from '../../../src/commands/explain/explain-all.js'
import { openFaceTaker, type PictureFace } from '../../../src/commands/explain/faces.js'
import { explainCommand } from '../../../src/commands/explain/index.js'
import { ResultFolder } from '../../../src/commands/explain/result-folder.js'
import { decodeNpy } from '../../../src/commands/explain/results.js'
import { DiskError, InputError, ModelError, UsageError } from '../../../src/core/errors.js'
import { type RegionShare, regionNames } from '../../../src/core/types.js'
import { alignFace } from '../../../src/lib/face/align.js'
import { loadManifest } from '../../../src/lib/model/load-manifest.js'
import { createRandom } from '../../../src/lib/random.js'
import { writeRandomVgg } from '../../../src/lib/vgg/index.js'
import { createIdentity, type Rendered, renderPortrait } from '../../../src/show/render/index.js'
import { cover } from '../../../tools/bench/covers/index.js'
import { faceModelFolder } from '../../support/face-models.js'
import { readableByOthers } from '../../support/readable-by-others.js'

let folder: string
let model: string
let portrait: Rendered
let said: string[]
let complained: string[]
const output = {
  write: (text: string) => void said.push(text),
  complain: (text: string) => void complained.push(text),
  progress: () => undefined
}

const savePng = (file: string, { width, height, data }: Pick<Rendered, 'width' | 'height' | 'data'>) =>
  sharp(data, { raw: { width, height, channels: 3 } })
    .png()
    .toFile(file)

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'painlens-explain-command-'))
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
  explainCommand({ images, model, out, ...more }, signal, output, faceModelFolder)

describe('painlens explain', () => {
  it('explains the readable pictures, names the others with the reason, and exits with 1', async () => {
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

    const named = [pictures, join(pictures, 'missing.jpg'), join(pictures, 'resident.png')]
    expect(await run(named, out)).toBe(1)

    expect(complained.map((line) => line.replace(folder, '…'))).toEqual([
      expect.stringMatching(/^painlens: …\/pictures\/broken\.jpg: cannot be read as a picture/),
      expect.stringMatching(/^painlens: …\/pictures\/explained: is the folder for the results/),
      expect.stringMatching(/^painlens: …\/pictures\/notes\.txt: is not a picture/),
      expect.stringMatching(/^painlens: …\/pictures\/missing\.jpg: there is no such file/),
      expect.stringMatching(/^painlens: …\/pictures\/resident\.png: was named already/),
      expect.stringMatching(/^painlens: …\/pictures\/lawn\.png: no face is found in it\./)
    ])
    expect(said.at(-1)).toBe(
      '2 of 5 explained (2 unreadable, 1 without a face); ' +
        `3 skipped (1 folder of results, 1 not a picture, 1 named twice); the results are in ${out}\n`
    )
    // The user's own file of a result's name keeps it.
    expect(await sharp(join(out, 'resident-overlay.png')).metadata()).toMatchObject({ width: portrait.width })
    expect((await readdir(out)).sort()).toEqual(
      [
        'resident-overlay.png',
        ...['resident-2', 'ward-resident'].flatMap((stem) =>
          ['-heatmap.png', '-overlay.png', '-relevance.npy', '.json'].map((end) => stem + end)
        )
      ].sort()
    )
    const result = JSON.parse(await readFile(join(out, 'resident-2.json'), 'utf8'))
    expect(result).toMatchObject({
      picture: join(pictures, 'resident.png'),
      model: { name: 'vgg-random-weights', demonstration: false },
      source: join(pictures, 'resident.png'),
      face: { faces: 1, number: 1 },
      composite: 'lrp.sequential_preset_a_flat'
    })
    expect(Object.keys(result.logits)).toEqual(['pain', 'disgust', 'happiness'])
    expect(result.probabilities[result.target]).toBe(Math.max(...(Object.values(result.probabilities) as number[])))
    expect(result.regions.map(({ region }: RegionShare) => region)).toEqual(regionNames)
    expect(said[0]).toContain(`${result.target} ${result.probability.toFixed(2)}. ${result.text.en}`)
    const { x, y, width, height } = result.face.box
    const { box } = portrait
    expect(Math.hypot(x + width / 2 - box.x - box.width / 2, y + height / 2 - box.y - box.height / 2)).toBeLessThan(30)
    expect(await sharp(join(out, 'resident-2-heatmap.png')).metadata()).toMatchObject({ width: 64, channels: 4 })
  })

  it('with --crop takes the picture as the face, and finds its landmarks', async () => {
    const manifest = await loadManifest(model)
    const crop = alignFace(portrait, portrait.landmarks, { width: 200, height: 200 }, manifest.alignment)
    const file = join(folder, 'crop.png')
    await savePng(file, crop)
    const faces = await openFaceTaker(manifest, 'crop', faceModelFolder)
    try {
      const [{ crop: taken, box }] = (await faces.take(file, new AbortController().signal)) as [PictureFace]
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

  it('explains under several composites one after the other, and draws the figure', async () => {
    const pictures = join(folder, 'labelled')
    const out = join(folder, 'figures')
    await mkdir(join(pictures, 'pain'), { recursive: true })
    await mkdir(join(pictures, 'other'))
    await savePng(join(pictures, 'pain', '1.png'), portrait)
    await savePng(join(pictures, 'other', '1.png'), portrait)
    await writeFile(join(pictures, 'other', 'broken.png'), 'this is no picture')

    expect(await run([pictures], out, { composite: 'all', target: 'disgust' })).toBe(1)

    expect(complained).toEqual([expect.stringMatching(/broken\.png: cannot be read as a picture/)])
    expect(said.at(-1)).toBe(`2 of 3 explained (1 unreadable); the results are in ${out}\n`)
    expect(readableByOthers(out)).toEqual([])
    const composites = ['lrp.z', 'lrp.epsilon', 'lrp.sequential_preset_a_flat', 'lrp.sequential_preset_b_flat']
    const ends = ['heatmap.png', 'overlay.png', 'relevance.npy']
    expect((await readdir(out)).sort()).toEqual(
      [
        'grid.png',
        ...['pain-1', 'other-1'].flatMap((stem) => [
          `${stem}.json`,
          `${stem}-crop.png`,
          ...composites.flatMap((composite) => ends.map((end) => `${stem}-${composite}-${end}`))
        ])
      ].sort()
    )
    const [known, unknown] = await Promise.all(
      ['pain-1', 'other-1'].map(async (stem) => JSON.parse(await readFile(join(out, `${stem}.json`), 'utf8')))
    )
    expect(known).toMatchObject({ true_label: 'pain', target: 'disgust', probability: known.probabilities.disgust })
    expect(known.predicted).toBe(
      Object.entries<number>(known.probabilities).reduce((best, next) => (next[1] > best[1] ? next : best))[0]
    )
    expect(unknown.true_label).toBeUndefined()
    expect(known.explanations.map(({ composite }: { composite: string }) => composite)).toEqual(composites)
    for (const { files, engine, text, uncertainty, regions } of known.explanations) {
      expect(engine).toMatch(/^onnx-cpu/)
      expect(text.de).toContain('Ekel')
      expect(uncertainty).toBeTypeOf('object')
      const { values, shape } = decodeNpy(await readFile(join(out, files.relevance)), files.relevance)
      expect(shape).toEqual([64, 64])
      const mass = values.reduce((sum, value) => sum + Math.max(value, 0), 0)
      const shares = regions.reduce((sum: number, region: RegionShare) => sum + region.positive, 0)
      expect(shares).toBeCloseTo(mass > 0 ? 1 : 0, 6)
    }
    // A second run of the same picture takes the place of the first, and says that others' results are there.
    expect(await run([join(pictures, 'pain')], out, { composite: 'lrp.z,lrp.epsilon' })).toBe(0)
    const names = await readdir(out)
    const ends2 = ['lrp.z', 'lrp.epsilon'].flatMap((composite) => ends.map((end) => `1-${composite}-${end}`))
    expect(names.filter((name) => name.includes('1') && !name.startsWith('other')).sort()).toEqual(
      ['1.json', '1-crop.png', ...ends2].sort()
    )
    expect(said.at(-1)).toBe('Left there of earlier runs, about other pictures: 1.\n')
    expect(await run([join(pictures, 'pain')], out, { composite: 'lrp.z,lrp.epsilon' })).toBe(0)
    expect(JSON.parse(await readFile(join(out, '1.json'), 'utf8')).explanations).toHaveLength(2)
    // Another picture of the same name gets another.
    expect(await run([join(pictures, 'other', '1.png')], out)).toBe(0)
    expect(JSON.parse(await readFile(join(out, '1.json'), 'utf8')).picture).toBe(join(pictures, 'pain', '1.png'))
    expect(JSON.parse(await readFile(join(out, '1-2.json'), 'utf8')).picture).toBe(join(pictures, 'other', '1.png'))
    expect(await readdir(out)).not.toContain('other-1.json')
    // Pages of a longer figure do not stay beside a shorter one's.
    await writeFile(join(out, 'grid-2.png'), 'a page of an earlier run')
    expect(await run([join(pictures, 'pain')], out, { composite: 'lrp.z,lrp.epsilon' })).toBe(0)
    expect((await readdir(out)).filter((name) => name.startsWith('grid'))).toEqual(['grid.png'])
    // One in which no face is found any more keeps no results.
    await sharp({ create: { width: 320, height: 240, channels: 3, background: 'green' } })
      .png()
      .toFile(join(pictures, 'other', '1.png'))
    expect(await run([join(pictures, 'other', '1.png')], out)).toBe(1)
    expect((await readdir(out)).filter((name) => name.startsWith('1-2'))).toEqual([])
  })

  it('gives the same result for a picture upside down and upright, and refuses a covered face', async () => {
    const turned = join(folder, 'upside-down.png')
    const upright = join(folder, 'upright.png')
    await savePng(upright, portrait)
    await sharp(upright).rotate(180).png().toFile(turned)
    const out = join(folder, 'rolls')
    expect(await run([upright, turned], out)).toBe(0)
    const probabilityOf = async (name: string): Promise<number> =>
      JSON.parse(await readFile(join(out, `${name}.json`), 'utf8')).probability
    expect(Math.abs((await probabilityOf('upside-down')) - (await probabilityOf('upright')))).toBeLessThan(0.03)
    const masked = join(folder, 'masked.png')
    const data = await cover(portrait, portrait.landmarks, 'surgical mask', createRandom(1))
    await savePng(masked, { ...portrait, data })
    complained = []
    expect(await run([masked], out)).toBe(1)
    expect(complained.join('\n')).toMatch(/PL-PICTURE-(NOT-USABLE|NO-FACE)/)
  })

  it('explains the largest face and says how many others there are, or all of them', async () => {
    const file = join(folder, 'visitors.png')
    const { width, height } = portrait
    const smaller = await renderPortrait({ identity: createIdentity(3), units: {}, faceSize: 100 })
    const png = ({ width, height, data }: Rendered) =>
      sharp(data, { raw: { width, height, channels: 3 } })
        .png()
        .toBuffer()
    await sharp({
      create: {
        width: width + smaller.width,
        height: Math.max(height, smaller.height),
        channels: 3,
        background: '#888'
      }
    })
      .composite([
        { input: await png(smaller), left: 0, top: 0 },
        { input: await png(portrait), left: smaller.width, top: 0 }
      ])
      .png()
      .toFile(file)
    const out = join(folder, 'visitors')
    expect(await run([file], out)).toBe(0)
    expect(said[0]).toMatch(/\(the largest of 2 faces; --faces all explains the other too\)/)
    expect((await readdir(out)).filter((name) => name.endsWith('.json'))).toEqual(['visitors.json'])
    expect(JSON.parse(await readFile(join(out, 'visitors.json'), 'utf8')).face.box.x).toBeGreaterThan(smaller.width / 2)
    for (const composite of ['lrp.epsilon', 'lrp.z,lrp.epsilon']) {
      said = []
      expect(await run([file], out, { faces: 'all', composite })).toBe(0)
      const told = said.filter((line) => line.startsWith('1/1')).map((line) => line.slice(4 + file.length, -1))
      expect(told).toHaveLength(2 * composite.split(',').length)
      expect(told[0]).toMatch(/^, face 1 of 2: /)
      expect(told[1]).toMatch(/^, face 2 of 2: /)
      expect(said.at(-1)).toBe(`1 of 1 explained; the results are in ${out}\n`)
      const jsons = (await readdir(out)).filter((name) => name.endsWith('.json')).sort()
      expect(jsons).toEqual(['visitors-face-1.json', 'visitors-face-2.json'])
      const [first, second] = await Promise.all(
        jsons.map(async (name) => JSON.parse(await readFile(join(out, name), 'utf8')).face)
      )
      expect([first.number, second.number]).toEqual([1, 2])
      expect(first.box.width * first.box.height).toBeGreaterThan(second.box.width * second.box.height)
    }
  })

  it('accepts a picture of any name: 235 characters, escape sequences, no extension, a folder in capitals', async () => {
    const pictures = join(folder, 'named')
    const out = join(folder, 'named-explained')
    await mkdir(join(pictures, ' Pain'), { recursive: true })
    const names = [
      `${'n'.repeat(231)}.png`,
      `${'n'.repeat(230)}m.png`,
      '\u001b[31mred\n\u202e.png',
      'bare',
      ' Pain/1.jfif'
    ]
    for (const name of names) await savePng(join(pictures, name), portrait)
    expect(await run([pictures], out)).toBe(0)
    expect(complained).toEqual([])
    expect(said.at(-1)).toBe(`5 of 5 explained; the results are in ${out}\n`)
    expect(said.join('')).toContain('\\x1b[31mred\\n\\u202e.png: ')
    for (const character of '\u001b\u202e') expect(said.join('')).not.toContain(character)
    const results = await readdir(out)
    expect(results).toHaveLength(20)
    for (const name of results) expect(name).toMatch(/^[\w .[-]{1,200}$/)
    const sources = await Promise.all(
      results
        .filter((name) => name.endsWith('.json'))
        .map(async (name) => JSON.parse(await readFile(join(out, name), 'utf8')))
    )
    expect(sources.map(({ source }) => source).sort()).toEqual(names.map((name) => join(pictures, name)).sort())
    expect(sources.filter(({ true_label }) => true_label === 'pain')).toHaveLength(1)
    // The same again: the same names, nothing beside them.
    expect(await run([pictures], out)).toBe(0)
    expect((await readdir(out)).sort()).toEqual(results.sort())
  })

  it('goes on after a result whose path is too long for the system', async () => {
    // Together with its name, only the short picture's results stay below 4096 bytes.
    const pictures = join(folder, 'deep')
    await mkdir(pictures)
    await savePng(join(pictures, `${'a'.repeat(110)}.png`), portrait)
    await savePng(join(pictures, 'b.png'), portrait)
    const parts = Array.from({ length: 20 }, () => 'd'.repeat(200)).join('/')
    const out = join(folder, parts).slice(0, 4096 - 110)
    expect(await run([pictures], out)).toBe(1)
    expect(complained).toEqual([
      expect.stringMatching(/is a longer name than the file system takes.*\[PL-OUT-NAME\]\n$/)
    ])
    expect(said.at(-1)).toMatch(/^1 of 2 explained \(1 not written\); /)
    expect((await readdir(out)).every((name) => name.startsWith('b'))).toBe(true)
    await expect(run([pictures], join(folder, 'e'.repeat(300)))).rejects.toThrow(
      /its name is longer than the system takes/
    )
  })

  it('names the picture at which a face model fails, and goes on', async () => {
    const damaged = join(folder, 'damaged-models')
    await cp(faceModelFolder, damaged, { recursive: true })
    const file = join(damaged, 'finder.onnx')
    const bytes = await readFile(file)
    // Weights that are no numbers.
    await writeFile(file, bytes.fill(0xff, bytes.length >> 1, (bytes.length >> 1) + 256))
    const pictures = join(folder, 'two')
    await mkdir(pictures)
    for (const name of ['a.png', 'b.png']) await savePng(join(pictures, name), portrait)
    const options = { images: [pictures], model, out: join(folder, 'none') }
    expect(await explainCommand(options, new AbortController().signal, output, damaged)).toBe(1)
    expect(complained.map((line) => line.replace(folder, '…'))).toEqual(
      ['a', 'b'].map((name) =>
        expect.stringMatching(`^painlens: …/two/${name}\\.png: .*a face model failed.*\\[PL-FACE-FAILED\\]\n$`)
      )
    )
    expect(said.at(-1)).toMatch(/^0 of 2 explained \(2 failed\); /)
  })

  it('gives the same relevance with each engine, and for a second composite that reuses the crop', async () => {
    const file = join(folder, 'engines.png')
    await savePng(file, portrait)
    const relevanceOf = async (options: object, name: string): Promise<Float32Array> => {
      const out = join(folder, 'engines')
      expect(await run([file], out, options)).toBe(0)
      return decodeNpy(await readFile(join(out, name)), name).values
    }
    const onnx = await relevanceOf({ composite: 'lrp.epsilon', engine: 'onnx' }, 'engines-relevance.npy')
    const tfjs = await relevanceOf({ composite: 'lrp.epsilon', engine: 'tfjs' }, 'engines-relevance.npy')
    const second = await relevanceOf({ composite: 'lrp.z,lrp.epsilon' }, 'engines-lrp.epsilon-relevance.npy')
    const largest = onnx.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
    expect(largest).toBeGreaterThan(0)
    expect(onnx.every((value, i) => Math.abs(value - tfjs[i]!) <= 2e-3 * largest)).toBe(true)
    expect(second).toEqual(onnx)
    const gamma = { composite: 'lrp.gamma,lrp.epsilon_gamma_box', gamma: '0.5,0.1', target: 'Pain - disgust' }
    await relevanceOf(gamma, 'engines-lrp.epsilon_gamma_box-relevance.npy')
    expect(said.filter((line) => /: pain - disgust\. .*pain rather than disgust/.test(line))).toHaveLength(2)
    const json = JSON.parse(await readFile(join(folder, 'engines', 'engines.json'), 'utf8'))
    expect(json).toMatchObject({ target: 'pain - disgust', weights: { pain: 1, disgust: -1 } })
    expect(json.probability).toBe(json.probabilities.pain)
  })

  it('refuses unknown composites, engines and labels before it opens a file', async () => {
    const file = join(folder, 'resident.png')
    await savePng(file, portrait)
    for (const wrong of [
      { composite: 'lrp.y' },
      { composite: 'lrp.alpha_beta' },
      { composite: 'lrp.z,' },
      { engine: 'cuda' },
      { target: 'joy' },
      { target: 'pain - joy' },
      { target: 'pain - disgust', check: true },
      { composite: 'lrp.gamma', gamma: 'some' },
      { composite: 'lrp.z', gamma: '0.5' },
      { faces: 'some' },
      { faces: 'some', crop: true }
    ]) {
      await expect(run([file], join(folder, 'wrong'), wrong)).rejects.toThrow(UsageError)
    }
  })

  it('ends when it is aborted, before its start and while it works', async () => {
    const file = join(folder, 'resident.png')
    await savePng(file, portrait)
    expect(await run([file], join(folder, 'x'), {}, AbortSignal.abort())).toBe(1)
    expect(complained).toEqual(['painlens: stopped while looking for pictures.\n'])
    complained = []
    const stop = new AbortController()
    const progress = (line: string | null): void => {
      if (line?.includes('0 of 1')) stop.abort()
    }
    const options = { model, out: join(folder, 'x') }
    const one = explainCommand({ ...options, images: [file] }, stop.signal, { ...output, progress }, faceModelFolder)
    expect(await one).toBe(1)
    expect(complained).toEqual(['painlens: stopped after 0 of 1 pictures.\n'])
    expect(await readdir(join(folder, 'x'))).toEqual([])
    const afterOne = new AbortController()
    const write = (text: string): void => {
      if (text.startsWith('1/2 ')) afterOne.abort()
    }
    complained = []
    const images = [file, join(folder, 'crop.png')]
    const two = explainCommand({ ...options, images }, afterOne.signal, { ...output, write }, faceModelFolder)
    expect(await two).toBe(1)
    expect(complained).toEqual(['painlens: stopped after 1 of 2 pictures.\n'])
  })

  it('stopped in the middle of several composites names the one that it was at', async () => {
    const file = join(folder, 'stopped.png')
    await savePng(file, portrait)
    const stop = new AbortController()
    const write = (text: string): void => {
      if (text.startsWith('lrp.epsilon (2 of 3)')) stop.abort()
    }
    const composite = 'lrp.z,lrp.epsilon,lrp.gamma'
    const options = { images: [file], model, out: join(folder, 'stopped'), composite }
    expect(await explainCommand(options, stop.signal, { ...output, write }, faceModelFolder)).toBe(1)
    expect(complained).toEqual(['painlens: stopped after 0 of 1 pictures under lrp.epsilon (2 of 3).\n'])
  })

  it('names results of an earlier run that this user may not read', async () => {
    const out = join(folder, 'forbidden')
    await mkdir(out)
    for (const name of ['a.json', 'b.json']) await writeFile(join(out, name), '{}', { mode: 0 })
    await chmod(folder, 0o755)
    const isRoot = process.geteuid!() === 0
    // Rights do not hold for root.
    if (isRoot) process.seteuid!(65_534)
    const { unreadable } = await ResultFolder.open(out, [], new AbortController().signal).finally(
      () => isRoot && process.seteuid!(0)
    )
    expect(unreadable.map(({ where, code }) => [where, code])).toEqual(
      ['a.json', 'b.json'].map((name) => [join(out, name), 'PL-PICTURE-FORBIDDEN'])
    )
    expect(unreadableText(unreadable)).toBe(
      `${join(out, 'a.json')}: may not be read by this user (EACCES), nor may 1 more there. What an earlier run has left in it stays beside the new results.`
    )
  })

  it('fails with one error for no pictures, no model, no face models, or no writable folder', async () => {
    const empty = join(folder, 'empty')
    const stop = new AbortController().signal
    await mkdir(empty)
    await expect(run([empty], join(folder, 'y'))).rejects.toThrow(InputError)
    const file = join(folder, 'one.png')
    await savePng(file, portrait)
    await expect(run([file], join(folder, 'y'), { model: join(empty, 'no.yaml') })).rejects.toThrow(ModelError)
    const without = explainCommand({ images: [file], model, out: join(folder, 'y') }, stop, output, empty)
    await expect(without).rejects.toThrow(/Install painlens again.*npm run build/)
    await expect(run([file], join(file, 'below'))).rejects.toThrow(DiskError)
  })
})
