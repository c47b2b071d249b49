import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connectAsync, type MqttClient } from 'mqtt'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { checkBroker } from '../../src/commands/check/broker.js'
import type { CheckContext } from '../../src/commands/check/result.js'
import { forgetCommand } from '../../src/commands/forget/index.js'
import { discoveryTopic } from '../../src/contract/home-assistant.js'
import { topics } from '../../src/contract/topics.js'
import { Secrets } from '../../src/core/secrets.js'
import { packageRoot } from '../../src/core/version.js'
import { acknowledgement, alarm, explanation, type Rig, startRig } from '../stages/mqtt/rig.js'
import { moment } from '../support/moments.js'
import { type Mosquitto, startMosquitto } from '../support/mosquitto.js'
import { patience, until } from '../support/slowness.js'

const acl = `${packageRoot}docs/integrate/examples/mosquitto.acl`
const password = 'secret-12'
/** `ward-3` is another box without a section of its own, as one that was forgotten. */
const users = ['ward-2', 'ward-3', 'nurse-call', 'homeassistant', 'technician'] as const
type User = (typeof users)[number]

let broker: Mosquitto
let rig: Rig
const clients: MqttClient[] = []
const heard = new Map<User, Set<string>>()
beforeAll(async () => {
  broker = await startMosquitto({
    users: Object.fromEntries(users.map((user) => [user, password])),
    config: [`acl_file ${acl}`]
  })
  for (const user of users) {
    const client = await connectAsync(broker.url, { protocolVersion: 5, username: user, password })
    clients.push(client)
    heard.set(user, new Set())
    client.on('message', (topic) => void heard.get(user)!.add(topic))
    await client.subscribeAsync('#', { qos: 1 }).catch(() => undefined)
    for (const filter of ['painlens/#', 'homeassistant/#'])
      await client.subscribeAsync(filter, { qos: 1 }).catch(() => undefined)
  }
  rig = await startRig(broker.url, {
    device: 'ward-2',
    broker: { url: broker.url, username: 'ward-2', password, willDelayS: 0 }
  })
})
afterAll(async () => {
  await rig?.stop()
  for (const client of clients) await client.endAsync(true)
  await broker?.remove()
})

const clientOf = (user: User) => clients[users.indexOf(user)]!
async function mayWrite(user: User, topic: string): Promise<boolean> {
  return clientOf(user)
    .publishAsync(topic, '{}', { qos: 1 })
    .then(
      () => true,
      () => false
    )
}

describe("the examples' access list, enforced by mosquitto,", () => {
  it('lets painlens forget remove what the box itself left, and it does not say "nothing" of a box that is hidden from it', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'painlens-rights-'))
    onTestFinished(() => rm(folder, { recursive: true }))
    const config = join(folder, 'painlens.yaml')
    await writeFile(
      config,
      `device: ward-2\nmqtt: { url: "${broker.url}", username: ward-2, password: ${password} }
cameras: [{ id: room-1, url: "rtsp://127.0.0.1/x" }]\n`
    )
    const forget = (device: string) =>
      forgetCommand({ device, config }, AbortSignal.timeout(patience(30_000)), () => undefined)
    await expect(forget('ward-old')).rejects.toMatchObject({ code: 'PL-BROKER-HIDDEN' })
    await expect(forget('ward-2')).rejects.toMatchObject({ code: 'PL-BROKER-DEVICE-ONLINE' })
  })

  it('lets painlens publish every topic of the contract and take commands, and painlens check finds nothing', async () => {
    const { mqtt, outbox } = rig
    await until(() => mqtt.connected(), 'the connection')
    mqtt.cameraState('room-12', 'ok', moment(0))
    mqtt.cameraPain('room-12', { suspected: false, since: moment(0), alarmIds: [], acknowledged: false })
    mqtt.cameraReference('room-12', { available: true, zones: [], references: [] })
    mqtt.announce(discoveryTopic('homeassistant', 'ward-2'), () => ({}))
    await mqtt.putAlarmInOutbox(alarm('a', 0))
    await mqtt.putAcknowledgementInOutbox(acknowledgement)
    await mqtt.putExplanationInOutbox(explanation)
    const face = { box: [0, 0, 1, 1] as [number, number, number, number], zone: null, roll_deg: 0, detector_score: 1 }
    const scores = { usable: true, why_not: null, pain: 0, smoothed: 0, pain_unreferenced: 0 }
    mqtt.observation('room-12', { at: '2026-01-01T00:00:00.000Z', track: 1, ...face, ...scores })
    await clientOf('technician').publishAsync('painlens/ward-2/command/refresh', '{}', { qos: 1 })
    const expected = Object.values(topics).map(
      ({ topic }) => `painlens/ward-2/${topic.replace('response/+', 'response/refresh').replace('+', 'room-12')}`
    )
    const all = heard.get('technician')!
    await until(() => expected.every((topic) => all.has(topic)), 'all of it').catch(() => undefined)
    expect(expected.filter((topic) => !all.has(topic))).toEqual([])
    await until(() => outbox.depth() === 0, 'an empty outbox')
    await until(() => heard.get('homeassistant')!.has('homeassistant/device/painlens_ward-2/config'), 'the discovery')
    const mqttConfig = { url: broker.url, username: 'ward-2', password, protocol: 'auto' }
    const about = {
      config: { device: 'ward-2', mqtt: mqttConfig, cameras: [{ id: 'room-12' }] },
      secrets: new Secrets()
    }
    const found = await checkBroker({ ...about, signal: new AbortController().signal } as unknown as CheckContext)
    expect(found.map(({ what, state }) => [what, state])).toEqual([
      ['broker', 'ok'],
      ['commands', 'ok']
    ])
  })

  it.each<[User, string, boolean]>([
    ['ward-3', 'painlens/ward-2/alarm', false],
    ['ward-3', 'painlens/ward-2/status', false],
    ['ward-3', 'painlens/ward-2/command/pause', false],
    ['ward-3', 'painlens/ward-3/alarm', false],
    ['ward-2', 'painlens/ward-3/alarm', false],
    ['ward-2', 'painlens/ward-2/command/pause', false],
    ['ward-2', 'homeassistant/device/other/config', false],
    ['nurse-call', 'painlens/ward-2/command/ack', true],
    ['nurse-call', 'painlens/ward-2/command/pause', false],
    ['nurse-call', 'painlens/ward-2/alarm', false],
    ['nurse-call', 'painlens/nurse-call/alarm', false],
    ['homeassistant', 'painlens/ward-2/command/test_alarm', true],
    ['homeassistant', 'painlens/ward-2/acknowledgement', false],
    ['homeassistant', 'painlens/ward-2/camera/room-12/pain', false],
    ['technician', 'painlens/ward-2/command/pause', true],
    ['technician', 'painlens/ward-2/status', false]
  ])('lets %s write %s: %s', async (user, topic, isAllowed) => {
    expect(await mayWrite(user, topic)).toBe(isAllowed)
  })

  it('lets a box hear what it says of itself and no alarm or other box, and Home Assistant no alarm', async () => {
    await clientOf('technician').publishAsync('painlens/ward-2/command/resume', '{"camera":"x"}', { qos: 1 })
    await until(() => heard.get('technician')!.has('painlens/ward-2/response/resume'), 'the answer')
    expect([...heard.get('ward-3')!]).toEqual([])
    const ofBox = [...heard.get('ward-2')!].filter((topic) => !topic.startsWith('painlens/ward-2/command/'))
    const own = ['camera/room-12/pain', 'camera/room-12/reference', 'camera/room-12/state', 'check', 'health', 'status']
    expect(own.map((topic) => `painlens/ward-2/${topic}`)).toEqual(expect.arrayContaining(ofBox))
    expect(ofBox).toContain('painlens/ward-2/status')
    const ofHome = [...heard.get('homeassistant')!]
    expect(ofHome).toContain('painlens/ward-2/camera/room-12/pain')
    expect(
      ofHome.filter((topic) => /alarm$|observation$|explanation$/.test(topic) && !topic.includes('command'))
    ).toEqual([])
  })

  it('does not let a client in without a user', async () => {
    await expect(connectAsync(broker.url, { reconnectPeriod: 0 })).rejects.toThrow(/not authorized/i)
  })
})
