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

/**
 * A table with names of columns in small letters. Lines may end in any way, and in several: who adds rows in another program mixes them.
 * @param refused makes the error that is thrown where two columns have the same name, or a quote is never closed
 */
export function parsed(text: string, refused: (what: string) => InputError): Papa.ParseResult<Record<string, string>> {
  const named = new Set<string>()
  const twice = new Set<string>()
  const table = Papa.parse<Record<string, string>>(text.replaceAll(/\r\n?/g, '\n'), {
    header: true,
    skipEmptyLines: 'greedy',
    newline: '\n',
    delimitersToGuess: [',', ';', '\t'],
    transformHeader: (header, i) => {
      const name = header.trim().toLowerCase()
      // Spreadsheets leave empty columns behind. Papa would rename columns of the same name, and say so on the terminal.
      if (name !== '' && !named.has(name)) {
        named.add(name)
        return name
      }
      if (name !== '') twice.add(name)
      return `${name} ${i}`
    }
  })
  if (twice.size > 0) {
    throw refused(`it has more than one column ${[...twice].map(printable).join(' and ')}, of which one can count`)
  }
  // Papa reports a delimiter that it had to guess for a single column; that is no problem of the table. In what it says of quotes it counts the header as a row.
  const errors = table.errors
    .filter(({ type }) => type !== 'Delimiter')
    .map((error) => (error.type === 'Quotes' ? { ...error, row: (error.row ?? 1) - 1 } : error))
  const open = errors.find(({ code }) => code === 'MissingQuotes')
  // As one bad row, all rows behind the quote could be left out without a word.
  if (open)
    throw refused(`a quote in row ${open.row! + 2} is never closed, so that all rows behind it would be in one cell`)
  return { ...table, errors }
}
