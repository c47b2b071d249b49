import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import Papa from 'papaparse'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { studyEvaluateCommand } from '../../src/commands/study/evaluate.js'
import { packageRoot } from '../../src/core/version.js'
import { loadManifest } from '../../src/lib/model/load-manifest.js'
import { createRandom } from '../../src/lib/random.js'
import { textOf } from '../../src/study/evaluate/text.js'
import { RowsFile } from '../../src/study/rows-file.js'
import { trainStudy } from '../../src/study/train/index.js'
import { readableByOthers } from '../support/readable-by-others.js'
import { patience } from '../support/slowness.js'
import {
  type Evaluation,
  evaluate,
  folderFor,
  labels,
  optionsFor,
  type RunFolder,
  type Said,
  subjectsWith,
  video,
  writeRun
} from './evaluate-rig.js'
import { type StudyRig, studyRig, trainOptions, writeData } from './rig.js'

const { folder, remove } = folderFor()
afterAll(remove)

let folders = 0
const newRun = (rows: Said[], options?: { yaml?: string; temperature?: number }): RunFolder =>
  writeRun(join(folder, String(folders++)), rows, options)

async function evaluated(rows: Said[], options?: { yaml?: string; temperature?: number }) {
  const { data, run } = newRun(rows, options)
  const { text, folder: out } = await evaluate(optionsFor(data, { run }))
  return { text, out, run, data, figures: jsonIn(out) }
}

const jsonIn = (out: string): Evaluation => JSON.parse(readFileSync(join(out, 'evaluation.json'), 'utf8')) as Evaluation
const csv = (file: string): Record<string, string>[] =>
  Papa.parse<Record<string, string>>(readFileSync(file, 'utf8'), { header: true, skipEmptyLines: true }).data
const mean = (values: readonly number[]): number => values.reduce((sum, one) => sum + one, 0) / values.length

describe('the figures of a run', { timeout: patience(60_000) }, () => {
  it('are those that counting predictions.csv by hand gives', async () => {
    const { figures, run } = await evaluated(subjectsWith(8))
    const rows = csv(join(run, 'predictions.csv')).filter(({ label }) => label !== 'neutral')
    const right = (some: Record<string, string>[]) => mean(some.map((row) => Number(row.label === row.predicted)))
    expect(figures).toMatchObject({ crops: 216, subjects: 9, cross_validated: true, alarm_label: 'pain' })
    expect(figures.accuracy.value).toBeCloseTo(right(rows), 12)
    for (const label of labels) {
      const shown = rows.filter((row) => row.label === label)
      const called = rows.filter((row) => row.predicted === label)
      const { precision, recall, f1, support } = figures.classes[label]!
      expect([recall, precision]).toEqual([expect.closeTo(right(shown), 12), expect.closeTo(right(called), 12)])
      expect(f1).toBeCloseTo((2 * right(shown) * right(called)) / (right(shown) + right(called)), 12)
      expect(support).toBe(72)
    }
    for (const { name, accuracy } of figures.folds)
      expect(accuracy).toBeCloseTo(right(rows.filter(({ fold }) => fold === name)), 12)
    for (const { name, accuracy } of figures.by_subject)
      expect(accuracy).toBeCloseTo(right(rows.filter(({ subject }) => subject === name)), 12)
    expect(figures.by_source.map(({ name, crops }) => [name, crops])).toEqual([
      ['lab', 96],
      ['ward', 120]
    ])
    expect(figures.by_intensity.map(({ name, crops }) => [name, crops])).toEqual(
      [1, 2, 3, 4].map((intensity) => [`pain ${intensity}`, 18])
    )
    const { low, high } = figures.accuracy.subjects!
    expect(low).toBeLessThan(figures.accuracy.value!)
    expect(high).toBeGreaterThan(figures.accuracy.value!)
    expect(figures.tests!.better_than_guessing).toMatchObject({ difference: expect.closeTo(right(rows) - 1 / 3, 9) })
    expect(figures.tests!.better_than_guessing.p).toBeLessThan(0.02)
    expect(figures.tests!.recall_differences).toHaveLength(3)
    const tests = { ...figures.tests!, better_than_guessing: { difference: -0.042, p: 0.75 } }
    expect(textOf({ ...figures, tests })).toContain(
      '4.2 percentage points below guessing (p 0.750), which may be chance.'
    )
  })

  it('hold neutral faces apart, and count faces that were not usable beside them', async () => {
    const yaml = 'left_out: { by_label: { pain: { roll: 3, no_face: 2 }, neutral: { dark: 4 } } }\n'
    const { figures, text } = await evaluated(subjectsWith(4), { yaml })
    expect(figures.confusion.columns).toEqual([...labels, 'no_usable_face'])
    expect(Object.keys(figures.confusion.rows)).toEqual([...labels, 'neutral'])
    expect(Object.values(figures.confusion.rows).map((row) => row.at(-1))).toEqual([5, 0, 0, 4])
    expect(figures.confusion.rows.neutral!.slice(0, 3).reduce((sum, one) => sum! + one!, 0)).toBe(36)
    expect(figures.separation.from_everything).toMatchObject({ positives: 36, negatives: 108 })
    expect(figures.separation.from_other_labels).toMatchObject({ positives: 36, negatives: 72 })
    expect(text).toMatch(/pain {2}disgust {2}happiness {2}no usable face\n/)
  })

  it('say that it is not known how many faces were not usable of each label, where dataset.yaml does not', async () => {
    const { figures, text } = await evaluated(subjectsWith(2), {
      yaml: 'left_out: { pictures: { roll: 3, dark: 4 } }\n'
    })
    expect(figures.confusion.rows.pain!.at(-1)).toBeNull()
    expect(text).toContain('7 pictures of all labels had no usable face.')
    expect((await evaluated(subjectsWith(2))).text).toContain('How many pictures had no usable face is not known.')
  })

  it('take the temperature of each fold back for the calibration before it', async () => {
    const { figures, run } = await evaluated(subjectsWith(6), { temperature: 2 })
    const { temperatures, before, after } = figures.calibration
    expect(temperatures).toEqual([2, 2, 2])
    // softmax(log p · 2) is p² over the sum of all p².
    const losses = csv(join(run, 'predictions.csv'))
      .filter(({ label }) => label !== 'neutral')
      .map((row) => {
        const squares = labels.map((label) => Number(row[`p_${label}`]) ** 2)
        const sum = squares.reduce((all, one) => all + one, 0)
        return [Math.log(Number(row[`p_${row.label}`])), Math.log(Number(row[`p_${row.label}`]) ** 2 / sum)] as const
      })
    expect(after.log_loss).toBeCloseTo(-mean(losses.map(([own]) => own)), 6)
    expect(before.log_loss).toBeCloseTo(-mean(losses.map(([, own]) => own)), 6)
    expect(before.log_loss).not.toBeCloseTo(after.log_loss!, 2)
  })

  it('are the same for the same seed, and intervals differ for another', async () => {
    const { data, run } = newRun(subjectsWith(4))
    const options = optionsFor(data, { run })
    const first = await evaluate(options)
    const before = readFileSync(join(first.folder, 'evaluation.json'), 'utf8')
    await evaluate(options)
    expect(readFileSync(join(first.folder, 'evaluation.json'), 'utf8')).toBe(before)
    await evaluate({ ...options, chance: { ...options.chance, seed: 2 } })
    expect(jsonIn(first.folder).accuracy.subjects).not.toEqual((JSON.parse(before) as Evaluation).accuracy.subjects)
    expect(readableByOthers(first.folder)).toEqual([])
    expect(readdirSync(first.folder).sort()).toEqual([
      'classes.csv',
      'confusion.csv',
      'evaluation.json',
      'evaluation.txt',
      'groups.csv',
      'precision-recall.csv',
      'reliability.csv',
      'roc.csv'
    ])
    expect(csv(join(first.folder, 'classes.csv')).map(({ label }) => label)).toEqual([
      ...labels,
      'mean',
      'mean by images'
    ])
  })

  it('warn in capitals as prepare did; where it did not, of a class from one source and of data without subjects', async () => {
    const rows = subjectsWith(2).map((row) => ({ ...row, source: row.label === 'pain' ? 'biovid' : 'bp4d' }))
    const { text } = await evaluated(rows)
    expect(text).toMatch(
      /WARNING: EACH OF THESE COMES FROM ONE SOURCE ONLY: PAIN \(biovid\), .*\. A model can learn the source/
    )
    const repeated = await evaluated(rows, { yaml: 'warnings: [EACH OF THESE COMES FROM ONE SOURCE ONLY]\n' })
    expect(repeated.figures.warnings).toEqual(['EACH OF THESE COMES FROM ONE SOURCE ONLY'])
    expect(repeated.text).toContain('\nWARNING: EACH OF THESE COMES FROM ONE SOURCE ONLY\n')
    const nameless = await evaluated(rows.map((row) => ({ ...row, subject: '' })))
    expect(nameless.text).toContain('WARNING: THE DATA NAME NO SUBJECTS')
    expect(nameless.figures).toMatchObject({ subjects: 0, by_subject: [], tests: null, accuracy: { subjects: null } })
  })

  it('put many intensities into five ranges that hold each crop once', async () => {
    const rows = subjectsWith(12).map((row, i) => ({
      ...row,
      intensity: row.label === 'pain' ? (i % 21) / 20 : ('' as const)
    }))
    const { figures } = await evaluated(rows)
    expect(figures.by_intensity.map(({ intensity }) => intensity)).toHaveLength(5)
    expect(figures.by_intensity.reduce((sum, { crops }) => sum + crops, 0)).toBe(108)
    expect(figures.by_intensity.at(-1)!.intensity[1]).toBe(1)
    expect(figures.intensity_correlation!.subjects_with_it).toBe(9)
  })

  it('are there for data without the columns source, intensity and time', async () => {
    const { data, run } = newRun(subjectsWith(3))
    const short = csv(join(data, 'index.csv')).map(({ crop, subject, label }) => [crop, subject, label].join(','))
    writeFileSync(join(data, 'index.csv'), `crop,subject,label\n${short.join('\n')}\n`)
    const { text, folder: out } = await evaluate(optionsFor(data, { run }))
    expect(jsonIn(out)).toMatchObject({ by_intensity: [], intensity_correlation: null, warnings: [] })
    expect(text).toContain('not measurable with these data: the crops have no video and time')
  })
})

describe('alarms of the daemon, replayed', { timeout: patience(60_000) }, () => {
  const still = { label: 'neutral', p: 0.1 }
  const base = subjectsWith(1)

  it('are counted as false where nothing hurt, and as missed where nothing was raised', async () => {
    // Three false alarms of 6 s, two of ten episodes that the model does not see, in an hour and ten minutes.
    const long = video(4200, (s) => {
      if (s % 400 >= 200 && s % 400 < 208) return { label: 'pain', p: s > 3600 || s < 400 ? 0.2 : 0.95 }
      return [100, 1500, 2500].some((from) => s >= from && s < from + 6) ? { label: 'neutral', p: 0.95 } : still
    })
    const { figures, text, out } = await evaluated([...base, ...long.map((row) => ({ ...row, video: 'long.mp4' }))])
    if (!figures.alarms.measurable) throw new Error(figures.alarms.reason)
    const { neutral, episodes, other_labels } = figures.alarms
    expect(neutral.false_alarms).toBe(3)
    expect(neutral.hours).toBeCloseTo((4200 - 10 * 8) / 3600, 2)
    expect(neutral.per_hour).toBeCloseTo(3 / neutral.hours, 9)
    expect(neutral.per_hour_interval.low).toBeLessThan(neutral.per_hour)
    expect(episodes).toMatchObject({ shown: 10, missed: 2, missed_of_those_meant: { shown: 10, missed: 2 } })
    expect(episodes!.delay_s).toBeGreaterThanOrEqual(2)
    expect(episodes!.delay_s).toBeLessThan(5)
    expect(other_labels).toBeNull()
    const raised = csv(join(out, 'alarms.csv'))
    expect(raised.map(({ shown }) => shown).filter((label) => label === 'neutral')).toHaveLength(3)
    expect(raised).toHaveLength(11)
    expect(text).toMatch(/false alarms of neutral faces: 2\.6\d an hour .*, 3 in 1\.14 hours/)
    expect(text).toMatch(/missed pain: 2 of 10 episodes, 20 %/)
  })

  it('during other expressions are counted apart', async () => {
    const long = video(4000, (s) => (s >= 100 && s < 110 ? { label: 'disgust', p: 0.9 } : still), { video: 'a.mp4' })
    const { figures, text } = await evaluated([...base, ...long])
    expect(figures.alarms).toMatchObject({
      measurable: true,
      neutral: { false_alarms: 0, per_hour: 0 },
      other_labels: { false_alarms: 1 },
      episodes: null
    })
    expect(text).toContain('missed pain: not measurable with these data: no such video shows pain')
  })

  it('that begin with pain are right, also where they are raised after it', async () => {
    const long = video(4000, (s) => {
      if (s >= 100 && s < 102.5) return { label: 'pain', p: 0.95 }
      return s >= 102.5 && s < 106 ? { label: 'neutral', p: 0.95 } : still
    })
    const { figures, out } = await evaluated([...base, ...long.map((row) => ({ ...row, video: 'a.mp4' }))])
    expect(figures.alarms).toMatchObject({
      neutral: { false_alarms: 0 },
      episodes: { shown: 1, missed: 0, missed_of_those_meant: { shown: 0, missed: 0 } }
    })
    const [raised, ...others] = csv(join(out, 'alarms.csv'))
    expect(others).toEqual([])
    expect(Number(raised!.onset_s)).toBeLessThan(102.5)
    expect(Number(raised!.start_s)).toBeGreaterThan(102.5)
    expect(raised).toMatchObject({ video: 'a.mp4', subject: 'p1', shown: 'pain' })
  })

  it('end in their time where another face may have come into the place of the one in pain, however often it is seen', async () => {
    const long = video(4000, (s) => (s % 400 >= 200 && s % 400 < 220 ? { label: 'pain', p: 0.95 } : still))
    // Out of sight for 4 s; the face that is seen then shows no pain.
    const rows = long.filter(({ timeS }) => timeS! % 400 < 220 || timeS! % 400 >= 224)
    const { figures, out } = await evaluated([...base, ...rows.map((row) => ({ ...row, video: 'x.mp4' }))])
    expect(figures.alarms).toMatchObject({ episodes: { shown: 10, missed: 0 } })
    const raised = csv(join(out, 'alarms.csv'))
    expect(raised).toHaveLength(10)
    for (const { start_s, end_s } of raised) expect(Number(end_s) - Number(start_s)).toBeLessThan(60)
  })

  it('are measured in videos of one minute, too, whose last picture is half a second before their end', async () => {
    const long = Array.from({ length: 61 }, (_, i) => video(60, () => still, { video: `${i}.mp4` })).flat()
    const { figures } = await evaluated([...base, ...long])
    expect(figures.alarms).toMatchObject({ measurable: true, videos: 61, neutral: { false_alarms: 0 } })
  })

  it.each([
    ['short videos', video(59, () => still), /no video has 60 s at 2 frames a second/],
    ['few frames', video(5000, () => still).filter((_, i) => i % 4 === 0), /no video has 60 s at 2 frames a second/],
    ['less than an hour of neutral faces', video(3000, () => still), /50\.0 minutes of neutral faces, 60 are needed/],
    [
      'an hour of which most is pain',
      video(4000, (s) => (s < 3000 ? { label: 'pain', p: 0.9 } : still)),
      /16\.7 minutes of neutral faces, 60 are needed/
    ]
  ])('are not measurable with %s, which is said with the reason', async (_, rows, reason) => {
    const { figures, text, out } = await evaluated([...base, ...rows.map((row) => ({ ...row, video: 'x.mp4' }))])
    expect(figures.alarms).toMatchObject({ measurable: false, reason: expect.stringMatching(reason) })
    expect(text).toMatch(/False alarms an hour, and missed pain: not measurable with these data: /)
    expect(existsSync(join(out, 'alarms.csv'))).toBe(false)
  })
})

describe('predictions that do not fit', () => {
  const edit =
    (file: string, change: (text: string) => string) =>
    ({ data, run }: RunFolder) => {
      const path = file.startsWith('data/') ? join(data, file.slice(5)) : join(run, file)
      writeFileSync(path, change(readFileSync(path, 'utf8')))
    }

  it.each([
    ['that are missing', ({ run }: RunFolder) => rmSync(join(run, 'predictions.csv')), /cannot be read \(ENOENT\)/],
    ['that were cut short within a line', edit('predictions.csv', (t) => t.slice(0, -9)), /its last line has no end/],
    [
      'that were cut short after a line',
      edit('predictions.csv', (t) => `${t.split('\n').slice(0, -3).join('\n')}\n`),
      /2 crops of the data set are not in it, crops\/34.png the first/
    ],
    ['without rows', edit('predictions.csv', (t) => `${t.split('\n')[0]}\n`), /it has no rows/],
    ['of zero bytes', edit('predictions.csv', () => ''), /it has no column crop, subject/],
    ['without probabilities', edit('predictions.csv', (t) => t.replaceAll('p_', 'q_')), /it has no columns p_LABEL/],
    [
      'with another label',
      edit('predictions.csv', (t) => t.replace(/,1,(pain|disgust|happiness),/, ',1,fear,')),
      /row 2: predicted is fear, none of pain, disgust, happiness/
    ],
    [
      'with NaN',
      edit('predictions.csv', (t) => t.replace(/(\n.*?,1,\w+,)[\d.]+,/, '$1NaN,')),
      /row 2: the probabilities are not numbers from 0 that sum up to 1/
    ],
    [
      'with a probability below 0',
      edit('predictions.csv', (t) => t.replace(/(\n.*?,1,\w+,)[\d.e-]+,[\d.e-]+,[\d.e-]+/, '$1-0.5,1,0.5')),
      /row 2: the probabilities are not numbers/
    ],
    [
      'of which another label is likelier',
      edit('predictions.csv', (t) => t.replace(/(\n.*?,1,)\w+,[\d.e-]+,[\d.e-]+,[\d.e-]+/, '$1pain,0.1,0.8,0.1')),
      /row 2: predicted is pain, but another label is likelier/
    ],
    [
      'of crops that the data set lacks',
      edit('predictions.csv', (t) => t.replace('crops/3.png', 'crops/x\u001b[2J.png')),
      /row 5: the data set has no crop crops\/x\\x1b\[2J\.png/
    ],
    [
      'of a crop twice',
      edit('predictions.csv', (t) => t.replace('crops/3.png', 'crops/2.png')),
      /row 5: crops\/2.png is there twice/
    ],
    [
      'of data whose labels were changed since',
      edit('data/index.csv', (t) => t.replace(',pain,', ',disgust,')),
      /row 2: the data set says p0 and disgust of it, not p0 and pain/
    ],
    [
      'of a fold that is none, behind blank rows',
      edit('predictions.csv', (t) => t.replace('\n', '\n\n,,\n').replace(',1,', ',one,')),
      /row 4: one is no fold/
    ],
    ['of a fold that is none', edit('predictions.csv', (t) => t.replace(',1,', ',one,')), /row 2: one is no fold/],
    [
      'of folds with other labels',
      edit('fold-2/model.yaml', (t) => t.replace('disgust', 'fear')),
      /fold-2\/model.yaml: it has the labels pain, fear, happiness, predictions.csv pain, disgust/
    ],
    [
      'of a fold whose manifest is gone',
      ({ run }: RunFolder) => rmSync(join(run, 'fold-3'), { recursive: true }),
      /fold-3/
    ],
    ['of a fold whose manifest is not YAML', edit('fold-1/model.yaml', () => 'a: {'), /it is not YAML/],
    [
      'of a fold without a manifest in it',
      edit('fold-1/model.yaml', () => '[]'),
      /it is not what painlens study writes \(the file: found an empty list/
    ]
  ])('%s are refused in one sentence, and nothing is written', async (_, change, words) => {
    const folders = newRun(subjectsWith(1))
    change(folders)
    const error = await evaluate(optionsFor(folders.data, { run: folders.run })).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'PL-STUDY-PREDICTIONS', message: expect.stringMatching(words) })
    expect((error as Error).message).not.toContain('\n')
    expect(existsSync(join(folders.run, 'evaluation'))).toBe(false)
  })

  it('may lack neutral crops of a subject that was not trained on', async () => {
    const rows = subjectsWith(1)
    const { data, run } = newRun([...rows, { subject: 'p99', label: 'neutral' }])
    const text = readFileSync(join(run, 'predictions.csv'), 'utf8')
    writeFileSync(join(run, 'predictions.csv'), text.replace(/^.*p99.*\n/m, ''))
    await evaluate(optionsFor(data, { run }))
    expect(jsonIn(join(run, 'evaluation')).crops).toBe(27)
  })
})

/** The command as users run it, killed in the middle. */
async function runAndKill(data: string, { model, out }: { model: string; out: string }, ms: number): Promise<void> {
  const args = ['study', 'evaluate', data, '--model', model, '--out', out, '--repetitions', '300', '--threads', '1']
  const child = spawn(process.execPath, [join(packageRoot, 'dist/main.js'), ...args], { stdio: 'ignore' })
  const ended = once(child, 'exit')
  await Promise.race([sleep(ms), ended])
  child.kill('SIGKILL')
  await ended
}

describe('a model on a data set', { timeout: patience(120_000) }, () => {
  let rig: StudyRig
  let run: string
  beforeAll(async () => {
    rig = await studyRig()
    const usual = trainOptions(rig, 'run')
    run = usual.out
    const recipe = { ...usual.recipe, epochs: 3, patience: 9 }
    await trainStudy({ ...usual, trainFrom: 'fc8', views: 1, recipe }, () => undefined, new AbortController().signal)
  }, patience(120_000))
  afterAll(() => rig.remove())

  const model = (name: string) => ({ model: join(run, name, 'model.yaml'), out: join(rig.folder, `eval-${folders++}`) })

  it('gets what train has said of the crops of the fold that the model never saw', async () => {
    const by = model('fold-2')
    await evaluate(optionsFor(rig.data, by))
    const ours = new Map(csv(join(by.out, 'predictions.csv')).map((row) => [row.crop, row]))
    expect(ours.size).toBe(csv(join(rig.data, 'index.csv')).length)
    const theirs = csv(join(run, 'predictions.csv')).filter(({ fold }) => fold === '2')
    expect(theirs.length).toBeGreaterThan(0)
    for (const { crop, ...row } of theirs) {
      expect(ours.get(crop)!.predicted).toBe(row.predicted)
      for (const label of labels)
        expect(Number(ours.get(crop)![`p_${label}`])).toBeCloseTo(Number(row[`p_${label}`]), 4)
    }
    expect(readdirSync(by.out).filter((name) => name.startsWith('.') || name.startsWith('judged'))).toEqual([])
  })

  it('agrees with the accuracy and the confusion that train has counted of its folds', async () => {
    await evaluate(optionsFor(rig.data, { run }))
    const { all } = JSON.parse(readFileSync(join(run, 'metrics.json'), 'utf8'))
    const figures = jsonIn(join(run, 'evaluation'))
    expect(figures.accuracy.value).toBeCloseTo(all.accuracy, 12)
    expect(labels.map((label) => figures.confusion.rows[label]!.slice(0, 3))).toEqual(all.confusion)
    expect(figures.warnings).toEqual([])
  })

  it('gets the median and the spread of its outputs on neutral faces into its manifest, the rest of which stays as it is', async () => {
    const data = join(rig.folder, 'more')
    await writeData(data, { subjects: 7 })
    const by = model('fold-3')
    const before = readFileSync(by.model, 'utf8').replace(/resting:[\s\S]*(?=metrics:)/, '')
    writeFileSync(by.model, `# ours\n${before}`)
    const { text } = await evaluate({ ...optionsFor(data, by), writeResting: true })
    const { resting } = jsonIn(by.out)
    const [median, spread] = resting!.pain!
    expect(text).toContain(`median (spread): pain ${median.toFixed(2)} (${spread.toFixed(2)})`)
    expect((await loadManifest(by.model)).resting).toEqual(resting)
    expect(readFileSync(by.model, 'utf8').replace(/resting:[\s\S]*/, '')).toBe(`# ours\n${before}`)
    const pain = csv(join(by.out, 'predictions.csv'))
      .filter(({ label }) => label === 'neutral')
      .map(({ p_pain, p_disgust }) => Math.log(Number(p_pain) / Number(p_disgust)))
    // Medians of differences are no differences of medians, but of faces that hardly differ nearly so.
    const middle = pain.sort((a, b) => a - b)[Math.floor(pain.length / 2)]!
    const { temperature } = await loadManifest(by.model)
    expect(middle * temperature).toBeCloseTo(median - resting!.disgust![0], 1)
  })

  it('gets no outputs at rest from fewer than 20 neutral faces', async () => {
    const failed = evaluate({ ...optionsFor(rig.data, model('fold-1')), writeResting: true })
    await expect(failed).rejects.toThrow(/it has 18 neutral crops, and outputs at rest need 20 at least/)
  })

  it('that was trained on the same subjects is told so', async () => {
    const { text } = await evaluate(optionsFor(rig.data, model('final')))
    expect(text).toContain('WARNING: THE MODEL WAS TRAINED ON 6 OF THESE SUBJECTS')
    const fold = (await evaluate(optionsFor(rig.data, model('fold-1')))).text
    expect(fold).toContain('WARNING: THE MODEL WAS TRAINED ON 4 OF THESE SUBJECTS')
  })

  it('goes on behind the crops that were judged before it failed, with the same result', async () => {
    const data = join(rig.folder, 'holey')
    cpSync(rig.data, data, { recursive: true })
    const [whole, stopped] = [model('fold-1'), model('fold-1')]
    await evaluate(optionsFor(data, whole))
    const crop = join(data, csv(join(data, 'index.csv'))[50]!.crop!)
    const bytes = readFileSync(crop)
    rmSync(crop)
    await expect(evaluate(optionsFor(data, stopped))).rejects.toMatchObject({ code: 'PL-STUDY-CROP' })
    const [kept] = readdirSync(stopped.out).filter((name) => name.startsWith('judged'))
    const size = statSync(join(stopped.out, kept!)).size
    expect(size).toBeGreaterThanOrEqual(32 * 3 * 4)
    // Had it begun anew, it would have come by this crop.
    const first = join(data, csv(join(data, 'index.csv'))[0]!.crop!)
    rmSync(first)
    writeFileSync(crop, bytes)
    await evaluate(optionsFor(data, stopped))
    for (const file of ['predictions.csv', 'roc.csv'])
      expect(readFileSync(join(stopped.out, file), 'utf8')).toBe(readFileSync(join(whole.out, file), 'utf8'))
  })

  it('gives the same files after kill -9 at any moment', async () => {
    const [whole, killed] = [model('final'), model('final')]
    const random = createRandom(11)
    for (let attempt = 0; attempt < 5; attempt++) await runAndKill(rig.data, killed, 400 + random() * 1500)
    await evaluate(optionsFor(rig.data, whole))
    await evaluate(optionsFor(rig.data, killed))
    const files = (out: string): string[] => readdirSync(out).sort()
    expect(files(killed.out)).toEqual(files(whole.out))
    for (const file of files(whole.out).filter((name) => name !== 'evaluation.json'))
      expect(readFileSync(join(killed.out, file), 'utf8'), file).toBe(readFileSync(join(whole.out, file), 'utf8'))
    expect(jsonIn(killed.out)).toEqual(jsonIn(whole.out))
  })

  it.each([
    [
      'labels that it does not know',
      (t: string) => t.replaceAll(',disgust,', ',fear,'),
      'PL-STUDY-LABELS',
      /crops of fear, but .* knows pain/
    ],
    ['crops of which one is missing', (t: string) => t.replace('0-pain-0', 'gone'), 'PL-STUDY-CROP', /gone.png/]
  ])('refuses data with %s', async (name, change, code, words) => {
    const data = join(rig.folder, name.replaceAll(' ', '-'))
    cpSync(rig.data, data, { recursive: true })
    writeFileSync(join(data, 'index.csv'), change(readFileSync(join(data, 'index.csv'), 'utf8')))
    const error = await evaluate(optionsFor(data, model('final'))).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code, message: expect.stringMatching(words) })
  })

  it('refuses crops that are cut in another way, a folder in which another run is at work, and a model that is none', async () => {
    const data = join(rig.folder, 'other-cut')
    cpSync(rig.data, data, { recursive: true })
    const yaml = readFileSync(join(data, 'dataset.yaml'), 'utf8')
    writeFileSync(join(data, 'dataset.yaml'), yaml.replace('0.38', '0.3'))
    await expect(evaluate(optionsFor(data, model('final')))).rejects.toMatchObject({ code: 'PL-STUDY-ALIGNMENT' })
    const taken = model('final')
    mkdirSync(taken.out)
    writeFileSync(join(taken.out, '.running'), String(process.pid))
    await expect(evaluate(optionsFor(rig.data, taken))).rejects.toMatchObject({ code: 'PL-STUDY-FOLDER' })
    const none = { ...model('final'), model: join(rig.data, 'dataset.yaml') }
    await expect(evaluate(optionsFor(rig.data, none))).rejects.toMatchObject({ code: 'PL-MODEL-MANIFEST' })
    expect(existsSync(none.out)).toBe(false)
  })

  it('stops when it is aborted, and releases its folder', async () => {
    const abort = new AbortController()
    abort.abort()
    const by = model('final')
    await expect(evaluate(optionsFor(rig.data, by), abort.signal)).rejects.toThrow()
    expect(existsSync(join(by.out, '.running'))).toBe(false)
  })
})

describe('the command line', () => {
  const given = {
    config: undefined,
    writeResting: undefined,
    reference: undefined,
    repetitions: 100,
    seed: 1,
    threads: 1,
    data: 'x'
  }
  it.each([
    ['neither a run nor a model', {}, /either --run RUN or --model FILE/],
    ['a run and a model', { run: 'r', model: 'm', out: 'o' }, /either --run RUN or --model FILE/],
    ['a model without a folder', { model: 'm' }, /--out DIR is missing/],
    ['a run with a folder', { run: 'r', out: 'o' }, /--out goes with --model/],
    [
      'a run whose outputs at rest are to be written',
      { run: 'r', writeResting: true },
      /--write-resting goes with --model/
    ],
    ['a run of which references are asked for', { run: 'r', reference: true }, /--reference goes with --model/],
    [
      'references, and outputs at rest to be written of the same people',
      { model: 'm', out: 'o', reference: true, writeResting: true },
      /want the neutral faces of different people/
    ]
  ])('with %s is refused', async (_, options, words) => {
    const all = { ...given, run: undefined, model: undefined, out: undefined, ...options }
    await expect(studyEvaluateCommand(all, new AbortController().signal)).rejects.toMatchObject({
      code: 'PL-OPTION-VALUE',
      message: expect.stringMatching(words)
    })
  })
})

it('rows in a file grow by whole rows, and half a row that a kill left is cut off', async () => {
  const path = join(folder, 'rows.f32')
  const file = await RowsFile.open(path, 3)
  await file.append([Float32Array.of(1, 2, 3), Float32Array.of(4, 5, 6)])
  await file.close()
  writeFileSync(path, Buffer.concat([readFileSync(path), Buffer.alloc(7)]))
  const again = await RowsFile.open(path, 3)
  expect(again.rows).toBe(2)
  await again.append([Float32Array.of(7, 8, 9)])
  expect([...(await again.readAll(3))]).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9])
  await expect(again.readAll(4)).rejects.toMatchObject({ code: 'PL-STUDY-DATA' })
  await again.close()
})
