import { statSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connectAsync, type MqttClient } from 'mqtt'
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { stringify } from 'yaml'
import { silentLog } from '../../src/core/log.js'
import { type Feed, startFeed } from '../../src/show/simulate/feed.js'
import { type RtspServer, startRtspServer } from '../../src/show/simulate/rtsp-server.js'
import { holdToContract } from '../support/contract.js'
import {
  commandLine,
  type DaemonProcess,
  descendants,
  environment,
  filesBelow,
  isRunning,
  startPainlensProcess
} from '../support/daemon.js'
import { type Mosquitto, startMosquitto } from '../support/mosquitto.js'
import { Deadline, until } from '../support/slowness.js'
import { writeTinyModel } from '../support/tiny-model.js'

const password = `p@ss:w/rd?#%&"'`
const brokerPassword = 'br0ker-s3cret'

let folder: string
let server: RtspServer
let feed: Feed
let broker: Mosquitto
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'painlens-daemon-'))
  await writeTinyModel(folder)
  broker = await startMosquitto({ users: { painlens: brokerPassword, nurse: 'nurse' } })
  server = await startRtspServer({ credentials: { user: 'viewer', password, scheme: 'digest' }, log: silentLog })
  const picture = { width: 640, height: 360, fps: 5 }
  feed = await startFeed({
    server,
    path: '/a',
    codec: 'h264',
    ...picture,
    frames: { lavfi: 'testsrc2=size=640x360:rate=5' },
    log: silentLog
  })
})
afterAll(async () => {
  await feed.stop()
  await server.stop()
  await broker.remove()
  await rm(folder, { recursive: true, force: true })
})

const camera = (id: string, url: string) => ({ id, url, width: 640, height: 360, location: { room: '12' } })
const goodUrl = () => `rtsp://viewer:${password}@127.0.0.1:${server.port}/a`

let configFile: string
beforeEach(async () => {
  configFile = join(folder, 'painlens.yaml')
  await writeConfig([camera('good', goodUrl()), camera('gone', 'rtsp://u:other-s3cret@127.0.0.1:9/x')])
})

function writeConfig(cameras: object[], changes: object = {}) {
  const config = {
    device: 'test',
    mqtt: { url: broker.url, username: 'painlens', password: brokerPassword },
    cameras,
    model: { manifest: 'tiny.yaml' },
    explanation: { enabled: false },
    ...changes
  }
  return writeFile(configFile, stringify(config))
}

/** All messages so far, newest last, by topic. */
class Listener {
  readonly seen: { topic: string; payload: Record<string, unknown>; text: string }[] = []

  constructor(readonly client: MqttClient) {
    client.on('message', (topic, bytes) => {
      const text = bytes.toString()
      // A state that was cleared.
      if (text === '') return
      this.seen.push({ topic, payload: JSON.parse(text) as Record<string, unknown>, text })
    })
  }

  next(topic: string, fits: (payload: Record<string, unknown>) => boolean) {
    const name = `painlens/test/${topic}`
    return until(() => this.seen.find((m) => m.topic === name && fits(m.payload))?.payload, `a fitting ${topic}`)
  }
}

async function listen(): Promise<Listener> {
  const client = await connectAsync(broker.url, {
    username: 'nurse',
    password: 'nurse',
    protocolVersion: 5,
    reconnectPeriod: 0
  })
  onTestFinished(() => client.endAsync(true))
  holdToContract(client)
  const listener = new Listener(client)
  await client.subscribeAsync('painlens/test/#', { qos: 1 })
  return listener
}

async function startDaemon(): Promise<{ daemon: DaemonProcess; nurse: Listener }> {
  const nurse = await listen()
  const daemon = startPainlensProcess(['run', '--config', configFile], { env: { BROKER_PASSWORD: brokerPassword } })
  await nurse
    .next('camera/good/state', ({ state }) => state === 'ok')
    .catch((error: Error) => {
      throw new Error(`${error.message}\n${daemon.output()}`)
    })
  return { daemon, nurse }
}

describe('the daemon as a process', () => {
  it('survives SIGHUP while it starts and while it stops, and reads the config again after the start', async () => {
    const { daemon, nurse } = await startDaemon()
    const ended = new Promise<number | null>((resolve) => daemon.child.once('exit', resolve))
    await until(() => daemon.output().includes('"stage"'), 'its first line')
    const hangup = setInterval(() => daemon.child.kill('SIGHUP'), 20)
    onTestFinished(() => clearInterval(hangup))
    await nurse.next('status', ({ state }) => state === 'online')
    await until(() => daemon.output().includes('config read again'), 'word of the reload')
    daemon.child.kill('SIGTERM')
    await until(() => daemon.output().includes('painlens stops'), 'word of the stop')
    clearInterval(hangup)
    expect(await ended).toBe(0)
  })

  it('watches, answers commands, prints no secret, reloads, and stops within 3 s without leftover processes', async () => {
    const { daemon, nurse } = await startDaemon()
    await nurse.next('status', ({ state }) => state === 'online')

    await nurse.client.publishAsync(
      'painlens/test/command/test_alarm',
      '{"camera":"good","transaction":7,"seconds":1}',
      { qos: 1 }
    )
    expect(await nurse.next('response/test_alarm', () => true)).toMatchObject({ status: 'ok', transaction: 7 })
    const start = await nurse.next('alarm', ({ test, phase }) => test === true && phase === 'start')
    expect(start).toMatchObject({
      condition: 'test',
      seq: 0,
      location: { room: '12' },
      model: { name: 'tiny', demonstration: true }
    })
    await nurse.next('alarm', ({ phase, alarm_id }) => phase === 'end' && alarm_id === start.alarm_id)

    await nurse.client.publishAsync('painlens/test/command/pause', '{"camera":"good","duration_s":600}', { qos: 1 })
    await nurse.next('camera/good/state', ({ state }) => state === 'paused')
    await nurse.client.publishAsync('painlens/test/command/pause', '{"camera":"nobody"}', { qos: 1 })
    await nurse.next(
      'response/pause',
      ({ status, error }) => status === 'error' && /no camera of that name/.test(String(error))
    )
    nurse.seen.length = 0
    await nurse.client.publishAsync('painlens/test/command/resume', '{"camera":"good"}', { qos: 1 })
    await nurse.next('camera/good/state', ({ state }) => state === 'ok')

    const children = descendants(daemon.child.pid!)
    expect(children.length).toBeGreaterThan(0)
    for (const pid of [daemon.child.pid!, ...children]) expect(commandLine(pid)).not.toMatch(/ss:w|ss%3a|s3cret/i)
    for (const pid of children) expect(environment(pid)).not.toMatch(/ss:w|ss%3a|s3cret/i)
    expect(statSync(`/proc/${daemon.child.pid!}/environ`).mode & 0o077).toBe(0)

    await writeFile(configFile, 'device: [')
    daemon.child.kill('SIGHUP')
    await until(() => daemon.output().includes('the config was not taken over'), 'word of the bad config')
    await writeConfig([camera('other', goodUrl())])
    daemon.child.kill('SIGHUP')
    await nurse.next('camera/other/state', ({ state }) => state === 'ok')

    const left = descendants(daemon.child.pid!)
    const stopping = new Deadline(3000)
    daemon.child.kill('SIGTERM')
    expect(await daemon.ended).toBe(0)
    expect(stopping.isOver(), `stopped after ${stopping}`).toBe(false)
    await nurse.next('status', ({ state }) => state === 'offline')
    expect([...children, ...left].filter(isRunning)).toEqual([])

    const everything = daemon.output() + nurse.seen.map(({ text }) => text).join('\n')
    expect(everything).not.toMatch(/ss:w|ss%3a|s3cret/i)
    expect(daemon.output()).not.toMatch(/\n\s+at /)
    expect(filesBelow(folder).filter((name) => /\.(png|jpe?g|rgb|raw|yuv)$/.test(name))).toEqual([])
  })

  it('stops within 3 s on SIGTERM during its start', async () => {
    const daemon = startPainlensProcess(['run', '--config', configFile])
    await until(() => daemon.output().includes('classifier ready'), 'the first part to be ready')
    const stopping = new Deadline(3000)
    daemon.child.kill('SIGTERM')
    expect(await daemon.ended).toBe(0)
    expect(stopping.isOver(), `stopped after ${stopping}`).toBe(false)
  })

  it.each([
    ['a missing config file', async () => undefined, ['--config', '/nowhere/painlens.yaml'], 2, /it does not exist/],
    [
      'a missing provider',
      () => writeConfig([camera('good', goodUrl())], { inference: { provider: 'tensorrt' } }),
      [],
      1,
      /tensorrt: does not work/
    ],
    [
      'an outbox folder that cannot be created',
      () => writeConfig([camera('good', goodUrl())], { outbox: { path: '/etc/hostname/outbox' } }),
      [],
      1,
      /\/etc\/hostname/
    ]
  ])('ends with one message on %s', async (_, prepare, args, code, message) => {
    await prepare()
    const daemon = startPainlensProcess(['run', ...(args.length > 0 ? args : ['--config', configFile])])
    expect(await daemon.ended).toBe(code)
    const said = daemon
      .output()
      .split('\n')
      .filter((line) => line && !line.startsWith('{'))
    expect(said.join('\n')).toMatch(message)
    expect(daemon.output()).not.toMatch(/\n\s+at |node:internal/)
  })
})
