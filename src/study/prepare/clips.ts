import type { Trap } from '../traps.js'
import type { UnitCodes } from './unit-codes.js'

/** What is to be prepared: a row of the table, in whatever layout the data set lies on disk. */
export interface Clip {
  /** Where it is named, for messages: `row 12`, or a file of the data set. */
  row: string
  /** The picture or video. */
  file: string
  /** Empty where that is not known. */
  subject: string
  label: string
  source: string
  /** The stretch of a video; all of it where null. In seconds from its first picture. */
  startS: number | null
  endS: number | null
  intensity: number | null
  /** Action units, where the data have them. */
  units?: UnitCodes
}

/** So many rows are named with each problem. */
const namedRows = 12

/** Findings about the data, collected before the long work begins and reported together. */
export class Findings {
  readonly warnings: Trap[] = []
  /** Rows and frames that are left out, by reason. */
  readonly leftOut = new Map<string, number>()
  readonly #problems = new Map<string, string[]>()
  readonly #wrong = new Set<string>()

  /** @param what without a full stop, the same for all rows that have it */
  problem(what: string, row: string): void {
    this.#wrong.add(row)
    this.mention(what, row)
  }

  /** Whether a row has a problem of its own. */
  isWrong(row: string): boolean {
    return this.#wrong.has(row)
  }

  /** Names a row with a problem that is another row's. */
  mention(what: string, row: string): void {
    const rows = this.#problems.get(what)
    if (rows) rows.push(row)
    else this.#problems.set(what, [row])
  }

  leave(why: string, count = 1): void {
    this.leftOut.set(why, (this.leftOut.get(why) ?? 0) + count)
  }

  /** A sentence for each problem, with its rows. */
  get problems(): string[] {
    return [...this.#problems].map(([what, rows]) => `${listed(rows)}: ${what}`)
  }

  /** The same without the rows, and how many they are. */
  get problemCounts(): Map<string, number> {
    return new Map([...this.#problems].map(([what, rows]) => [what, rows.length]))
  }
}

/** `rows 3, 7 and 12`, `a.mp4, b.mp4 and 30 more`. */
function listed(all: readonly string[]): string {
  const distinct = [...new Set(all)]
  const isRow = distinct.every((row) => /^row \d+$/.test(row))
  const names = isRow && distinct.length > 1 ? distinct.map((row) => row.slice(4)) : distinct
  const shown = names.slice(0, namedRows)
  const rest =
    names.length > namedRows ? `${names.length - namedRows} more` : names.length > 1 ? shown.pop() : undefined
  return `${isRow && distinct.length > 1 ? 'rows ' : ''}${shown.join(', ')}${rest === undefined ? '' : ` and ${rest}`}`
}
