/** What four viewers of the page cost: capture to publish in one daemon, in turns with and without them. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { connectAsync } from 'mqtt'
import { stringify } from 'yaml'
import type { AlarmMessage, ObservationMessage } from '#painlens/contract/messages.js'
import { median } from '#painlens/lib/statistics/index.js'
import { startBroker } from '#painlens/show/demo/broker.js'
import { besideChild, startPainlens } from '#painlens/show/demo/child.js'
import { startCamera } from './latency.js'
import { alwaysAlarming } from './latency-scenes.js'
import { quantile, table } from './table.js'

const token = 'token-of-the-bench-0123'
const cameras = ['bed-1', 'bed-2']
const viewers = 4
const rounds = 7
const phaseMs = 40_000
/** What a change of phase still moves. */
const settleMs = 3000
/** A pause ends a camera's alarm; the face that is found after it begins another. */
const pauseEveryMs = 2500

interface Phase {
  /** From capture until a subscriber has it, in ms. */
  observations: number[]
  alarms: number[]
  pictures: number
}

/**
 * Each viewer reads the events and asks for a picture of one camera each second, as a technician's browser does, and draws nothing.
 * @returns a Markdown table: p50 and p95 over all phases, and the median and the range of the ratios of neighbouring phases
 */
export async function viewersTable(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'painlens-bench-'))
  const broker = await startBroker({ port: 0 })
  const camera = await startCamera()
  const port = 40_000 + Math.floor(Math.random() * 20_000)
  const config = join(folder, 'painlens.yaml')
  const text = stringify({
    device: 'bench',
    mqtt: { url: broker.url },
    cameras: cameras.map((id) => ({ id, url: camera.url, fps: 5 })),
    outbox: { path: join(folder, 'outbox') },
    alarm_log: { path: join(folder, 'alarms') },
    alarm: alwaysAlarming,
    explanation: { enabled: false },
    page: { enabled: true, port, tokens: { technician: token }, path: join(folder, 'page') },
    privacy: { show_pictures: true }
  })
  await writeFile(config, text)
  const client = await connectAsync(broker.url, { protocolVersion: 4 })
  let phase: Phase | null = null
  client.on('message', (topic, payload) => {
    const message = JSON.parse(payload.toString()) as AlarmMessage & ObservationMessage
    if (topic.endsWith('/observation')) phase?.observations.push(Date.now() - Date.parse(message.at))
    else if (message.phase === 'start' && message.type === 'physiological')
      phase?.alarms.push(Date.now() - Date.parse(message.updated))
  })
  await client.subscribeAsync(['painlens/bench/alarm', 'painlens/bench/camera/+/observation'])
  const daemon = startPainlens({ args: ['run', '--config', config], onLine: () => undefined })
  let turn = 0
  const pausing = setInterval(() => {
    const command = { camera: cameras[turn++ % cameras.length], duration_s: 1 }
    client.publish('painlens/bench/command/pause', JSON.stringify(command), { qos: 1 })
  }, pauseEveryMs)
  try {
    const cookie = await besideChild(daemon, 'painlens run', logIn(`http://127.0.0.1:${port}`))
    const phases: { without: Phase; viewed: Phase }[] = []
    const measure = async (isViewed: boolean): Promise<Phase> => {
      const leaving = new AbortController()
      const measured: Phase = { observations: [], alarms: [], pictures: 0 }
      const looking = Array.from({ length: isViewed ? viewers : 0 }, (_, i) =>
        look(`http://127.0.0.1:${port}`, { cookie, camera: cameras[i % 2]! }, leaving.signal, () => measured.pictures++)
      )
      await sleep(settleMs)
      phase = measured
      await sleep(phaseMs)
      phase = null
      leaving.abort()
      await Promise.all(looking)
      return measured
    }
    for (let round = 0; round < rounds; round++) {
      // What else the machine does falls on both.
      const first = await measure(round % 2 === 1)
      const second = await measure(round % 2 === 0)
      phases.push(round % 2 === 1 ? { viewed: first, without: second } : { without: first, viewed: second })
    }
    return tableOf(phases)
  } finally {
    clearInterval(pausing)
    await client.endAsync(true)
    await Promise.all([daemon.stop(2500), camera.child.stop(2500)])
    await broker.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

/** Once the page is there. */
async function logIn(address: string): Promise<string> {
  for (let tries = 0; tries < 120; tries++) {
    const answer = await fetch(`${address}/api/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', origin: address },
      body: JSON.stringify({ token, name: 'bench' })
    }).catch(() => null)
    const cookie = answer?.headers.get('set-cookie')?.split(';')[0]
    if (cookie) return cookie
    await sleep(1000)
  }
  throw new Error('the page did not open')
}

async function look(
  address: string,
  { cookie, camera }: { cookie: string; camera: string },
  signal: AbortSignal,
  onPicture: () => void
): Promise<void> {
  const headers = { cookie, origin: address, 'content-type': 'application/json' }
  try {
    const events = await fetch(`${address}/api/events`, { headers, signal })
    void events.text().catch(() => undefined)
    await fetch(`${address}/api/look`, { method: 'POST', headers, body: JSON.stringify({ camera }), signal })
    for (;;) {
      const answer = await fetch(`${address}/api/picture?camera=${camera}`, { headers, signal })
      await answer.arrayBuffer()
      // None during a pause.
      if (answer.ok) onPicture()
      await sleep(1000, undefined, { signal })
    }
  } catch (error) {
    if (!signal.aborted) throw error
  }
}

function tableOf(phases: readonly { without: Phase; viewed: Phase }[]): string {
  const row = (name: string, of: (phase: Phase) => number[]): string[] => {
    const all = (side: 'without' | 'viewed') => phases.flatMap((pair) => of(pair[side]))
    const times = (side: 'without' | 'viewed'): string =>
      [0.5, 0.95].map((share) => `${quantile(all(side), share)?.toFixed(0)} ms`).join(' / ')
    const p95 = (phase: Phase): number => quantile(of(phase), 0.95) ?? Number.NaN
    const ratios = phases.map(({ without, viewed }) => p95(viewed) / p95(without))
    const range = `${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)}`
    return [
      name,
      times('without'),
      times('viewed'),
      `${median(ratios).toFixed(2)} (${range})`,
      String(all('viewed').length)
    ]
  }
  const pictures = phases.reduce((sum, { viewed }) => sum + viewed.pictures, 0)
  const head = ['p50 / p95', 'no viewer', `${viewers} viewers`, 'ratio of p95, median (range)', 'count']
  return `${table(head, [row('capture to a subscriber having the observation', (phase) => phase.observations), row('capture to a subscriber having an alarm', (phase) => phase.alarms)])}\n\n${pictures} pictures were given.`
}
