import { UsageError } from '../core/errors.js'
import { referenceSeconds } from '../core/types.js'

/** @param word another value that the option takes, which the message names */
function parseNumber(text: string, flags: string, low: number, high: number, whole: boolean, word?: string): number {
  const value = Number(text)
  if (text.trim() === '' || !(value >= low && value <= high) || (whole && !Number.isInteger(value)))
    throw new UsageError(
      'PL-OPTION-VALUE',
      `"${text}" is not ${word ? `${word} or ` : ''}${whole ? 'a whole number' : 'a number'} from ${low} to ${high}`,
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
const parsePort = (text: string, flags: string): number => parseNumber(text, flags, 0, 65535, true)
/** @throws UsageError */
export const parseSeconds = (text: string, flags: string): number => parseNumber(text, flags, 1, 1e6, false)
/** For how long a resting face is looked at. @throws UsageError */
export const parseLook = (text: string, flags: string): number =>
  parseNumber(text, flags, referenceSeconds.least, referenceSeconds.most, true)
/** @throws UsageError */
export const parseShare = (text: string, flags: string): number => parseNumber(text, flags, 0, 0.99, false)
/** @throws UsageError */
export const parsePositive = (text: string, flags: string): number => parseNumber(text, flags, 1e-12, 1e6, false)
/** @throws UsageError */
export const parseAtLeastOne = (text: string, flags: string): number => parseNumber(text, flags, 1, 1e9, true)

/** A number of folds, or `subjects`. @throws UsageError */
export const parseFolds = (text: string, flags: string): number | 'subjects' =>
  text === 'subjects' ? text : parseNumber(text, flags, 2, 1000, true, '"subjects"')

/** One of a list of words. @throws UsageError */
export function parseChoice<const Choice extends string>(
  choices: readonly Choice[]
): (text: string, flags: string) => Choice {
  return (text, flags) => {
    const found = choices.find((choice) => choice === text)
    if (found !== undefined) return found
    throw new UsageError('PL-OPTION-VALUE', `"${text}" is not one of ${choices.join(', ')}`, flags)
  }
}

/** @throws UsageError */
export const parseCount = (text: string, flags: string): number => parseNumber(text, flags, 0, 1e9, true)

/** Frames per second of the simulated camera. @throws UsageError */
export const parseRate = (text: string, flags: string): number => parseNumber(text, flags, 1, 60, true)

/** Seconds, below 0 counted from the end. @throws UsageError */
export const parseMoment = (text: string, flags: string): number => parseNumber(text, flags, -1e6, 1e6, false)
/** Seconds, 0 among them. @throws UsageError */
export const parseSpan = (text: string, flags: string): number => parseNumber(text, flags, 0, 1e6, false)
/** Pixels of a crop's side. @throws UsageError */
export const parseSide = (text: string, flags: string): number => parseNumber(text, flags, 16, 1024, true)

/** A number of crops, or `smallest`. @throws UsageError */
export const parseBalance = (text: string, flags: string): number | 'smallest' =>
  text === 'smallest' ? text : parseNumber(text, flags, 1, 1e9, true, '"smallest"')

/** Whole numbers behind commas. @throws UsageError */
export const parseNumbers = (text: string, flags: string): number[] =>
  text.split(',').map((part) => parseNumber(part, flags, 0, 1e9, true))

/** Two shares behind a comma: `0.38,0.36`. @throws UsageError */
export function parseAlignment(text: string, flags: string): { eyeDistance: number; eyeY: number } {
  const [eyeDistance, eyeY, ...rest] = text.split(',')
  if (eyeDistance === undefined || eyeY === undefined || rest.length > 0)
    throw new UsageError('PL-OPTION-VALUE', `"${text}" is not two shares behind a comma, such as 0.38,0.36`, flags)
  return {
    eyeDistance: parseNumber(eyeDistance, flags, 0.05, 0.95, false),
    eyeY: parseNumber(eyeY, flags, 0.05, 0.95, false)
  }
}

/** Words behind commas, in lower case. @throws UsageError */
export function parseWords(text: string, flags: string): string[] {
  const words = text.split(',').map((word) => word.trim().toLowerCase())
  if (words.some((word) => word === '')) throw new UsageError('PL-OPTION-VALUE', `"${text}" has an empty word`, flags)
  return words
}

/** The row of an option that takes a port. */
export const port = <Name extends string>(name: Name, what: string) => [`--${name} <port>`, what, parsePort] as const
/** The row of an option that takes one of a list of words. */
export const choice = <Name extends string, Value extends string, Choice extends string>(
  name: Name,
  value: Value,
  what: string,
  choices: readonly Choice[],
  fallback: Choice
) => [`--${name} <${value}>`, `${what}: ${choices.join(', ')}`, parseChoice(choices), fallback] as const
