import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { stringify } from 'yaml'
import { readDataset, warningsOf } from '../../../src/study/dataset.js'
import { dataWarnings } from '../../../src/study/report/data-warnings.js'
import { languageOf } from '../../../src/study/report/languages/index.js'
import type { StudyRun } from '../../../src/study/report/study-run.js'
import { type Trap, trapText } from '../../../src/study/traps.js'

const traps: Trap[] = [
  { trap: 'missing_labels', labels: ['disgust', 'happiness'] },
  { trap: 'one_source', labels: [{ label: 'pain', source: 'biovid' }] },
  { trap: 'rows_without_subject', rows: 7, all: false },
  { trap: 'no_subjects' },
  { trap: 'several_spellings', names: 2, rows: [3, 9] },
  { trap: 'few_subjects', subjects: 3, folds: 5 },
  { trap: 'single_subject', label: 'disgust' },
  { trap: 'shared_names', names: 4 },
  { trap: 'too_few_labels', labels: ['pain'] }
]

/** A run on a data set whose dataset.yaml has these warnings, which its evaluation repeats. */
async function runWith(warnings: unknown[] | undefined, rows = 'a.png,s1,pain,lab'): Promise<StudyRun> {
  const folder = mkdtempSync(join(tmpdir(), 'painlens-warnings-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const size = { width: 64, height: 64 }
  const document = { size, alignment: { eye_distance: 0.4, eye_y: 0.4 }, ...(warnings && { warnings }) }
  writeFileSync(join(folder, 'dataset.yaml'), stringify(document))
  writeFileSync(join(folder, 'index.csv'), `crop,subject,label,source\n${rows}\n`)
  const dataset = await readDataset(folder)
  // The rest of a run is not read.
  return { dataset, evaluation: { warnings: warningsOf(dataset).map(({ says }) => says) } } as unknown as StudyRun
}

it('each warning that prepare has kept is a sentence of the report’s language, with the same numbers and names', async () => {
  const run = await runWith(traps.map((trap) => ({ says: trapText(trap), ...trap })))
  const [english, german] = (['en', 'de'] as const).map((code) => dataWarnings(run, languageOf(code)))
  expect(english).toEqual(traps.map((trap) => `!Warning of the data: ${trapText(trap)}`))
  expect(german).toHaveLength(traps.length)
  for (const text of german!) {
    expect(text).toMatch(/^!Warnung zu den Daten: /)
    expect(text).not.toMatch(/\b(the|subject|source|pain|disgust|happiness)\b|undefined/i)
  }
  expect(german![0]).toContain('Ekel oder Freude')
  expect(german![1]).toContain('NUR AUS EINER QUELLE: SCHMERZ (biovid)')
  expect(german![4]).toMatch(/2 NAME\(N\).*Zeilen 3, 9/)
  expect(german![8]).toMatch(/zwei Klassen oder mehr neben neutral.* haben Schmerz/)
  expect(german![5]).toMatch(/Nur 3 Person.* 3 Teile, üblich sind 5/)
})

it('a warning that was written by hand, or is of a later version, is there as it stands', async () => {
  const later = { says: 'Faces are upside down.', trap: 'upside_down' }
  const run = await runWith(['Mine.', later, { says: 'Few.', trap: 'few_subjects', subjects: 'several' }])
  const { page } = languageOf('de')
  expect(dataWarnings(run, languageOf('de'))).toEqual(
    ['Mine.', 'Faces are upside down.', 'Few.'].map((text) => page.warning(text))
  )
})

it('data that prepare has not made are warned of in the report’s language, too', async () => {
  const rows = ['a.png,,pain,biovid', 'b.png,,disgust,bp4d', 'c.png,,disgust,lab', 'd.png,,neutral,lab'].join('\n')
  expect(dataWarnings(await runWith(undefined, rows), languageOf('de'))).toEqual([
    expect.stringMatching(/NUR AUS EINER QUELLE: SCHMERZ \(biovid\)\./),
    expect.stringContaining('DIE DATEN NENNEN KEINE PERSONEN')
  ])
})
