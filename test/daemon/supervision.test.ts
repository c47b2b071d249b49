import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { connectAsync } from 'mqtt'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { stringify } from 'yaml'
import { loadConfig } from '../../src/config/index.js'
import { systemClock } from '../../src/core/clock.js'
import { silentLog } from '../../src/core/log.js'
import type { AlarmMessage, HealthMessage } from '../../src/core/messages.js'
import { Secrets } from '../../src/core/secrets.js'
import type { Report } from '../../src/http/index.js'
import { type Daemon, startDaemon } from '../../src/pipeline/daemon.js'
import { type Feed, startFeed } from '../../src/simulate/feed.js'
import { type RtspServer, startRtspServer } from '../../src/simulate/rtsp-server.js'
import { createNotifier } from '../../src/systemd/notify.js'
import { commandLine, descendants, isRunning, startPainlensProcess, until } from '../support/daemon.js'
import { holdWorkers, killWorkers } from '../support/kill-worker.js'
import { freePort, type Mosquitto, startMosquitto } from '../support/mosquitto.js'
import { writeTinyModel } from '../support/tiny-model.js'

const picture = { width: 320, height: 192, fps: 5 }

let folder: string
let manifest: string
let broker: Mosquitto
let server: RtspServer
let feeds: Feed[]
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'painlens-supervision-'))
  manifest = await writeTinyModel(folder)
  broker = await startMosquitto()
  server = await startRtspServer({ log: silentLog })
  const frames = { lavfi: 'testsrc2=size=320x192:rate=5' }
  feeds = await Promise.all(
    ['/a', '/b'].map((path) => startFeed({ server, path, codec: 'h264', ...picture, frames, log: silentLog }))
  )
})
afterAll(async () => {
  await Promise.all(feeds.map((feed) => feed.stop()))
  await server.stop()
  await broker.remove()
  await rm(folder, { recursive: true, force: true })
})

const camera = (id: string, changes: object = {}) => ({ id, url: server.url(`/${id}`), ...picture, ...changes })

/** A config file in a folder of its own, and what a daemon with that config publishes and answers. */
async function rig(device: string, cameras: object[] = [camera('a')]) {
  const port = await freePort()
  const own = await mkdtemp(join(folder, 'config-'))
  const file = join(own, 'painlens.yaml')
  const write = (all: object[], changes: object = {}) => {
    const config = { device, mqtt: { url: broker.url }, cameras: all, model: { manifest }, http: { port } }
    return writeFile(file, stringify({ ...config, explanation: { enabled: false }, outbox: { path: 'o' }, ...changes }))
  }
  await write(cameras)
  const alarms: AlarmMessage[] = []
  const health: HealthMessage[] = []
  const nurse = await connectAsync(broker.url)
  onTestFinished(() => nurse.endAsync(true))
  nurse.on('message', (topic, bytes) => {
    const lists: Record<string, object[]> = { alarm: alarms, health }
    lists[topic.split('/')[2]!]?.push(JSON.parse(bytes.toString()) as object)
  })
  await nurse.subscribeAsync(`painlens/${device}/#`, { qos: 1 })
  const alarm = (condition: string, phase: string, ms?: number) =>
    until(() => alarms.find((a) => a.condition === condition && a.phase === phase), `${phase} of ${condition}`, ms)
  const ask = async (path: string): Promise<Report & { status: number }> => {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`)
    return { ...((await answer.json()) as Report), status: answer.status }
  }
  const metric = async (name: string): Promise<number> => {
    const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
    const line = text.split('\n').find((candidate) => candidate.startsWith(`${name} `))
    if (line === undefined) throw new Error(`there is no ${name} in\n${text}`)
    return Number(line.slice(name.length))
  }
  return { file, write, alarms, health, alarm, ask, metric }
}

/** Asks until the answer fits. */
async function eventually<T>(
  ask: () => Promise<T>,
  fits: (answer: T) => boolean,
  what: string,
  ms = 30_000
): Promise<T> {
  const deadline = Date.now() + ms
  let last: T | undefined
  while (Date.now() < deadline) {
    last = await ask().catch(() => undefined)
    if (last !== undefined && fits(last)) return last
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error(`waited in vain for ${what}; last: ${JSON.stringify(last)}`)
}

/** The daemon in this process, so that the debugger reaches its workers. */
async function startHere(file: string): Promise<{ daemon: Daemon; fatal: Error[] }> {
  const fatal: Error[] = []
  const daemon = await startDaemon({
    config: (await loadConfig(file)).config,
    secrets: new Secrets(),
    log: silentLog,
    clock: systemClock,
    onFatal: (error) => fatal.push(error)
  })
  onTestFinished(() => daemon.stop())
  return { daemon, fatal }
}

/** What systemd would get, by test/systemd/receiver.py. */
async function fakeSystemd(): Promise<{ fed: () => number }> {
  const socket = join(await mkdtemp(join(folder, 'notify-')), 'socket')
  const script = join(import.meta.dirname, '../systemd/receiver.py')
  const receiver: ChildProcess = spawn('python3', [script, socket], { stdio: ['ignore', 'pipe', 'inherit'] })
  const before = process.env.NOTIFY_SOCKET
  process.env.NOTIFY_SOCKET = socket
  onTestFinished(() => {
    receiver.kill()
    if (before === undefined) delete process.env.NOTIFY_SOCKET
    else process.env.NOTIFY_SOCKET = before
  })
  let fed = 0
  let listening = false
  createInterface({ input: receiver.stdout! }).on('line', (line) => {
    const { text } = JSON.parse(line) as { text?: string }
    if (text === undefined) listening = true
    else if (text.includes('WATCHDOG=1')) fed++
  })
  await until(() => listening, 'the socket')
  return { fed: () => fed }
}

describe('a worker', () => {
  it('that dies is started again: its frames are dropped and counted, and an alarm lasts meanwhile; the third time ends painlens', async () => {
    const { file, alarms, alarm, ask, metric } = await rig('dies')
    const { fatal } = await startHere(file)
    await eventually(
      () => ask('/ready'),
      ({ ok }) => ok,
      'ready'
    )
    expect(await killWorkers('detect/worker.js')).toBe(1)
    const start = await alarm('inference_failed', 'start')
    expect(start.text.en).toMatch(/^Faces cannot be analysed: the face worker: ended with code 7/)
    expect(await alarm('inference_failed', 'end')).toMatchObject({ alarm_id: start.alarm_id, reason: 'cleared' })
    await eventually(
      () => metric('painlens_worker_restarts_total{part="detect"}'),
      (count) => count === 1,
      'the count'
    )
    await eventually(
      () => ask('/ready'),
      ({ ok }) => ok,
      'ready again'
    )
    const frames = await metric('painlens_camera_frames_total{camera="a"}')
    const looked = () => metric('painlens_stage_seconds_count{stage="frame"}')
    const before = await eventually(looked, (count) => count > 0, 'inferences')
    await eventually(looked, (count) => count > before, 'more of them')
    expect(frames).toBeGreaterThan(0)
    expect(fatal).toEqual([])

    for (const round of [2, 3]) {
      expect(await killWorkers('detect/worker.js')).toBe(1)
      if (round === 3) break
      await eventually(
        () => metric('painlens_worker_restarts_total{part="detect"}'),
        (count) => count === round,
        'it'
      )
    }
    await until(() => fatal.length > 0, 'the end')
    expect(fatal[0]!.message).toMatch(/the face worker: was lost 3 times/)
    const dropped = await metric('painlens_camera_dropped_total{camera="a"}')
    await eventually(
      () => metric('painlens_camera_dropped_total{camera="a"}'),
      (now) => now > dropped,
      'drops'
    )
    expect(alarms.filter(({ condition, phase }) => condition === 'inference_failed' && phase === 'start')).toHaveLength(
      3
    )
    expect(alarms.findLast(({ condition }) => condition === 'inference_failed')!.phase).not.toBe('end')
  })

  it('that is stuck stops the watchdog and is named; when it comes back, all goes on', {
    timeout: 120_000
  }, async () => {
    const { fed } = await fakeSystemd()
    const { file, alarm, ask } = await rig('stuck')
    const { daemon } = await startHere(file)
    const notifier = createNotifier({ env: { ...process.env, WATCHDOG_USEC: '1000000' }, log: silentLog })
    onTestFinished(() => notifier.stop())
    notifier.startWatchdog(() => daemon.isAlive())
    await eventually(
      () => ask('/ready'),
      ({ ok }) => ok,
      'ready'
    )
    await until(() => fed() >= 2, 'food')
    expect(await holdWorkers('detect/worker.js', 45_000)).toBe(1)
    const stuck = await eventually(
      () => ask('/live'),
      ({ ok }) => !ok,
      'the end of patience',
      45_000
    )
    // What waits behind the stuck part may be named as well, when both lose their patience between two questions.
    expect(stuck.status).toBe(503)
    expect(stuck.parts.find(({ part }) => part === 'detect')?.why).toMatch(/an inference has been under way for \d+ s/)
    expect((await ask('/ready')).parts.map(({ part }) => part)).toContain('detect')
    const raised = await alarm('inference_failed', 'start')
    expect(raised.text.en).toMatch(/detect: an inference has been under way/)
    // What was on its way to systemd has arrived by now.
    await new Promise((resolve) => setTimeout(resolve, 1000))
    const before = fed()
    await new Promise((resolve) => setTimeout(resolve, 3000))
    expect((await ask('/live')).ok).toBe(false)
    expect(fed()).toBe(before)
    await eventually(
      () => ask('/live'),
      ({ ok }) => ok,
      'life',
      45_000
    )
    await until(() => fed() > before, 'food again')
    await alarm('inference_failed', 'end')
  })
})

/** The decoders of a real daemon; systemd-notify and the like are no such thing. */
const decoders = (pid: number): number[] =>
  descendants(pid).filter((id) => isRunning(id) && /ffmpeg/.test(safely(() => commandLine(id))))

function safely(read: () => string): string {
  try {
    return read()
  } catch {
    return ''
  }
}

describe('a decoder', () => {
  it('that is stopped makes its camera not ready, is killed and comes again; the watchdog is not concerned', {
    timeout: 90_000
  }, async () => {
    const { file, ask, metric } = await rig('stopped')
    const daemon = startPainlensProcess(['run', '--config', file])
    await eventually(
      () => ask('/ready'),
      ({ ok }) => ok,
      `ready\n${daemon.output()}`
    )
    const [decoder] = decoders(daemon.child.pid!)
    process.kill(decoder!, 'SIGSTOP')
    const answer = await eventually(
      () => ask('/ready'),
      ({ ok }) => !ok,
      'not ready'
    )
    expect(answer).toMatchObject({ status: 503, parts: [{ part: 'camera a' }] })
    expect(answer.parts[0]!.why).toMatch(/^(lost|connecting): \S/)
    expect(await ask('/live')).toMatchObject({ status: 200, ok: true })
    await eventually(
      () => ask('/ready'),
      ({ ok }) => ok,
      'ready again'
    )
    expect(isRunning(decoder!)).toBe(false)
    expect(decoders(daemon.child.pid!)).toHaveLength(1)
    expect(await metric('painlens_camera_reconnects_total{camera="a"}')).toBeGreaterThan(0)
    daemon.child.kill('SIGTERM')
    expect(await daemon.ended).toBe(0)
  })
})

describe('SIGHUP', () => {
  it('leaves a camera that did not change alone, whatever happens to the others; a bad file keeps all and says so', {
    timeout: 90_000
  }, async () => {
    const { file, write, alarms, alarm, ask, metric } = await rig('reloads')
    const daemon = startPainlensProcess(['run', '--config', file])
    const pid = daemon.child.pid!
    await eventually(
      () => ask('/ready'),
      ({ ok }) => ok,
      `ready\n${daemon.output()}`
    )
    const [own] = decoders(pid)
    const counts: number[] = []
    const count = async () => {
      counts.push(await metric('painlens_camera_frames_total{camera="a"}'))
      expect(await metric('painlens_camera_reconnects_total{camera="a"}')).toBe(0)
      expect(decoders(pid)).toContain(own)
    }
    const reload = async (cameras: object[], done: (ids: number[]) => boolean, what: string) => {
      await count()
      await write(cameras)
      daemon.child.kill('SIGHUP')
      await eventually(async () => decoders(pid), done, what)
      await count()
    }
    await reload([camera('a'), camera('b')], (ids) => ids.length === 2, 'the new decoder')
    await eventually(
      () => metric('painlens_camera_frames_total{camera="b"}'),
      (frames) => frames > 0,
      'its frames'
    )
    const [other] = decoders(pid).filter((id) => id !== own)
    const changed = (ids: number[]) => ids.length === 2 && !ids.includes(other!)
    await reload([camera('b', { fps: 2 }), camera('a')], changed, 'a decoder for what changed')
    await reload([camera('a')], (ids) => ids.length === 1, 'the end of it')

    await writeFile(file, 'device: [')
    daemon.child.kill('SIGHUP')
    const rejected = await alarm('config_rejected', 'start')
    expect(rejected).toMatchObject({ type: 'technical', priority: 'low', camera: null })
    expect(rejected.text.en).toMatch(/^The changed config was not taken over: .*painlens\.yaml has one problem 1:\d+/)
    await count()
    await write([camera('a')])
    daemon.child.kill('SIGHUP')
    expect(await alarm('config_rejected', 'end')).toMatchObject({ alarm_id: rejected.alarm_id, reason: 'cleared' })
    await count()
    const last = counts.at(-1)!
    await eventually(
      () => metric('painlens_camera_frames_total{camera="a"}'),
      (frames) => frames > last,
      'frames'
    )
    expect(counts).toEqual([...counts].sort((a, b) => a - b))
    expect(alarms.filter(({ camera: about }) => about === 'a')).toEqual([])
    daemon.child.kill('SIGTERM')
    expect(await daemon.ended).toBe(0)
  })
})

describe('a port that is taken', () => {
  it('takes nothing from the main job, and health says so', { timeout: 90_000 }, async () => {
    const { file, health, write } = await rig('port')
    await write([camera('a')], { http: { port: Number(new URL(broker.url).port) } })
    const daemon = startPainlensProcess(['run', '--config', file])
    const seen = await until(
      () => health.find(({ http, cameras }) => http?.problem && cameras.a),
      'health to say so',
      60_000
    )
    expect(seen.http).toEqual({
      address: null,
      problem: expect.stringMatching(/the port is in use. Choose another as http.port/)
    })
    await until(() => daemon.output().includes('painlens runs'), 'the start')
    expect(daemon.output()).toMatch(/nobody can ask how painlens is; alarms go on/)
    daemon.child.kill('SIGTERM')
    expect(await daemon.ended).toBe(0)
  })
})
