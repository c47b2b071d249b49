import { once } from 'node:events'
import { connect } from 'node:net'
import { expect, it, onTestFinished } from 'vitest'
import { until } from '../support/slowness.js'
import { servePage } from './rig.js'

it('clients that pipeline thousands of requests and read nothing are cut off, and others are served', async () => {
  const { url } = await servePage()
  const { port } = new URL(url)
  const sockets = Array.from({ length: 20 }, () => connect(Number(port), '127.0.0.1').on('error', () => undefined))
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
  })
  await Promise.all(sockets.map((socket) => once(socket, 'connect')))
  let answers = 0
  for (const socket of sockets) {
    socket.on('data', (text) => (answers += String(text).split('HTTP/1.1 ').length - 1))
    socket.write('GET /api/session HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(200))
  }
  expect((await fetch(url)).status).toBe(200)
  await until(() => sockets.every((socket) => socket.closed), 'each of them to be cut off')
  // Each of the 4,000 would be answered otherwise.
  expect(answers).toBeLessThanOrEqual(20 * 8)
})
