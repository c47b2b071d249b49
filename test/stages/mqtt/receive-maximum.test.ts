/** Brokers that take only so many QoS 1 messages at once, and throw out who sends more. */
import { afterEach, describe, expect, test } from 'vitest'
import type { MqttOptions } from '../../../src/stages/mqtt/index.js'
import { moment } from '../../support/moments.js'
import { freePort, startMosquitto } from '../../support/mosquitto.js'
import { until } from '../../support/slowness.js'
import { type StrictBroker, type StrictBrokerOptions, startStrictBroker } from '../../support/strict-broker.js'
import { alarm, base, explanation, listen, type Rig, startRig } from './rig.js'

const cleanUp: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const undo of cleanUp.splice(0).reverse()) await undo()
})
async function strict(options: StrictBrokerOptions): Promise<StrictBroker> {
  const broker = await startStrictBroker(options)
  cleanUp.push(() => broker.stop())
  return broker
}
async function start(url: string, more?: Partial<MqttOptions>): Promise<Rig> {
  const rig = await startRig(url, more)
  cleanUp.push(() => rig.stop())
  return rig
}

const cameras = Array.from({ length: 10 }, (_, number) => `room-${number}`)
const isState = (topic: string) => topic.startsWith(`${base}/camera/`)
const mostAtOnce = (broker: StrictBroker, matching = (_topic: string) => true) =>
  Math.max(0, ...broker.arrivals.filter(({ topic }) => matching(topic)).map(({ inFlight }) => inFlight))
/** The arrivals of a topic by what they are about, in order: `a0 0`, `a0 1`. */
const alarmsOf = (broker: StrictBroker) =>
  broker.on(`${base}/alarm`).map(({ json }) => `${json.alarm_id} ${json.seq}` as const)

describe('ten cameras and a broker that takes ten messages at once', () => {
  test.each([5, 4] as const)(
    'all states and an alarm get out, and the line holds (MQTT %i)',
    async (protocolVersion) => {
      const broker = await strict({ receiveMaximum: 10, answerMs: 30 })
      const rig = await start(broker.url, { protocolVersion })
      for (const camera of cameras) rig.mqtt.cameraState(camera, 'ok', moment(0))
      await until(() => broker.arrivals.filter(({ topic }) => isState(topic)).length >= 10, 'all states')
      rig.mqtt.refresh()
      await rig.mqtt.putAlarmInOutbox(alarm('a0', 0))
      await until(() => broker.on(`${base}/alarm`).length > 0, 'the alarm')
      await until(() => broker.arrivals.filter(({ topic }) => isState(topic)).length >= 20, 'all states again')
      expect([broker.offences(), broker.connections()]).toEqual([0, 1])
      expect(mostAtOnce(broker)).toBeGreaterThan(2)
      expect(mostAtOnce(broker)).toBeLessThanOrEqual(10)
    }
  )
})

describe('an outage of 30 alarms with updates, ends and explanations, and ten cameras', () => {
  const ids = Array.from({ length: 30 }, (_, number) => `a${number}`)

  test.each([1, 2, 3, 10, 20])(
    'a broker that takes %i at once gets everything, in order, starts first',
    async (limit) => {
      const port = await freePort()
      const rig = await start(`mqtt://127.0.0.1:${port}`)
      for (const camera of cameras) rig.mqtt.cameraState(camera, 'ok', moment(0))
      for (const id of ids) {
        await rig.mqtt.putAlarmInOutbox(alarm(id, 0))
        await rig.mqtt.putExplanationInOutbox({ ...explanation, alarm_id: id })
        await rig.mqtt.putAlarmInOutbox(alarm(id, 1))
        await rig.mqtt.putAlarmInOutbox(alarm(id, 2, 'end'))
      }
      const broker = await strict({ receiveMaximum: limit, answerMs: 20, subackMs: 100, port })
      await until(() => rig.outbox.depth() === 0, 'an empty outbox', 30_000)
      await until(() => cameras.every((camera) => broker.on(`${base}/camera/${camera}/state`).length > 0), 'all states')
      await until(() => broker.on(`${base}/status`).some(({ json }) => json.state === 'online'), 'online')
      expect([broker.offences(), broker.connections()]).toEqual([0, 1])
      expect(mostAtOnce(broker)).toBeLessThanOrEqual(limit)

      const came = alarmsOf(broker)
      for (const id of ids)
        expect(came.filter((name) => name.startsWith(`${id} `))).toEqual([`${id} 0`, `${id} 1`, `${id} 2`])
      const at = (wanted: (topic: string, seq: number) => boolean) =>
        broker.arrivals.flatMap(({ topic, json }, index) => (wanted(topic, json.seq) ? [index] : []))
      const starts = at((topic, seq) => topic === `${base}/alarm` && seq === 0)
      const updates = at((topic, seq) => topic === `${base}/alarm` && seq === 1)
      const explanations = at((topic) => topic === `${base}/explanation`)
      const rest = at((topic) => isState(topic) || topic === `${base}/status`)
      expect(Math.min(...starts)).toBeLessThan(Math.min(...rest))
      // The last starts are under way when the first of their alarms have come through.
      expect(Math.max(...starts.slice(0, -8))).toBeLessThan(Math.min(...updates))
      expect(Math.max(...starts)).toBeLessThan(Math.min(...explanations))
      expect(explanations).toHaveLength(ids.length)
      // Where nothing can be shared out, nothing at all comes before a start.
      if (limit === 1) expect(Math.max(...starts)).toBeLessThan(Math.min(...rest))
      // Where it can, what painlens is does not wait for the end of what it was.
      else expect(Math.min(...rest)).toBeLessThan(Math.max(...updates))
    }
  )
})

test.each([2, 10])('states that a broker for %i at once does not confirm hold up no alarm', async (limit) => {
  const broker = await strict({ receiveMaximum: limit, reason: (topic) => (isState(topic) ? null : 0) })
  const rig = await start(broker.url)
  await until(() => broker.on(`${base}/status`).length > 0, 'online')
  for (const camera of cameras) rig.mqtt.cameraState(camera, 'ok', moment(0))
  await until(() => broker.arrivals.filter(({ topic }) => isState(topic)).length === limit / 2, 'states')
  for (let number = 0; number < 20; number++) await rig.mqtt.putAlarmInOutbox(alarm(`a${number}`, 0))
  await until(() => new Set(alarmsOf(broker)).size === 20, 'all alarms')
  expect([broker.offences(), broker.connections()]).toEqual([0, 1])
  expect(broker.arrivals.filter(({ topic }) => isState(topic))).toHaveLength(limit / 2)
})

test('messages that the broker refuses make room for others', async () => {
  const refused = 0x87
  const broker = await strict({ receiveMaximum: 2, answerMs: 2, reason: (topic) => (isState(topic) ? refused : 0) })
  const rig = await start(broker.url)
  for (const camera of cameras) rig.mqtt.cameraState(camera, 'ok', moment(0))
  await until(() => cameras.every((camera) => broker.on(`${base}/camera/${camera}/state`).length > 0), 'all states')
  rig.mqtt.refresh()
  await until(() => broker.on(`${base}/status`).length >= 2, 'status again')
  await rig.mqtt.putAlarmInOutbox(alarm('a0', 0))
  await until(() => broker.on(`${base}/alarm`).length > 0, 'the alarm')
  expect(broker.offences()).toBe(0)
})

test('an explanation that the broker refuses again and again holds up no alarm, not even its own', async () => {
  const quotaExceeded = 0x97
  const broker = await strict({
    receiveMaximum: 10,
    reason: (topic) => (topic.endsWith('/explanation') ? quotaExceeded : 0)
  })
  const rig = await start(broker.url)
  const began = performance.now()
  await rig.mqtt.putAlarmInOutbox(alarm('a0', 0))
  await rig.mqtt.putExplanationInOutbox(explanation)
  await until(() => broker.on(`${base}/explanation`).length > 0, 'the explanation')
  await rig.mqtt.putAlarmInOutbox(alarm('a0', 1))
  await rig.mqtt.putAlarmInOutbox(alarm('a0', 2, 'end'))
  await rig.mqtt.putAlarmInOutbox(alarm('a1', 0))
  await until(() => alarmsOf(broker).length === 4, 'all alarms')
  // All before it was tried again, which is after 5 s.
  if (performance.now() - began < 5000) expect(broker.on(`${base}/explanation`)).toHaveLength(1)
  await until(() => rig.outbox.depth() === 1, 'all alarms to be confirmed')
  expect(rig.lines.join('\n')).toContain('the broker has not confirmed a message in the background')
})

test('an explanation that is not confirmed holds up no alarm, not even its own', async () => {
  const broker = await strict({ receiveMaximum: 2, reason: (topic) => (topic.endsWith('/explanation') ? null : 0) })
  const rig = await start(broker.url)
  await rig.mqtt.putAlarmInOutbox(alarm('a0', 0))
  await rig.mqtt.putExplanationInOutbox(explanation)
  await until(() => broker.on(`${base}/explanation`).length > 0, 'the explanation')
  for (let seq = 1; seq < 10; seq++) await rig.mqtt.putAlarmInOutbox(alarm('a0', seq))
  for (let number = 1; number < 10; number++) await rig.mqtt.putAlarmInOutbox(alarm(`a${number}`, 0))
  await until(() => new Set(alarmsOf(broker)).size === 19, 'all alarms')
  expect(broker.offences()).toBe(0)
})

test('a line that is cut while messages are under way and others wait: each connection has a whole quota', async () => {
  const limit = 4
  const broker = await strict({ receiveMaximum: limit, answerMs: 20 })
  const rig = await start(broker.url)
  const ids = Array.from({ length: 40 }, (_, number) => `a${number}`)
  for (const camera of cameras) rig.mqtt.cameraState(camera, 'ok', moment(0))
  await Promise.all(
    ids.flatMap((id) => [rig.mqtt.putAlarmInOutbox(alarm(id, 0)), rig.mqtt.putAlarmInOutbox(alarm(id, 1))])
  )
  for (let cuts = 1; cuts <= 12; cuts++) {
    const before = broker.arrivals.length
    await until(() => broker.arrivals.length >= before + 3 || rig.outbox.depth() === 0, 'more')
    broker.cut()
  }
  await until(() => rig.outbox.depth() === 0, 'an empty outbox', 20_000)
  expect(broker.offences()).toBe(0)
  expect(mostAtOnce(broker)).toBeLessThanOrEqual(limit)
  // An update that never had its turn is not taken for what breaks the line.
  expect(rig.outbox.stats().refused).toBe(0)
  expect(new Set(alarmsOf(broker)).size).toBe(80)
})

describe('stopping', () => {
  test('while ten states wait for their turn: offline comes before them, and it is a proper goodbye', async () => {
    const broker = await strict({ receiveMaximum: 1, answerMs: 40 })
    const rig = await start(broker.url)
    await until(() => broker.on(`${base}/status`).length > 0, 'online')
    for (const camera of cameras) rig.mqtt.cameraState(camera, 'ok', moment(0))
    await rig.mqtt.stop()
    expect(broker.arrivals.at(-1)).toMatchObject({ topic: `${base}/status`, json: { state: 'offline' } })
    await until(() => broker.ends.length === 1, 'the end')
    expect([broker.offences(), broker.ends]).toEqual([0, ['goodbye']])
  })

  test('while an outage is being caught up with: offline comes, and the rest stays in the outbox', async () => {
    const broker = await strict({ receiveMaximum: 1, answerMs: 60 })
    const rig = await start(broker.url)
    await until(() => rig.mqtt.connected(), 'connected')
    await Promise.all(Array.from({ length: 200 }, (_, number) => rig.mqtt.putAlarmInOutbox(alarm(`a${number}`, 0))))
    await rig.mqtt.stop()
    expect(broker.on(`${base}/status`).at(-1)).toMatchObject({ json: { state: 'offline' } })
    // All 200 would take 12 s. One may be under way, neither confirmed nor given up.
    const { size } = new Set(alarmsOf(broker))
    expect(rig.outbox.depth()).toBeGreaterThan(0)
    expect([200, 201]).toContain(rig.outbox.depth() + size)
    expect(broker.offences()).toBe(0)
  })

  test('with a broker that confirms no alarm: no goodbye, so that the last will says offline', async () => {
    const broker = await strict({ receiveMaximum: 1, reason: (topic) => (topic.endsWith('/alarm') ? null : 0) })
    const rig = await start(broker.url)
    await until(() => broker.on(`${base}/status`).length > 0, 'online')
    await rig.mqtt.putAlarmInOutbox(alarm('a0', 0))
    await until(() => broker.on(`${base}/alarm`).length > 0, 'the alarm')
    const forgotten = rig.mqtt.forgetCamera('hall')
    rig.mqtt.cameraState('room-1', 'ok', moment(0))
    await rig.mqtt.stop()
    await until(() => broker.ends.length === 1, 'the end')
    expect([broker.offences(), broker.ends, broker.on(`${base}/status`).length]).toEqual([0, ['cut'], 1])
    expect(rig.outbox.depth()).toBe(1)
    // Taken up again with the next connection, of which there is none.
    expect(await Promise.race([forgotten.then(() => 'gone'), Promise.resolve('waits')])).toBe('waits')
  })
})

test('mosquitto with max_inflight_messages 3: its limit is in the log, and everything gets through', async () => {
  const broker = await startMosquitto({ config: ['max_inflight_messages 3'] })
  cleanUp.push(() => broker.remove())
  const ear = await listen(broker.url)
  cleanUp.push(() => ear.stop())
  const rig = await start(broker.url)
  for (const camera of cameras) rig.mqtt.cameraState(camera, 'ok', moment(0))
  await Promise.all(Array.from({ length: 40 }, (_, number) => rig.mqtt.putAlarmInOutbox(alarm(`a${number}`, 0))))
  await until(() => new Set(ear.on('alarm').map(({ json }) => json.alarm_id)).size === 40, 'all alarms')
  await until(() => cameras.every((camera) => ear.on(`camera/${camera}/state`).length > 0), 'all states')
  expect(rig.lines.join('\n')).toMatch(/connected to the broker.*"receive_maximum":3/)
  expect(rig.mqtt.stats().connections).toBe(1)
})
