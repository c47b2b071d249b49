/** Numbers and columns of the figures' text; what is undefined is a dash. */
import type { Interval } from '../../lib/statistics/index.js'

export const two = (value: number | null): string => (value === null ? '-' : value.toFixed(2))
export const three = (value: number | null): string => (value === null ? '-' : value.toFixed(3))
export const percent = (value: number | null): string => (value === null ? '-' : `${(100 * value).toFixed(0)} %`)
export const span = (interval: Interval | null): string =>
  interval === null ? '-' : `${interval.low.toFixed(2)} to ${interval.high.toFixed(2)}`

/** Columns as wide as their widest text, the first to the left, others to the right. */
export function tableOf(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = header.map((name, i) => Math.max(name.length, ...rows.map((row) => row[i]?.length ?? 0)))
  return [header, ...rows]
    .map((row) =>
      row
        .map((text, i) => (i === 0 ? text.padEnd(widths[i]!) : text.padStart(widths[i]!)))
        .join('  ')
        .trimEnd()
    )
    .join('\n')
}
