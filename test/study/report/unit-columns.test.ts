import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import type { Judged } from '../../../src/study/evaluate/judged.js'
import type { StudyRun } from '../../../src/study/report/study-run.js'
import { unitCorrelationsOf } from '../../../src/study/report/unit-columns.js'

const chance = { seed: 1, repetitions: 200 }

/** Four subjects with five crops each; the probability of pain rises from crop to crop. */
function runWith(header: string, cells: (subject: number, i: number) => string): StudyRun {
  const folder = mkdtempSync(join(tmpdir(), 'painlens-columns-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const judged: Judged[] = []
  const lines: string[] = []
  for (let s = 0; s < 4; s++)
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
  expect(found).toMatchObject({ column: 'AU4', subjects: 4 })
  // Of crops 0, 1, 3, 4 the values are 0, 1, 1, 0.
  expect(found!.correlation.value).toBeCloseTo(0, 10)
  expect(
    await unitCorrelationsOf(
      runWith('roll_deg', () => '3'),
      chance
    )
  ).toEqual([])
})
