/**
 * How a column of action units is called in `index.csv`: `AU04` for strengths or presences of FACS coders, `AU04_r` and `AU04_c` for
 * OpenFace's strengths and presences. Tables write the same with capitals, blanks and zeros as they like.
 * @returns undefined for a column of something else
 */
export function unitColumnOf(header: string): string | undefined {
  const [, unit, kind = ''] = /^\s*AU0*(\d{1,2})(_[rc])?\s*$/i.exec(header) ?? []
  return unit === undefined ? undefined : unitColumn(Number(unit), kind)
}

export const unitColumn = (unit: number, kind = ''): string => `AU${String(unit).padStart(2, '0')}${kind.toLowerCase()}`
