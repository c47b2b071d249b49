import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Papa from 'papaparse'
import { afterAll, describe, expect, it } from 'vitest'
import { createRandom } from '../../src/lib/random.js'
import { writeRandomVgg } from '../../src/lib/vgg/index.js'
import type { ReferenceModel } from '../../src/stages/reference/shift.js'
import type { JudgedData } from '../../src/study/evaluate/judged.js'
import { type ReferenceWorth, worthOf } from '../../src/study/evaluate/worth.js'
import { worthText } from '../../src/study/evaluate/worth-text.js'
import { patience } from '../support/slowness.js'
import { alarm, type Evaluation, evaluate, folderFor, labels, optionsFor } from './evaluate-rig.js'
import { writeData } from './rig.js'

const temperature = 1.3
const alwaysAlarm = 0.95

/** A crop and the outputs of a model for it. */
interface Crop {
  subject: string
  label: string
  logits: [pain: number, disgust: number, happiness: number]
  timeS?: number
}

const scoreOf = (logits: ArrayLike<number>): number => {
  const powers = Array.from(logits, (logit) => Math.exp(logit / temperature))
  return powers[0]! / (powers[0]! + powers[1]! + powers[2]!)
}
/** The output of pain for which the score is that, where the others are 0. */
const logitFor = (score: number): number => temperature * Math.log((2 * score) / (1 - score))

const model: ReferenceModel = {
  sha256: 'a'.repeat(64),
  labels,
  alarmIndex: 0,
  resting: { pain: [0, 0.5], disgust: [0, 0.5], happiness: [0, 0.5] },
  scoreOf,
  reading: 'softmax'
}

function judgementOf(crops: readonly Crop[]): JudgedData {
  const judged = crops.map(({ subject, label, logits, timeS }, i) => {
    const row = { crop: `${i}.png`, subject, label, source: 's', video: subject, timeS: timeS ?? null, intensity: null }
    const score = scoreOf(logits)
    const probabilities = Float64Array.of(score, (1 - score) / 2, (1 - score) / 2)
    return { row, fold: null, predicted: 0, probabilities, uncalibrated: probabilities }
  })
  return {
    dataset: {
      folder: 'd',
      size: { width: 32, height: 32 },
      digest: '',
      alignment: { eyeDistance: 0.38, eyeY: 0.36 },
      rows: [],
      unusable: { all: null, byLabel: null },
      warnings: null
    },
    ...{ labels, alarmLabel: 'pain', judged, resting: null, warnings: [] },
    model: { name: 'm', temperatures: [temperature], crossValidated: false },
    one: { outputs: crops.map(({ logits }) => Float32Array.from(logits)), reference: model }
  }
}

function worthIn(crops: readonly Crop[], maxShift = 1): ReferenceWorth {
  const judgement = judgementOf(crops)
  return worthOf(judgement, judgement.one!, {
    alarm,
    rules: { maxShift, alwaysAlarm },
    chance: { seed: 1, repetitions: 200 }
  })
}

const many = (count: number, subject: string, label: string, pain: number | ((i: number) => number)): Crop[] =>
  Array.from({ length: count }, (_, i) => ({
    subject,
    label,
    logits: [typeof pain === 'number' ? pain : pain(i), 0, 0]
  }))

describe('references of subjects, held against their other crops', () => {
  it('give the ROC areas that counting pairs with a shift by medians gives', () => {
    const random = createRandom(5)
    const crops = Array.from({ length: 8 }, (_, s) =>
      ['neutral', 'pain', 'happiness'].flatMap((label) =>
        Array.from({ length: label === 'neutral' ? 50 : 12 }, (): Crop => {
          const own = (s - 3) * 0.12
          const shown = labels.map((one) => (one === label ? random.uniform(0, 3) : 0) + random.normal(0, 0.3))
          return { subject: `s${s}`, label, logits: [shown[0]! + own, shown[1]!, shown[2]! - own / 2] }
        })
      )
    ).flat()
    const middle = (values: number[]): number => {
      const sorted = values.map(Math.fround).sort((a, b) => a - b)
      return (sorted[Math.floor((sorted.length - 1) / 2)]! + sorted[Math.ceil((sorted.length - 1) / 2)]!) / 2
    }
    const left = [...new Set(crops.map(({ subject }) => subject))].flatMap((subject) => {
      const own = crops.filter((crop) => crop.subject === subject)
      const heldOut = own.filter(({ label }) => label === 'neutral').slice(0, 25)
      const shift = labels.map((_, i) => middle(heldOut.map(({ logits }) => logits[i]!)))
      const reach = Math.max(0, shift[0]! - Math.min(shift[1]!, shift[2]!))
      return own
        .filter((crop) => !heldOut.includes(crop))
        .map(({ label, logits }) => {
          const score = scoreOf(logits)
          const moved = scoreOf(logits.map((logit, i) => logit - shift[i]!))
          return {
            isPain: label === 'pain',
            score,
            lowered: score >= alwaysAlarm || reach > 1 ? score : Math.min(score, moved)
          }
        })
    })
    const area = (key: 'score' | 'lowered'): number => {
      const [pain, rest] = [left.filter(({ isPain }) => isPain), left.filter(({ isPain }) => !isPain)]
      const wins = pain.flatMap((a) => rest.map((b) => (a[key] > b[key] ? 1 : a[key] === b[key] ? 0.5 : 0) as number))
      return wins.reduce((sum, one) => sum + one, 0) / wins.length
    }
    const { roc_area, crops: count, referenced, false_positive_rate } = worthIn(crops)
    expect(count).toBe(left.length)
    expect(referenced).toBe(8)
    expect(roc_area.without).toBeCloseTo(area('score'), 9)
    expect(roc_area.with).toBeCloseTo(area('lowered'), 5)
    expect(roc_area.difference).toBeCloseTo(area('lowered') - area('score'), 5)
    expect(Math.abs(roc_area.difference!)).toBeGreaterThan(0.001)
    expect(roc_area.difference_interval!.low).toBeLessThan(roc_area.difference!)
    expect(roc_area.difference_interval!.high).toBeGreaterThan(roc_area.difference!)
    const rest = left.filter(({ isPain }) => !isPain)
    expect(false_positive_rate.with).toBeCloseTo(rest.filter(({ lowered }) => lowered >= 0.7).length / rest.length, 9)
  })

  it('end false positives of a furrowed face; of a faint pain they hide what is then listed as harm', () => {
    const crops = [
      // At rest 0.74: called pain without its reference, which takes it down to a third.
      ...many(50, 'furrowed', 'neutral', logitFor(0.74)),
      ...many(10, 'furrowed', 'pain', logitFor(0.94)),
      ...many(50, 'faint', 'neutral', 0.9),
      ...many(6, 'faint', 'pain', logitFor(0.94)),
      ...many(4, 'faint', 'pain', logitFor(0.75)),
      ...many(50, 'plain', 'neutral', 0),
      ...many(10, 'plain', 'pain', logitFor(0.9))
    ]
    const worth = worthIn(crops, 3)
    expect(worth).toMatchObject({ subjects: 3, referenced: 3, refused: {}, harmed: ['faint'], crops: 105 })
    expect(worth.held_out).toEqual({ crops: 75, fewest: 25, most: 25 })
    expect(worth.false_positive_rate).toMatchObject({ without: 25 / 75, with: 0 })
    expect(worth.missed_crops).toMatchObject({ without: 0, with: 4 / 30 })
    expect(worth.by_subject.map(({ missed_crops }) => missed_crops)).toEqual([
      [0, 0],
      [0, 4],
      [0, 0]
    ])
    expect(worth.by_subject[1]!.reach).toBeCloseTo(0.9, 6)
    // Where no more is missed than without, faint pain counts again.
    const { onset_threshold, missed, false_rate } = worth.crops_at_equal_missed!
    expect(onset_threshold).toBeLessThan(0.75)
    expect([missed.with, false_rate.with]).toEqual([0, 0])
    expect(worthText(worth, 'pain')).toContain(
      'HARMED: more pain is missed with the reference of faint (0 to 4 of 10 crops).'
    )
    expect(
      worthText(
        worthIn(
          crops.filter(({ subject }) => subject !== 'faint'),
          3
        ),
        'pain'
      )
    ).toContain("No subject's pain is missed more often")
  })

  it("are refused by the daemon's rules, counted by reason, and such subjects are judged without", () => {
    const crops = [
      ...many(19, 'few', 'neutral', logitFor(0.8)),
      ...many(40, 'far', 'neutral', 1.5),
      ...many(40, 'in pain', 'neutral', logitFor(0.97)),
      ...many(40, 'restless', 'neutral', (i) => (i % 2) * 1.6 - 0.8),
      ...many(40, 'good', 'neutral', 0.5),
      ...many(5, 'good', 'pain', logitFor(0.9))
    ]
    const worth = worthIn(crops)
    expect(worth).toMatchObject({ subjects: 5, referenced: 1, harmed: [] })
    expect(worth.refused).toEqual({
      'PL-REFERENCE-NO-FACE': 1,
      'PL-REFERENCE-SHIFT': 1,
      'PL-REFERENCE-PAIN': 1,
      'PL-REFERENCE-NOT-AT-REST': 1
    })
    for (const { subject, false_positives } of worth.by_subject)
      if (subject !== 'good') expect(false_positives[1], subject).toBe(false_positives[0])
    // Of too few neutral crops none is held out.
    expect(worth.by_subject[0]).toMatchObject({ held_out: 0, crops: 19, false_positives: [19, 19] })
    expect(worthText(worth, 'pain')).toContain('1 PL-REFERENCE-NO-FACE (fewer than 20 neutral crops)')
  })

  it.each([
    [20, 20],
    [30, 20],
    [70, 35],
    [400, 60]
  ])('of a subject with %i neutral crops take the first %i by time, of which no figure is made', (all, heldOut) => {
    // The later ones score differently: which ones are taken shows in the shift.
    const resting = Array.from({ length: all }, (_, i): Crop => {
      return { subject: 's', label: 'neutral', logits: [i < heldOut ? 0.6 : 0.1, 0, 0], timeS: i / 2 }
    })
    const { by_subject } = worthIn([...many(3, 's', 'pain', 3), ...resting.reverse()])
    expect(by_subject[0]).toMatchObject({ held_out: heldOut, crops: 3 + all - heldOut, reach: expect.closeTo(0.6, 6) })
  })

  it('lower no score of always_alarm and above', () => {
    const worth = worthIn([...many(40, 's', 'neutral', 0.9), ...many(10, 's', 'pain', logitFor(0.951))])
    expect(worth.missed_crops).toMatchObject({ without: 0, with: 0 })
    const below = worthIn([...many(40, 's', 'neutral', 0.9), ...many(10, 's', 'pain', logitFor(0.72))])
    expect(below.missed_crops).toMatchObject({ without: 0, with: 1 })
  })
})

describe('references in a replay of the alarms', () => {
  /** Four frames a second, and 20 s of pain from 600 s on. */
  const night = (subject: string, seconds: number, pain: number, at: (s: number) => number): Crop[] =>
    Array.from({ length: seconds * 4 }, (_, i): Crop => {
      const s = i / 4
      const isPain = s >= 600 && s < 620
      const score = isPain ? pain : at(s)
      return { subject, label: isPain ? 'pain' : 'neutral', logits: [logitFor(score), 0, 0], timeS: s }
    })

  it('end false alarms by the hour, and count the episodes that are then missed', () => {
    const furrowed = (s: number): number => (s > 100 && s % 300 < 10 ? 0.72 : 0.4)
    const crops = [...night('a', 2000, 0.94, furrowed), ...night('b', 2000, 0.74, () => 0.4)]
    const worth = worthIn(crops)
    expect(worth.by_subject[0]!.reach).toBeCloseTo(logitFor(0.4), 5)
    const { false_alarms_per_hour: rate, missed_episodes, at_equal_missed } = worth.alarms!
    // Each 300 s from 300 s on, but not in the pain at 600 s.
    expect(worth.by_subject[0]!.alarms).toMatchObject({ false_alarms: [5, 0], episodes: 1, missed_episodes: [0, 0] })
    expect(worth.by_subject[1]!.alarms).toMatchObject({ false_alarms: [0, 0], episodes: 1, missed_episodes: [0, 1] })
    expect(rate.without! / (5 / ((2 * (2000 - 20 - 15)) / 3600))).toBeCloseTo(1, 1)
    expect(rate.with).toBe(0)
    expect(missed_episodes).toMatchObject({ without: 0, with: 0.5 })
    expect(worth.harmed).toEqual(['b'])
    expect(at_equal_missed).toMatchObject({ missed: { with: 0 }, false_rate: { without: rate.without, with: 0 } })
    // The pain of b scores 0.681 with its reference, the face at rest of a 0.659.
    expect(at_equal_missed!.onset_threshold).toBe(0.68)
    expect(worth.alarms_reason).toBeNull()
  })

  it('say why alarms are not compared where the held-out crops take the hour of neutral faces away', () => {
    const worth = worthIn([...night('a', 1820, 0.94, () => 0.4), ...night('b', 1820, 0.94, () => 0.4)])
    expect(worth.alarms).toBeNull()
    expect(worthText(worth, 'pain')).toContain(
      'Alarms without and with references: not measurable without the held-out crops: long and dense videos hold 59.5 minutes of neutral faces, 60 are needed.'
    )
  })
})

describe('study evaluate --reference', { timeout: patience(60_000) }, () => {
  const { folder, remove } = folderFor()
  afterAll(remove)

  it('writes the comparison, a row for each subject and a text; without resting outputs, or subjects, it refuses', async () => {
    const data = join(folder, 'data')
    await writeData(data, { subjects: 3, crops: 24 })
    const spec = { input: { width: 32, height: 32 }, blocks: [[4]], dense: [8, 3] }
    const manifest = await writeRandomVgg(spec, join(folder, 'model.onnx'), [...labels], 3)
    const by = { model: manifest, out: join(folder, 'out') }
    const reference = { maxShift: 1, alwaysAlarm }
    const options = { ...optionsFor(data, by), reference }
    await expect(evaluate(options)).rejects.toMatchObject({ code: 'PL-REFERENCE-NO-RESTING' })
    const plain = readFileSync(manifest, 'utf8')
    await evaluate({ ...optionsFor(data, by), writeResting: true })
    const { text } = await evaluate(options)
    const { reference: worth } = JSON.parse(readFileSync(join(by.out, 'evaluation.json'), 'utf8')) as Evaluation
    expect(worth).toMatchObject({
      subjects: 3,
      max_shift: 1,
      always_alarm: alwaysAlarm,
      onset_threshold: 0.7,
      alarms: null
    })
    expect(worth!.referenced + Object.values(worth!.refused).reduce((sum, one) => sum + one, 0)).toBe(3)
    expect(worth!.crops + worth!.held_out.crops).toBe(288)
    expect(text).toContain(
      `With each subject's own resting face (max_shift 1, always_alarm 0.95): ${worth!.referenced} of 3 subjects`
    )
    const table = readFileSync(join(by.out, 'reference.csv'), 'utf8')
    const rows = Papa.parse<Record<string, string>>(table, { header: true, skipEmptyLines: true }).data
    expect(rows.map(({ subject }) => subject)).toEqual(['s0', 's1', 's2'])
    expect(rows.map(({ held_out, crops }) => [held_out, crops])).toEqual(Array(3).fill(['20', '76']))
    expect(plain).not.toContain('resting')
    const index = readFileSync(join(data, 'index.csv'), 'utf8')
    writeFileSync(join(data, 'index.csv'), index.replace(',s1,', ',,'))
    await expect(evaluate(options)).rejects.toMatchObject({
      code: 'PL-STUDY-DATA',
      message: expect.stringMatching(/1 crops name no subject/)
    })
  })
})
