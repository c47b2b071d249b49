/** Capture to publish in the real daemon: two cameras at 5 fps, a broker, all on this machine. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connectAsync, type MqttClient } from 'mqtt'
import { stringify } from 'yaml'
import type { AlarmMessage, HealthMessage } from '#painlens/contract/messages.js'
import { event } from '#painlens/core/event.js'
import { startBroker } from '#painlens/show/demo/broker.js'
import { besideChild, type Child, startPainlens } from '#painlens/show/demo/child.js'
import { quantile, table } from './table.js'

/** @throws ProgramError where it ends before it plays, with its last words */
export async function startCamera(): Promise<{ url: string; child: Child }> {
  const [sayReady, ready] = event()
  let url = ''
  const child = startPainlens({
    args: ['simulate', '--json', '--rtsp-port', '0'],
    onLine: (line, stream) => {
      if (stream !== 'stdout' || !line.includes('"ready"')) return
      url = (JSON.parse(line) as { url: string }).url
      sayReady()
    }
  })
  await besideChild(child, 'painlens simulate', ready)
  return { url, child }
}

/** What the daemon has to do while its latency is measured. */
export interface LatencyScene {
  name: string
  cameras: number
  /** Sections of the config. */
  config?: object
  /** Each camera is paused and resumed again and again, so that alarms start, and are explained, all the time. */
  manyAlarms?: boolean
}

interface Measured {
  health: HealthMessage
  /** From an alarm's frame to the moment its subscriber has it, in ms. */
  alarms: number[]
  explanations: number
}

/** @returns a Markdown table of what the daemon says in its health message, and what a subscriber sees, after `seconds` */
export async function latencyTable(scenes: readonly LatencyScene[], seconds: number): Promise<string> {
  const columns: string[][] = []
  for (const scene of scenes) columns.push(describe(scene, await measure(scene, seconds)))
  const rows = rowNames.map((name, row) => [name, ...columns.map((column) => column[row]!)])
  return table(['', ...scenes.map(({ name }) => name)], rows)
}

const rowNames = [
  'capture to verdict handed on, p50 / p95',
  'capture to the broker having an alarm, p50 / p95',
  'capture to the subscriber of an alarm, p50 / p95',
  'alarms, explanations',
  'main thread event-loop delay, p99',
  'frames judged',
  'frames dropped'
]

function describe({ manyAlarms }: LatencyScene, { health, alarms, explanations }: Measured): string[] {
  const { latency_ms, publish_ms, event_loop_ms, cameras, uptime_s } = health
  const sum = (key: 'frames' | 'dropped'): number => Object.values(cameras).reduce((all, one) => all + one[key], 0)
  const time = (ms: number | null): string => (ms === null ? '' : `${ms.toFixed(ms < 10 ? 1 : 0)} ms`)
  const times = (p50: number | null, p95: number | null): string => `${time(p50)} / ${time(p95)}`
  return [
    times(latency_ms.p50, latency_ms.p95),
    manyAlarms ? times(publish_ms.p50, publish_ms.p95) : '',
    manyAlarms ? times(quantile(alarms, 0.5), quantile(alarms, 0.95)) : '',
    manyAlarms ? `${alarms.length}, ${explanations}` : '',
    time(event_loop_ms.p99),
    `${((sum('frames') - sum('dropped')) / uptime_s).toFixed(1)} per second`,
    `${sum('dropped')} of ${sum('frames')}`
  ]
}

async function measure(scene: LatencyScene, seconds: number): Promise<Measured> {
  const folder = await mkdtemp(join(tmpdir(), 'painlens-bench-'))
  const broker = await startBroker({ port: 0 })
  const camera = await startCamera()
  const config = join(folder, 'painlens.yaml')
  const cameras = Array.from({ length: scene.cameras }, (_, i) => `bed-${i + 1}`)
  // All cameras watch one simulated bed, so that drawing it does not take the cores from what is measured.
  const text = stringify({
    device: 'bench',
    mqtt: { url: broker.url },
    cameras: cameras.map((id) => ({ id, url: camera.url, fps: 5 })),
    outbox: { path: join(folder, 'outbox') },
    ...scene.config
  })
  await writeFile(config, text)
  const client = await connectAsync(broker.url, { protocolVersion: 4 })
  const daemon = startPainlens({ args: ['run', '--config', config], onLine: () => undefined })
  try {
    return await besideChild(daemon, 'painlens run', listen(client, scene, cameras, seconds))
  } finally {
    await client.endAsync(true)
    await Promise.all([daemon.stop(2500), camera.child.stop(2500)])
    await broker.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

/** A camera's pause ends its alarm; the face that is found after it begins another. */
const pauseEveryMs = 5000

async function listen(
  client: MqttClient,
  scene: LatencyScene,
  cameras: readonly string[],
  seconds: number
): Promise<Measured> {
  const alarms: number[] = []
  let health: HealthMessage | undefined
  let explanations = 0
  const take: Record<string, (message: never) => void> = {
    health: (message: HealthMessage) => {
      health = message
    },
    alarm: ({ phase, type, updated }: AlarmMessage) => {
      if (phase === 'start' && type === 'physiological') alarms.push(Date.now() - Date.parse(updated))
    },
    explanation: () => void explanations++
  }
  // Each topic has its own message, as the contract says.
  client.on('message', (topic, payload) => take[topic.split('/')[2]!]?.(JSON.parse(payload.toString()) as never))
  await client.subscribeAsync(Object.keys(take).map((topic) => `painlens/bench/${topic}`))
  let turn = 0
  const pausing = setInterval(() => {
    const command = { camera: cameras[turn++ % cameras.length], duration_s: 1 }
    client.publish('painlens/bench/command/pause', JSON.stringify(command), { qos: 1 })
  }, pauseEveryMs / cameras.length)
  if (!scene.manyAlarms) clearInterval(pausing)
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000))
  clearInterval(pausing)
  if (!health) throw new Error('the daemon sent no health message')
  return { health, alarms, explanations }
}
