import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { createRandom } from '../../../src/lib/random.js'
import type { Judged } from '../../../src/study/evaluate/judged.js'
import type { StudyRun } from '../../../src/study/report/study-run.js'
import { unitCorrelationsOf } from '../../../src/study/report/unit-columns.js'

/** Rank correlation by its definition: ranks are counted, then Pearson's of them. */
function naiveSpearman(a: readonly number[], b: readonly number[]): number {
  const ranks = (values: readonly number[]): number[] =>
    values.map((own) => {
      const smaller = values.filter((other) => other < own).length
      return smaller + (values.filter((other) => other === own).length + 1) / 2
    })
  const mean = (values: readonly number[]): number => values.reduce((sum, one) => sum + one, 0) / values.length
  const about = (values: readonly number[]): number[] => values.map((one) => one - mean(values))
  const dot = (x: readonly number[], y: readonly number[]): number => x.reduce((sum, one, i) => sum + one * y[i]!, 0)
  const [x, y] = [about(ranks(a)), about(ranks(b))]
  return dot(x, y) / Math.sqrt(dot(x, x) * dot(y, y))
}

/** The share of all flips of subjects' signs of which any column's |t| reaches the column's own. */
function naiveP(rows: readonly (readonly number[])[], column: number): number {
  const t = (values: readonly number[]): number => {
    const mean = values.reduce((sum, one) => sum + one, 0) / values.length
    const variance = values.reduce((sum, one) => sum + (one - mean) ** 2, 0) / (values.length - 1)
    return Math.abs(mean) / Math.sqrt(variance / values.length)
  }
  const columnOf = (which: number, signs: number): number[] =>
    rows.map((row, s) => ((signs >> s) & 1 ? -row[which]! : row[which]!))
  const own = t(columnOf(column, 0))
  const flips = Array.from({ length: 2 ** rows.length }, (_, signs) => signs)
  const largest = (signs: number): number => Math.max(...rows[0]!.map((_, which) => t(columnOf(which, signs))))
  return flips.filter((signs) => largest(signs) >= own * (1 - 1e-9)).length / flips.length
}

const chance = { seed: 1, repetitions: 200 }

/** Subjects with five crops each; the probability of pain rises from crop to crop. */
function runWith(header: string, cells: (subject: number, i: number) => string, subjects = 4): StudyRun {
  const folder = mkdtempSync(join(tmpdir(), 'painlens-columns-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const judged: Judged[] = []
  const lines: string[] = []
  for (let s = 0; s < subjects; s++)
    for (let i = 0; i < 5; i++) {
      const crop = `crops/${s}-${i}.png`
      const row = { crop, subject: `s${s}`, label: 'pain', source: '', video: '', timeS: null, intensity: null }
      // Subjects differ more than their crops: over all crops together the correlation would be another.
      const probabilities = Float64Array.of(0.1 * i + 0.02 * s, 0.5)
      judged.push({ row, fold: 1, predicted: 0, probabilities, uncalibrated: probabilities })
      lines.push(`${crop},s${s},pain,${cells(s, i)}`)
    }
  writeFileSync(join(folder, 'index.csv'), `crop,subject,label,${header}\n${lines.join('\n')}\n`)
  const judgement = { labels: ['pain', 'disgust'], alarmLabel: 'pain', judged }
  // The rest of a run is not read.
  return { dataset: { folder }, judgement } as unknown as StudyRun
}

it('columns of action units go with the output as far as they do within subjects, OpenFace’s blanks in the header or not', async () => {
  const run = runWith(' AU04_r, AU12_r, AU06_c, age', (s, i) => `${i - 10 * s},${5 - i},1,${s}`)
  const found = await unitCorrelationsOf(run, chance)
  expect(found.map(({ column, subjects, correlation }) => [column, subjects, correlation.value])).toEqual([
    ['AU04_r', 4, 1],
    ['AU12_r', 4, -1],
    ['AU06_c', 0, null]
  ])
})

it('crops without a value are left out, and data without such columns have no correlations', async () => {
  const [found] = await unitCorrelationsOf(
    runWith('AU4', (_, i) => (i === 2 ? '' : String(i % 2))),
    chance
  )
  expect(found).toMatchObject({ column: 'AU04', subjects: 4, p: null })
  // Of crops 0, 1, 3, 4 the values are 0, 1, 1, 0.
  expect(found!.correlation.value).toBeCloseTo(0, 10)
  expect(
    await unitCorrelationsOf(
      runWith('roll_deg', () => '3'),
      chance
    )
  ).toEqual([])
})

it('the correlation is the mean of those within subjects, with ties, and its p that of all flips of subjects’ signs', async () => {
  const random = createRandom(8)
  const [subjects, crops] = [7, 12]
  const folder = mkdtempSync(join(tmpdir(), 'painlens-columns-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const judged: Judged[] = []
  const lines: string[] = []
  const oracle: number[][] = []
  for (let s = 0; s < subjects; s++) {
    const pain = Array.from({ length: crops }, () => random.uniform(0, 1))
    // Whole numbers have ties; subjects whose output is high have low numbers, which within them says nothing.
    const follows = pain.map((one) => Math.round(3 * one + random.normal(0, 0.6)) - 4 * s)
    const noise = pain.map(() => Math.round(random.uniform(0, 4)))
    oracle.push([naiveSpearman(follows, pain), naiveSpearman(noise, pain)])
    for (const [i, one] of pain.entries()) {
      const row = {
        crop: `${s}-${i}.png`,
        subject: `s${s}`,
        label: '',
        source: '',
        video: '',
        timeS: null,
        intensity: null
      }
      const probabilities = Float64Array.of(0.1 * s + 0.3 * one, 0)
      judged.push({ row, fold: 1, predicted: 0, probabilities, uncalibrated: probabilities })
      lines.push(`${row.crop},${follows[i]},${noise[i]}`)
    }
  }
  writeFileSync(join(folder, 'index.csv'), `crop,AU04,AU12\n${lines.join('\n')}\n`)
  const run = { dataset: { folder }, judgement: { labels: ['pain', 'disgust'], alarmLabel: 'pain', judged } }
  const found = await unitCorrelationsOf(run as unknown as StudyRun, chance)
  for (const [i, { correlation, p }] of found.entries()) {
    const each = oracle.map((row) => row[i]!)
    expect(correlation.value).toBeCloseTo(each.reduce((sum, one) => sum + one, 0) / subjects, 12)
    expect(correlation.interval!.low).toBeGreaterThanOrEqual(Math.min(...each))
    expect(correlation.interval!.high).toBeLessThanOrEqual(Math.max(...each))
    expect(p).toBeCloseTo(naiveP(oracle, i), 12)
  }
  expect(found[0]!.correlation.value).toBeGreaterThan(0.5)
  expect(found.map(({ p }) => p! < 0.05)).toEqual([true, false])
  // Over all crops together the sign would be another.
  const cells = lines.map((line) => Number(line.split(',')[1]))
  expect(
    naiveSpearman(
      cells,
      judged.map(({ probabilities }) => probabilities[0]!)
    )
  ).toBeLessThan(0)
})

it('a column that two subjects have is not tested, and the others have the p that they have without it', async () => {
  const run = runWith('AU04,AU09', (s, i) => `${i},${s < 2 ? i : ''}`, 7)
  const found = await unitCorrelationsOf(run, chance)
  expect(found).toMatchObject([
    // Of seven subjects all signs have to be the same.
    { column: 'AU04', subjects: 7, p: 2 / 128 },
    { column: 'AU09', subjects: 2, correlation: { value: 1 }, p: null }
  ])
})
