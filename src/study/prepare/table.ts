import { readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import Papa from 'papaparse'
import { InputError } from '../../core/errors.js'
import { printable } from '../../core/printable.js'
import type { Clip, Findings } from './clips.js'

const needed = ['file', 'label'] as const

/**
 * Reads a table of pictures and videos: CSV with a header, `file,subject,label` and optional `start_s,end_s,source,intensity`.
 * UTF-8, UTF-16 or Windows-1252; between columns a comma, a semicolon or a tab.
 * @param root what files are relative to; the table's folder unless given
 * @throws InputError where it cannot be read or lacks a column; what is wrong with its rows goes to `findings`
 */
export async function readTable(path: string, root: string | undefined, findings: Findings): Promise<Clip[]> {
  const text = decoded(await bytesOf(path))
  const table = parsed(text)
  const missing = needed.filter((column) => !table.meta.fields?.includes(column))
  if (missing.length > 0) {
    const what = `it has no column ${missing.join(' and ')}, only ${table.meta.fields?.map(printable).join(', ') || 'nothing'}`
    throw new InputError('PL-STUDY-TABLE', what, printable(path))
  }
  for (const { row, message } of table.errors) findings.problem(message, `row ${(row ?? 0) + 2}`)
  const base = root ?? dirname(path)
  return table.data.map((record, i) => clipOf(record, `row ${i + 2}`, base, table.meta.delimiter, findings))
}

async function bytesOf(path: string): Promise<Buffer> {
  return readFile(path).catch((error: NodeJS.ErrnoException) => {
    throw new InputError('PL-STUDY-TABLE', `cannot be read (${error.code})`, printable(path), { cause: error })
  })
}

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

/** Papa reports a delimiter that it had to guess for a single column; that is no problem of the table. */
export function parsed(text: string): Papa.ParseResult<Record<string, string>> {
  const table = Papa.parse<Record<string, string>>(text, {
    header: true,
    skipEmptyLines: 'greedy',
    delimitersToGuess: [',', ';', '\t'],
    transformHeader: (name) => name.trim().toLowerCase()
  })
  return { ...table, errors: table.errors.filter(({ type }) => type !== 'Delimiter') }
}

function clipOf(
  record: Record<string, string>,
  row: string,
  base: string,
  delimiter: string,
  findings: Findings
): Clip {
  const said = (column: string): string => (record[column] ?? '').trim()
  const number = (column: string): number | null => {
    const text = said(column)
    if (text === '') return null
    // Where columns are parted by semicolons, decimals may be written with a comma.
    const value = Number(delimiter === ',' ? text : text.replace(',', '.'))
    if (Number.isFinite(value)) return value
    findings.problem(`${column} is no number`, row)
    return null
  }
  for (const column of needed) if (said(column) === '') findings.problem(`${column} is empty`, row)
  return {
    row,
    file: said('file') === '' ? '' : resolve(base, said('file')),
    subject: said('subject'),
    label: said('label'),
    source: said('source') || 'table',
    startS: number('start_s'),
    endS: number('end_s'),
    intensity: number('intensity')
  }
}
