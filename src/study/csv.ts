/** Tables that people keep in spreadsheets. */
import Papa from 'papaparse'
import type { InputError } from '../core/errors.js'
import { printable } from '../core/printable.js'

/** Spreadsheets write UTF-16 with a mark, or without one, or the encoding of an old Windows. */
export function decoded(bytes: Buffer): string {
  const [first = 0, second = 0] = bytes
  if (first === 0xfe && second === 0xff) return new TextDecoder('utf-16be').decode(bytes)
  if (first === 0xff && second === 0xfe) return new TextDecoder('utf-16le').decode(bytes)
  if (bytes.length > 1 && first === 0) return new TextDecoder('utf-16be').decode(bytes)
  if (bytes.length > 1 && second === 0) return new TextDecoder('utf-16le').decode(bytes)
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return new TextDecoder('windows-1252').decode(bytes)
  }
}

/** A table, with names of columns in small letters unless they are asked for as they are. */
export interface Table {
  columns: string[]
  delimiter: string
  /** Those that are not blank, each with its number as spreadsheets show it, blank rows counted. */
  rows: { number: number; record: Record<string, string> }[]
  problems: { number: number; message: string }[]
}

const inSmallLetters = (header: string): string => header.trim().toLowerCase()

/**
 * Reads a table. Lines may end in any way, and in several: who adds rows in another program mixes them. Blank rows are dropped, and counted.
 * @param refused makes the error that is thrown where two columns have the same name, or a quote is never closed
 * @param nameOf what a header says; of columns that are named by labels, capitals and blanks too are of the name
 */
export function parsed(
  text: string,
  refused: (what: string) => InputError,
  nameOf: (header: string) => string = inSmallLetters
): Table {
  const lines = text.replaceAll(/\r\n?/g, '\n')
  const blank = /^[\s,;]*\n/.exec(lines)?.[0] ?? ''
  const own = lines.slice(blank.length)
  const first = 1 + blank.split('\n').length
  const [named, twice] = [new Set<string>(), new Set<string>()]
  const { data, errors, meta } = Papa.parse<Record<string, string>>(own, {
    header: true,
    newline: '\n',
    delimiter: delimiterOf(own),
    transformHeader: (header, place) => {
      const name = nameOf(header)
      if (name !== '' && named.has(name)) twice.add(name)
      // Spreadsheets leave empty columns behind. Papa would rename columns of the same name, and say so on the terminal.
      if (name === '' || named.has(name)) return `${name} ${place}`
      named.add(name)
      return name
    }
  })
  if (twice.size > 0)
    throw refused(`it has more than one column ${[...twice].map(printable).join(' and ')}, of which one can count`)
  const problems = errors.map((error) => ({ ...error, number: first + placeOf(error) }))
  const open = problems.find(({ code }) => code === 'MissingQuotes')
  // As one bad row, all rows behind the quote could be left out without a word.
  if (open)
    throw refused(`a quote in row ${open.number} is never closed, so that all rows behind it would be in one cell`)
  const rows = data.map((record, i) => ({ number: first + i, record })).filter(({ record }) => !isBlank(record))
  const numbers = new Set([first - 1, ...rows.map(({ number }) => number)])
  return {
    columns: meta.fields ?? [],
    delimiter: meta.delimiter,
    rows,
    problems: problems.flatMap(({ number, message }) => (numbers.has(number) ? [{ number, message }] : []))
  }
}

/** Blank rows would count as rows of one column. */
const delimiterOf = (text: string): string =>
  Papa.parse(text, { preview: 1, newline: '\n', skipEmptyLines: 'greedy', delimitersToGuess: [',', ';', '\t'] }).meta
    .delimiter

/** Cells beyond the last column are a list of their own. */
const isBlank = (record: Record<string, string | string[]>): boolean =>
  Object.values(record).flat().join('').trim() === ''

/** The row of an error, from 0; Papa counts the header as a row in what it says of quotes. */
const placeOf = ({ type, row = 0 }: Papa.ParseError): number => (type === 'Quotes' ? row - 1 : row)
