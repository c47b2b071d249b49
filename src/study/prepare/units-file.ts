import { open } from 'node:fs/promises'
import { InputError } from '../../core/errors.js'
import { printable } from '../../core/printable.js'
import { unitColumnOf } from '../unit-columns.js'
import { codedOnce, type UnitCodes, UnitTrack } from './unit-codes.js'

/** Where things are in a line. */
interface Header {
  delimiter: string
  /** Place and name of each column of action units. */
  units: { at: number; column: string }[]
  time: number
  /** OpenFace: 0 where the face was not followed. */
  success: number
}

/** A line's values; those of a face that was not followed are NaN. */
interface Line {
  timeS: number
  values: Float32Array
}

/**
 * Reads action units by time, as OpenFace writes them: a CSV with `timestamp` and `AU…` columns, and `success`. Line by line: OpenFace
 * writes 700 columns for each picture. Without `timestamp` it is of one picture, and has one line.
 * @returns `several`: moments at which it has several faces, which are not known then
 * @throws InputError with PL-STUDY-TABLE
 */
export async function readUnitsFile(path: string): Promise<{ codes: UnitCodes; several: number }> {
  const { header, lines } = await linesOf(path)
  if (header === undefined || lines.length === 0) throw wrong('it has no rows', path)
  const { units, time } = header
  const columns = units.map(({ column }) => column)
  if (time < 0) {
    if (lines.length > 1) throw wrong('it has several rows and no column timestamp', path)
    const own = columns.map((column, i) => [column, Number(lines[0]!.values[i]!.toFixed(4))] as const)
    return { codes: codedOnce(new Map(own.filter(([, value]) => !Number.isNaN(value)))), several: 0 }
  }
  return trackOf(columns, lines)
}

const wrong = (what: string, path: string, cause?: unknown): InputError =>
  new InputError('PL-STUDY-TABLE', what, printable(path), { cause })

async function linesOf(path: string): Promise<{ header: Header | undefined; lines: Line[] }> {
  const lines: Line[] = []
  let header: Header | undefined
  const file = await open(path).catch((error: NodeJS.ErrnoException) => {
    throw wrong(`cannot be read (${error.code})`, path, error)
  })
  try {
    let number = 0
    for await (const line of file.readLines({ encoding: 'utf8' })) {
      number++
      if (header === undefined) header = headerOf(line, path)
      else if (line.trim() !== '') lines.push(lineOf(line, header, (what) => wrong(`line ${number}: ${what}`, path)))
    }
    return { header, lines }
  } catch (error) {
    if (error instanceof InputError) throw error
    throw wrong(`cannot be read (${(error as NodeJS.ErrnoException).code})`, path, error)
  } finally {
    await file.close()
  }
}

const cellsOf = (line: string, delimiter: string): string[] =>
  line.split(delimiter).map((cell) => cell.trim().replace(/^"(.*)"$/, '$1'))

function headerOf(line: string, path: string): Header {
  for (const delimiter of [',', ';', '\t']) {
    const names = cellsOf(line.replace(/^\ufeff/, ''), delimiter)
    const units = names.flatMap((name, at) => {
      const column = unitColumnOf(name)
      return column === undefined ? [] : [{ at, column }]
    })
    const find = (name: string): number => names.findIndex((own) => own.toLowerCase() === name)
    if (units.length > 0) return { delimiter, units, time: find('timestamp'), success: find('success') }
  }
  throw wrong('it has no column of action units (AU04, AU04_r, AU04_c)', path)
}

function lineOf(
  line: string,
  { delimiter, units, time, success }: Header,
  problem: (what: string) => InputError
): Line {
  const cells = cellsOf(line, delimiter)
  const numberAt = (at: number, what: string): number => {
    const text = cells[at] ?? ''
    const value = Number(delimiter === ',' ? text : text.replace(',', '.'))
    if (text === '' || !Number.isFinite(value)) throw problem(`${what} is no number`)
    return value
  }
  const lost = success >= 0 && numberAt(success, 'success') === 0
  const values = Float32Array.from(units, ({ at, column }) =>
    lost || (cells[at] ?? '') === '' ? Number.NaN : numberAt(at, column)
  )
  return { timeS: time < 0 ? 0 : numberAt(time, 'timestamp'), values }
}

/** Of which face the values are cannot be known where there are several at one time. */
function trackOf(columns: readonly string[], lines: readonly Line[]): { codes: UnitCodes; several: number } {
  const times: number[] = []
  const rows: Float32Array[] = []
  const several = new Set<number>()
  for (const { timeS, values } of [...lines].sort((a, b) => a.timeS - b.timeS)) {
    if (timeS !== times.at(-1)) {
      times.push(timeS)
      rows.push(values)
      continue
    }
    several.add(timeS)
    rows[rows.length - 1] = values.map(() => Number.NaN)
  }
  const all = new Float32Array(rows.length * columns.length)
  for (const [i, row] of rows.entries()) all.set(row, i * columns.length)
  return { codes: new UnitTrack(columns, Float64Array.from(times), all), several: several.size }
}
