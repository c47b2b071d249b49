import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { connectAsync, type MqttClient } from 'mqtt'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { stringify } from 'yaml'
import type { AlarmMessage, ResponseMessage } from '../../src/contract/messages.js'
import { type Certificates, makeCertificates } from '../support/certificates.js'
import { holdToContract } from '../support/contract.js'
import { type DaemonProcess, startPainlensProcess } from '../support/daemon.js'
import { type Mosquitto, startMosquitto } from '../support/mosquitto.js'
import { patience, until as waitUntil } from '../support/slowness.js'
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.js'
import { writeTinyModel } from '../support/tiny-model.js'

const devices = ['ward-1', 'ward-2', 'ward-3']
const users = { 'ward-2': 'bridge-secret', nurse: 'nurse-secret' }
/** For three daemons that start at once on a busy machine; a bridge reconnects every five seconds. */
const patienceMs = 60_000
const until = (look: () => boolean, what: string) => waitUntil(look, what, patienceMs)
const unbounded = ['max_queued_messages 0']

let folder: string
let certificates: Certificates
let house: Mosquitto
let link: TcpProxy
let ward: Mosquitto
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'painlens-bridge-'))
  certificates = makeCertificates()
  const { ca, server } = certificates
  house = await startMosquitto({ users, tls: { ca, ...server }, config: unbounded })
  link = await startTcpProxy(house.port)
  ward = await startMosquitto({ config: [...unbounded, await bridgeTo(link.port)] })
})
afterAll(async () => {
  await ward.remove()
  await link.stop()
  await house.remove()
  for (const made of [folder, certificates.folder]) await rm(made, { recursive: true, force: true })
})

/** The bridge of deploy/compose, with this test's address, certificate and password. */
async function bridgeTo(port: number): Promise<string> {
  const text = await readFile(resolve(import.meta.dirname, '../../deploy/compose/mosquitto/bridge.conf'), 'utf8')
  const changes = {
    'broker.house.example:8883': `localhost:${port}`,
    '/run/secrets/house-ca.crt': certificates.ca,
    'change-me': users['ward-2'],
    'restart_timeout 1 30': 'restart_timeout 1'
  }
  return Object.entries(changes).reduce((changed, [from, to]) => {
    expect(changed).toContain(from)
    return changed.replace(from, to)
  }, text)
}

async function startDaemon(device: string): Promise<DaemonProcess> {
  const own = join(folder, device)
  await mkdir(own)
  const manifest = await writeTinyModel(own)
  const config = {
    device,
    facility: `house of ${device}`,
    mqtt: { url: ward.url },
    // Its camera does not exist: that raises an alarm, and needs no decoding.
    cameras: [{ id: 'room', url: 'rtsp://127.0.0.1:9/x' }],
    model: { manifest },
    explanation: { enabled: false },
    http: { enabled: false }
  }
  await writeFile(join(own, 'painlens.yaml'), stringify(config))
  return startPainlensProcess(['run', '--config', join(own, 'painlens.yaml')], { env: { STATE_DIRECTORY: own } })
}

/** A subscriber to every device at one of the brokers, with a persistent session. */
class Subscriber {
  readonly heard: { topic: string; text: string }[] = []

  constructor(readonly client: MqttClient) {
    client.on('message', (topic, bytes) => this.heard.push({ topic, text: bytes.toString() }))
  }

  static async at(url: string, login: object = {}): Promise<Subscriber> {
    const session = { clean: false, clientId: 'subscriber', properties: { sessionExpiryInterval: 300 } }
    const client = await connectAsync(url, { protocolVersion: 5, ...session, ...login })
    holdToContract(client)
    const subscriber = new Subscriber(client)
    const topics = ['painlens/+/status', 'painlens/+/alarm', 'painlens/+/response/+', 'painlens-bridge/+/state']
    await client.subscribeAsync(topics, { qos: 1 })
    return subscriber
  }

  /** The payloads below each device's topic, newest last. */
  on<T>(device: string, topic: string): T[] {
    return this.heard.filter((m) => m.topic === `painlens/${device}/${topic}`).map(({ text }) => JSON.parse(text) as T)
  }

  linkStates(): string[] {
    return this.heard.filter(({ topic }) => topic === 'painlens-bridge/ward-2/state').map(({ text }) => text)
  }

  /** The texts received for each alarm message, by its identity: device, alarm_id and seq. */
  alarms(): Map<string, Set<string>> {
    const alarms = new Map<string, Set<string>>()
    for (const device of devices)
      for (const alarm of this.on<AlarmMessage>(device, 'alarm')) {
        const key = `${device} ${alarm.alarm_id} ${alarm.seq}`
        alarms.set(key, (alarms.get(key) ?? new Set()).add(JSON.stringify(alarm)))
      }
    return alarms
  }

  ask(device: string, transaction: string): Promise<unknown> {
    const payload = JSON.stringify({ camera: 'room', transaction, seconds: 1 })
    return this.client.publishAsync(`painlens/${device}/command/test_alarm`, payload, { qos: 1 })
  }

  /** The alarm ids that a device gave its test alarms. */
  answered(device: string): { transaction: unknown; alarmId: string }[] {
    const responses = this.on<ResponseMessage & { data: { alarm_id: string } }>(device, 'response/test_alarm')
    return responses.map(({ transaction, data }) => ({ transaction, alarmId: data.alarm_id }))
  }
}

test(
  'three daemons behind a bridge: alarms arrive, commands reach their daemon, no message is lost on a cut link',
  async () => {
    const far = await Subscriber.at(house.url, {
      username: 'nurse',
      password: users.nurse,
      ca: await readFile(certificates.ca)
    })
    const near = await Subscriber.at(ward.url)
    const daemons = await Promise.all(devices.map(startDaemon))
    const online = (device: string) =>
      until(
        () => far.on<{ state: string }>(device, 'status').some(({ state }) => state === 'online'),
        `${device} online`
      )
    await Promise.all(devices.map(online)).catch((error: Error) => {
      throw new Error(`${error.message}\n${ward.log()}\n${daemons.map((daemon) => daemon.output()).join('\n')}`)
    })
    await until(() => far.linkStates().at(-1) === '1', 'the link')

    // Commands reach only the daemon that they name.
    for (const device of devices) await far.ask(device, `up ${device}`)
    for (const device of devices) {
      await until(() => far.answered(device).length > 0, `the answer of ${device}`)
      expect(far.answered(device)).toEqual([{ transaction: `up ${device}`, alarmId: expect.any(String) }])
    }

    // The link is away: alarms and answers wait at the ward's broker.
    link.open(false)
    await until(() => far.linkStates().at(-1) === '0', 'the bridge’s last will')
    const rounds = 5
    for (let round = 0; round < rounds; round++) for (const device of devices) await near.ask(device, `near ${round}`)
    await until(() => devices.every((device) => near.answered(device).length >= 1 + rounds), 'the answers at the ward')
    const before = far.alarms().size
    const waiting = 2 * rounds * devices.length
    await until(() => near.alarms().size >= before + waiting, 'the alarms at the ward')
    expect(far.alarms().size).toBe(before)
    link.open(true)

    // It breaks once more during the catch-up: unconfirmed messages are sent again.
    const count = far.heard.length
    await until(() => far.heard.length > count + 5, 'the bridge to come back')
    link.cut()
    await until(() => missing(near, far).length === 0, 'every alarm')
    await until(() => devices.every((device) => far.answered(device).length > rounds), 'every answer')
    await until(() => far.linkStates().at(-1) === '1', 'the link')

    for (const device of devices) {
      const answers = far.answered(device).map(({ transaction }) => transaction)
      const others = devices.filter((other) => other !== device)
      for (const other of others) expect(answers.join()).not.toContain(other)
      const alarms = far.on<AlarmMessage>(device, 'alarm')
      for (const { location } of alarms) expect(location.facility).toBe(`house of ${device}`)
      for (const { alarmId } of far.answered(device)) {
        const seqs = new Set(alarms.filter(({ alarm_id }) => alarm_id === alarmId).map(({ seq }) => seq))
        expect([...seqs].sort()).toEqual([0, 1])
      }
    }
    // A subscriber that counts by alarm_id and seq has each message once: repetitions are identical.
    for (const texts of far.alarms().values()) expect(texts.size).toBe(1)
    expect(far.linkStates()).toEqual(expect.arrayContaining(['1', '0']))

    // A daemon that dies is offline at the house too: its last will is retained there.
    daemons[0]!.child.kill('SIGKILL')
    const late = await Subscriber.at(house.url, {
      clientId: 'late',
      username: 'nurse',
      password: users.nurse,
      ca: await readFile(certificates.ca)
    })
    const lastOf = (device: string) => late.on<{ state: string }>(device, 'status').at(-1)?.state
    await until(() => lastOf('ward-1') === 'offline' && lastOf('ward-2') === 'online', 'the last will')
    await Promise.all([far, near, late].map(({ client }) => client.endAsync(true)))
  },
  patience(4 * patienceMs)
)

/** Alarm messages published at the ward that have not arrived at the house. */
function missing(near: Subscriber, far: Subscriber): string[] {
  const come = far.alarms()
  return [...near.alarms().keys()].filter((key) => !come.has(key))
}
