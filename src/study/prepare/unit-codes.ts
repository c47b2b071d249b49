import { createHash } from 'node:crypto'
import { unitColumn } from '../unit-columns.js'

/** Action units as the data have them: by columns of `index.csv`. A unit that is missing was not coded. */
export type UnitValues = ReadonlyMap<string, number>

/** Action units of a clip. */
export interface UnitCodes {
  /** @param timeS seconds from the video's first picture; null for a picture */
  at(timeS: number | null): UnitValues
  /** Differs where values do: crops of other values need another folder. */
  toJSON(): unknown
}

const none: UnitValues = new Map()

/** The same values throughout a clip. */
export const codedOnce = (values: UnitValues): UnitCodes => ({ at: () => values, toJSON: () => [...values] })

/** What several have, for example coders and OpenFace; a later one wins. */
export const joined = (all: readonly UnitCodes[]): UnitCodes => ({
  at: (timeS) => new Map(all.flatMap((one) => [...one.at(timeS)])),
  toJSON: () => all
})

/** A picture has the values of the row that is nearest to it, if it is not further away than that, in seconds. */
const nearS = 0.1

/** Values that change over a video. */
export class UnitTrack implements UnitCodes {
  readonly #digest: string

  /**
   * @param columns of `values`
   * @param times   at which pictures begin, ascending, in seconds from the first
   * @param values  a row for each time, one after the other; NaN where a unit was not coded
   */
  constructor(
    private readonly columns: readonly string[],
    private readonly times: Float64Array,
    private readonly values: Float32Array
  ) {
    // Of the same track in thousands of clips it is asked for in each.
    this.#digest = createHash('sha256').update(columns.join()).update(times).update(values).digest('hex')
  }

  at(timeS: number | null): UnitValues {
    const row = this.#nearest(timeS ?? 0)
    if (row === undefined) return none
    const own = this.columns.map((column, i) => [column, this.values[row * this.columns.length + i]!] as const)
    // Digits beyond those of float32 are not the file's.
    return new Map(own.flatMap(([column, value]) => (Number.isNaN(value) ? [] : [[column, Number(value.toFixed(4))]])))
  }

  #nearest(timeS: number): number | undefined {
    let [low, high] = [0, this.times.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.times[middle]! < timeS) low = middle + 1
      else high = middle
    }
    const away = (row: number): number => Math.abs((this.times[row] ?? Number.POSITIVE_INFINITY) - timeS)
    const nearest = away(low - 1) < away(low) ? low - 1 : low
    return away(nearest) <= nearS ? nearest : undefined
  }

  toJSON(): unknown {
    return this.#digest
  }
}

/** What a FACS coder wrote of a picture, by number: the strength, 1 to 5; null for a unit that is there, without one. */
export type FacsCoding = ReadonlyMap<number, number | null>

const letters = 'ABCDE'

/**
 * Reads FACS codes as coders write them: `4B+L6C+43`; `0` where there is no unit.
 * @returns undefined where it is no such code
 */
export function facsCodingOf(text: string): FacsCoding | undefined {
  const coding = new Map<number, number | null>()
  if (text.trim() === '0') return coding
  for (const code of text.trim().split(/[\s,+;]+/)) {
    const [, unit, letter] = /^(?:AU)?[LR]?(?:AU)?0*(\d{1,2})([A-E])?$/i.exec(code) ?? []
    if (unit === undefined) return undefined
    const strength = letter === undefined ? null : letters.indexOf(letter.toUpperCase()) + 1
    // Of a unit that is coded for both sides, the stronger one.
    coding.set(Number(unit), Math.max(strength ?? 0, coding.get(Number(unit)) ?? 0) || null)
  }
  return coding
}

/**
 * Codings of the same coders as columns: units that a coding does not name are 0. A unit without a strength is 1 where no coding gives that unit one
 * (AU43, closed eyes, has none); else it is left out, as not known.
 * @param codings undefined for a picture that was not coded
 */
export function codesOf(codings: readonly (FacsCoding | undefined)[]): (UnitCodes | undefined)[] {
  const graded = new Map<number, boolean>()
  for (const coding of codings)
    for (const [unit, strength] of coding ?? []) graded.set(unit, (graded.get(unit) ?? false) || strength !== null)
  const strengthOf = (coding: FacsCoding, unit: number): number | null => {
    const strength = coding.get(unit)
    return strength === undefined ? 0 : strength === null && !graded.get(unit) ? 1 : strength
  }
  return codings.map((coding) => {
    if (!coding) return undefined
    const values = [...graded.keys()].flatMap((unit): [string, number][] => {
      const value = strengthOf(coding, unit)
      return value === null ? [] : [[unitColumn(unit), value]]
    })
    return codedOnce(new Map(values))
  })
}
