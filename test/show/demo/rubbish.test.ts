/** What other programs of the machine may do to the demo's broker. */
import { once } from 'node:events'
import { connect as connectTcp } from 'node:net'
import { connectAsync } from 'mqtt'
import { expect, it, onTestFinished } from 'vitest'
import { startBroker } from '../../../src/show/demo/broker.js'
import { subscribe } from '../../../src/show/demo/demo.js'
import { Narrator } from '../../../src/show/demo/narrator.js'
import { until } from '../../support/slowness.js'

it('the demo goes on after invalid messages on its topics, and reports them as not from painlens', async () => {
  const broker = await startBroker({ port: 0 })
  onTestFinished(() => broker.stop())
  let said = ''
  const narrator = new Narrator((line) => (said += line), Date.now())
  let online = false
  const sayOnline = (): undefined => {
    online = true
  }
  const show = { narrator, alarms: [], explanations: [], sayOnline, onlineAt: Number.POSITIVE_INFINITY }
  const subscriber = await subscribe(broker.url, show)
  onTestFinished(() => subscriber.stop())
  const stranger = await connectAsync(broker.url)
  onTestFinished(() => stranger.endAsync(true))
  const rubbish = [
    '',
    '{',
    'null',
    '5',
    '[]',
    '{}',
    '\u0000',
    '\u001b[2J',
    '{"__proto__":{"state":"online"}}',
    '['.repeat(99_999)
  ]
  for (const payload of rubbish)
    for (const topic of ['status', 'camera/bed-a/state', 'alarm', 'explanation'])
      await stranger.publishAsync(`painlens/demo/${topic}`, payload, { qos: 1 })
  const status = { state: 'online', at: new Date().toISOString() }
  await stranger.publishAsync('painlens/demo/status', JSON.stringify(status), { qos: 1 })
  await until(() => online, 'the status after the rubbish')
  expect(said).toContain('what was published on painlens/demo/alarm is not of painlens')
  expect(said).not.toContain('\u001b')
  expect(show.alarms).toEqual([])
  expect(show.explanations).toEqual([])
})

it('the broker of the demo serves others after bytes that are not MQTT', async () => {
  const broker = await startBroker({ port: 0 })
  onTestFinished(() => broker.stop())
  const connection = Buffer.from('100c00044d5154540402003c0000', 'hex')
  for (const bytes of [
    Buffer.from('GET / HTTP/1.1\r\n\r\n'),
    Buffer.alloc(4096, 0xff),
    Buffer.from('1000', 'hex'),
    Buffer.from('10ffffffff7f', 'hex'),
    Buffer.concat([connection, Buffer.from('f0ffffff', 'hex')]),
    Buffer.concat([connection, Buffer.from('3005000361', 'hex')]),
    Buffer.concat([connection, Buffer.from('82020001', 'hex')])
  ]) {
    const socket = connectTcp(broker.port, '127.0.0.1')
    socket.on('error', () => undefined)
    await once(socket, 'connect')
    socket.end(bytes)
    await once(socket.resume(), 'close')
  }
  const client = await connectAsync(broker.url)
  await client.endAsync()
})
