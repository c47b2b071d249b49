/** `npm run soak -- --minutes N`: the real daemon while cameras and broker come and go; fails if it grows. */
import { appendFileSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { report } from '#painlens/commands/report.js'
import { messageOf, ProgramError } from '#painlens/core/errors.js'
import { startPainlens } from '#painlens/show/demo/child.js'
import { table } from '../bench/table.js'
import { unitEnvironment } from '../bench/unit-environment.js'
import { cycleValues, figures, type Sample, sampleOf } from './figures.js'
import { memoryMapOf, threadsOf } from './memory-map.js'
import { cycleMs, SoakWorld } from './soak-world.js'
import { type Series, trendOf, verdictOn } from './trend.js'

const sampleMs = 3000
/** The time that a full garbage collection may take on a busy machine. */
const collectMs = 1000
/** Models are opened, caches and pools fill. */
const warmUpCycles = 2
const leastCycles = 5
const say = (text: string): void => void process.stdout.write(`${text}\n`)

/** The unit's environment, but for what the caller's has, to compare; and what collects garbage. */
function environment(): NodeJS.ProcessEnv {
  const unit = unitEnvironment()
  const chosen = Object.entries(process.env).filter(([name]) => Object.hasOwn(unit, name))
  const variables = { ...unit, ...Object.fromEntries(chosen) }
  const collect = `--import ${new URL('soak-collect.js', import.meta.url).href}`
  return { ...variables, NODE_OPTIONS: `${variables.NODE_OPTIONS} ${collect}` }
}

async function main(): Promise<number> {
  const asked = optionsOf(process.argv.slice(2))
  if ('told' in asked) {
    say(asked.told)
    return asked.code
  }
  const { minutes, samples } = asked
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
    env: environment(),
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
    let end: Sample
    try {
      await world.cycle(reload, signal)
      process.kill(pid, 'SIGUSR2')
      await sleep(collectMs, undefined, { signal })
      end = await patientSample(pid, port, signal)
    } catch (error) {
      if (signal.aborted) break
      throw error
    } finally {
      clearInterval(take)
    }
    all.push([...samples, end])
    if (file) {
      const values = cycleValues(all.at(-1)!)
      const line = { cycle: i + 1, at: new Date(), values, memory: memoryMapOf(pid), threads: threadsOf(pid) }
      appendFileSync(file, `${JSON.stringify(line)}\n`)
    }
    const { alarms, explanations } = world.counts
    say(
      `cycle ${i + 1} of ${cycles}: ${figures.map((f) => `${f.name} ${shown(f.of(samples.map((s) => s[f.name]!)))}`).join(', ')}; ${alarms} alarm messages, ${explanations} explanations so far`
    )
  }
  return all
}

/** On a busy machine a request may fail; a daemon that does not answer for a minute fails the run. */
async function patientSample(pid: number, port: number, signal: AbortSignal): Promise<Sample> {
  for (let tries = 1; ; tries++) {
    try {
      return await sampleOf(pid, port)
    } catch (error) {
      if (tries === 60) throw error
      await sleep(1000, undefined, { signal })
    }
  }
}

/** What is said of a figure that is not flat. */
const sayings = {
  rises: 'rises',
  open: 'swings so much that a rise cannot be excluded (a longer run can tell)'
} as const

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
    const { slope, mostSlope, chance } = trendOf(times, values)
    const found = verdictOn(series, times)
    if (found !== 'flat') faults.push(`${name} ${sayings[found]}`)
    rows.push([
      name,
      shown(values[0]!),
      shown(values.at(-1)!),
      shown(Math.max(...values)),
      `${perHour(slope)} ${unit}`,
      `${perHour(mostSlope)} ${unit}`,
      chance.toFixed(3),
      found
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
  say(table(['figure', 'first', 'last', 'largest', 'slope per hour', 'at most', 'chance', 'verdict'], rows))
  say(faults.length > 0 ? `\nfault: ${faults.join(', ')}` : '\nNothing grows.')
  return faults.length > 0 ? 1 : 0
}

const usage = `npm run soak -- [--minutes N] [--samples FILE]: the daemon over time; docs/measured/soak.md says how it is judged

  --minutes N     cycles of a minute, at least ${warmUpCycles + leastCycles} (30)
  --samples FILE  a line of JSON for each cycle
Exit codes: 0 nothing grows, 1 something does or may, 2 wrong usage.`

/** @returns what is to be told, and the exit code, where nothing is to be run */
function optionsOf(args: string[]): { minutes: number; samples: string | undefined } | { told: string; code: number } {
  const text = { type: 'string' } as const
  const help = { type: 'boolean', short: 'h', default: false } as const
  try {
    const { values } = parseArgs({ args, options: { minutes: { ...text, default: '30' }, samples: text, help } })
    const minutes = Number(values.minutes)
    if (values.help) return { told: usage, code: 0 }
    if (minutes >= warmUpCycles + leastCycles) return { minutes, samples: values.samples }
    return { told: `--minutes: found ${JSON.stringify(values.minutes)}\n${usage}`, code: 2 }
  } catch (error) {
    return { told: `${messageOf(error)}\n${usage}`, code: 2 }
  }
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

const perHour = (slope: number): string => `${slope >= 0 ? '+' : ''}${shown(slope * 60)}`

const shown = (value: number): string => (Math.abs(value) < 100 ? value.toFixed(1) : value.toFixed(0))

main().then(
  (code) => process.exit(code),
  (error: unknown) => process.exit(report(error))
)
