/** `npm run bench -- latency --against FOLDER`: the daemon of this build and of another one, in turn, on the same stream. */
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { connectAsync, type MqttClient } from 'mqtt'
import { stringify } from 'yaml'
import type { HealthMessage } from '#painlens/contract/messages.js'
import { messageOf } from '#painlens/core/errors.js'
import { packageRoot } from '#painlens/core/version.js'
import type { Manifest } from '#painlens/lib/model/manifest.js'
import { median } from '#painlens/lib/statistics/index.js'
import { type DemoBroker, startBroker } from '#painlens/show/demo/broker.js'
import { besideChild, type Child, startPainlens } from '#painlens/show/demo/child.js'
import { startCamera } from './latency.js'
import { table } from './table.js'

interface Scene {
  name: string
  cameras: number
  /** Keys that both builds know. */
  config: object
}

/** One run's figures, by their name in the table. */
type Figures = Record<(typeof figureNames)[number], number>

const figureNames = [
  'capture to verdict, p50, ms',
  'capture to verdict, p95, ms',
  'a frame with a known face in the detector, ms',
  'processor time of the daemon, ms a frame'
] as const

const rounds = 7
/** A start takes some seconds, with a large model, on a busy machine, a minute. */
const mostSecondsToStart = 120
const framesBefore = 40
/** The ticks of /proc (proc(5)) a second. */
const ticksPerSecond = 100

/**
 * A run of each build in each round, which of them begins changing from round to round, so that what else the machine does falls
 * on both. The simulated camera and the broker are this build's for both.
 * @param other the folder of a built checkout, with its packages and face models
 * @returns Markdown tables: medians, and the median of the rounds' ratios with their range
 */
export async function againstTables(other: string, large: Manifest, say: (text: string) => void): Promise<string> {
  const model = { manifest: large.file.replace(/\.onnx$/, '.yaml') }
  const explanation = { enabled: false }
  const scenes: Scene[] = [
    { name: 'demonstration model, 2 cameras', cameras: 2, config: { explanation } },
    { name: 'full-size VGG-Face, 1 camera', cameras: 1, config: { explanation, model } }
  ]
  const tables: string[] = []
  for (const scene of scenes) tables.push(`${scene.name}\n\n${await compare(scene, other, say)}`)
  return tables.join('\n\n')
}

async function compare(scene: Scene, other: string, say: (text: string) => void): Promise<string> {
  const runs: Record<'here' | 'there', Figures[]> = { here: [], there: [] }
  for (let round = 0; round < rounds; round++)
    for (const side of round % 2 === 0 ? (['there', 'here'] as const) : (['here', 'there'] as const)) {
      const figures = await measure(scene, side === 'here' ? packageRoot : other)
      runs[side].push(figures)
      say(
        `${scene.name}, round ${round + 1} of ${rounds}, ${side}: ${figureNames.map((name) => figures[name].toFixed(1)).join(', ')}`
      )
    }
  const rows = figureNames.map((name) => {
    const [before, now] = [runs.there, runs.here].map((all) => all.map((figures) => figures[name])) as [
      number[],
      number[]
    ]
    const ratios = now.map((value, round) => value / before[round]!)
    const range = `${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)}`
    return [name, median(before).toFixed(1), median(now).toFixed(1), median(ratios).toFixed(3), range]
  })
  return table(['', 'there', 'here', 'ratio', `of ${rounds} rounds`], rows)
}

async function measure({ cameras, config }: Scene, root: string): Promise<Figures> {
  const folder = await mkdtemp(join(tmpdir(), 'painlens-against-'))
  const port = await freePort()
  const broker = await startBroker({ port: 0 })
  const camera = await startCamera()
  const file = join(folder, 'painlens.yaml')
  const text = stringify({
    device: 'bench',
    mqtt: { url: broker.url },
    cameras: Array.from({ length: cameras }, (_, i) => ({ id: `bed-${i + 1}`, url: camera.url, fps: 5 })),
    ...{ outbox: { path: join(folder, 'outbox') }, alarm_log: { path: join(folder, 'alarms') }, http: { port } },
    ...config
  })
  await writeFile(file, text)
  const said: string[] = []
  const daemon = startPainlens({ args: ['run', '--config', file], root, onLine: (line) => said.push(line) })
  try {
    return await besideChild(daemon, `the painlens in ${root}`, figuresOf(daemon, broker, port))
  } catch (error) {
    throw new Error(
      `the painlens in ${root} gave no figures, ${messageOf(error)}; its last lines: ${said.slice(-3).join('\n')}`,
      {
        cause: error
      }
    )
  } finally {
    await Promise.all([daemon.stop(4000), camera.child.stop(2500)])
    await broker.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

/** From one message about health to the next: 30 s. */
async function figuresOf({ pid }: Child, { url }: DemoBroker, port: number): Promise<Figures> {
  const client = await connectAsync(url, { protocolVersion: 4 })
  try {
    await client.subscribeAsync('painlens/bench/health')
    await framesHaveCome(pid, port)
    await nextHealth(client)
    const before = await sample(pid, port)
    const { p50, p95 } = (await nextHealth(client)).latency_ms
    const after = await sample(pid, port)
    return {
      'capture to verdict, p50, ms': p50 ?? Number.NaN,
      'capture to verdict, p95, ms': p95 ?? Number.NaN,
      'a frame with a known face in the detector, ms':
        (1000 * (after.detectSeconds - before.detectSeconds)) / (after.detects - before.detects),
      'processor time of the daemon, ms a frame':
        (1000 * (after.cpuSeconds - before.cpuSeconds)) / (after.frames - before.frames)
    }
  } finally {
    await client.endAsync(true)
  }
}

function nextHealth(client: MqttClient): Promise<HealthMessage> {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error('no message about health came within 90 s')), 90_000)
    client.once('message', (_, payload) => {
      clearTimeout(late)
      resolve(JSON.parse(payload.toString()) as HealthMessage)
    })
  })
}

/** The resident is known then, and what is compiled at the first frames is compiled. */
async function framesHaveCome(pid: number, port: number): Promise<void> {
  let last = ''
  for (let waited = 0; waited < mostSecondsToStart; waited++) {
    const frames = await sample(pid, port).then(
      (seen) => seen.frames,
      (error: unknown) => messageOf(error)
    )
    if (Number(frames) >= framesBefore) return
    last = String(frames)
    await sleep(1000)
  }
  throw new Error(`${framesBefore} frames did not come within ${mostSecondsToStart} s: ${last}`)
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  await new Promise((closed) => server.close(closed))
  return port
}

/** Sums since the daemon's start. The decoders are processes of their own, and not counted. */
async function sample(pid: number, port: number) {
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
  const metric = (name: string, stage: string): number => {
    const line = text.split('\n').find((one) => one.startsWith(`painlens_stage_seconds_${name}{stage="${stage}"}`))
    return Number(line?.split(' ').at(-1) ?? Number.NaN)
  }
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ')
  return {
    cpuSeconds: (Number(stat[11]) + Number(stat[12])) / ticksPerSecond,
    frames: metric('count', 'frame'),
    detects: metric('count', 'detect'),
    detectSeconds: metric('sum', 'detect')
  }
}
