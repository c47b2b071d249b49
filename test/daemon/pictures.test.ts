import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connectAsync } from 'mqtt'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { stringify } from 'yaml'
import type { AlarmMessage, CameraStateMessage, HealthMessage } from '../../src/contract/messages.js'
import { silentLog } from '../../src/core/log.js'
import type { CameraState } from '../../src/core/types.js'
import type { Report } from '../../src/daemon/health/http.js'
import { type Feed, type FeedCodec, startFeed } from '../../src/show/simulate/feed.js'
import { type RtspServer, startRtspServer } from '../../src/show/simulate/rtsp-server.js'
import { type Film, noisy, sleepingRoom } from '../../tools/bench/sleeping-room.js'
import { holdToContract } from '../support/contract.js'
import { startPainlensProcess } from '../support/daemon.js'
import { shown } from '../support/film.js'
import { freePort, type Mosquitto, startMosquitto } from '../support/mosquitto.js'
import { patience, until } from '../support/slowness.js'
import { writeTinyModel } from '../support/tiny-model.js'

const size = { width: 320, height: 180 }
const fps = 5
const noise = 2.5

/** The picture behind a bright cloth before the lens: from light to shade, without an edge. */
function cloth(): Uint8Array {
  const data = new Uint8Array(size.width * size.height * 3)
  for (let i = 0; i < data.length; i++) data[i] = 60 + (120 * (Math.floor(i / 3) % size.width)) / size.width
  return data
}

/** The event of each camera, and the expected state and reason. `exact`: MJPEG encodes the same picture to the same bytes. */
const fates: Record<string, { codec: FeedCodec; state: CameraState; reason: RegExp | null }> = {
  sleeping: { codec: 'h264', state: 'ok', reason: null },
  exact: { codec: 'mjpeg', state: 'frozen', reason: /^the same picture for \d+ s$/ },
  encoded: { codec: 'hevc', state: 'frozen', reason: /^the same picture for \d+ s$/ },
  capped: { codec: 'h264', state: 'dark', reason: /^the brightest part has \d+ of 255 grey levels$/ },
  covered: { codec: 'h264', state: 'dark', reason: /^nothing stands out: / }
}
const ids = Object.keys(fates)
const troubled = ids.filter((id) => fates[id]!.reason)
const conditionOf = (id: string) => `camera_${fates[id]!.state}`

let folder: string
let broker: Mosquitto
let server: RtspServer
let feeds: Feed[]
let happened = false
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'painlens-pictures-'))
  broker = await startMosquitto()
  server = await startRtspServer({ log: silentLog })
  // A night lamp's light.
  const room = await sleepingRoom(size, 0.1)
  const still = Uint8Array.from(noisy(room, size.width, noise)(4711))
  const black = new Uint8Array(room.length)
  const after: Record<string, Film> = {
    exact: () => still,
    encoded: () => still,
    capped: noisy(black, size.width, noise),
    covered: noisy(cloth(), size.width, noise)
  }
  feeds = await Promise.all(
    ids.map((id) => {
      const live = noisy(room, size.width, noise)
      const frames = shown((index) => (happened ? (after[id] ?? live) : live)(index), fps)
      const { codec } = fates[id]!
      return startFeed({ server, path: `/${id}`, codec, ...size, fps, frames, log: silentLog })
    })
  )
})
afterAll(async () => {
  await Promise.all(feeds.map((feed) => feed.stop()))
  await server.stop()
  await broker.remove()
  await rm(folder, { recursive: true, force: true })
})

/** A real daemon with all these cameras, its messages about them, and its answers over HTTP. */
async function watch() {
  const file = join(folder, 'painlens.yaml')
  const port = await freePort()
  const cameras = ids.map((id) => ({ id, url: server.url(`/${id}`), ...size, location: { room: id } }))
  const config = { device: 'pictures', mqtt: { url: broker.url }, cameras, http: { port }, outbox: { path: 'outbox' } }
  const model = { manifest: await writeTinyModel(folder) }
  await writeFile(file, stringify({ ...config, model, explanation: { enabled: false } }))
  const states = new Map<string, CameraStateMessage>()
  const alarms: AlarmMessage[] = []
  const health: HealthMessage[] = []
  const nurse = await connectAsync(broker.url)
  onTestFinished(() => nurse.endAsync(true))
  holdToContract(nurse)
  nurse.on('message', (topic, bytes) => {
    const [, , kind, id] = topic.split('/')
    const message = JSON.parse(bytes.toString()) as object
    if (kind === 'camera' && topic.endsWith('/state')) states.set(id!, message as CameraStateMessage)
    if (kind === 'alarm') alarms.push(message as AlarmMessage)
    if (kind === 'health') health.push(message as HealthMessage)
  })
  await nurse.subscribeAsync('painlens/pictures/#', { qos: 1 })
  const daemon = startPainlensProcess(['run', '--config', file])
  const all = (state: (id: string) => CameraState, ms: number) =>
    until(() => ids.every((id) => states.get(id)?.state === state(id)), 'the cameras', ms).catch((error: Error) => {
      throw new Error(`${error.message}: ${JSON.stringify([...states])}\n${daemon.output()}`)
    })
  const ask = async (path: string): Promise<Report & { status: number }> => {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`)
    return { ...((await answer.json()) as Report), status: answer.status }
  }
  const freshHealth = async (): Promise<HealthMessage> => {
    health.length = 0
    await nurse.publishAsync('painlens/pictures/command/refresh', '{}', { qos: 1 })
    return await until(() => health[0], 'health')
  }
  const alarm = (id: string, phase: AlarmMessage['phase']) =>
    until(() => alarms.find((one) => one.camera === id && one.phase === phase), `${phase} of the alarm of ${id}`)
  return { daemon, states, alarms, all, ask, freshHealth, alarm }
}

describe('frozen and dark pictures', () => {
  it('are reported with their reason until a live picture comes; a sleeping resident is not', {
    timeout: patience(120_000)
  }, async () => {
    const { daemon, states, alarms, all, ask, freshHealth, alarm } = await watch()
    await all(() => 'ok', 40_000)
    expect(await ask('/ready')).toMatchObject({ status: 200, ok: true })
    const began = Date.now()
    happened = true
    await all((id) => fates[id]!.state, 60_000)
    for (const id of troubled) {
      const start = await alarm(id, 'start')
      expect(start).toMatchObject({ type: 'technical', condition: conditionOf(id), location: { room: id } })
      // Not before the picture has been still or dark for 10 s.
      expect(Date.parse(states.get(id)!.since) - began).toBeGreaterThan(9000)
    }
    const { cameras, problems } = await freshHealth()
    const ready = await ask('/ready')
    expect(ready.status).toBe(503)
    expect((await ask('/live')).ok).toBe(true)
    for (const told of [problems, ready.parts]) {
      expect(told.map(({ part }) => part).sort()).toEqual(troubled.map((id) => `camera ${id}`).sort())
      for (const id of troubled) {
        const [state, reason] = told.find(({ part }) => part === `camera ${id}`)!.why.split(/: (.*)/)
        expect(state).toBe(fates[id]!.state)
        expect(reason).toMatch(fates[id]!.reason!)
      }
    }
    for (const id of ids) expect(cameras[id]?.state).toBe(fates[id]!.state)

    happened = false
    await all(() => 'ok', 40_000)
    for (const id of troubled) {
      const start = await alarm(id, 'start')
      expect(await alarm(id, 'end')).toMatchObject({ alarm_id: start.alarm_id, reason: 'cleared', state: 'ended' })
    }
    expect(await ask('/ready')).toMatchObject({ status: 200, ok: true })
    expect((await freshHealth()).problems).toEqual([])
    expect(alarms.filter(({ camera }) => camera === 'sleeping')).toEqual([])
    daemon.child.kill('SIGTERM')
    expect(await daemon.ended).toBe(0)
  })
})
