/** Numbers and columns of the figures' text; what is undefined is a dash. */
import type { Interval } from '../../lib/statistics/index.js'

export const two = (value: number | null): string => (value === null ? '-' : value.toFixed(2))
export const three = (value: number | null): string => (value === null ? '-' : value.toFixed(3))
/** A share that is neither none nor all is not rounded to it: 0.996 of residents left alone are not all of them. */
export function percent(value: number | null): string {
  if (value === null) return '-'
  const whole = (100 * value).toFixed(0)
  if ((whole !== '0' || value === 0) && (whole !== '100' || value === 1)) return `${whole} %`
  const finer = (100 * value).toFixed(1)
  return finer === '0.0' ? 'below 0.1 %' : finer === '100.0' ? 'above 99.9 %' : `${finer} %`
}
/** An area under a curve: the third digit where two would make it perfect. */
export const curveArea = (value: number | null): string =>
  value !== null && value >= 0.995 && value < 1 ? three(value) : two(value)
export const curveAreas = ({ low, high }: Interval): string => `${curveArea(low)} to ${curveArea(high)}`
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
