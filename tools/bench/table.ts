/** @param share 0..1; null for no values */
export function quantile(values: readonly number[], share: number): number | null {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? null
}

/** Times each call, after one that does not count. */
export async function timed(count: number, call: (i: number) => Promise<unknown>): Promise<number[]> {
  await call(0)
  const times: number[] = []
  for (let i = 0; i < count; i++) {
    const startedAt = performance.now()
    await call(i)
    times.push(performance.now() - startedAt)
  }
  return times
}

/** A Markdown table. */
export function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const line = (cells: readonly (string | number)[]): string => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}

export const ms = (value: number): string => value.toFixed(value < 10 ? 2 : 1)
