/** `study train` on a disk that fills up: one sentence, and the same command goes on from there to the same files. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { packageRoot } from '../../src/core/version.js'
import type { OptimizerName, TrainFrom } from '../../src/lib/train/index.js'
import { type TrainOptions, trainStudy } from '../../src/study/train/index.js'
import { patience } from '../support/slowness.js'
import { type StudyRig, studyRig, trainOptions } from './rig.js'

let rig: StudyRig
beforeAll(async () => {
  rig = await studyRig({ subjects: 4, crops: 2 })
}, patience(60_000))
afterAll(() => rig.remove())

const optionsFor = (out: string, trainFrom: TrainFrom, optimizer: OptimizerName): TrainOptions => {
  const options = trainOptions(rig, out, { folds: 2, views: 1, trainFrom })
  return { ...options, recipe: { ...options.recipe, epochs: 1, optimizer } }
}

const train = (options: TrainOptions): Promise<string> =>
  trainStudy(options, () => undefined, new AbortController().signal)

/** The command as users run it, with no room for a file of more than so many KiB. @returns what it says */
async function trainWithin(kib: number, { data, base, out, trainFrom, folds, views, recipe }: TrainOptions) {
  const args = ['study', 'train', data, '--base', base, '--out', out, '--train-from', trainFrom]
  const more = Object.entries({ ...recipe, folds, views }).flatMap(([key, value]) => [`--${key}`, String(value)])
  const command = [process.execPath, join(packageRoot, 'dist/main.js'), ...args, ...more]
  const child = spawn('bash', ['-c', `ulimit -f ${kib}; exec "$0" "$@" 2>&1`, ...command], {
    stdio: ['ignore', 'pipe', 'ignore']
  })
  let said = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text
  })
  const [code] = await once(child, 'close')
  return { code, last: said.trimEnd().split('\n').at(-1)! }
}

it.each([
  [
    'while features are kept',
    'fc6',
    'sgd',
    32,
    /cache: cannot be written \(\w+\)\. Free some space .* \[PL-STUDY-DISK\]$/
  ],
  ['at a checkpoint', 'fc7', 'adam', 4, /checkpoint: cannot be written \(\w+\)\. Free .* \[PL-STUDY-DISK\]$/],
  [
    'at a model',
    'fc8',
    'sgd',
    48,
    /model\.onnx: the model \(\d+ bytes\) could not be written: .* \[PL-MODEL-UNWRITABLE\]$/
  ]
] as const)(
  'a disk that is full %s is told in one sentence, and nothing that was done is lost',
  async (name, trainFrom, optimizer, kib, words) => {
    const [whole, stopped] = ['whole', 'stopped'].map((out) => optionsFor(`${out} ${name}`, trainFrom, optimizer)) as [
      TrainOptions,
      TrainOptions
    ]
    await train(whole)
    const { code, last } = await trainWithin(kib, stopped)
    expect(last).toMatch(words)
    expect(code).toBe(1)
    await train(stopped)
    const files = (readdirSync(whole.out, { recursive: true }) as string[]).sort()
    expect((readdirSync(stopped.out, { recursive: true }) as string[]).sort()).toEqual(files)
    for (const file of files.filter((one) => /predictions|cache\/|\.onnx$|model\.yaml$/.test(one)))
      expect(readFileSync(join(stopped.out, file)).equals(readFileSync(join(whole.out, file))), file).toBe(true)
  },
  patience(60_000)
)
