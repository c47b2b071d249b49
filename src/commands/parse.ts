import { UsageError } from '../core/errors.js'

function parseNumber(text: string, flags: string, low: number, high: number, whole: boolean): number {
  const value = Number(text)
  if (text.trim() === '' || !(value >= low && value <= high) || (whole && !Number.isInteger(value)))
    throw new UsageError(
      `"${text}" is not ${whole ? 'a whole number' : 'a number'} from ${low} to ${high}`,
      flags,
      'See --help for the options.'
    )
  return value
}

/** A TCP port; 0 lets the system choose. @throws UsageError */
export const parsePort = (text: string, flags: string): number => parseNumber(text, flags, 0, 65535, true)
/** @throws UsageError */
export const parseSeconds = (text: string, flags: string): number => parseNumber(text, flags, 1, 1e6, false)
/** @throws UsageError */
export const parseCount = (text: string, flags: string): number => parseNumber(text, flags, 0, 1e9, true)
