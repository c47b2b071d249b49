/** `npm run soak -- --minutes N`: the real daemon while cameras and broker come and go; fails if it grows. */
import { appendFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { report } from '#painlens/commands/report.js'
import { ProgramError, UsageError } from '#painlens/core/errors.js'
import { startPainlens } from '#painlens/show/demo/child.js'
import { median, table } from '../bench/table.js'
import { cycleMs, SoakWorld } from './soak-world.js'
import { rises, type Series, trendOf } from './trend.js'

const sampleMs = 3000
/** The time that a full garbage collection may take on a busy machine. */
const collectMs = 1000
/** Models are opened, caches and pools fill. */
const warmUpCycles = 2
const leastCycles = 5
/** As in deploy/jetson/painlens.service. */
const malloc = { MALLOC_MMAP_THRESHOLD_: '1048576', MALLOC_TRIM_THRESHOLD_: '1048576', MALLOC_ARENA_MAX: '2' }
const say = (text: string): void => void process.stdout.write(`${text}\n`)

/** Those of the caller's environment, to compare. */
const chosenMalloc = (): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(process.env).filter(([name]) => Object.hasOwn(malloc, name)))

type Sample = Record<string, number>

const last = (values: readonly number[]): number => values.at(-1)!

/** The figures, how the samples of a cycle become one value, and the allowed rise. Only the last sample is free of garbage. */
const figures: readonly { name: string; unit: string; of: (values: readonly number[]) => number; allowance: number }[] =
  [
    { name: 'memory in RAM', unit: 'MB', of: median, allowance: 8 },
    { name: 'JavaScript heap', unit: 'MB', of: last, allowance: 1 },
    { name: 'buffers', unit: 'MB', of: last, allowance: 2 },
    { name: 'open files', unit: '', of: median, allowance: 1 },
    { name: 'child processes', unit: '', of: median, allowance: 0.5 },
    { name: 'threads', unit: '', of: median, allowance: 0.5 },
    { name: 'timers', unit: '', of: median, allowance: 1 }
  ]

async function main(): Promise<number> {
  const { minutes, samples } = optionsOf(process.argv.slice(2))
  if (samples) writeFileSync(samples, '')
  const folder = await mkdtemp(join(tmpdir(), 'painlens-soak-'))
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort())
  const world = await SoakWorld.start(folder)
  const port = await freePort()
  const config = await world.writeConfig(port, false)
  const lines: string[] = []
  const daemon = startPainlens({
    args: ['run', '--config', config],
    env: { ...malloc, ...chosenMalloc(), NODE_OPTIONS: `--import ${new URL('soak-collect.js', import.meta.url).href}` },
    onLine: (line) => lines.push(line) > 200 && lines.shift()
  })
  const reload = async (extra: boolean): Promise<void> => {
    await world.writeConfig(port, extra)
    process.kill(daemon.pid, 'SIGHUP')
    world.reloaded()
  }
  try {
    const died = daemon.ended.then((code) => {
      throw new ProgramError('PL-DEMO-PART-ENDED', `ended by itself (${code})`, 'the daemon', {
        fix: lines.slice(-5).join('\n')
      })
    })
    const cycles = Math.round((minutes * 60_000) / cycleMs)
    const run = soak(world, { pid: daemon.pid, port, cycles, reload, samples, signal: stop.signal })
    return verdict(await Promise.race([run, died]), world)
  } finally {
    stop.abort()
    await daemon.stop(3000)
    await world.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

interface Run {
  pid: number
  port: number
  cycles: number
  reload: (extra: boolean) => Promise<void>
  /** A file that gets a line of JSON for each cycle as it ends: a run may be broken off at any moment. */
  samples: string | undefined
  signal: AbortSignal
}

/** @returns the samples of each complete cycle; of fewer than asked for where it is stopped */
async function soak(world: SoakWorld, { pid, port, cycles, reload, samples: file, signal }: Run): Promise<Sample[][]> {
  while (!(await sampleOf(pid, port).catch(() => null))) await sleep(500, undefined, { signal })
  const all: Sample[][] = []
  for (let i = 0; i < cycles; i++) {
    const samples: Sample[] = []
    const take = setInterval(
      () =>
        void sampleOf(pid, port).then(
          (sample) => samples.push(sample),
          () => undefined
        ),
      sampleMs
    )
    try {
      await world.cycle(reload, signal)
      process.kill(pid, 'SIGUSR2')
      await sleep(collectMs, undefined, { signal })
    } catch (error) {
      if (signal.aborted) break
      throw error
    } finally {
      clearInterval(take)
    }
    all.push([...samples, await sampleOf(pid, port)])
    if (file) appendFileSync(file, `${JSON.stringify({ pid, cycle: i + 1, at: new Date(), values: cycleValues(all.at(-1)!) })}\n`)
    const { alarms, explanations } = world.counts
    say(
      `cycle ${i + 1} of ${cycles}: ${figures.map((f) => `${f.name} ${shown(f.of(samples.map((s) => s[f.name]!)))}`).join(', ')}; ${alarms} alarm messages, ${explanations} explanations so far`
    )
  }
  return all
}

function verdict(all: readonly Sample[][], world: SoakWorld): number {
  if (all.length < warmUpCycles + leastCycles) {
    say(`\nStopped after ${all.length} cycles: too early for a verdict.`)
    return 1
  }
  const steady = all.slice(warmUpCycles)
  const times = steady.map((_, i) => (i * cycleMs) / 60_000)
  const rows: (string | number)[][] = []
  const faults: string[] = []
  for (const { name, unit, of, allowance } of figures) {
    const values = steady.map((samples) => of(samples.map((sample) => sample[name]!)))
    const series: Series = { name, unit, allowance, values }
    const { slope, chance } = trendOf(times, values)
    const rising = rises(series, times)
    if (rising) faults.push(`${name} rises`)
    const perHour = `${slope >= 0 ? '+' : ''}${shown(slope * 60)} ${unit}`
    rows.push([
      name,
      shown(values[0]!),
      shown(values.at(-1)!),
      shown(Math.max(...values)),
      perHour,
      chance.toFixed(3),
      rising ? 'rises' : 'flat'
    ])
  }
  for (const [what, count] of Object.entries(world.counts)) if (count === 0) faults.push(`there were no ${what}`)
  say(
    `\n${Math.round((all.length * cycleMs) / 60_000)} minutes, ${cpus().length} cores (${cpus()[0]?.model.trim()}), Node.js ${process.version}; the first ${warmUpCycles} cycles are left out.`
  )
  say(
    `${Object.entries(world.counts)
      .map(([what, count]) => `${what} ${count}`)
      .join(', ')}\n`
  )
  say(table(['figure', 'first', 'last', 'largest', 'slope per hour', 'chance', 'verdict'], rows))
  say(faults.length > 0 ? `\nfault: ${faults.join(', ')}` : '\nNothing grows.')
  return faults.length > 0 ? 1 : 0
}

async function sampleOf(pid: number, port: number): Promise<Sample> {
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
  const metric = (name: string): number => Number(new RegExp(`^${name} (.*)$`, 'm').exec(text)?.[1] ?? 0)
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const field = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1])
  return {
    'memory in RAM': field('VmRSS') / 1024,
    'JavaScript heap': metric('nodejs_heap_size_used_bytes') / 2 ** 20,
    buffers: metric('nodejs_external_memory_bytes') / 2 ** 20,
    'open files': readdirSync(`/proc/${pid}/fd`).length,
    'child processes': childrenOf(pid),
    threads: field('Threads'),
    timers: metric('nodejs_active_resources\\{type="Timeout"\\}')
  }
}

function childrenOf(pid: number): number {
  const tasks = readdirSync(`/proc/${pid}/task`)
  return tasks.flatMap((task) => {
    try {
      return readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').split(' ').filter(Boolean)
    } catch {
      // The thread ended meanwhile.
      return []
    }
  }).length
}

/** One value for each figure, of the samples of a cycle. */
const cycleValues = (samples: readonly Sample[]): Sample =>
  Object.fromEntries(figures.map(({ name, of }) => [name, of(samples.map((sample) => sample[name]!))]))

function optionsOf(args: string[]): { minutes: number; samples: string | undefined } {
  const options = { minutes: { type: 'string', default: '30' }, samples: { type: 'string' } } as const
  const { values } = parseArgs({ args, options })
  const minutes = Number(values.minutes)
  if (minutes >= warmUpCycles + leastCycles) return { minutes, samples: values.samples }
  throw new UsageError('PL-OPTION-VALUE', `found ${JSON.stringify(values.minutes)}`, '--minutes', {
    fix: `Give at least ${warmUpCycles + leastCycles}.`
  })
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0))
    })
  })
}

const shown = (value: number): string => (Math.abs(value) < 100 ? value.toFixed(1) : value.toFixed(0))

main().then(
  (code) => process.exit(code),
  (error: unknown) => process.exit(report(error))
)
