import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Mosquitto, startMosquitto } from '../../support/mosquitto.js'
import { until } from '../../support/slowness.js'
import { base, listen, noCommands, startRig } from './rig.js'

let broker: Mosquitto
beforeAll(async () => {
  broker = await startMosquitto()
})
afterAll(() => broker.remove())

test('commands that the broker kept while painlens was away are answered, each of them', async () => {
  const before = await startRig(broker.url)
  await until(() => before.mqtt.connected(), 'a connection')
  await before.stop()
  const nurse = await listen(broker.url)
  const count = 20
  for (let transaction = 0; transaction < count; transaction++)
    await nurse.client.publishAsync(`${base}/command/refresh`, JSON.stringify({ transaction }), { qos: 1 })
  const rig = await startRig(broker.url, { commands: noCommands })
  const answered = () => nurse.on('response/refresh').map(({ json }) => json.transaction as number)
  await until(() => answered().length >= count, 'every answer').catch(() => undefined)
  await rig.stop()
  await nurse.stop()
  expect(answered().sort((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, index) => index))
})
