import { readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { InputError, whatOf } from '../../core/errors.js'
import { groupedBy } from '../../core/grouped.js'
import { printable } from '../../core/printable.js'
import { decoded, parsed } from '../csv.js'
import { unitColumnOf } from '../unit-columns.js'
import type { Clip, Findings } from './clips.js'
import { codedOnce, codesOf, facsCodingOf, joined, type UnitCodes } from './unit-codes.js'
import { readUnitsFile } from './units-file.js'

const needed = ['file', 'label'] as const

/**
 * Reads a table of pictures and videos: CSV with a header, `file,subject,label` and optional `start_s,end_s,source,intensity`,
 * and action units as columns `AU04`, as codes in `facs`, or by time in the file that `action_units` names. UTF-8, UTF-16 or Windows-1252; between columns a comma, a semicolon or a tab.
 * @param root what files are relative to; the table's folder unless given
 * @throws InputError where it cannot be read or lacks a column; what is wrong with its rows goes to `findings`
 */
export async function readTable(path: string, root: string | undefined, findings: Findings): Promise<Clip[]> {
  const text = decoded(await bytesOf(path))
  const refused = (what: string): InputError =>
    new InputError('PL-STUDY-TABLE', what, printable(path), { fix: 'Correct the table.' })
  const table = parsed(text, refused)
  const missing = needed.filter((column) => !table.columns.includes(column))
  if (missing.length > 0) {
    throw refused(
      `it has no column ${missing.join(' and ')}, only ${table.columns.map(printable).join(', ') || 'nothing'}`
    )
  }
  for (const { number, message } of table.problems) findings.problem(message, `row ${number}`)
  const units = groupedBy(table.columns.filter(unitColumnOf), unitColumnOf)
  const twice = [...units.values()].find(({ length }) => length > 1)
  if (twice) throw refused(`its columns ${twice.join(' and ')} are the same action unit, of which one can count`)
  const base = root ?? dirname(path)
  const { delimiter } = table
  const rows = table.rows.map(({ number, record }) => new Row(record, `row ${number}`, delimiter, findings))
  const codes = await unitsOf(rows, base, findings)
  return rows.map((row, i) => ({ ...clipOf(row, base), ...(codes[i] && { units: codes[i] }) }))
}

async function bytesOf(path: string): Promise<Buffer> {
  return readFile(path).catch((error: NodeJS.ErrnoException) => {
    throw new InputError('PL-STUDY-TABLE', `cannot be read (${error.code})`, printable(path), { cause: error })
  })
}

/** A row of the table; what is wrong with its cells goes to `findings`. */
class Row {
  constructor(
    private readonly record: Record<string, string>,
    readonly row: string,
    private readonly delimiter: string,
    private readonly findings: Findings
  ) {}

  get columns(): string[] {
    return Object.keys(this.record)
  }

  said(column: string): string {
    return (this.record[column] ?? '').trim()
  }

  number(column: string): number | null {
    const text = this.said(column)
    if (text === '') return null
    // Where columns are parted by semicolons, decimals may be written with a comma.
    const value = Number(this.delimiter === ',' ? text : text.replace(',', '.'))
    if (Number.isFinite(value)) return value
    this.problem(
      `${unitColumnOf(column) ?? column} is no number${column.endsWith('_s') ? ' of seconds, such as 62.5' : ''}`
    )
    return null
  }

  problem(what: string): void {
    this.findings.problem(what, this.row)
  }
}

/** NUL and the like, which come from a damaged file, and which no name of a file may have. */
const control = /\p{Cc}/u

function clipOf(row: Row, base: string): Clip {
  for (const column of needed) if (row.said(column) === '') row.problem(`${column} is empty`)
  const damaged = ['file', 'subject', 'source'].filter((column) => control.test(row.said(column)))
  if (damaged.length > 0)
    row.problem(`${damaged.join(' and ')} has a line break, or another character that no name has`)
  const file = damaged.includes('file') ? '' : row.said('file')
  return {
    row: row.row,
    file: file === '' ? '' : resolve(base, file),
    subject: row.said('subject'),
    label: row.said('label'),
    source: row.said('source') || 'table',
    startS: row.number('start_s'),
    endS: row.number('end_s'),
    intensity: row.number('intensity')
  }
}

/** Action units of each row, from wherever it has them; undefined for a row that has none. */
async function unitsOf(rows: readonly Row[], base: string, findings: Findings): Promise<(UnitCodes | undefined)[]> {
  const codings = codesOf(
    rows.map((row) => {
      const text = row.said('facs')
      const coding = text === '' ? undefined : facsCodingOf(text)
      if (text !== '' && !coding) row.problem('facs is no FACS code such as 4B+6C+43')
      return coding
    })
  )
  const files = new Map<string, UnitCodes>()
  const found: (UnitCodes | undefined)[] = []
  for (const [i, row] of rows.entries()) {
    const all = [columnsIn(row), codings[i], await fromFile(row, base, files, findings)].flatMap((one) => one ?? [])
    found.push(all.length > 1 ? joined(all) : all[0])
  }
  return found
}

function columnsIn(row: Row): UnitCodes | undefined {
  const values = row.columns.flatMap((name): [string, number][] => {
    const column = unitColumnOf(name)
    const value = column === undefined ? null : row.number(name)
    return value === null ? [] : [[column!, value]]
  })
  return values.length === 0 ? undefined : codedOnce(new Map(values))
}

/** @param files those that were read already */
async function fromFile(
  row: Row,
  base: string,
  files: Map<string, UnitCodes>,
  findings: Findings
): Promise<UnitCodes | undefined> {
  const said = row.said('action_units')
  if (said === '') return undefined
  const path = resolve(base, said)
  const known = files.get(path)
  if (known) return known
  try {
    const { codes, several } = await readUnitsFile(path)
    if (several > 0) findings.leave('action units of a moment with several faces', several)
    files.set(path, codes)
    return codes
  } catch (error) {
    row.problem(`the file in action_units: ${whatOf(error)}`)
    return undefined
  }
}
