/** A broker that takes the connection and does not answer a publish. */
import { describe, expect, test } from 'vitest'
import { connectBeside } from '../../../src/commands/broker.js'
import { checkBroker } from '../../../src/commands/check/broker.js'
import type { CheckContext } from '../../../src/commands/check/result.js'
import type { Config } from '../../../src/config/index.js'
import { Secrets } from '../../../src/core/secrets.js'
import { patience, until } from '../../support/slowness.js'
import { type StrictBroker, startStrictBroker } from '../../support/strict-broker.js'
import { alarm, base, startRig } from './rig.js'

const never = new AbortController().signal
const configOf = (url: string, protocol: string) =>
  ({ device: 'test', mqtt: { url, protocol }, explanation: { enabled: true }, privacy: {} }) as unknown as Config

const alarmTopic = `${base}/alarm`

// Each waits for as long as painlens waits for a broker, 10 to 20 s; so all at once.
describe.concurrent('a broker that does not confirm', { timeout: patience(90_000) }, () => {
  test.each(['5', '3.1.1'])('is red in painlens check by MQTT %s, and nothing more is tried', async (protocol) => {
    const broker = await startStrictBroker({ reason: () => null })
    try {
      const context = { config: configOf(broker.url, protocol), secrets: new Secrets(), signal: never }
      expect(await checkBroker(context as unknown as CheckContext)).toEqual([
        {
          ...{ state: 'fail', what: 'broker', code: 'PL-BROKER-UNCONFIRMED' },
          found: `${broker.url} does not confirm a message`,
          fix: "Look into the broker's log."
        }
      ])
      expect(broker.arrivals.map(({ topic }) => topic)).toEqual([`${base}/check`])
    } finally {
      await broker.stop()
    }
  })

  test('fails the publish, and loses the line: what was sent may be sent again by another one', async () => {
    const broker = await startStrictBroker({ reason: () => null })
    try {
      const options = { config: configOf(broker.url, '5'), purpose: 'check', onMessage: () => undefined } as const
      const connection = await connectBeside({ ...options, timeoutMs: patience(10_000), signal: never })
      const delivery = { qos: 1, retain: false, rank: 'other' } as const
      const published = connection.publish(`${base}/check`, delivery, () => ({ text: '{}' }))
      await expect(published).rejects.toMatchObject({ code: 'PL-BROKER-UNCONFIRMED', where: 'mqtt.url' })
      await connection.closed
      expect([connection.open, broker.ends]).toEqual([false, ['cut']])
    } finally {
      await broker.stop()
    }
  })

  test('gets an alarm again by the next connection, and the outbox keeps it until then', async () => {
    const broker: StrictBroker = await startStrictBroker({
      reason: (topic) => (topic === alarmTopic && broker.connections() === 1 ? null : 0)
    })
    const rig = await startRig(broker.url)
    try {
      await rig.mqtt.putAlarmInOutbox(alarm('a0', 0))
      await until(() => broker.on(alarmTopic).length > 0, 'the alarm')
      expect(rig.outbox.depth()).toBe(1)
      await until(() => rig.outbox.depth() === 0, 'a confirmed alarm', 60_000)
      expect(broker.on(alarmTopic).map(({ connection, json }) => [connection, json.alarm_id])).toEqual([
        [1, 'a0'],
        [2, 'a0']
      ])
      expect(broker.ends).toEqual(['cut'])
    } finally {
      await rig.stop()
      await broker.stop()
    }
  })
})
