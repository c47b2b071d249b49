import { mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import Papa from 'papaparse'
import { privately, studyDiskError, writeStudyFile } from '../files.js'
import type { Outliner } from './drawing.js'

export type Cell = string | number | null

/** Every part that a report can have. By these names a report knows the files of an earlier one; a name that is no longer written has to stay. */
const partNames = [
  'table-1',
  'table-2',
  'figure-1',
  'figure-3',
  'figure-4',
  'every-composite',
  'gate-follows',
  'gate-lies',
  'regions-own',
  'regions-alarm',
  'regions-contrast',
  'regions',
  'mean-maps',
  'action-units',
  'action-unit-columns',
  'spray',
  'spray-maps',
  'checks',
  'pixel-flipping'
] as const
/** Ends of the files of each part. */
export const partEnds = ['csv', 'svg', 'png'] as const

/** A table or a figure of the report; each is a file of its own, too. */
export interface Part {
  /** Of its files, without ending. */
  name: (typeof partNames)[number]
  caption: string
  /** What stands below it, such as whose figures are whose. */
  note?: string
  /** The numbers behind it, as CSV. */
  csv: { fields: readonly string[]; rows: readonly (readonly Cell[])[] }
  /** SVG with texts; absent for a table, which is drawn from `table`. */
  figure?: string
  table?: PartTable
}

export interface PartTable {
  head: readonly string[]
  rows: readonly (readonly string[])[]
  /** Numbers of rows that are another's figures, shown grey. */
  quoted?: readonly number[]
}

/** A section of the report. */
export interface Section {
  /** Its anchor. */
  id: string
  title: string
  /** Sentences; those that begin with `!` are warnings. */
  paragraphs: readonly string[]
  parts: readonly Part[]
}

/**
 * Writes each part as CSV, SVG and PNG, readable by their owner only: they may show or name people. What an earlier report into the folder had
 * and this one has not is removed.
 * @throws DiskError
 */
export async function writeParts(folder: string, sections: readonly Section[], outliner: Outliner): Promise<void> {
  const parts = sections.flatMap((section) => section.parts)
  await mkdir(folder, { recursive: true, mode: 0o700 }).catch((error: unknown) => {
    throw studyDiskError(error, folder)
  })
  await removeOthers(folder, parts)
  for (const { name, csv, figure, table } of parts) {
    const text = Papa.unparse({ fields: [...csv.fields], data: csv.rows.map((row) => [...row]) }, csvOptions)
    await writeStudyFile(join(folder, `${name}.csv`), [`${text}\n`], privately)
    const drawn = figure ?? tableFigure(table!, outliner)
    await writeStudyFile(join(folder, `${name}.svg`), [`${outliner.svg(drawn)}\n`], privately)
    await writeStudyFile(join(folder, `${name}.png`), [await outliner.png(drawn)], privately)
  }
}

/**
 * Removes the files of parts that are not in this report: an earlier one may have had pictures of persons in them. A kill may have left
 * such a file half written, with `.tmp` behind its name. Files of other names are not the report's, and stay.
 */
async function removeOthers(folder: string, parts: readonly Part[]): Promise<void> {
  const filesOf = (name: Part['name']): string[] => partEnds.map((end) => `${name}.${end}`)
  const kept = new Set(parts.flatMap(({ name }) => filesOf(name)))
  const others = new Set(partNames.flatMap(filesOf).flatMap((file) => (kept.has(file) ? [] : [file, `${file}.tmp`])))
  try {
    for (const file of await readdir(folder)) if (others.has(file)) await rm(join(folder, file))
  } catch (error) {
    throw studyDiskError(error, folder)
  }
}

/** Text that a spreadsheet would take for a formula is quoted. */
const csvOptions = { newline: '\n', escapeFormulae: true }

const size = 13
const padding = 10
const line = 24

/** A table as a figure: the first column to the left, others to the right. */
function tableFigure({ head, rows, quoted = [] }: PartTable, outliner: Outliner): string {
  const widths = head.map((name, i) =>
    Math.max(outliner.width(name, size, true), ...rows.map((row) => outliner.width(row[i] ?? '', size)))
  )
  const total = widths.reduce((sum, width) => sum + width + 2 * padding, 0)
  const height = line * (rows.length + 1) + padding
  const cells = [head, ...rows].flatMap((row, r) => {
    let x = 0
    return row.map((cell, i) => {
      const at = i === 0 ? x + padding : x + widths[i]! + padding
      x += widths[i]! + 2 * padding
      const style = `${r === 0 ? ' font-weight="bold"' : ''}${quoted.includes(r - 1) ? ' fill="#70757d"' : ''}`
      return `<text x="${at.toFixed(1)}" y="${r * line + 17}" text-anchor="${i === 0 ? 'start' : 'end'}"${style}>${escaped(cell)}</text>`
    })
  })
  const rule = (y: number): string => `<path d="M0 ${y}H${total.toFixed(0)}" stroke="#c9ced6"/>`
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="${Math.ceil(total)}" height="${height}" viewBox="0 0 ${Math.ceil(total)} ${height}" ` +
    `style="font-size: ${size}px" fill="#1a1d21">${rule(line)}${cells.join('')}${rule(height - padding / 2)}</svg>`
  )
}

/** Text as it may stand in HTML and SVG, in attributes too. */
export function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}
