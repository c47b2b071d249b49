/** A data set that was made again in the same place, its crops named as before: what was computed of the earlier one does not count. */
import { cpSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parse, stringify } from 'yaml'
import { loadManifest } from '../../src/lib/model/load-manifest.js'
import { readDataset } from '../../src/study/dataset.js'
import { judgeDataset } from '../../src/study/evaluate/judge.js'
import { readStudyRun } from '../../src/study/report/study-run.js'
import { trainStudy } from '../../src/study/train/index.js'
import { patience } from '../support/slowness.js'
import { alarm, subjectsWith, writeRun } from './evaluate-rig.js'
import { type StudyRig, studyRig, trainOptions } from './rig.js'

let rig: StudyRig
beforeAll(async () => {
  rig = await studyRig({ subjects: 4, crops: 1 })
}, patience(60_000))
afterAll(() => rig.remove())

const signal = new AbortController().signal
const quiet = (): void => undefined

function copyOfData(name: string): string {
  const data = join(rig.folder, name)
  cpSync(rig.data, data, { recursive: true })
  return data
}

function edit(file: string, change: (text: string) => string): void {
  const text = readFileSync(file, 'utf8')
  expect(change(text)).not.toBe(text)
  writeFileSync(file, change(text))
}

/** Every crop is another picture, and prepare's key says so. */
async function makeAgain(data: string): Promise<void> {
  for (const { crop } of (await readDataset(data)).rows) {
    const picture = await sharp(join(data, crop)).negate().png().toBuffer()
    writeFileSync(join(data, crop), picture)
  }
  edit(join(data, 'dataset.yaml'), (text) => `${text}key: again\n`)
}

describe('the digest of a data set', () => {
  it.each([
    ['prepare’s key', 'dataset.yaml', (t: string) => `${t}key: k\n`],
    ['the size', 'dataset.yaml', (t: string) => t.replace('width: 32', 'width: 33')],
    ['the alignment', 'dataset.yaml', (t: string) => t.replace('0.38', '0.39')],
    ['a label', 'index.csv', (t: string) => t.replace(',pain,', ',disgust,')],
    ['a subject', 'index.csv', (t: string) => t.replace(',s1,', ',s2,')],
    ['a moment', 'index.csv', (t: string) => t.replace(',0,0.7,', ',1,0.7,')],
    ['what the detector said of a crop', 'index.csv', (t: string) => t.replace(',0,0.9\n', ',0,0.91\n')]
  ])('differs with %s', async (name, file, change) => {
    const data = copyOfData(`digest ${name}`)
    const { digest } = await readDataset(data)
    edit(join(data, file), change)
    expect((await readDataset(data)).digest).not.toBe(digest)
  })

  it('stays the same where a spreadsheet or a column that was added has changed the text alone', async () => {
    const data = copyOfData('digest same')
    const { digest } = await readDataset(data)
    edit(join(data, 'index.csv'), (text) => text.replaceAll(',', ';').replaceAll('0.9\n', '0.90;1\r\n'))
    edit(join(data, 'index.csv'), (text) => text.replace('detector_score', 'detector_score;AU04'))
    expect((await readDataset(data)).digest).toBe(digest)
  })
})

describe('study train', { timeout: patience(60_000) }, () => {
  it('refuses to go on with other data, and goes on with a run of a version that did not say what its data were', async () => {
    const data = copyOfData('trained')
    const plain = trainOptions(rig, 'run', { data, trainFrom: 'fc8', folds: 2, views: 1 })
    const options = { ...plain, recipe: { ...plain.recipe, epochs: 1 } }
    await trainStudy(options, quiet, signal)
    const features = readdirSync(join(options.out, 'cache'))
    await makeAgain(data)
    await expect(trainStudy(options, quiet, signal)).rejects.toMatchObject({
      code: 'PL-STUDY-FOLDER',
      what: 'it holds a run with another data set (it was made again, or changed)'
    })
    edit(join(options.out, 'run.yaml'), (text) => text.replace(/^digest: .*\n/m, ''))
    await trainStudy(options, quiet, signal)
    // Its features are computed anew.
    expect(readdirSync(join(options.out, 'cache'))).toHaveLength(features.length + 1)
  })

  it('goes on where the data were moved or are written in another way, and remembers where they are', async () => {
    const data = copyOfData('before')
    const plain = trainOptions(rig, 'moving', { data, trainFrom: 'fc8', folds: 2, views: 1 })
    const options = { ...plain, recipe: { ...plain.recipe, epochs: 1 } }
    await trainStudy(options, quiet, signal)
    const moved = join(rig.folder, 'after')
    renameSync(data, moved)
    await trainStudy({ ...options, data: `${moved}/` }, quiet, signal)
    expect(parse(readFileSync(join(options.out, 'run.yaml'), 'utf8'))).toMatchObject({ data: `${moved}/` })
  })

  it.each([
    ['a manifest', (base: string) => ({ base, input: undefined })],
    ['--input', (base: string) => ({ base: base.replace('.yaml', '.onnx'), input: base })]
  ])('refuses to go on where %s says another input of the same base', async (name, of) => {
    const base = join(rig.folder, `base-${name.replace(/\W/g, '')}.yaml`)
    writeFileSync(base, readFileSync(rig.base, 'utf8'))
    cpSync(rig.base.replace('.yaml', '.onnx'), base.replace('.yaml', '.onnx'))
    const plain = trainOptions(rig, `input ${name}`, { trainFrom: 'fc8', folds: 2, views: 1, ...of(base) })
    const options = { ...plain, recipe: { ...plain.recipe, epochs: 1 } }
    await trainStudy(options, quiet, signal)
    await trainStudy(options, quiet, signal)
    edit(base, (text) => text.replace(/scale: .*/, 'scale: 0.02'))
    await expect(trainStudy(options, quiet, signal)).rejects.toMatchObject({
      code: 'PL-STUDY-FOLDER',
      what: 'it holds a run with another input of the base (size, colours, mean or scale)'
    })
  })
})

describe('study evaluate and report', { timeout: patience(60_000) }, () => {
  it('judges crops anew that were judged under the same names before', async () => {
    const data = copyOfData('judged')
    const plain = trainOptions(rig, 'judge', { data, trainFrom: 'fc8', folds: 2, views: 1 })
    const manifest = await loadManifest(
      await trainStudy({ ...plain, recipe: { ...plain.recipe, epochs: 1 } }, quiet, signal)
    )
    const answers = async (folder: string): Promise<string> => {
      const options = { folder: join(rig.folder, folder), threads: 1, write: quiet, signal }
      return JSON.stringify((await judgeDataset(await readDataset(data), manifest, options)).one!.outputs)
    }
    const before = await answers('data')
    expect(await answers('data')).toBe(before)
    await makeAgain(data)
    const after = await answers('data')
    expect(after).not.toBe(before)
    expect(after).toBe(await answers('judged'))
  })

  it('keeps no numbers of a report whose data were made again', async () => {
    const { run, data } = writeRun(join(rig.folder, 'reported'), subjectsWith(2))
    // Of the models only their manifests are read.
    const manifest = { ...(parse(readFileSync(rig.base, 'utf8')) as object), file: rig.base.replace('.yaml', '.onnx') }
    for (const fold of [1, 2, 3]) {
      const file = join(run, `fold-${fold}`, 'model.yaml')
      writeFileSync(file, stringify({ ...manifest, ...(parse(readFileSync(file, 'utf8')) as object) }))
    }
    const key = async (): Promise<string> => {
      const options = { run, data, alarm, chance: { seed: 1, repetitions: 100 }, threads: 1 }
      return (await readStudyRun(options, quiet, signal)).key
    }
    const before = await key()
    expect(await key()).toBe(before)
    edit(join(data, 'dataset.yaml'), (text) => `${text}key: again\n`)
    expect(await key()).not.toBe(before)
  })
})
