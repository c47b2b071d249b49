/** Brokers that refuse messages: because of their size, the rights of the user, a quota. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import type { MqttOptions } from '../../../src/stages/mqtt/index.js'
import { reasonCodes } from '../../../src/stages/mqtt/reason-codes.js'
import { moment } from '../../support/moments.js'
import { startMosquitto } from '../../support/mosquitto.js'
import { until } from '../../support/slowness.js'
import { type StrictBroker, type StrictBrokerOptions, startStrictBroker } from '../../support/strict-broker.js'
import { alarm, base, explanation, health, listen, type Rig, startRig } from './rig.js'

const cleanUp: (() => Promise<unknown>)[] = []
afterAll(async () => {
  for (const undo of cleanUp.splice(0).reverse()) await undo()
})
async function strict(options: StrictBrokerOptions): Promise<StrictBroker> {
  const broker = await startStrictBroker(options)
  cleanUp.push(() => broker.stop())
  return broker
}
async function start(url: string, more?: Partial<MqttOptions>): Promise<Rig> {
  const open = { privacy: { publishEmotions: true, publishHeatmap: true } }
  const rig = await startRig(url, { ...open, ...more })
  cleanUp.push(() => rig.stop())
  return rig
}
const ofId = (id: string, heatmapBytes: number) => ({
  ...explanation,
  alarm_id: id,
  heatmap: Buffer.alloc(heatmapBytes, 7).toString('base64')
})
const problemsOf = () => {
  const told: (string | null)[] = []
  const onExplanationRefused: MqttOptions['onExplanationRefused'] = (problem) =>
    void told.push(problem && `${problem.code} ${problem.message}`)
  return { told, onExplanationRefused }
}
/** With more text than the broker takes even without a picture. */
const wordy = (id: string) => ({ ...ofId(id, 3000), text: { en: 'x'.repeat(2500), de: '' } })

describe('an explanation that is too large for mosquitto', () => {
  test.each([
    [5, 'announced'],
    [4, 'found out by two hang-ups']
  ] as const)(
    'with max_packet_size 2000, MQTT %i (%s): alarms go on, the explanation comes without its heatmap',
    async (protocolVersion, _how) => {
      const broker = await startMosquitto({ config: ['max_packet_size 2000'] })
      cleanUp.push(() => broker.remove())
      const ear = await listen(broker.url)
      cleanUp.push(() => ear.stop())
      const { told, onExplanationRefused } = problemsOf()
      const rig = await start(broker.url, { protocolVersion, onExplanationRefused, backoff: { minMs: 5000 } })
      for (const id of ['a0', 'a1', 'a2']) {
        await rig.mqtt.putAlarmInOutbox(alarm(id, 0))
        await rig.mqtt.putExplanationInOutbox(ofId(id, 3000))
        await rig.mqtt.putAlarmInOutbox(alarm(id, 1))
        await until(() => ear.on('explanation').some(({ json }) => json.alarm_id === id), 'the explanation')
      }
      await until(() => rig.outbox.depth() === 0, 'an empty outbox')
      expect(ear.on('explanation').map(({ json }) => json.heatmap)).toEqual([undefined, undefined, undefined])
      // The backoff of 5 s was not waited for, and what is known is not tried again.
      expect(rig.mqtt.stats().connections).toBe(protocolVersion === 5 ? 1 : 2)
      expect(rig.lines.join('\n')).toMatch(
        /too large for the broker; it is sent without its heatmap.*it has 4\d{3} bytes/
      )
      expect(told.at(-1)).toBeNull()
      expect(ear.on('alarm').map(({ json }) => `${json.alarm_id} ${json.seq}`)).toEqual(
        expect.arrayContaining(['a0 0', 'a0 1', 'a1 0', 'a1 1', 'a2 0', 'a2 1'])
      )
    }
  )

  test.each([5, 4] as const)(
    'even without its heatmap, MQTT %i: it is given up, and named',
    async (protocolVersion) => {
      const broker = await startMosquitto({ config: ['max_packet_size 2000'] })
      cleanUp.push(() => broker.remove())
      const ear = await listen(broker.url)
      cleanUp.push(() => ear.stop())
      const { told, onExplanationRefused } = problemsOf()
      const rig = await start(broker.url, { protocolVersion, onExplanationRefused, backoff: { minMs: 5000 } })
      await rig.mqtt.putExplanationInOutbox(wordy('a0'))
      await until(() => told.length > 0, 'the problem')
      expect(told).toEqual([expect.stringMatching(/^PL-BROKER-TOO-LARGE .*it has 2\d{3} bytes, and the broker .*\d+/)])
      expect(rig.outbox.stats()).toMatchObject({ depth: 0, refused: 1 })
      await rig.mqtt.putAlarmInOutbox(alarm('a0', 0))
      await rig.mqtt.putExplanationInOutbox({ ...explanation, alarm_id: 'small' })
      await until(() => told.length > 1, 'the end of the problem')
      expect(told.at(-1)).toBeNull()
      expect(ear.on('alarm').length).toBe(1)
      expect(rig.mqtt.stats().connections).toBeLessThanOrEqual(3)
    }
  )
})

describe('an explanation that is too large for a broker that does not announce it', () => {
  test.each([
    [5, 'disconnect'],
    [5, 'hang up'],
    [5, 'puback'],
    [4, 'hang up']
  ] as const)(
    'MQTT %i, answered by %s: alarms of the same moment come through at once',
    async (protocolVersion, answer) => {
      const broker = await strict({ largest: { bytes: 2000, answer }, answerMs: 5 })
      const rig = await start(broker.url, { protocolVersion, backoff: { minMs: 5000 } })
      const ids = Array.from({ length: 20 }, (_, number) => `a${number}`)
      for (const id of ids) {
        await rig.mqtt.putAlarmInOutbox(alarm(id, 0))
        await rig.mqtt.putExplanationInOutbox(ofId(id, 3000))
      }
      await until(() => rig.outbox.depth() === 0, 'an empty outbox')
      expect(new Set(broker.on(`${base}/alarm`).map(({ json }) => json.alarm_id)).size).toBe(20)
      expect(new Set(broker.on(`${base}/explanation`).map(({ json }) => json.alarm_id)).size).toBe(20)
      expect(broker.oversizes()).toBe(1)
      expect(broker.connections()).toBe(2)
    }
  )

  test('a health message that is too large is left out and named, and the line holds', async () => {
    const broker = await strict({ largest: { bytes: 2000, answer: 'hang up' } })
    const problems = Array.from({ length: 40 }, (_, number) => ({
      part: `camera ${number}`,
      why: 'lost: no picture',
      code: null
    }))
    const requests = { health: () => ({ ...health, problems }), healthEveryMs: 50 }
    const rig = await start(broker.url, { protocolVersion: 4, ...requests } as Partial<MqttOptions>)
    await until(() => rig.lines.some((line) => line.includes('PL-BROKER-TOO-LARGE')), 'it to be said')
    await rig.mqtt.putAlarmInOutbox(alarm('a0', 0))
    await until(() => broker.on(`${base}/alarm`).length > 0, 'the alarm')
    await new Promise((resolve) => setTimeout(resolve, 300))
    expect(broker.connections()).toBe(3)
    expect(rig.lines.filter((line) => line.includes('does not take this'))).toHaveLength(1)
  })

  test('a line that the network cuts while an alarm is under way: the alarm is sent again at once', async () => {
    let isSilent = true
    const broker = await strict({ reason: () => (isSilent ? null : 0) })
    const rig = await start(broker.url)
    for (let cuts = 0; cuts < 2; cuts++) {
      const before = broker.on(`${base}/alarm`).length
      if (cuts === 0) await rig.mqtt.putAlarmInOutbox(alarm('a0', 0))
      await until(() => broker.on(`${base}/alarm`).length > before, 'the alarm')
      broker.cut()
    }
    isSilent = false
    await until(() => rig.outbox.depth() === 0, 'it to be confirmed')
  })
})

/** How often what is refused may have been sent by now: again after each 5 s, of which a busy machine may need several. */
const roundsSince = (began: number): number => 1 + Math.floor((performance.now() - began) / 5000)

describe('an alarm that the broker refuses', () => {
  const isAlarm = (topic: string) => topic.endsWith('/alarm')
  const refusals = Object.entries(reasonCodes).flatMap(([code, { name, publish }]) =>
    publish && publish.verdict === 'later' ? [[Number(code), name, publish.code] as const] : []
  )

  // Side by side: a refused alarm is sent again after 5 s.
  test.concurrent.each(refusals)(
    'with %i (%s): is said with its code, kept, and delivered when the broker takes it',
    async (reasonCode, name, code) => {
      let refuses = true
      const broker = await strict({ reason: (topic) => (refuses && isAlarm(topic) ? reasonCode : 0) })
      const rig = await start(broker.url)
      await rig.mqtt.putAlarmInOutbox(alarm('a0', 0))
      await until(() => rig.mqtt.stats().refusal !== null, 'the refusal')
      expect(rig.mqtt.stats().refusal).toMatchObject({ code, what: expect.stringContaining(name) })
      expect(rig.lines.filter((line) => line.startsWith('error'))).toEqual([
        expect.stringMatching(new RegExp(`the broker does not take alarms.*${code}.*0x${reasonCode.toString(16)}`, 'i'))
      ])
      refuses = false
      await until(() => rig.outbox.depth() === 0, 'it to be taken', 8000)
      expect(rig.mqtt.stats().refusal).toBeNull()
      expect(broker.connections()).toBe(1)
    }
  )

  test('alone: the alarms of other residents do not wait for it', async () => {
    let first = ''
    const broker = await strict({
      reason: (topic) => {
        if (!isAlarm(topic)) return 0
        const { json } = broker.arrivals.at(-1)!
        first ||= json.alarm_id
        return json.alarm_id === first ? 0x97 : 0
      }
    })
    const rig = await start(broker.url)
    const began = performance.now()
    await rig.mqtt.putAlarmInOutbox(alarm('refused', 0))
    await until(() => broker.on(`${base}/alarm`).length > 0, 'the refused one')
    for (let number = 0; number < 30; number++) {
      await rig.mqtt.putAlarmInOutbox(alarm(`a${number}`, 0))
      await rig.mqtt.putAlarmInOutbox(alarm(`a${number}`, 1, 'end'))
    }
    await until(() => rig.outbox.depth() === 1, 'all others')
    const tries = broker.on(`${base}/alarm`).filter(({ json }) => json.alarm_id === 'refused').length
    expect(tries).toBeLessThanOrEqual(roundsSince(began))
  })

  test('as all are: the broker is asked with a few of them, not with each', async () => {
    const broker = await strict({ reason: (topic) => (isAlarm(topic) ? 0x87 : 0) })
    const rig = await start(broker.url)
    const began = performance.now()
    for (let number = 0; number < 200; number++) await rig.mqtt.putAlarmInOutbox(alarm(`a${number}`, 0))
    await until(() => broker.on(`${base}/alarm`).length >= 8, 'some')
    await new Promise((resolve) => setTimeout(resolve, 500))
    // Eight at a time are under way.
    expect(broker.on(`${base}/alarm`).length).toBeLessThan(8 * roundsSince(began) + 12)
    expect(rig.outbox.depth()).toBe(200)
    expect(rig.lines.filter((line) => line.startsWith('error'))).toHaveLength(1)
  })

  test('because of what it holds (0x99): is dropped, and that is said with its alarm_id', async () => {
    const broker = await strict({ reason: (topic) => (isAlarm(topic) ? 0x99 : 0) })
    const rig = await start(broker.url)
    await rig.mqtt.putAlarmInOutbox(alarm('a0', 0))
    await until(() => rig.outbox.depth() === 0, 'it to be dropped')
    expect(rig.lines.filter((line) => line.includes('"alarm_id":"a0"')).join()).toMatch(/refuses this message for good/)
    expect(rig.lines.join('\n')).toMatch(/error the broker does not take alarms.*0x99 Payload format invalid/)
  })

  test.each([
    [5, 'announced'],
    [5, 'disconnect'],
    [4, 'hang up']
  ] as const)(
    'because it is too large, MQTT %i (%s): is kept, and small messages go on',
    async (protocolVersion, how) => {
      const answer = how === 'hang up' ? how : 'disconnect'
      const broker = await strict({ largest: { bytes: 1500, announced: how === 'announced', answer } })
      const rig = await start(broker.url, { protocolVersion, backoff: { minMs: 20, maxMs: 50 } })
      // Nothing else is: health, too, would be learnt by hang-ups, before or after what is counted here.
      const location = { facility: null, ward: 'x'.repeat(1500), room: '12', bed: null }
      await rig.mqtt.putAlarmInOutbox({ ...alarm('a0', 0), location })
      await until(() => rig.mqtt.stats().refusal !== null, 'the refusal')
      expect(rig.mqtt.stats().refusal).toMatchObject({ code: 'PL-BROKER-TOO-LARGE' })
      // The broker has hung up with the refusal: the first one comes by the next connection, the second by the same.
      rig.mqtt.cameraState('hall', 'ok', moment(0))
      await until(() => broker.on(`${base}/camera/hall/state`).length > 0, 'a state')
      const before = broker.connections()
      rig.mqtt.cameraState('hall', 'lost', moment(0))
      await until(() => broker.on(`${base}/camera/hall/state`).length > 1, 'another state')
      expect(broker.connections()).toBe(before)
      expect(rig.outbox.depth()).toBe(1)
    }
  )
})

test('an answer to a response topic that the access list forbids comes to the usual topic, and that is said', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'painlens-acl-'))
  cleanUp.push(async () => rmSync(folder, { recursive: true }))
  writeFileSync(join(folder, 'acl'), 'user painlens\ntopic readwrite painlens/#\nuser ward\ntopic readwrite #\n')
  const users = { painlens: 'secret-12', ward: 'secret-12' }
  const broker = await startMosquitto({ users, config: [`acl_file ${join(folder, 'acl')}`] })
  cleanUp.push(() => broker.remove())
  const ear = await listen(broker.url, { username: 'ward', password: 'secret-12' })
  cleanUp.push(() => ear.stop())
  const rig = await start(broker.url, { broker: { url: broker.url, username: 'painlens', password: 'secret-12' } })
  await until(() => ear.on('health').length > 0, 'greeted')
  const correlationData = Buffer.from('7')
  // As long as a topic may be here: the log names its beginning.
  const properties = { responseTopic: `ward/answers/${'x'.repeat(60_000)}`, correlationData }
  await ear.client.publishAsync(`${base}/command/refresh`, '{"transaction":7}', { qos: 1, properties })
  await until(() => ear.on('response/refresh').length > 0, 'the answer')
  expect(ear.on('response/refresh')[0]).toMatchObject({
    json: { transaction: 7, status: 'ok' },
    packet: { properties: { correlationData } }
  })
  const told = rig.lines.find((line) => /warn the broker does not take an answer/.test(line))!
  expect(told).toMatch(/ward\/answers\/x+….*PL-BROKER-NO-WRITE.*the broker refuses it \(0x87 Not authorized\)/)
  expect(told.length).toBeLessThan(500)
  // Rights to painlens's own topics are not what is missing.
  expect(told).not.toMatch(/Give the user the right/)
})

test('states and health are told again, and expire at the broker when painlens is gone for good', async () => {
  const broker = await startMosquitto()
  cleanUp.push(() => broker.remove())
  const ear = await listen(broker.url)
  cleanUp.push(() => ear.stop())
  const rig = await start(broker.url, { renewStatesMs: 50 })
  rig.mqtt.cameraState('hall', 'ok', moment(0))
  await until(() => ear.on('camera/hall/state').length > 3, 'the state again and again')
  const expiry = (topic: string) => ear.on(topic)[0]?.packet.properties?.messageExpiryInterval
  expect([expiry('camera/hall/state'), expiry('health'), expiry('status')]).toEqual([3600, 300, undefined])
})

test('states are told again every 20 minutes: two may be lost before the last one expires', async () => {
  const broker = await startMosquitto()
  cleanUp.push(() => broker.remove())
  const ear = await listen(broker.url)
  cleanUp.push(() => ear.stop())
  const repeated = vi.spyOn(globalThis, 'setInterval')
  onTestFinished(() => void repeated.mockRestore())
  const rig = await start(broker.url)
  rig.mqtt.cameraState('hall', 'ok', moment(0))
  await until(() => ear.on('camera/hall/state').length > 0, 'the state')
  const before = ear.on('camera/hall/state').length
  const [again] = repeated.mock.calls.find(([, ms]) => ms === 20 * 60_000)!
  again()
  await until(() => ear.on('camera/hall/state').length > before, 'the state again')
})
