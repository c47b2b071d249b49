import { UsageError } from '../core/errors.js'

function parseNumber(text: string, flags: string, low: number, high: number, whole: boolean): number {
  const value = Number(text)
  if (text.trim() === '' || !(value >= low && value <= high) || (whole && !Number.isInteger(value)))
    throw new UsageError(
      'PL-OPTION-VALUE',
      `"${text}" is not ${whole ? 'a whole number' : 'a number'} from ${low} to ${high}`,
      flags
    )
  return value
}

const units: Record<string, number> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/**
 * A moment in the past: `90m`, `12h`, `7d`, or a date, `2026-01-31` or `2026-01-31T06:00`, in this device's time zone.
 * @returns ms since the epoch
 * @throws UsageError
 */
export function parseSince(text: string, flags: string, now = Date.now()): number {
  const [, count, unit] = /^(\d{1,6})([smhd])$/.exec(text) ?? []
  if (count !== undefined && unit !== undefined) return now - Number(count) * units[unit]!
  // A date alone would be taken for UTC.
  const at = /^\d{4}-\d\d-\d\d$/.test(text) ? Date.parse(`${text}T00:00`) : Date.parse(text)
  if (/^\d{4}-/.test(text) && !Number.isNaN(at)) return at
  throw new UsageError('PL-OPTION-TIME', `"${text}" is no time`, flags)
}

/** A TCP port; 0 lets the system choose. @throws UsageError */
export const parsePort = (text: string, flags: string): number => parseNumber(text, flags, 0, 65535, true)
/** @throws UsageError */
export const parseSeconds = (text: string, flags: string): number => parseNumber(text, flags, 1, 1e6, false)
/** @throws UsageError */
export const parseShare = (text: string, flags: string): number => parseNumber(text, flags, 0, 0.99, false)
/** @throws UsageError */
export const parsePositive = (text: string, flags: string): number => parseNumber(text, flags, 1e-12, 1e6, false)
/** @throws UsageError */
export const parseAtLeastOne = (text: string, flags: string): number => parseNumber(text, flags, 1, 1e9, true)

/** A number of folds, or `subjects`. @throws UsageError */
export const parseFolds = (text: string, flags: string): number | 'subjects' =>
  text === 'subjects' ? text : parseNumber(text, flags, 2, 1000, true)

/** One of a list of words. @throws UsageError */
export function parseChoice<const Choice extends string>(
  choices: readonly Choice[]
): (text: string, flags: string) => Choice {
  return (text, flags) => {
    const found = choices.find((choice) => choice === text)
    if (found !== undefined) return found
    throw new UsageError('PL-OPTION-VALUE', `"${text}" is none of ${choices.join(', ')}`, flags)
  }
}

/** @throws UsageError */
export const parseCount = (text: string, flags: string): number => parseNumber(text, flags, 0, 1e9, true)
