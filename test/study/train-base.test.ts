/** Bases that `study train` cannot train: one sentence each, and nothing is left that keeps the next try out. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type VggSpec, writeRandomVgg } from '../../src/lib/vgg/index.js'
import { type TrainOptions, trainStudy } from '../../src/study/train/index.js'
import { patience } from '../support/slowness.js'
import { type StudyRig, studyRig, trainOptions } from './rig.js'

let rig: StudyRig
beforeAll(async () => {
  rig = await studyRig({ subjects: 4, crops: 1 })
}, patience(60_000))
afterAll(() => rig.remove())

const optionsFor = (out: string, changed: Partial<TrainOptions>): TrainOptions => {
  const options = trainOptions(rig, out, { trainFrom: 'fc8', folds: 2, views: 1, ...changed })
  return { ...options, recipe: { ...options.recipe, epochs: 1 } }
}

const train = (options: TrainOptions): Promise<string> =>
  trainStudy(options, () => undefined, new AbortController().signal)

describe('a base', { timeout: patience(60_000) }, () => {
  it('without the layer of --train-from is refused, and the next layer is taken in the same folder', async () => {
    const two: VggSpec = { input: { width: 32, height: 32 }, blocks: [[8], [12]], dense: [16, 9] }
    const base = await writeRandomVgg(two, join(rig.folder, 'two.onnx'), Array.from('abcdefghi'), 4)
    const options = optionsFor('layers', { base, trainFrom: 'fc6' })
    await expect(train(options)).rejects.toMatchObject({
      code: 'PL-TRAIN-FROM',
      message: expect.stringMatching(/fc6 is not there: .* Give --train-from another/)
    })
    expect(existsSync(join(options.out, 'run.yaml'))).toBe(false)
    await train({ ...options, trainFrom: 'fc7' })
    await expect(train(options)).rejects.toMatchObject({ code: 'PL-STUDY-FOLDER' })
  })
})
