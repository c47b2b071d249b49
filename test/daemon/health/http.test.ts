import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type Log, silentLog } from '../../../src/core/log.js'
import { type HttpOptions, type Report, startHttp } from '../../../src/daemon/health/http.js'
import { freePort } from '../../support/mosquitto.js'
import { until } from '../../support/slowness.js'

const fine: Report = { ok: true, parts: [] }
const token = '0123456789abcdef-secret'

async function start(changes: Partial<HttpOptions> = {}) {
  const errors: object[] = []
  const log: Log = { ...silentLog, error: (fields) => errors.push(fields) }
  const http = await startHttp({
    host: '127.0.0.1',
    port: 0,
    live: () => fine,
    ready: () => ({ ok: false, parts: [{ part: 'camera a', why: 'lost', code: 'PL-CAMERA-TIMEOUT' }] }),
    metrics: async () => ({ type: 'text/plain; version=0.0.4; charset=utf-8', text: 'up 1\n' }),
    log,
    ...changes
  })
  onTestFinished(() => http.stop())
  const ask = (path: string, init: RequestInit = {}) => fetch(`${http.stats().address}${path}`, init)
  return { http, ask, errors }
}

const withToken = (value: string) => ({ headers: { authorization: value } })

describe('the HTTP server', () => {
  it('serves live, ready and metrics, and answers 4xx to other requests', async () => {
    const { ask } = await start()
    const live = await ask('/live')
    expect([live.status, await live.json()]).toEqual([200, fine])
    const ready = await ask('/ready')
    expect([ready.status, await ready.json()]).toEqual([
      503,
      { ok: false, parts: [{ part: 'camera a', why: 'lost', code: 'PL-CAMERA-TIMEOUT' }] }
    ])
    const metrics = await ask('/metrics')
    expect(metrics.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/)
    expect(await metrics.text()).toBe('up 1\n')
    for (const [path, method] of [
      ['/', 'GET'],
      ['/live', 'POST'],
      ['/live', 'DELETE'],
      ['/../etc/passwd', 'GET'],
      ['/%zz', 'GET']
    ] as const) {
      const answer = await ask(path, { method })
      expect([path, method, answer.status >= 400 && answer.status < 500]).toEqual([path, method, true])
    }
    expect(live.headers.get('server')).toBeNull()
    expect(live.headers.get('cache-control')).toBe('no-store')
  })

  it('with a token answers 401 on every path to requests without it', async () => {
    const { ask } = await start({ token })
    for (const path of ['/live', '/ready', '/metrics', '/nothing']) {
      for (const wrong of [
        {},
        withToken(token),
        withToken(`Bearer ${token}x`),
        withToken('Bearer '),
        withToken(`Basic ${token}`)
      ]) {
        const answer = await ask(path, wrong)
        expect([path, answer.status]).toEqual([path, 401])
        expect(answer.headers.get('www-authenticate')).toBe('Bearer')
        expect(await answer.text()).not.toContain(token)
      }
    }
    expect((await ask('/live', withToken(`Bearer ${token}`))).status).toBe(200)
    expect((await ask('/live', withToken(`bearer ${token}`))).status).toBe(200)
  })

  it('refuses large requests, and answers an internal failure with 500 without its details', async () => {
    const { ask, errors } = await start({ metrics: () => Promise.reject(new Error('/etc/painlens broke')) })
    expect((await ask('/live', { headers: { 'x-long': 'x'.repeat(10_000) } })).status).toBe(431)
    expect((await ask('/live', { method: 'POST', body: 'x'.repeat(5000) })).status).toBeGreaterThanOrEqual(400)
    const failed = await ask('/metrics')
    expect(failed.status).toBe(500)
    expect(await failed.json()).toEqual({ code: 'PL-HTTP-FAILED', error: 'it failed, see the log' })
    expect(errors).toEqual([{ code: 'PL-HTTP-FAILED', error: '/etc/painlens broke' }])
    expect((await ask('/live')).status).toBe(200)
  })

  it('serves other clients during an unfinished request, and closes its connection on stop', async () => {
    const { http, ask } = await start()
    const { port, hostname } = new URL(http.stats().address!)
    const slow = connect(Number(port), hostname)
    slow.on('error', () => undefined)
    await once(slow, 'connect')
    slow.write('GET /live HTTP/1.1\r\nHost: x\r\n')
    expect((await ask('/live')).status).toBe(200)
    const closed = once(slow, 'close')
    await http.stop()
    await closed
    await expect(ask('/live')).rejects.toThrow()
    expect(http.stats().address).toBeNull()
  })

  it('answers while a flood of half-open and dripping connections goes on, whatever address it comes from', async () => {
    const { ask, http } = await start()
    const { port } = new URL(http.stats().address!)
    const beginnings = [
      '',
      'GET /live HT',
      'GET /live HTTP/1.1\r\nHost: x\r\n',
      'POST /live HTTP/1.1\r\nContent-Length: 900\r\n\r\nx'
    ]
    const sockets = ['127.0.0.1', '127.0.0.2', '127.0.0.3', '127.0.0.4'].flatMap((localAddress) =>
      Array.from({ length: 50 }, (_, i) => {
        const socket = connect({ port: Number(port), host: '127.0.0.1', localAddress })
        socket.on('error', () => undefined)
        socket.write(beginnings[i % beginnings.length]!)
        return socket
      })
    )
    const drip = setInterval(() => {
      for (const socket of sockets) if (socket.writable) socket.write('x')
    }, 20)
    onTestFinished(() => {
      clearInterval(drip)
      for (const socket of sockets) socket.destroy()
    })
    await Promise.all(sockets.map((socket) => once(socket, 'connect')))
    for (let i = 0; i < 20; i++) expect((await ask('/live', { headers: { connection: 'close' } })).status).toBe(200)
    const open = () => sockets.filter((socket) => !socket.closed).length
    await until(() => open() <= 32, 'the connections that are too many to be closed')
  })

  it('closes a connection whose request stays incomplete, however often a byte of it comes', async () => {
    const { http } = await start({ requestMs: 200 })
    const { port } = new URL(http.stats().address!)
    const dripping = connect(Number(port), '127.0.0.1')
    const drip = setInterval(() => dripping.writable && dripping.write('x'), 20)
    onTestFinished(() => clearInterval(drip))
    dripping.on('error', () => undefined)
    dripping.write('GET /live HTTP/1.1\r\nX: ')
    await once(dripping.resume(), 'close')
  })

  it('answers pipelined requests, absolute addresses and false hosts, and closes the connection of rubbish', async () => {
    const { http, ask } = await start({ token, requestMs: 1000 })
    const { port } = new URL(http.stats().address!)
    const told = async (request: string): Promise<string> => {
      const socket = connect(Number(port), '127.0.0.1')
      let text = ''
      socket.on('error', () => undefined)
      socket.setEncoding('latin1').on('data', (more: string) => {
        text += more
      })
      socket.write(request, 'latin1')
      await once(socket, 'close')
      return text
    }
    const signed = `Authorization: Bearer ${token}\r\n`
    const statuses = async (request: string): Promise<string[]> =>
      [...(await told(request)).matchAll(/HTTP\/1\.1 (\d+) /g)].map(([, status]) => status!)
    const one = `GET /live HTTP/1.1\r\nHost: x\r\n${signed}`
    expect(await statuses(`${`${one}\r\n`.repeat(3)}${one}Connection: close\r\n\r\n`)).toEqual([
      '200',
      '200',
      '200',
      '200'
    ])
    // A client that does not wait for answers is cut off.
    expect((await statuses(`${one}\r\n`.repeat(150))).length).toBeLessThanOrEqual(8)
    const absolute = `GET http://elsewhere.example/live HTTP/1.1\r\nHost: \u0000evil\r\nConnection: close\r\n\r\n`
    expect(await statuses(absolute)).toEqual(['400'])
    const smuggled = `POST /live HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`
    expect(await statuses(smuggled)).toEqual(['400'])
    for (const rubbish of ['\u0016\u0003\u0001\u0002\u0000\u0001', 'CONNECT a:1 HTTP/1.1\r\n\r\n', 'x'.repeat(9000)])
      expect(await told(rubbish)).not.toContain('200 OK')
    expect(
      await statuses('GET /live HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: upgrade, close\r\n\r\n')
    ).not.toContain('200')
    expect((await ask('/live', withToken(`Bearer ${token}`))).status).toBe(200)
  })

  it('answers few of the requests of clients that pipeline thousands and read nothing, and goes on', async () => {
    let made = 0
    const metrics = async () => {
      made++
      await new Promise((done) => setImmediate(done))
      return { type: 'text/plain', text: 'x'.repeat(10_000) }
    }
    const { http, ask } = await start({ metrics })
    const { port } = new URL(http.stats().address!)
    const sockets = Array.from({ length: 100 }, () => connect(Number(port), '127.0.0.1').on('error', () => undefined))
    onTestFinished(() => {
      for (const socket of sockets) socket.destroy()
    })
    await Promise.all(sockets.map((socket) => once(socket, 'connect')))
    for (const socket of sockets) socket.write('GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(200))
    expect((await ask('/live')).status).toBe(200)
    await until(() => sockets.every((socket) => socket.resume().closed), 'each of them to be cut off')
    // 10,000 before: all that Node.js takes from a connection.
    expect(made).toBeLessThanOrEqual(800)
    expect((await ask('/metrics')).status).toBe(200)
  })

  it('on a port in use logs that once, and listens when the port is free', async () => {
    const port = await freePort()
    const other = createServer().listen(port, '127.0.0.1')
    await once(other, 'listening')
    const { http, errors } = await start({ port, retryMs: 50 })
    const { problem, address } = http.stats()
    expect(address).toBeNull()
    expect(problem?.code).toBe('PL-HTTP-PORT')
    expect(problem?.message).toBe(
      `http on 127.0.0.1:${port}: the port is in use. Choose another as http.port, or stop the other program.`
    )
    await new Promise((resolve) => setTimeout(resolve, 200))
    expect(errors).toHaveLength(1)
    other.close()
    await until(() => http.stats().address !== null, 'the port')
    expect(http.stats().problem).toBeNull()
    expect((await fetch(`http://127.0.0.1:${port}/live`)).status).toBe(200)
  })

  it('can be stopped while it waits for its port', async () => {
    const port = await freePort()
    const other = createServer().listen(port, '127.0.0.1')
    await once(other, 'listening')
    const { http } = await start({ port, retryMs: 20 })
    await http.stop()
    other.close()
    await once(other, 'close')
    await new Promise((resolve) => setTimeout(resolve, 100))
    await expect(fetch(`http://127.0.0.1:${port}/live`)).rejects.toThrow()
  })

  it('reports an address that this machine does not have', async () => {
    const { http } = await start({ host: '192.0.2.77', port: 9464 })
    expect(http.stats().problem).toMatchObject({
      code: 'PL-HTTP-ADDRESS',
      message: expect.stringMatching(/192\.0\.2\.77:9464: this machine has no such address/)
    })
  })
})
