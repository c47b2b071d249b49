/** Commands that are larger than painlens takes. */
import { afterEach, expect, test } from 'vitest'
import { startMosquitto } from '../../support/mosquitto.js'
import { until } from '../../support/slowness.js'
import { base, listen, startRig } from './rig.js'

const cleanUp: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const undo of cleanUp.splice(0).reverse()) await undo()
})

test.each([
  [5, 1],
  [4, 2]
] as const)('a command of 60 MB is not taken into memory, and the next one is (MQTT %i)', async (version, answers) => {
  const broker = await startMosquitto()
  cleanUp.push(() => broker.remove())
  // The listener is in this process, too, and is not to be sent the command.
  const ear = await listen(broker.url, { properties: { sessionExpiryInterval: 300, maximumPacketSize: 100_000 } })
  cleanUp.push(() => ear.stop())
  const rig = await startRig(broker.url, { protocolVersion: version })
  cleanUp.push(() => rig.stop())
  await until(() => ear.on('health').length > 0, 'greeted')
  const before = process.memoryUsage()
  let most = 0
  const watch = setInterval(() => {
    const { arrayBuffers, heapUsed } = process.memoryUsage()
    most = Math.max(most, arrayBuffers + heapUsed - before.arrayBuffers - before.heapUsed)
  }, 5)
  // In a process of its own, so that the memory is the stage's.
  const { spawn } = await import('node:child_process')
  const program = `import { connectAsync } from 'mqtt'
    const client = await connectAsync('${broker.url}', { protocolVersion: 5 })
    await client.publishAsync('${base}/command/ack', Buffer.alloc(60e6, 32), { qos: 1 })
    await client.publishAsync('${base}/command/refresh', '{"transaction":2}', { qos: 1 })
    await client.endAsync()`
  const sender = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: 'inherit' })
  await new Promise((resolve) => sender.once('exit', resolve))
  await until(() => ear.on('response/refresh').length === 1, 'the answer to the second', 20_000)
  clearInterval(watch)
  // An MQTT 5 broker does not deliver it at all.
  const responses = ear.heard.filter(({ topic }) => topic.includes('/response/'))
  expect(responses).toHaveLength(answers)
  if (version === 4) expect(responses[0]?.json).toMatchObject({ status: 'error', code: 'PL-COMMAND-TOO-LARGE' })
  expect(rig.mqtt.stats().connections).toBe(1)
  expect(most).toBeLessThan(40e6)
})
