/** What a soak measures of the daemon, and how the samples of a cycle become one value. */
import { readdirSync, readFileSync } from 'node:fs'
import { median } from '#painlens/lib/statistics/index.js'
import { childrenOf } from '../bench/children.js'

export type Sample = Record<string, number>

const last = (values: readonly number[]): number => values.at(-1)!

/** The figures, how the samples of a cycle become one value, and the allowed rise. Only the last sample is free of garbage. */
export const figures: readonly {
  name: string
  unit: string
  of: (values: readonly number[]) => number
  allowance: number
}[] = [
  { name: 'memory in RAM', unit: 'MB', of: median, allowance: 8 },
  { name: 'JavaScript heap', unit: 'MB', of: last, allowance: 1 },
  { name: 'buffers', unit: 'MB', of: last, allowance: 2 },
  { name: 'open files', unit: '', of: median, allowance: 1 },
  { name: 'child processes', unit: '', of: median, allowance: 0.5 },
  { name: 'threads', unit: '', of: median, allowance: 0.5 },
  { name: 'timers', unit: '', of: median, allowance: 1 }
]

/** One value for each figure, of the samples of a cycle. */
export const cycleValues = (samples: readonly Sample[]): Sample =>
  Object.fromEntries(figures.map(({ name, of }) => [name, of(samples.map((sample) => sample[name]!))]))

/** @throws where the daemon does not answer */
export async function sampleOf(pid: number, port: number): Promise<Sample> {
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
  const metric = (name: string): number => Number(new RegExp(`^${name} (.*)$`, 'm').exec(text)?.[1] ?? 0)
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const field = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1])
  return {
    'memory in RAM': field('VmRSS') / 1024,
    'JavaScript heap': metric('nodejs_heap_size_used_bytes') / 2 ** 20,
    buffers: metric('nodejs_external_memory_bytes') / 2 ** 20,
    'open files': readdirSync(`/proc/${pid}/fd`).length,
    'child processes': childrenOf(pid).length,
    threads: field('Threads'),
    timers: metric('nodejs_active_resources\\{type="Timeout"\\}')
  }
}
