import { once } from 'node:events'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { connect as connectHttp2, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http2'
import { request as requestHttps } from 'node:https'
import { connect } from 'node:net'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { startPage } from '../../src/page/index.js'
import { Logins } from '../../src/page/login.js'
import { cookieOf, Sessions, sessionKey, sessionMs } from '../../src/page/session.js'
import { readTls } from '../../src/page/tls.js'
import type { NightAnswer } from '../../src/page/wire.js'
import { makeCertificates } from '../support/certificates.js'
import { until } from '../support/slowness.js'
import {
  cameraState,
  folder,
  health,
  heard,
  logIn,
  pageDefaults,
  painAlarm,
  post,
  servePage,
  status,
  tokens
} from './rig.js'

/** What a viewer has been told so far, and its end. */
async function watch(url: string, cookie: string) {
  const leaving = new AbortController()
  const answer = await fetch(`${url}/api/events`, { headers: { cookie }, signal: leaving.signal })
  const seen = { status: answer.status, text: '', ended: false, leave: () => leaving.abort() }
  const read = async (): Promise<void> => {
    for await (const chunk of answer.body!) seen.text += Buffer.from(chunk as Uint8Array).toString()
  }
  void read()
    .catch(() => undefined)
    .finally(() => {
      seen.ended = true
    })
  return seen
}

describe('the endpoints of the page', () => {
  it('give the files to anyone under a strict policy, and nothing else without a session', async () => {
    const { url } = await servePage()
    const page = await fetch(url)
    expect(page.status).toBe(200)
    expect(page.headers.get('content-security-policy')).toMatch(/^default-src 'none'; script-src 'self';/)
    const html = await page.text()
    for (const [, path] of html.matchAll(/(?:src|href)="([^"]+)"/g)) {
      const file = await fetch(url + path)
      expect([path, file.status, file.headers.get('cache-control')]).toEqual([
        path,
        200,
        expect.stringMatching('immutable')
      ])
    }
    for (const path of [
      '/api/session',
      '/api/events',
      '/api/heatmap?device=box-1&alarm=p',
      '/api/night',
      '/api/night.csv'
    ])
      expect([path, (await fetch(url + path)).status]).toEqual([path, 401])
    for (const path of ['/api/acknowledge', '/api/pause', '/api/resume'])
      expect([path, (await post(url, path, {})).status]).toEqual([path, 401])
    for (const path of ['/../package.json', '/%2e%2e/session.key', '/assets/', '/api', '/.built'])
      expect([path, (await fetch(url + path)).status]).toEqual([path, 404])
  })

  it('refuse what another site, or no browser, posts', async () => {
    const { url, asked } = await servePage()
    const cookie = await logIn(url)
    const body = { device: 'box-1', alarm: 'p', kind: 'seen' }
    const sent = (headers: Record<string, string>) => post(url, '/api/acknowledge', body, { cookie, ...headers })
    const wrong: Record<string, string>[] = [
      { origin: 'https://elsewhere.example' },
      { origin: 'null' },
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
      { origin: `${url}0` }
    ]
    for (const headers of wrong) expect([headers, (await sent(headers)).status]).toEqual([headers, 403])
    const silent = await fetch(`${url}/api/acknowledge`, {
      method: 'POST',
      body: JSON.stringify(body),
      headers: { cookie }
    })
    expect(silent.status).toBe(403)
    expect(asked).toEqual([])
    expect((await sent({ 'sec-fetch-site': 'same-origin' })).status).toBe(200)
    expect(asked).toEqual([{ what: 'acknowledge', args: ['box-1', 'p', 'Schwester K.', 'seen'] }])
  })

  it('refuse bodies of another shape, and take who acts from the session alone', async () => {
    const { url, asked } = await servePage()
    const cookie = await logIn(url)
    const bad: [path: string, body: unknown][] = [
      ['/api/acknowledge', '{'],
      ['/api/acknowledge', []],
      ['/api/acknowledge', { device: 'box-1', alarm: 'p', kind: 'gone' }],
      ['/api/acknowledge', { device: 'box-1', alarm: 'p', kind: 'seen', by: 'another' }],
      ['/api/pause', { device: 'box-1', camera: 'bed', minutes: 1e9 }],
      ['/api/pause', { device: 'box-1', camera: 'x'.repeat(4000), minutes: 5 }],
      ['/api/pause', `"${'x'.repeat(100_000)}"`],
      ['/api/login', { token: tokens.ward, name: '' }],
      ['/api/login', { token: tokens.ward, name: 'x'.repeat(41) }],
      ['/api/login', { token: tokens.ward, name: 'K\u202eevil' }],
      ['/api/login', { token: tokens.ward, name: '\u001b[2J' }]
    ]
    for (const [path, body] of bad) {
      const { status } = await post(url, path, body, { cookie })
      expect([path, body, status >= 400 && status < 500]).toEqual([path, body, true])
    }
    expect(asked).toEqual([])
    expect((await post(url, '/api/pause', { device: 'box-1', camera: 'bed', minutes: 15 }, { cookie })).status).toBe(
      200
    )
    expect(asked).toEqual([{ what: 'pause', args: ['box-1', 'bed', 900, 'Schwester K.'] }])
  })

  it('tell a night of a day at most, what was asked on the page included, as JSON and as a file', async () => {
    const { page, url } = await servePage()
    page.heard(status('box-1'))
    page.heard(heard('box-1', 'health', health({ bed: {} })))
    const headers = { cookie: await logIn(url) }
    await post(url, '/api/pause', { device: 'box-1', camera: 'bed', minutes: 15 }, headers)
    const ask = (hours: number, path = '/api/night') => {
      // One reading of the clock: between two a busy machine lets time pass, and 0 hours were a night of a millisecond.
      const now = Date.now()
      const times = { from: new Date(now - hours * 3_600_000).toISOString(), to: new Date(now).toISOString() }
      return fetch(`${url}${path}?${new URLSearchParams(times)}`, { headers })
    }
    let night = { lanes: [] } as unknown as NightAnswer
    const read = async () => (night = (await (await ask(24)).json()) as NightAnswer)
    // A room that is noted in the very millisecond of the question has no span yet.
    await until(async () => (await read()).lanes.length > 0, 'the lane')
    expect(night.lanes).toEqual([expect.objectContaining({ device: 'box-1', camera: 'bed' })])
    expect(night.deeds).toMatchObject([{ what: 'pause', camera: 'bed', by: 'Schwester K.', minutes: 15 }])
    const csv = await ask(24, '/api/night.csv')
    expect([csv.headers.get('content-type'), csv.headers.get('content-disposition')]).toEqual([
      'text/csv; charset=utf-8',
      expect.stringMatching(/^attachment; filename="painlens-\d{4}-\d\d-\d\d\.csv"$/)
    ])
    expect(await csv.text()).toContain('pause,15 min,Schwester K.')
    for (const hours of [26, 0, -1]) expect([hours, (await ask(hours)).status]).toEqual([hours, 400])
    expect((await fetch(`${url}/api/night?from=x&to=y`, { headers })).status).toBe(400)
  })

  it('refuse a wrong token twenty times, slower each time, and the right one meanwhile', async () => {
    const { url } = await servePage()
    const statuses: number[] = []
    for (let i = 0; i < 20; i++)
      statuses.push((await post(url, '/api/login', { token: `wrong-${i}`, name: 'x' })).status)
    expect(statuses[0]).toBe(401)
    expect(statuses.slice(1)).toContain(429)
    const right = await post(url, '/api/login', { token: tokens.ward, name: 'x' })
    expect(right.status).toBe(429)
    expect(Number(right.headers.get('retry-after'))).toBeGreaterThan(0)
    expect(right.headers.get('set-cookie')).toBeNull()
  })

  it('keep a session over a restart of the page, and end it with another token', async () => {
    const own = folder()
    const first = await servePage({ folder: own })
    const cookie = await logIn(first.url, tokens.technician)
    expect(statSync(join(own, 'session.key')).mode & 0o777).toBe(0o600)
    await first.page.stop()
    const second = await servePage({ folder: own })
    const session = await fetch(`${second.url}/api/session`, { headers: { cookie } })
    expect(await session.json()).toEqual({ role: 'technician', name: 'Schwester K.', device: 'box-1' })
    await second.page.stop()
    const third = await servePage({ folder: own, tokens: { ...tokens, technician: 'another-token-012345' } })
    expect((await fetch(`${third.url}/api/session`, { headers: { cookie } })).status).toBe(401)
  })
})

describe('the page over TLS', () => {
  it('speaks HTTP/2 and HTTP/1.1, and its cookie goes over TLS alone', async () => {
    const { ca, server } = makeCertificates()
    const { page, url } = await servePage({ tls: server })
    expect(url).toMatch(/^https:/)
    page.heard(heard('box-1', 'health', health({ bed: {} })))
    const trusted = readFileSync(ca)
    const session = connectHttp2(url, { ca: trusted, servername: 'localhost' })
    onTestFinished(() => session.destroy())
    const ask = async (headers: OutgoingHttpHeaders, body?: object) => {
      const stream = session.request({ ':authority': new URL(url).host, ...headers })
      stream.end(body && JSON.stringify(body))
      const [answer] = (await once(stream, 'response')) as [IncomingHttpHeaders]
      return { stream, answer }
    }
    const json = { ':method': 'POST', ':path': '/api/login', 'content-type': 'application/json' }
    const login = { token: tokens.ward, name: 'K' }
    expect((await ask({ ...json, origin: 'https://elsewhere.example' }, login)).answer[':status']).toBe(403)
    const { answer } = await ask({ ...json, origin: url }, login)
    const cookie = String(answer['set-cookie'])
    expect([answer[':status'], cookie]).toEqual([
      200,
      expect.stringMatching(/; HttpOnly; SameSite=Strict; .*; Secure$/)
    ])
    const events = await ask({ ':path': '/api/events', cookie: cookie.split(';')[0]! })
    let text = ''
    events.stream.on('data', (chunk) => (text += String(chunk)))
    await until(() => text.includes('room/box-1/bed'), 'the events')
    const options = { ca: trusted, servername: 'localhost', ALPNProtocols: ['http/1.1'] }
    const [old] = (await once(requestHttps(url, options).end(), 'response')) as [IncomingMessage]
    expect([old.httpVersion, old.statusCode]).toEqual(['1.1', 200])
    old.resume()
  })

  it('is tried again where certificate and key do not fit, and says which file is wrong', async () => {
    const { server, client } = makeCertificates()
    for (const tls of [
      { ...server, key: client.key },
      { cert: server.key, key: server.key },
      { ...server, key: 'none' }
    ])
      await expect(readTls(tls, { folder: folder(), device: 'd', now: Date.now() })).rejects.toMatchObject({
        code: 'PL-PAGE-CERTIFICATE'
      })
    const key = join(folder(), 'server.key')
    const page = await startPage({ ...pageDefaults(), tls: { ...server, key }, retryMs: 100 })
    onTestFinished(() => page.stop())
    expect(page.stats().address).toBeNull()
    writeFileSync(key, readFileSync(server.key))
    await until(() => page.stats().address !== null, 'the page')
  })
})

describe('the stream of events', () => {
  it('tells everything first, then what changes, and beats in between', async () => {
    const { page, url } = await servePage()
    page.heard(status('box-1'))
    page.heard(heard('box-1', 'health', health({ bed: {} })))
    const seen = await watch(url, await logIn(url))
    await until(() => seen.text.includes('"room/box-1/bed"'), 'the whole')
    expect(seen.text).toMatch(/^retry: 2000\n\nevent: beat\n/)
    seen.text = ''
    page.heard(cameraState('box-1', 'bed', 'lost'))
    await until(() => seen.text.includes('"why":"lost"'), 'the change')
    expect(seen.text).toMatch(/"whole":false/)
    expect(seen.text).not.toContain('box/box-1')
    page.heard(heard('box-1', 'cameraState', null, 'bed'))
    await until(() => seen.text.includes('"room/box-1/bed":null'), 'the end of the room')
    seen.text = ''
    await until(() => seen.text.includes('event: beat'), 'a beat')
    await page.stop()
    await until(() => seen.ended, 'the end of the stream')
  })

  it('takes 200 viewers, refuses more than its limit, and has room again when they leave', async () => {
    const { page, url } = await servePage({ limits: { viewers: 200 } })
    page.heard(heard('box-1', 'health', health({ bed: {} })))
    const cookie = await logIn(url)
    const viewers = await Promise.all(Array.from({ length: 200 }, () => watch(url, cookie)))
    expect((await watch(url, cookie)).status).toBe(503)
    page.heard(heard('box-1', 'alarm', painAlarm('p', 0, 'bed')))
    await until(() => viewers.every(({ text }) => text.includes('alarm/box-1/p')), 'the alarm at every viewer')
    viewers[0]!.leave()
    await until(async () => (await watch(url, cookie)).status === 200, 'room for another')
    for (const { leave } of viewers) leave()
  })

  it('is cut for a viewer that reads nothing, while the page goes on for others', async () => {
    const { page, url } = await servePage()
    const cookie = await logIn(url)
    const { hostname, port } = new URL(url)
    const deaf = connect(Number(port), hostname)
    deaf.pause()
    let cut = false
    deaf
      .on('error', () => undefined)
      .on('close', () => {
        cut = true
      })
    deaf.write(`GET /api/events HTTP/1.1\r\nhost: ${hostname}\r\ncookie: ${cookie}\r\n\r\n`)
    const long = 'x'.repeat(100_000)
    let seq = 0
    const flooded = (): boolean => {
      for (let i = 0; i < 20; i++) {
        const text = { en: long, de: String(seq) }
        page.heard(heard('box-1', 'alarm', painAlarm(`p${i}`, seq, 'bed', { text, phase: 'update' })))
      }
      seq++
      // Without reading, only a write shows that the other end has closed.
      deaf.write('\r\n')
      return cut
    }
    await until(flooded, 'the cut', 30_000)
    const seen = await watch(url, cookie)
    await until(() => seen.text.includes('alarm/box-1/p19'), 'another viewer')
    seen.leave()
  })
})

describe('the page under half-open connections', () => {
  it('answers another address, and closes connections of the one that opens too many', async () => {
    const { url } = await servePage()
    const { hostname, port } = new URL(url)
    const ends: number[] = []
    const sockets = Array.from({ length: 650 }, (_, i) => {
      const socket = connect({ port: Number(port), host: hostname, localAddress: '127.0.0.2' })
      socket.on('error', () => undefined).on('close', () => ends.push(i))
      socket.write('GET / HTTP/1.1\r\nhost: ')
      return socket
    })
    onTestFinished(() => {
      for (const socket of sockets) socket.destroy()
    })
    await until(() => ends.length >= 50, 'the end of the oldest')
    expect((await fetch(url)).status).toBe(200)
    expect(Math.min(...ends)).toBe(0)
  })
})

describe('a session', () => {
  const key = Buffer.alloc(32, 7)
  const sessions = new Sessions(key, tokens)
  const now = Date.now()
  const sealed = sessions.seal({ role: 'ward', name: 'K', until: now + 1000 })

  it('is opened as it was sealed, until it has run out', () => {
    expect(sessions.open(sealed, now)).toEqual({ role: 'ward', name: 'K', until: now + 1000 })
    expect(sessions.open(sealed, now + 1000)).toBeNull()
  })

  it('is refused when anything in it was changed, and when it would last for longer than one may', () => {
    const [text, signature] = sealed.split('.') as [string, string]
    const forged = Buffer.from(JSON.stringify({ role: 'technician', name: 'K', until: now + 1000 })).toString(
      'base64url'
    )
    const wrong = [
      `${forged}.${signature}`,
      `${text}.`,
      text,
      `.${signature}`,
      '',
      '.',
      `${sealed}.`,
      'x'.repeat(100_000)
    ]
    for (const cookie of wrong)
      expect([cookie.slice(0, 200), sessions.open(cookie, now)]).toEqual([cookie.slice(0, 200), null])
    expect(sessions.open(sessions.seal({ role: 'ward', name: 'K', until: now + sessionMs + 1 }), now)).toBeNull()
    expect(new Sessions(Buffer.alloc(32, 8), tokens).open(sealed, now)).toBeNull()
  })

  it('is found among the other cookies of a host', () => {
    expect(cookieOf('a=1; painlens-x=2; painlens-xy=3', 'painlens-x')).toBe('2')
    expect(cookieOf('a=painlens-x=2', 'painlens-x')).toBeUndefined()
    expect(cookieOf(undefined, 'painlens-x')).toBeUndefined()
  })
})

describe('logins', () => {
  it('wait twice as long after each wrong token, a minute at most, by address', () => {
    let now = 0
    const logins = new Logins({ tokens, now: () => now })
    const waits = Array.from({ length: 10 }, () => {
      const result = logins.try('wrong', '192.0.2.1')
      const waitMs = result.role === null ? result.waitMs : 0
      now += waitMs
      return waitMs
    })
    expect(waits).toEqual([500, 1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000])
    expect(logins.try('wrong', '192.0.2.2')).toMatchObject({ waitMs: 500 })
    expect(logins.try(tokens.ward, '192.0.2.1')).toEqual({ role: 'ward' })
    expect(logins.try('wrong', '192.0.2.1')).toMatchObject({ waitMs: 500 })
  })

  it('from many addresses are slowed together', () => {
    const logins = new Logins({ tokens, now: () => 0 })
    for (let i = 0; i < 60; i++) logins.try('wrong', `192.0.2.${i}`)
    expect(logins.try(tokens.ward, '198.51.100.1')).toEqual({ role: null, waitMs: 60_000, tried: false })
  })

  it('with no token are refused, though a role has none', () => {
    const logins = new Logins({ tokens: { ward: tokens.ward }, now: () => 0 })
    expect(logins.try('', '192.0.2.1')).toMatchObject({ role: null })
    expect(logins.try(tokens.technician, '192.0.2.2')).toMatchObject({ role: null })
  })
})

it('the key of the sessions is made once, and a folder that cannot be written to is reported', async () => {
  const own = folder()
  const key = await sessionKey(join(own, 'new', 'page'))
  expect(await sessionKey(join(own, 'new', 'page'))).toEqual(key)
  expect(readFileSync(join(own, 'new', 'page', 'session.key'))).toEqual(key)
  writeFileSync(join(own, 'file'), '')
  await expect(sessionKey(join(own, 'file'))).rejects.toMatchObject({ code: 'PL-PAGE-STATE' })
})
