import { createHash } from 'node:crypto'
import { afterEach, describe, expect, it } from 'vitest'
import { PortInUseError } from '../../../src/core/errors.js'
import { silentLog } from '../../../src/core/log.js'
import { type RtspCredentials, type RtspServer, startRtspServer } from '../../../src/show/simulate/rtsp-server.js'
import { RtspClient } from './client.js'

const sdp = [
  ...['v=0', 'o=- 0 0 IN IP4 127.0.0.1', 's=x', 'c=IN IP4 127.0.0.1', 't=0 0'],
  ...['m=video 0 RTP/AVP 96', 'a=rtpmap:96 H264/90000', 'a=control:streamid=0', '']
].join('\r\n')
const interleaved = { Transport: 'RTP/AVP/TCP;unicast;interleaved=0-1' }
const keyFrame = Buffer.from([0x80, 0xe0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2, 0x65, 1, 2, 3])
const otherFrame = Buffer.from([0x80, 0xe0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 2, 0x41, 4, 5, 6])

const servers: RtspServer[] = []
const clients: RtspClient[] = []

async function serve(credentials?: RtspCredentials): Promise<RtspServer> {
  const server = await startRtspServer({ credentials, log: silentLog })
  servers.push(server)
  return server
}

async function open(server: RtspServer): Promise<RtspClient> {
  const client = await RtspClient.open(server.port)
  clients.push(client)
  return client
}

/** A publisher that has got as far as RECORD. */
async function publish(server: RtspServer, path: string): Promise<{ client: RtspClient; send(packet: Buffer): void }> {
  const { url } = server.publish(path)
  const client = await open(server)
  expect((await client.ask('ANNOUNCE', url, { 'Content-Type': 'application/sdp' }, sdp)).status).toBe(200)
  const setup = await client.ask('SETUP', `${url}/streamid=0`, { Transport: `${interleaved.Transport};mode=record` })
  expect(setup.headers.get('transport')).toContain('mode=record')
  expect((await client.ask('RECORD', url, { Session: setup.headers.get('session')! })).status).toBe(200)
  const send = (packet: Buffer): void => {
    client.socket.write(Buffer.concat([Buffer.of(0x24, 0, packet.length >> 8, packet.length & 255), packet]))
  }
  return { client, send }
}

async function play(server: RtspServer, path: string): Promise<RtspClient> {
  const reader = await open(server)
  const url = `rtsp://127.0.0.1:${server.port}${path}`
  const setup = await reader.ask('SETUP', `${url}/streamid=0`, interleaved)
  expect((await reader.ask('PLAY', url, { Session: setup.headers.get('session')! })).status).toBe(200)
  return reader
}

afterEach(async () => {
  for (const client of clients.splice(0)) client.close()
  for (const server of servers.splice(0)) await server.stop()
})

describe('the RTSP server', () => {
  it('DESCRIBE, SETUP, PLAY and TEARDOWN are answered with CSeq and Session', async () => {
    const server = await serve()
    const feed = await publish(server, '/bed')
    const url = `rtsp://127.0.0.1:${server.port}/bed`
    const reader = await open(server)
    const options = await reader.ask('OPTIONS', url)
    expect(options.headers.get('public')).toContain('DESCRIBE')
    expect(options.headers.get('cseq')).toBe('1')
    const described = await reader.ask('DESCRIBE', url, { Accept: 'application/sdp' })
    expect(described.headers.get('content-base')).toBe(`${url}/`)
    expect(described.body).toContain('a=control:streamid=0')
    expect(described.body).toContain('c=IN IP4 0.0.0.0')
    const setup = await reader.ask('SETUP', `${url}/streamid=0`, interleaved)
    const Session = setup.headers.get('session')!
    expect(setup.headers.get('transport')).toBe('RTP/AVP/TCP;unicast;interleaved=0-1')
    expect((await reader.ask('PLAY', url, { Session })).status).toBe(200)
    feed.send(keyFrame)
    await reader.until(() => reader.packets.length > 0)
    expect(reader.packets[0]).toEqual({ channel: 0, payload: keyFrame })
    expect((await reader.ask('GET_PARAMETER', url, { Session })).status).toBe(200)
    expect((await reader.ask('TEARDOWN', url, { Session })).status).toBe(200)
    await reader.closed
  })

  it('each of several readers begins with a key frame', async () => {
    const server = await serve()
    const feed = await publish(server, '/bed')
    const first = await play(server, '/bed')
    feed.send(keyFrame)
    feed.send(otherFrame)
    await first.until(() => first.packets.length === 2)
    const late = await play(server, '/bed')
    feed.send(otherFrame)
    feed.send(keyFrame)
    feed.send(otherFrame)
    await late.until(() => late.packets.length === 2)
    expect(late.packets.map(({ payload }) => payload)).toEqual([keyFrame, otherFrame])
    await first.until(() => first.packets.length === 5)
  })

  it.each([
    ['an unknown path', 'DESCRIBE', '/cellar', {}, 404],
    ['an unknown track', 'SETUP', '/bed/streamid=7', interleaved, 404],
    ['UDP', 'SETUP', '/bed/streamid=0', { Transport: 'RTP/AVP;unicast;client_port=5000-5001' }, 461],
    ['a method it does not know', 'REDIRECT', '/bed', {}, 501],
    ['PLAY before SETUP', 'PLAY', '/bed', {}, 455],
    ['another session', 'TEARDOWN', '/bed', { Session: 'feedface' }, 454],
    ['no CSeq', 'DESCRIBE', '/bed', { CSeq: '' }, 400]
  ])('the RTSP server answers %s with the right status', async (_what, method, path, headers, status) => {
    const server = await serve()
    await publish(server, '/bed')
    const client = await open(server)
    expect((await client.ask(method, `rtsp://127.0.0.1:${server.port}${path}`, headers)).status).toBe(status)
  })

  it('only the first client that knows the secret path may publish', async () => {
    const server = await serve()
    const guess = await open(server)
    const announce = (client: RtspClient, url: string): Promise<{ status: number }> =>
      client.ask('ANNOUNCE', url, { 'Content-Type': 'application/sdp' }, sdp)
    expect((await announce(guess, `rtsp://127.0.0.1:${server.port}/bed`)).status).toBe(403)
    expect((await announce(guess, `rtsp://127.0.0.1:${server.port}/publish/0`)).status).toBe(403)
    const { url } = server.publish('/bed')
    expect((await announce(await open(server), url)).status).toBe(200)
    expect((await announce(guess, url)).status).toBe(403)
    expect(() => server.publish('/bed')).toThrow('published already')
  })

  it('the end of the publisher ends its readers and removes the path', async () => {
    const server = await serve()
    const feed = await publish(server, '/bed')
    const reader = await play(server, '/bed')
    feed.client.close()
    await reader.closed
    const next = await open(server)
    expect((await next.ask('DESCRIBE', `rtsp://127.0.0.1:${server.port}/bed`)).status).toBe(404)
  })

  it('packets for a stalled reader are dropped, and the others are served', async () => {
    const server = await serve()
    const feed = await publish(server, '/bed')
    const slow = await play(server, '/bed')
    slow.socket.pause()
    const quick = await play(server, '/bed')
    const big = Buffer.concat([keyFrame, Buffer.alloc(60_000)])
    const count = 400
    for (let index = 1; index <= count; index++) {
      feed.send(big)
      await quick.until(() => quick.packets.length === index)
      quick.packets[index - 1]!.payload = big
    }
    slow.socket.resume()
    // Once it has read what waits for it, it gets what comes next.
    while (!slow.packets.some(({ payload }) => payload.length === keyFrame.length)) {
      feed.send(keyFrame)
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    expect(slow.packets.length).toBeLessThan(count)
  })

  it('only the connection that sends invalid bytes is closed', async () => {
    const server = await serve()
    const feed = await publish(server, '/bed')
    const reader = await play(server, '/bed')
    const rubbish = await open(server)
    rubbish.socket.write(Buffer.alloc(20_000, 'A'))
    await rubbish.closed
    feed.send(keyFrame)
    await reader.until(() => reader.packets.length === 1)
  })

  it('a port in use is reported', async () => {
    const server = await serve()
    const second = startRtspServer({ port: server.port, log: silentLog })
    await expect(second).rejects.toThrow(PortInUseError)
    await expect(second).rejects.toThrow(String(server.port))
  })

  it('stopping the RTSP server closes every connection', async () => {
    const server = await serve()
    const client = await open(server)
    await client.ask('OPTIONS', '*')
    expect(server.connections()).toBe(1)
    await server.stop()
    await client.closed
    expect(server.connections()).toBe(0)
  })
})

describe('authentication', () => {
  const user = 'us"er'
  const password = `p@ss:w/rd?#%&"'`
  const md5 = (text: string): string => createHash('md5').update(text).digest('hex')

  it('a reader authenticates by Basic', async () => {
    const server = await serve({ user, password, scheme: 'basic' })
    await publish(server, '/bed')
    const url = `rtsp://127.0.0.1:${server.port}/bed`
    const client = await open(server)
    const refused = await client.ask('DESCRIBE', url)
    expect(refused.status).toBe(401)
    expect(refused.headers.get('www-authenticate')).toMatch(/^Basic realm=/)
    const login = (text: string): Record<string, string> => ({
      Authorization: `Basic ${Buffer.from(text).toString('base64')}`
    })
    expect((await client.ask('DESCRIBE', url, login(`${user}:wrong`))).status).toBe(401)
    expect((await client.ask('DESCRIBE', url, login(`${user}:${password}`))).status).toBe(200)
    expect((await client.ask('OPTIONS', url)).status).toBe(200)
  })

  it('a reader authenticates by Digest, with a nonce of its connection only', async () => {
    const server = await serve({ user, password, scheme: 'digest' })
    await publish(server, '/bed')
    const url = `rtsp://127.0.0.1:${server.port}/bed`
    const client = await open(server)
    const challenge = (await client.ask('DESCRIBE', url)).headers.get('www-authenticate')!
    const [realm, nonce] = [/realm="([^"]*)"/.exec(challenge)![1]!, /nonce="([^"]*)"/.exec(challenge)![1]!]
    const login = (secret: string): Record<string, string> => {
      const response = md5(`${md5(`${user}:${realm}:${secret}`)}:${nonce}:${md5(`DESCRIBE:${url}`)}`)
      const fields = { username: user, realm, nonce, uri: url, response }
      const list = Object.entries(fields).map(([name, value]) => `${name}="${value}"`)
      return { Authorization: `Digest ${list.join(', ')}` }
    }
    expect((await client.ask('DESCRIBE', url, login('wrong'))).status).toBe(401)
    expect((await client.ask('DESCRIBE', url, login(password))).status).toBe(200)
    const other = await open(server)
    expect((await other.ask('DESCRIBE', url, login(password))).status).toBe(401)
  })
})
