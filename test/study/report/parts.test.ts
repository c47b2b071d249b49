import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { Outliner } from '../../../src/study/report/drawing.js'
import { type Part, type Section, writeParts } from '../../../src/study/report/parts.js'

const section = (...names: Part['name'][]): Section => ({
  ...{ id: 'examples', title: '', paragraphs: [] },
  parts: names.map((name) => ({
    ...{ name, caption: '', csv: { fields: ['label'], rows: [['pain']] } },
    table: { head: ['label'], rows: [['pain']] }
  }))
})

it('a report into the folder of an earlier one leaves no part of that one, and every file that has another name', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'painlens-parts-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const outliner = await Outliner.open()
  await writeParts(folder, [section('table-1', 'figure-3', 'figure-4')], outliner)
  // A kill may leave half a picture.
  const left = ['every-composite.png.tmp']
  const own = ['figure-4.txt', 'figure-4 of ward.png', 'figure-40.svg', 'notes.csv']
  for (const name of [...left, ...own]) writeFileSync(join(folder, name), 'text')
  await writeParts(folder, [section('table-1'), section('figure-3')], outliner)
  const parts = ['table-1', 'figure-3'].flatMap((name) => ['csv', 'svg', 'png'].map((end) => `${name}.${end}`))
  expect(readdirSync(folder).sort()).toEqual([...parts, ...own].sort())
})
