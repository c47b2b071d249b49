/** Brokers without retained messages, or without QoS 1: what painlens does without, and what `painlens check` says of it. */
import { afterEach, describe, expect, test } from 'vitest'
import { checkBroker } from '../../../src/commands/check/broker.js'
import type { CheckContext } from '../../../src/commands/check/result.js'
import { Secrets } from '../../../src/core/secrets.js'
import { moment } from '../../support/moments.js'
import { startMosquitto } from '../../support/mosquitto.js'
import { until } from '../../support/slowness.js'
import { alarm, listen, type Rig, startRig } from './rig.js'

const cleanUp: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const undo of cleanUp.splice(0).reverse()) await undo()
})
const broker = async (...config: string[]) => {
  const mosquitto = await startMosquitto({ config })
  cleanUp.push(() => mosquitto.remove())
  return mosquitto
}
async function start(url: string, protocolVersion: 4 | 5): Promise<Rig> {
  const rig = await startRig(url, { protocolVersion })
  cleanUp.push(() => rig.stop())
  return rig
}
async function check(url: string, protocol: string, publish_heatmap = false) {
  const about = { explanation: { enabled: true }, privacy: { publish_heatmap } }
  const config = { device: 'test', mqtt: { url, protocol }, ...about }
  const signal = new AbortController().signal
  const found = await checkBroker({ config, secrets: new Secrets(), signal } as unknown as CheckContext)
  return found.map(({ state, code = '', what }) => `${what} ${state} ${code}`.trim())
}

describe.each([
  ['retain_available false', 'PL-BROKER-NO-RETAIN'],
  ['max_qos 0', 'PL-BROKER-NO-QOS']
])('mosquitto with %s', (line, code) => {
  test.each([
    [5, '5'],
    [4, '3.1.1']
  ] as const)(
    'by MQTT %i gets status, states and alarms, and a last will; the lack is said',
    async (version, protocol) => {
      const mosquitto = await broker(line)
      const ear = await listen(mosquitto.url)
      cleanUp.push(() => ear.stop())
      const rig = await start(mosquitto.url, version)
      await until(() => ear.on('status').length > 0, 'online', 10_000)
      rig.mqtt.cameraState('hall', 'ok', moment(0))
      await rig.mqtt.putAlarmInOutbox(alarm('a0', 0))
      await until(() => ear.on('alarm').length > 0 && ear.on('camera/hall/state').length > 0, 'an alarm and a state')
      await until(() => rig.outbox.depth() === 0, 'an empty outbox')
      expect(rig.lines.filter((text) => text.includes('painlens does without')).join()).toContain(code)
      // Who restarts the broker sees it connect again.
      await rig.mqtt.stop()
      await until(() => ear.on('status').at(-1)?.json.state === 'offline', 'offline')

      const found = await check(mosquitto.url, protocol)
      expect(found).toEqual(expect.arrayContaining(['broker ok', `broker warn ${code}`, 'commands ok']))
    }
  )

  test('by MQTT 5 publishes offline when painlens is gone without a goodbye', async () => {
    const mosquitto = await broker(line)
    const ear = await listen(mosquitto.url)
    cleanUp.push(() => ear.stop())
    // Another client with the same id takes its place, so that the broker ends the first one.
    await start(mosquitto.url, 5)
    await until(() => ear.on('status').some(({ json }) => json.state === 'online'), 'online', 10_000)
    const other = await listen(mosquitto.url, { clientId: 'painlens-test', reconnectPeriod: 0, clean: true })
    await until(() => ear.on('status').some(({ json }) => json.state === 'offline'), 'the last will')
    await other.stop()
  })
})

test.each([
  ['auto', 1000, false, ['broker fail PL-BROKER-TOO-LARGE']],
  ['3.1.1', 1000, false, ['broker fail PL-BROKER-TOO-LARGE']],
  ['auto', 3000, false, ['broker ok', 'commands ok', 'broker warn PL-BROKER-TOO-LARGE']],
  ['3.1.1', 3000, false, ['broker ok', 'commands ok', 'broker warn PL-BROKER-TOO-LARGE']],
  ['auto', 10_000, false, ['broker ok', 'commands ok']],
  ['auto', 10_000, true, ['broker ok', 'commands ok', 'broker warn PL-BROKER-TOO-LARGE']]
] as const)(
  'by MQTT %s mosquitto with max_packet_size %i, with pictures: %s, is checked with messages as large as alarms and explanations',
  async (protocol, size, pictures, found) => {
    const mosquitto = await broker(`max_packet_size ${size}`)
    expect(await check(mosquitto.url, protocol, pictures)).toEqual(found)
  }
)

test('a broker with both, checked under the name of a daemon that runs, leaves that one online', async () => {
  const mosquitto = await broker()
  const ear = await listen(mosquitto.url)
  cleanUp.push(() => ear.stop())
  const rig = await start(mosquitto.url, 5)
  await until(() => ear.on('status').length > 0, 'online')
  expect(await check(mosquitto.url, 'auto')).toEqual(['broker ok', 'commands ok'])
  expect(ear.on('status').map(({ json }) => json.state)).toEqual(['online'])
  expect(rig.mqtt.stats().connections).toBe(1)
})
