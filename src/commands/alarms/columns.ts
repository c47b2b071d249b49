/** Tables for terminals. */

/** What a line that continues the one above begins with. */
const continued = '    '

/**
 * A line for each row; on a narrow terminal each row has several lines, the title too.
 * @param rows cells without line breaks, the title first
 * @param width columns of the terminal
 */
export function tableLines(rows: readonly (readonly string[])[], width: number): string[] {
  const widths = rows[0]!.map((_, column) => rows.reduce((most, row) => Math.max(most, row[column]!.length), 0))
  const breaks = breaksOf(widths, width)
  const gap = (column: number): string => (column === 0 ? '' : breaks.has(column) ? `\n${continued}` : '  ')
  return rows.map((row) =>
    row
      .map((cell, column) => `${gap(column)}${cell.padEnd(widths[column]!)}`)
      .join('')
      .split('\n')
      .map((line) => line.trimEnd())
      .join('\n')
  )
}

/** The columns that begin a line: as many to a line as fit into `width`. */
function breaksOf(widths: readonly number[], width: number): ReadonlySet<number> {
  const breaks = new Set<number>()
  let used = widths[0]!
  for (const [column, wide] of [...widths.entries()].slice(1)) {
    used += 2 + wide
    if (used <= width) continue
    breaks.add(column)
    used = continued.length + wide
  }
  return breaks
}
