/** What MQTT 5 carries beside the payload, as an independent subscriber receives it from a real broker; and what is left of it with 3.1.1. */
import { setTimeout as sleep } from 'node:timers/promises'
import { connectAsync } from 'mqtt'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { startBroker } from '../../../src/show/demo/broker.js'
import { connectOptions } from '../../../src/stages/mqtt/connect.js'
import { moment } from '../../support/moments.js'
import { type Mosquitto, startMosquitto } from '../../support/mosquitto.js'
import { patience, until } from '../../support/slowness.js'
import { startTcpProxy } from '../../support/tcp-proxy.js'
import {
  acknowledgement,
  alarm,
  base,
  explanation,
  type Listener,
  listen,
  noCommands,
  type Rig,
  startRig
} from './rig.js'

let broker: Mosquitto
let ear: Listener
const cleanUp: (() => Promise<unknown>)[] = []
beforeEach(async () => {
  broker = await startMosquitto()
  ear = await listen(broker.url)
})
afterEach(async () => {
  for (const undo of cleanUp.splice(0).reverse()) await undo()
  await ear.stop()
  await broker.remove()
})
async function start(...args: Parameters<typeof startRig>): Promise<Rig> {
  const rig = await startRig(...args)
  cleanUp.push(() => rig.stop())
  return rig
}
const states = () => ear.on('status').map(({ json }) => `${json.session} ${json.state}`)

/** One message of each kind. */
async function sayEverything({ mqtt }: Rig, listener: Listener): Promise<void> {
  await until(() => mqtt.connected(), 'connected')
  mqtt.cameraState('hall', 'ok', moment(0))
  mqtt.observation('hall', {
    at: '2026-01-01T00:00:00.000Z',
    track: 1,
    box: [0, 0, 1, 1],
    zone: null,
    roll_deg: 0,
    usable: true,
    why_not: null,
    detector_score: 1,
    pain: 0,
    smoothed: 0,
    pain_unreferenced: 0
  })
  await mqtt.putAlarmInOutbox(alarm('a0', 0))
  await mqtt.putAcknowledgementInOutbox(acknowledgement)
  await mqtt.putExplanationInOutbox(explanation)
  await listener.client.publishAsync(`${base}/command/refresh`, '{"transaction":1}', { qos: 1 })
  for (const topic of kinds) await until(() => listener.on(topic).length > 0, topic)
}
const kinds = [
  'status',
  'health',
  'camera/hall/state',
  'camera/hall/observation',
  'alarm',
  'acknowledgement',
  'explanation',
  'response/refresh'
]

test('every message says that it is JSON in UTF-8; all but status, observations and answers expire', async () => {
  await sayEverything(await start(broker.url), ear)
  for (const topic of kinds) {
    const properties = ear.on(topic)[0]?.packet.properties
    expect([topic, properties]).toEqual([
      topic,
      expect.objectContaining({ contentType: 'application/json', payloadFormatIndicator: true })
    ])
    const expires = ['alarm', 'acknowledgement', 'explanation', 'health', 'camera/hall/state'].includes(topic)
    expect([topic, properties?.messageExpiryInterval !== undefined]).toEqual([topic, expires])
  }
})

test('with a broker for 3.1.1 each message has the same fields', async () => {
  await sayEverything(await start(broker.url), ear)
  const old = await startBroker({ port: 0 })
  cleanUp.push(() => old.stop())
  const oldEar = await listen(old.url, { protocolVersion: 4, properties: undefined })
  cleanUp.push(() => oldEar.stop())
  const rig = await start(old.url)
  await sayEverything(rig, oldEar)
  expect(rig.mqtt.stats().protocolVersion).toBe(4)
  for (const topic of kinds) {
    const [five, three] = [ear.on(topic)[0]!, oldEar.on(topic)[0]!]
    expect([topic, Object.keys(three.json)]).toEqual([topic, Object.keys(five.json)])
    expect([topic, three.packet.qos]).toEqual([topic, five.packet.qos])
    expect(three.packet.properties).toBeUndefined()
  }
})

describe('a message that the broker keeps for a subscriber who is away', () => {
  test('goes when its time is over', async () => {
    const away = await listen(broker.url, { clientId: 'away' })
    await away.stop()
    // What is left of its time when it is published is one second at least.
    const { mqtt, outbox } = await start(broker.url, {}, 1000)
    await mqtt.putAlarmInOutbox(alarm('a0', 0))
    await until(() => ear.on('alarm').length === 1 && outbox.depth() === 0, 'delivered')
    await sleep(2500)
    const back = await listen(broker.url, { clientId: 'away' })
    cleanUp.push(() => back.stop())
    await until(() => back.on('status').length > 0, 'what is retained')
    await sleep(200)
    expect(back.on('alarm')).toEqual([])
  })
})

describe('our session at the broker', () => {
  test.each([
    [60, 1],
    [1, 0]
  ])('lives for %i s: a command of some seconds ago is taken %i times', async (sessionExpiryS, times) => {
    const taken: { alarm_id: string }[] = []
    const proxy = await startTcpProxy(broker.port)
    cleanUp.push(() => proxy.stop())
    const { mqtt } = await start(`mqtt://127.0.0.1:${proxy.port}`, {
      broker: { url: `mqtt://127.0.0.1:${proxy.port}`, sessionExpiryS, willDelayS: 0 },
      commands: { ...noCommands, ack: async (args) => void taken.push(args) },
      backoff: { minMs: 100, maxMs: 200 }
    })
    await until(() => ear.on('health').length > 0, 'greeted')
    proxy.open(false)
    await until(() => states().includes('s1 offline'), 'gone')
    await ear.client.publishAsync(`${base}/command/ack`, '{"alarm_id":"a0","by":"nurse"}', { qos: 1 })
    // By the broker's clock, whole seconds: it has to see the session go, too.
    await sleep(patience(2500))
    proxy.open(true)
    await until(() => mqtt.stats().connections === 2, 'back')
    await until(() => ear.on('health').length > 1, 'greeted again')
    await ear.client.publishAsync(`${base}/command/ack`, '{"alarm_id":"a1","by":"nurse"}', { qos: 1 })
    // The broker sends what it has kept before what comes later.
    await until(() => taken.some(({ alarm_id }) => alarm_id === 'a1'), 'the later command')
    expect(taken.filter(({ alarm_id }) => alarm_id === 'a0')).toHaveLength(times)
  })
})

describe('the last will', () => {
  test('is not published for a break that is shorter than its delay', async () => {
    const proxy = await startTcpProxy(broker.port)
    cleanUp.push(() => proxy.stop())
    const url = `mqtt://127.0.0.1:${proxy.port}`
    // Longer than a busy machine is away.
    const willDelayS = Math.ceil(patience(2000) / 1000)
    const { mqtt } = await start(url, { broker: { url, willDelayS } })
    await until(() => ear.on('health').length > 0, 'greeted')
    proxy.cut()
    await until(() => mqtt.stats().connections === 2, 'back')
    await sleep(willDelayS * 1000 + 1500)
    expect(states().filter((state) => state.endsWith('offline'))).toEqual([])
  })

  test('is published after a longer one, retained, as JSON', async () => {
    const proxy = await startTcpProxy(broker.port)
    const url = `mqtt://127.0.0.1:${proxy.port}`
    await start(url, { broker: { url, willDelayS: 1 } })
    await until(() => ear.on('health').length > 0, 'greeted')
    const cutAt = performance.now()
    await proxy.stop()
    await until(() => states().includes('s1 offline'), 'offline')
    expect(performance.now() - cutAt).toBeGreaterThan(900)
    const { packet } = ear.on('status').at(-1)!
    expect(packet).toMatchObject({ qos: 1, retain: true, properties: { contentType: 'application/json' } })
  })

  test('of an earlier start that comes after the birth is known by its session, and does not stay', async () => {
    // A box that was switched off: its connection is still open at the broker.
    const will = { state: 'offline', session: 'earlier', version: '0', at: '2026-01-01T00:00:00.000Z' } as const
    const options = connectOptions({ url: broker.url, device: 'test', protocolVersion: 5, will, willDelayS: 0 })
    const earlier = await connectAsync(broker.url, { ...options, clientId: 'earlier' })
    earlier.on('error', () => undefined)
    await start(broker.url)
    await until(() => states().includes('s1 online'), 'born')
    // The broker misses it only now.
    earlier.stream.destroy()
    await until(() => states().filter((state) => state === 's1 online').length === 2, 'contradicted')
    expect(states()).toEqual(['s1 online', 'earlier offline', 's1 online'])
    const late = await listen(broker.url, { clientId: 'late', clean: true })
    cleanUp.push(() => late.stop())
    await until(() => late.on('status').length > 0, 'what is retained')
    expect(late.on('status')[0]?.json).toMatchObject({ state: 'online', session: 's1' })
  })

  test.each([4, 5] as const)(
    'of one whose client id is taken over, MQTT %i: what stays is that we are there',
    async (protocolVersion) => {
      const will = { state: 'offline', session: 'earlier', version: '0', at: '2026-01-01T00:00:00.000Z' } as const
      const options = connectOptions({ url: broker.url, device: 'test', protocolVersion, will, willDelayS: 1 })
      const earlier = await connectAsync(broker.url, options)
      earlier.on('error', () => undefined)
      await start(broker.url, { protocolVersion })
      await until(() => states().includes('s1 online'), 'born')
      await sleep(2500)
      expect(states().at(-1)).toBe('s1 online')
      await earlier.endAsync(true)
    }
  )
})
