import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { test as base, describe } from 'vitest'
import { systemClock } from '../../../../src/core/clock.js'
import type { ErrorCode } from '../../../../src/core/errors.js'
import type { RtspCredentials, RtspQuirks, RtspServer } from '../../../../src/show/simulate/rtsp-server.js'
import { type CameraCheck, checkCamera } from '../../../../src/stages/camera/index.js'
import { CameraRelay } from '../../../../src/stages/camera/link/relay.js'
import { parseCameraUrl } from '../../../../src/stages/camera/url.js'
import { patience, patienceNow } from '../../../support/slowness.js'
import { BadLine, colourAt, nameOf, nextFrames, Rig, takeFrames, untilState } from '../rig.js'

const it = base.extend<{ rig: Rig }>({
  // biome-ignore lint/correctness/noEmptyPattern: Vitest reads the parameter's own source text.
  rig: async ({}, use) => {
    const rig = await Rig.open()
    await use(rig)
    await rig.close()
  }
})

const login = { user: 'admin', password: 'right', scheme: 'digest' } as const

/** A camera of its own for each test, with pictures at /bed. */
async function odd(rig: Rig, quirks: RtspQuirks, credentials?: RtspCredentials): Promise<RtspServer> {
  const server = await rig.server({ credentials, quirks })
  await rig.feed(server)
  return server
}

const check = (rig: Rig, url: string, timeoutMs = patienceNow(8000)): Promise<CameraCheck> =>
  checkCamera({ id: 'bed', url, decoder: rig.decoder, secrets: rig.secrets, timeoutMs })

/** A server that must not be visited; what it is told is kept. */
async function trap(rig: Rig): Promise<{ port: number; visits: string[] }> {
  const visits: string[] = []
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    visits.push('')
    socket.on('error', () => undefined)
    socket.on('data', (chunk) => visits.push(chunk.toString()))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  rig.own(async () => {
    for (const socket of sockets) socket.destroy()
    await new Promise((resolve) => server.close(resolve))
  })
  return { port: (server.address() as { port: number }).port, visits }
}

const description =
  'v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n'

/** A camera that answers as it should, and sends letters in the place of packets. */
async function babbler(rig: Rig): Promise<number> {
  const ends: (() => void)[] = []
  const server = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.on('data', (chunk) => {
      const [, method = '', cseq = ''] = /^([A-Z]+) .*?CSeq: (\d+)/s.exec(chunk.toString()) ?? []
      const extra: Record<string, string> = {
        DESCRIBE: `Content-Type: application/sdp\r\nContent-Length: ${description.length}\r\n\r\n${description}`,
        SETUP: 'Session: 1\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n\r\n'
      }
      socket.write(`RTSP/1.0 200 OK\r\nCSeq: ${cseq}\r\n${extra[method] ?? '\r\n'}`)
      if (method !== 'PLAY') return
      const babble = setInterval(() => socket.write('x'.repeat(1000)), 100)
      socket.once('close', () => clearInterval(babble))
    })
    ends.push(() => socket.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  rig.own(async () => {
    for (const end of ends) end()
    await new Promise((resolve) => server.close(resolve))
  })
  return (server.address() as { port: number }).port
}

/** A server that begins to answer what it is asked, and would take minutes to end. */
async function dripper(rig: Rig): Promise<number> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.once('data', (chunk) => {
      const answer = Array.from(`${chunk.toString().includes('RTSP') ? 'RTSP/1.0' : 'HTTP/1.1'} 200 OK\r\n`.repeat(99))
      const drip = setInterval(() => socket.write(answer.shift() ?? ' '), 500)
      socket.once('close', () => clearInterval(drip))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  rig.own(async () => {
    for (const socket of sockets) socket.destroy()
    await new Promise((resolve) => server.close(resolve))
  })
  return (server.address() as { port: number }).port
}

describe.concurrent('a camera that gives no picture is told as what it is:', () => {
  const cases: [what: string, quirks: RtspQuirks, code: ErrorCode, words: RegExp][] = [
    ['too many viewers', { statuses: { DESCRIBE: 453 } }, 'PL-CAMERA-VIEWERS', /too many viewers/],
    ['too many viewers, told at SETUP', { statuses: { SETUP: 453 } }, 'PL-CAMERA-VIEWERS', /too many viewers/],
    ['no such path', { statuses: { DESCRIBE: 404 } }, 'PL-CAMERA-PATH', /no stream of that path/],
    ['forbidden', { statuses: { DESCRIBE: 403 } }, 'PL-CAMERA-FORBIDDEN', /forbids/],
    ['a request that it does not take', { statuses: { PLAY: 455 } }, 'PL-CAMERA-ANSWER', /does not take PLAY \(455\)/],
    ['a fault of its own', { statuses: { DESCRIBE: 503 } }, 'PL-CAMERA-FAULT', /DESCRIBE.*\(503\)/],
    ['no RTP over TCP', { statuses: { SETUP: 461 } }, 'PL-CAMERA-TRANSPORT', /RTP over TCP/],
    ['silent from the first', { silentAt: 'connect' }, 'PL-CAMERA-SILENT', /answers nothing/],
    ['silent after OPTIONS', { silentAt: 'DESCRIBE' }, 'PL-CAMERA-STUCK', /answered OPTIONS.*silent after DESCRIBE/],
    ['silent after SETUP', { silentAt: 'PLAY' }, 'PL-CAMERA-STUCK', /answered SETUP.*silent after PLAY/],
    ['agrees and sends nothing', { sendsNothing: true }, 'PL-CAMERA-NO-STREAM', /agrees to play, and sends nothing/],
    ['hangs up at once', { hangUpAt: 'OPTIONS' }, 'PL-CAMERA-HANGS-UP', /hangs up when.*OPTIONS/],
    ['hangs up at PLAY', { hangUpAt: 'PLAY' }, 'PL-CAMERA-HANGS-UP', /hangs up when.*PLAY/]
  ]
  it.for(cases)('%s', async ([, quirks, code, words], { rig, expect }) => {
    const silent = quirks.silentAt !== undefined || quirks.sendsNothing
    const checking = check(rig, (await odd(rig, quirks)).url('/bed'), patience(silent ? 5000 : 8000))
    await expect(checking).rejects.toThrow(words)
    await expect(checking).rejects.toMatchObject({ code })
  })

  it.for(['rtsp', 'http'])('answers over %s by a byte now and then', async (scheme, { rig, expect }) => {
    const checking = check(rig, `${scheme}://127.0.0.1:${await dripper(rig)}/bed`, patience(5000))
    await expect(checking).rejects.toMatchObject({ code: 'PL-CAMERA-SLOW-ANSWER' })
    await expect(checking).rejects.toThrow(/answer to (OPTIONS|GET) comes too slowly/)
  })

  it('refuses a login after it was answered as asked; wants one, and the url has none', async ({ rig, expect }) => {
    const server = await odd(rig, {}, login)
    const at = `127.0.0.1:${server.port}/bed`
    await expect(check(rig, `rtsp://admin:wrong@${at}`)).rejects.toThrow(/refuses user name or password/)
    await expect(check(rig, `rtsp://${at}`)).rejects.toThrow(/wants a user name and a password/)
  })

  it('agrees to play, and sends bytes that are not RTP', async ({ rig, expect }) => {
    const port = await babbler(rig)
    const checking = check(rig, `rtsp://127.0.0.1:${port}/bed`, patience(4000))
    await expect(checking).rejects.toMatchObject({ code: 'PL-CAMERA-NOT-VIDEO' })
  })

  it('key frames are far apart, by either decoder of FFmpeg', async ({ rig, expect }) => {
    const server = await rig.server({ quirks: { joinsAnywhere: true } })
    await rig.feed(server, { keyFrameEvery: 15 * 600 })
    await nothingElse(patience(2000))
    const checking = check(rig, server.url('/bed'), patience(5000))
    await expect(checking).rejects.toMatchObject({ code: 'PL-CAMERA-KEY-FRAME' })
    await expect(checking).rejects.toThrow(/stream comes, but no key frame within/)
  })
})

const nothingElse = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

describe.concurrent('a camera that sends painlens elsewhere', () => {
  it('by 302, is not followed, and the other server hears nothing', async ({ rig, expect }) => {
    const { port, visits } = await trap(rig)
    const server = await odd(rig, { redirectTo: `rtsp://127.0.0.1:${port}/bed` }, { ...login, scheme: 'basic' })
    const checking = check(rig, server.url('/bed'))
    await expect(checking).rejects.toMatchObject({ code: 'PL-CAMERA-REDIRECT' })
    await expect(checking).rejects.toThrow(/answers DESCRIBE with 302/)
    expect(visits).toEqual([])
  })

  it('by REDIRECT while it plays, is left, and the other server hears nothing', async ({ rig, expect }) => {
    const { port, visits } = await trap(rig)
    const server = await odd(rig, { redirectPlayingTo: `rtsp://127.0.0.1:${port}/bed` }, login)
    const camera = rig.camera(server.url('/bed'))
    takeFrames(camera)
    camera.start()
    await expect
      .poll(() => rig.lines.some((line) => line.includes('"PL-CAMERA-REDIRECT"')), { timeout: patience(10_000) })
      .toBe(true)
    expect(visits).toEqual([])
  })

  it('by addresses of tracks at another server, is asked for them itself', async ({ rig, expect }) => {
    const { port, visits } = await trap(rig)
    const server = await odd(rig, { trackOrigin: `rtsp://127.0.0.1:${port}` }, login)
    expect(await check(rig, server.url('/bed'))).toMatchObject({ shape: { coded: { width: 160 } }, codec: 'h264' })
    expect(visits).toEqual([])
  })
})

describe.concurrent('a login', () => {
  const cases: [what: string, credentials: RtspCredentials, quirks: RtspQuirks][] = [
    ['by SHA-256 alone', { ...login, scheme: 'digest-sha-256' }, {}],
    ['whose nonces are good for one request', { ...login, scheme: 'digest-sha-256', nonceUses: 1 }, {}],
    ['with an empty password, basic', { user: 'admin', password: '', scheme: 'basic' }, {}],
    ['with an empty password, digest', { user: 'admin', password: '', scheme: 'digest' }, {}],
    [
      'of a camera that closes the connection with the challenge',
      { ...login, scheme: 'basic' },
      { closesWithChallenge: true }
    ]
  ]
  it.for(cases)('%s lets painlens in', async ([, credentials, quirks], { rig, expect }) => {
    const server = await odd(rig, quirks, credentials)
    const url = `rtsp://${credentials.user}:${credentials.password}@127.0.0.1:${server.port}/bed`
    expect(await check(rig, url)).toMatchObject({ shape: { coded: { width: 160 } }, codec: 'h264' })
  })
})

describe.concurrent('a stream', () => {
  it('that drops soon after each start is opened anew without growing waits', async ({ rig, expect }) => {
    const server = await odd(rig, {})
    const line = await BadLine.open(rig, server.port)
    const camera = rig.camera(`rtsp://127.0.0.1:${line.port}/bed`, {
      timing: { backoffMinMs: 40, backoffMaxMs: 60_000 }
    })
    camera.start()
    for (let drop = 0; drop < 6; drop++) {
      await nextFrames(camera, 2)
      line.cut()
      await untilState(camera, 'connecting')
    }
    const waits = rig.lines.map((text) => JSON.parse(text).retryMs).filter((ms) => ms !== undefined)
    expect(waits.length).toBeGreaterThanOrEqual(6)
    expect(Math.max(...waits)).toBeLessThanOrEqual(40)
  })

  it('with a picture every 2 s is watched where that is told, and opened again and again where not', async ({
    rig,
    expect
  }) => {
    const server = await rig.server()
    await rig.feed(server, { fps: 0.5, keyFrameEvery: 1 })
    const slow = rig.camera(server.url('/bed'), {
      id: 'slow',
      timing: { connectMs: patienceNow(60_000), readMs: patienceNow(30_000), lostMs: patienceNow(30_000) }
    })
    const hasty = rig.camera(server.url('/bed'), {
      id: 'hasty',
      timing: { connectMs: 20_000, readMs: 500, lostMs: 60_000 }
    })
    takeFrames(hasty)
    slow.start()
    hasty.start()
    await nextFrames(slow, 4, 30_000)
    expect(slow.stats()).toMatchObject({ state: 'ok', restarts: 0 })
    expect(hasty.stats().restarts).toBeGreaterThan(0)
  })

  it('of two video tracks is watched by the one that is chosen', async ({ rig, expect }) => {
    const server = await rig.server()
    const url = await rig.twoTracks(server)
    const at = {
      id: 'bed',
      url,
      decoder: rig.decoder,
      secrets: rig.secrets,
      timeoutMs: patienceNow(8000)
    }
    expect(await checkCamera(at)).toMatchObject({ shape: { coded: { width: 160, height: 120 } } })
    expect(await checkCamera({ ...at, videoTrack: 2 })).toMatchObject({ shape: { coded: { width: 320, height: 240 } } })
    await expect(checkCamera({ ...at, videoTrack: 3 })).rejects.toMatchObject({ code: 'PL-CAMERA-TRACK' })
    const size = { width: 160, height: 120 }
    for (const [videoTrack, left, right] of [
      ['auto', 'red', 'blue'],
      [1, 'red', 'blue'],
      [2, 'blue', 'red']
    ] as const) {
      const live = rig.camera(at.url, { videoTrack })
      live.start()
      for (const { pixels } of await nextFrames(live, 3)) {
        const seen = [0.25, 0.75].map((x) => nameOf(colourAt(pixels, size, x, 0.5)))
        expect([videoTrack, ...seen]).toEqual([videoTrack, left, right])
      }
      await live.stop()
    }
  })
})

describe.concurrent('the relay', () => {
  const open = async (rig: Rig, server: RtspServer) => {
    const relay = new CameraRelay({
      url: parseCameraUrl(server.url('/bed'), 'bed'),
      videoTrack: 'auto',
      answerMs: patienceNow(5000)
    })
    rig.own(() => relay.close())
    const address = await relay.admit()
    if ('code' in address) throw new Error(address.what)
    return { relay, ...address, port: Number(/:(\d+)\//.exec(address.full)![1]) }
  }

  it('closes connections without the secret, and accepts the decoder meanwhile, once', async ({ rig, expect }) => {
    const server = await odd(rig, {}, login)
    const { full, port, secret } = await open(rig, server)
    const describe = (address: string): string => `DESCRIBE ${address} RTSP/1.0\r\nCSeq: 7\r\n\r\n`
    const wrong = full.replace(secret, '0'.repeat(32))
    expect(await said(port, describe(wrong))).toBe('')
    expect(await said(port, describe('*'))).toBe('')
    expect(await said(port, 'x'.repeat(20_000))).toBe('')
    // More than it lets in at a time, and each of them silent.
    for (let i = 0; i < 30; i++) {
      const silent = connect(port, '127.0.0.1').on('error', () => undefined)
      rig.own(async () => void silent.destroy())
      await once(silent, 'connect')
    }
    const decoder = connect(port, '127.0.0.1')
    rig.own(async () => void decoder.destroy())
    decoder.write(describe(full))
    const [answer] = (await once(decoder, 'data')) as [Buffer]
    expect(answer.toString()).toMatch(/^RTSP\/1\.0 200 OK\r\nCSeq: 7\r\n/)
    expect(answer.toString()).toContain(`Content-Base: ${full}/`)
    expect(answer.toString()).not.toContain(String(server.port))
    await expect(said(port, describe(full))).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  })

  it('listens on the loopback alone, on another port for each decoder', async ({ rig, expect }) => {
    const { relay, full } = await open(rig, await odd(rig, {}))
    const next = await relay.admit()
    expect('full' in next && next.full).not.toBe(full)
    expect(full).toMatch(/^rtsp:\/\/127\.0\.0\.1:\d+\/[0-9a-f]{32}\/0\/bed$/)
  })

  it('is closed once, and every call for that is answered', async ({ rig, expect }) => {
    const { relay, full, port } = await open(rig, await odd(rig, {}))
    const decoder = connect(port, '127.0.0.1')
    rig.own(async () => void decoder.destroy())
    for (const [method, path] of [
      ['DESCRIBE', ''],
      ['SETUP', '/streamid=0']
    ]) {
      const transport = method === 'SETUP' ? 'Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n' : ''
      decoder.write(`${method} ${full}${path} RTSP/1.0\r\nCSeq: 1\r\n${transport}\r\n`)
      await once(decoder, 'data')
    }
    expect(await Promise.all([relay.close(), relay.close()])).toEqual([undefined, undefined])
  })

  it('leaves its camera politely: a place for one viewer is free at once', async ({ rig, expect }) => {
    const server = await odd(rig, { places: { most: 1, freedAfterMs: 0 } })
    for (let turn = 0; turn < 2; turn++)
      expect(await check(rig, server.url('/bed'))).toMatchObject({ shape: { coded: { width: 160 } } })
  })

  it('keeps a slow decoder from being flooded, and the camera’s bytes whole', async ({ rig, expect }) => {
    const camera = rig.camera((await odd(rig, {})).url('/bed'), { clock: systemClock })
    camera.start()
    expect(await nextFrames(camera, 5)).toHaveLength(5)
  })
})

/** What comes back until the other side closes. */
async function said(port: number, text: string): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  let heard = ''
  socket.on('data', (chunk) => {
    heard += chunk
  })
  return new Promise((resolve, reject) => {
    socket.on('error', (error: NodeJS.ErrnoException) => (error.code === 'ECONNRESET' ? resolve(heard) : reject(error)))
    socket.on('close', () => resolve(heard))
    socket.on('connect', () => socket.write(text))
  })
}
