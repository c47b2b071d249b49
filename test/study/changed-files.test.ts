/** Files of a study that were cut short or changed by hand between two steps: refused in one sentence, never wrong figures. */
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { readDataset } from '../../src/study/dataset.js'
import { readEvaluation } from '../../src/study/evaluate/evaluation-file.js'
import { PrepareJournal } from '../../src/study/prepare/journal.js'
import { readStudyRun } from '../../src/study/report/study-run.js'
import { readCheckpoint, writeCheckpoint } from '../../src/study/train/checkpoint.js'
import { alarm, evaluate, folderFor, optionsFor, type RunFolder, subjectsWith, writeRun } from './evaluate-rig.js'

const { folder, remove } = folderFor()
afterAll(remove)

let folders = 0
const newFolder = (): string => join(folder, String(folders++))
const newRun = (crops = 2): RunFolder => writeRun(newFolder(), subjectsWith(crops))

async function evaluatedRun(crops = 2): Promise<RunFolder & { file: string }> {
  const run = newRun(crops)
  await evaluate(optionsFor(run.data, { run: run.run }))
  return { ...run, file: join(run.run, 'evaluation/evaluation.json') }
}

const report = ({ run, data }: Omit<RunFolder, 'data'> & { data: string | undefined }): Promise<unknown> =>
  readStudyRun(
    { run, data, alarm, chance: { seed: 1, repetitions: 100 }, threads: 1 },
    () => undefined,
    new AbortController().signal
  )

/** Its message is one sentence of what is wrong, and one of what to do. */
async function expectRefused(work: Promise<unknown>, code: string, words: RegExp): Promise<void> {
  const error = (await work.catch((thrown: unknown) => thrown)) as Error
  expect(error).toMatchObject({ code, message: expect.stringMatching(words) as string })
  expect(error.message).not.toMatch(/\n|undefined|Cannot|\[object/)
}

type Json = null | boolean | number | string | Json[] | { [key: string]: Json }

/** The path of each value in a JSON document that is neither a list nor a section. */
function leavesOf(value: Json, path: (string | number)[] = []): (string | number)[][] {
  if (typeof value !== 'object' || value === null) return [path]
  const entries: [string | number, Json][] = Array.isArray(value) ? [...value.entries()] : Object.entries(value)
  return entries.flatMap(([key, one]) => leavesOf(one, [...path, key]))
}

function withValue(value: Json, [key, ...rest]: readonly (string | number)[], leaf: Json): Json {
  if (key === undefined) return leaf
  const copy = structuredClone(value) as Record<string | number, Json>
  copy[key] = withValue(copy[key]!, rest, leaf)
  return copy as Json
}

describe('evaluation.json', () => {
  it.each<[string, (text: string) => string, RegExp]>([
    ['that was cut short', (t) => t.slice(0, -20), /evaluation\.json: it cannot be read \(.*JSON/],
    ['of zero bytes', () => '', /it cannot be read/],
    ['that is a list', () => '[]', /\(the file: found an empty list, allowed is a section\)/],
    ['without its classes', (t) => t.replace('"classes"', '"klasses"'), /\(classes: missing, allowed is a section\)/],
    ['whose seed is text', (t) => t.replace('"seed": 1', '"seed": "1"'), /\(seed: found "1", allowed is a number\)/],
    [
      'whose accuracy is above 1',
      (t) => t.replace(/("accuracy": \{\s+"value": )[\d.]+/, '$11.4'),
      /\(accuracy\.value: found 1\.4, allowed is a number from 0 to 1 or null\)/
    ],
    [
      'whose accuracy is another',
      (t) => t.replace(/("accuracy": \{\s+"value": )[\d.]+/, '$10.987'),
      /its figures were changed after evaluate had written them/
    ],
    ['without its digest', (t) => t.replace(/,\s+"digest": "\w+"/, ''), /\(digest: missing, allowed is 64 hexadecimal/]
  ])('%s is refused by the report, with the key that is wrong', async (_, change, words) => {
    const run = await evaluatedRun()
    const text = readFileSync(run.file, 'utf8')
    expect(change(text)).not.toBe(text)
    writeFileSync(run.file, change(text))
    await expectRefused(report(run), 'PL-STUDY-EVALUATION', words)
  })

  it('of which any value is another is refused; written anew with other blanks it is read as it was', async () => {
    const { file } = await evaluatedRun()
    const whole = JSON.parse(readFileSync(file, 'utf8')) as Json
    const leaves = leavesOf(whole)
    const value = fc.oneof(
      fc.constant(null),
      fc.boolean(),
      fc.integer(),
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.string()
    )
    const at = (path: readonly (string | number)[]): Json =>
      path.reduce<Json>((found, key) => (found as Record<string | number, Json>)[key]!, whole)
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...leaves), value, async (path, other) => {
        fc.pre(!Object.is(at(path), other) && JSON.stringify(at(path)) !== JSON.stringify(other))
        writeFileSync(file, JSON.stringify(withValue(whole, path, other)))
        await expect(readEvaluation(file)).rejects.toMatchObject({ code: 'PL-STUDY-EVALUATION' })
      }),
      { numRuns: 300 }
    )
    writeFileSync(file, `\n${JSON.stringify(whole, null, 7).replaceAll('\n', '\r\n')}`)
    const { digest: _, ...figures } = whole as Record<string, Json>
    expect(await readEvaluation(file)).toEqual(figures)
  })

  it('of another run, copied here, is refused', async () => {
    const [other, run] = [await evaluatedRun(3), await evaluatedRun(2)]
    copyFileSync(other.file, run.file)
    await expectRefused(report(run), 'PL-STUDY-EVALUATION', /it is of other predictions \(81 crops of pain, disgust/)
  })
})

describe('what a run says of itself', () => {
  it.each([
    ['empty', '', /run\.yaml: it is not what painlens study writes \(the file: found nothing, allowed is a section\)/],
    ['a list', '[]', /\(the file: found an empty list/],
    ['not YAML', 'data: {', /run\.yaml: it is not YAML/],
    ['without the data set', 'folds: 3', /\(data: missing, allowed is text\)/],
    ['with a number for it', 'data: 7', /\(data: found 7, allowed is text\)/]
  ])('run.yaml that is %s is refused by the report, which needs the data set', async (_, text, words) => {
    const run = newRun()
    writeFileSync(join(run.run, 'run.yaml'), text)
    await expectRefused(report({ ...run, data: undefined }), 'PL-STUDY-PREDICTIONS', words)
  })

  it('run.yaml that names a data set which was moved away makes the report ask for --data', async () => {
    const run = newRun()
    writeFileSync(join(run.run, 'run.yaml'), 'data: nowhere/data')
    await expectRefused(
      report({ ...run, data: undefined }),
      'PL-STUDY-DATA',
      /^nowhere\/data: .*run\.yaml says that the data set is here, and there is none\. Give --data/
    )
  })

  const foldsOf = ({ rows }: RunFolder): Map<string, number> =>
    new Map(rows.map(({ subject, fold = 1 }) => [subject, fold]))
  const writeFolds = (run: RunFolder, folds: ReadonlyMap<string, number>, more = ''): void => {
    const lines = [...folds].map(([subject, fold]) => `${subject},${fold}`)
    writeFileSync(join(run.run, 'folds.csv'), `subject,fold\n${lines.join('\n')}\n${more}`)
  }

  it('folds.csv that goes with the predictions is taken', async () => {
    const run = newRun()
    writeFolds(run, foldsOf(run))
    await evaluate(optionsFor(run.data, { run: run.run }))
  })

  it('a crop that was judged by a fold which had trained on its subject is refused', async () => {
    const run = newRun()
    writeFolds(run, foldsOf(run).set('p4', 3))
    const refused = evaluate(optionsFor(run.data, { run: run.run }))
    await expectRefused(
      refused,
      'PL-STUDY-PREDICTIONS',
      /predictions\.csv: row \d+: folds\.csv says fold 3 of p4, not 2/
    )
  })

  it.each([
    ['a subject twice', (run: RunFolder) => writeFolds(run, foldsOf(run), 'p1,2\n'), /row 11: p1 is there twice/],
    [
      'a fold that is none, behind a blank row',
      (run: RunFolder) => writeFolds(run, foldsOf(run), '\np9,x\n'),
      /row 12: x is no fold/
    ],
    ['a fold that is none', (run: RunFolder) => writeFolds(run, foldsOf(run), 'p9,x\n'), /row 11: x is no fold/],
    [
      'no folds',
      (run: RunFolder) => writeFileSync(join(run.run, 'folds.csv'), 'a\n1\n'),
      /it has no column subject, fold/
    ]
  ])('folds.csv with %s is refused', async (_, write, words) => {
    const run = newRun()
    write(run)
    await expectRefused(evaluate(optionsFor(run.data, { run: run.run })), 'PL-STUDY-PREDICTIONS', words)
  })
})

describe('a data set', () => {
  it('whose index.csv has a blank row names the row behind it as a spreadsheet does', async () => {
    const { data } = newRun()
    const file = join(data, 'index.csv')
    const [header, first, second, ...lines] = readFileSync(file, 'utf8').split('\n')
    writeFileSync(file, [header, first, '', second!.replace(/,[^,]*$/, ',high'), ...lines].join('\n'))
    await expectRefused(readDataset(data), 'PL-STUDY-DATA', /row 4: intensity is high, no number/)
  })

  it.each([
    ['time_s', '0,5', ',"0,5",'],
    ['intensity', 'high', ',,high']
  ])('whose %s is %s in a row, which is no number, is refused with the row', async (column, said, cells) => {
    const { data } = newRun()
    const file = join(data, 'index.csv')
    const lines = readFileSync(file, 'utf8').split('\n')
    lines[3] = lines[3]!.replace(/,[^,]*,[^,]*$/, cells)
    writeFileSync(file, lines.join('\n'))
    await expectRefused(readDataset(data), 'PL-STUDY-DATA', new RegExp(`row 4: ${column} is ${said}, no number`))
  })

  it('whose size is too large is refused with the key', async () => {
    const { data } = newRun()
    const file = join(data, 'dataset.yaml')
    writeFileSync(file, readFileSync(file, 'utf8').replace('width: 32', 'width: 32000'))
    const words = /dataset\.yaml: .*\(size\.width: found 32000, allowed is a whole number from 16 to 1024\)/
    await expectRefused(readDataset(data), 'PL-STUDY-DATA', words)
  })

  it.each([
    ['whose head is no JSON', 'key\n', /progress\.jsonl: line 1 is not what prepare writes \(the file: missing/],
    ['whose head has no key', '[]\n', /line 1 .*\(the file: found an empty list/],
    [
      'with a job that is none',
      '{"key":"k"}\n{"job":-1,"crops":[],"without":{}}\n',
      /line 2 .*\(job: found -1, allowed/
    ],
    [
      'with a crop without its place',
      '{"key":"k"}\n{"job":0,"crops":[{}],"without":{}}\n',
      /\(crops\[0\]\.crop: missing/
    ],
    ['with a line that is no JSON', '{"key":"k"}\n{"job":0\n', /line 2 is not/]
  ])('of which the journal was changed, %s, is not gone on with', async (_, text, words) => {
    const data = newFolder()
    mkdirSync(data)
    writeFileSync(join(data, 'progress.jsonl'), text)
    await expectRefused(PrepareJournal.open(data, 'k'), 'PL-STUDY-FOLDER', words)
    expect(readFileSync(join(data, 'progress.jsonl'), 'utf8')).toBe(text)
  })
})

it('a checkpoint whose header speaks of more weights than the file has is refused before memory is taken for them', async () => {
  const at = newFolder()
  mkdirSync(at)
  const file = join(at, 'last.checkpoint')
  const progress = { epochs: 1, steps: 2, history: [], best: 1 }
  await writeCheckpoint(file, 'k', progress, new Map([['w', Float32Array.of(1, 2, 3)]]))
  expect((await readCheckpoint(file, 'k'))?.arrays.get('w')).toEqual(Float32Array.of(1, 2, 3))
  const whole = readFileSync(file)
  for (const length of ['4', '30000000', '9007199254740991']) {
    writeFileSync(file, Buffer.from(whole.toString('latin1').replace('"length":3', `"length":${length}`), 'latin1'))
    await expectRefused(readCheckpoint(file, 'k'), 'PL-TRAIN-CHECKPOINT', /is cut short or damaged/)
  }
})
