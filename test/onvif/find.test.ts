import { randomBytes, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { readAnswer } from '../../src/onvif/discovery.js'
import { type FoundCamera, findCameras, type ProbeTarget, streamUrl } from '../../src/onvif/index.js'
import { makeCertificates } from '../support/certificates.js'
import { patience, until } from '../support/slowness.js'
import { envelope, fakeDevice, fault, matches, profile, streamUri } from './fake-device.js'

const find = (
  targets: readonly ProbeTarget[],
  login: { user: string; password: string } | null = null,
  fingerprints: readonly string[] = []
) =>
  findCameras({
    ...{ user: login?.user ?? null, password: login?.password ?? null, targets, fingerprints },
    ...{ signal: new AbortController().signal, listenMs: patience(600), deviceMs: patience(2500) }
  })

const codeOf = (found: readonly FoundCamera[], address: string) =>
  found.find((one) => one.address === address)?.problem?.code

describe('finding cameras by ONVIF', { timeout: patience(60_000) }, () => {
  it('lists a camera with its profiles and the addresses of its streams, without passwords', async () => {
    const { target, asked } = await fakeDevice('127.0.0.2')
    const [found, ...others] = await find([target], { user: 'viewer', password: 'a-password' })
    const stream = { fps: 15, codec: 'H264' }
    expect(found).toEqual({
      address: '127.0.0.2',
      name: 'Example Dome 4',
      problem: null,
      profiles: [
        {
          name: 'main',
          width: 1920,
          height: 1080,
          ...stream,
          url: 'rtsp://127.0.0.2:554/stream/main?user=***&password=***'
        },
        {
          name: 'sub',
          width: 640,
          height: 360,
          ...stream,
          url: 'rtsp://127.0.0.2:554/stream/sub?user=***&password=***'
        }
      ]
    })
    expect(others).toEqual([])
    expect(asked.some((body) => body.includes('>viewer<'))).toBe(true)
    expect(asked.filter((body) => body.includes('a-password'))).toEqual([])
  })

  it('that is broken off ends with the devices that are being asked, and asks no others', async () => {
    const silent = { answer: () => true }
    const devices = await Promise.all([2, 3, 4, 5, 6, 7].map((host) => fakeDevice(`127.0.0.${host}`, silent)))
    const stopping = new AbortController()
    const nobody = { user: null, password: null, fingerprints: [] }
    const targets = devices.map(({ target }) => target)
    const found = findCameras({
      ...nobody,
      targets,
      signal: stopping.signal,
      listenMs: patience(600),
      deviceMs: 60_000
    })
    const asked = () => devices.filter((device) => device.asked.length > 0).length
    const stopped = expect(found).rejects.toThrow('stopped')
    await until(() => asked() === 4, 'four questions')
    stopping.abort(new Error('stopped'))
    await stopped
    expect(asked()).toBe(4)
  })

  it('gives each hostile device a line that says why, in time, beside a good one', async () => {
    const victim = await fakeDevice('127.0.0.9')
    const bomb = `<?xml version="1.0"?><!DOCTYPE b [<!ENTITY a "${'x'.repeat(1000)}">${Array.from({ length: 9 }, (_, i) => `<!ENTITY a${i} "${`&a${i === 0 ? '' : i - 1};`.repeat(10)}">`).join('')}]>`
    const devices = [
      await fakeDevice('127.0.0.2'),
      // An answer that never ends.
      await fakeDevice('127.0.0.3', {
        answer: (_, response) => {
          response.writeHead(200)
          const more = (): void => {
            if (!response.destroyed) response.write('x'.repeat(65_536), () => setImmediate(more))
          }
          more()
          return true
        }
      }),
      await fakeDevice('127.0.0.4', {
        answer: (_, response) => Boolean(response.writeHead(200).end(`${bomb}${envelope('&a8;')}`))
      }),
      await fakeDevice('127.0.0.5', {
        answer: (_, response) => Boolean(response.writeHead(302, { location: victim.service }).end())
      }),
      await fakeDevice('127.0.0.6', { probe: () => matches(victim.service) }),
      await fakeDevice('127.0.0.7', { probe: () => randomBytes(1400) }),
      await fakeDevice('127.0.0.8', { answer: (_, response) => Boolean(response.writeHead(400).end(fault)) }),
      // Nested deeper than a stack.
      await fakeDevice('127.0.0.10', {
        answer: (_, response) => Boolean(response.writeHead(200).end(envelope('<a>'.repeat(200_000))))
      }),
      // It never says anything.
      await fakeDevice('127.0.0.11', { answer: () => true })
    ]
    const found = await find(devices.map(({ target }) => target))
    expect(found.map(({ address }) => address)).toEqual(
      ['2', '3', '4', '5', '6', '8', '10', '11'].map((last) => `127.0.0.${last}`)
    )
    expect(found[0]!.profiles).toHaveLength(2)
    for (const last of ['3', '4', '5', '10', '11'])
      expect([last, codeOf(found, `127.0.0.${last}`)]).toEqual([last, 'PL-ONVIF-ANSWER'])
    expect(codeOf(found, '127.0.0.6')).toBe('PL-ONVIF-ADDRESS')
    expect(codeOf(found, '127.0.0.8')).toBe('PL-ONVIF-LOGIN')
    expect(victim.asked).toEqual([])
  })

  it('takes wrong types for what is not said, names as text, and no stream or service at another address', async () => {
    const elsewhere = await fakeDevice('127.0.0.12')
    const profiles = [
      profile('a', 'wide', -4, '&lt;img src=x onerror=alert(1)&gt;\u202e'),
      '<trt:Profiles><tt:Name><deep><er>1</er></deep></tt:Name></trt:Profiles>',
      ...Array.from({ length: 40 }, (_, i) => profile(`p${i}`, 1, 1))
    ]
    const { target } = await fakeDevice('127.0.0.13', {
      says: {
        GetCapabilities: `<tds:GetCapabilitiesResponse><tds:Capabilities><tt:Media><tt:XAddr>${elsewhere.service}</tt:XAddr></tt:Media></tds:Capabilities></tds:GetCapabilitiesResponse>`,
        GetDeviceInformation:
          '<tds:GetDeviceInformationResponse><tds:Model>\u001b[2J7</tds:Model></tds:GetDeviceInformationResponse>',
        GetProfiles: `<trt:GetProfilesResponse>${profiles.join('')}</trt:GetProfilesResponse>`,
        GetStreamUri: streamUri('rtsp://198.51.100.1/stream')
      }
    })
    const [found] = await find([target])
    expect(elsewhere.asked).toEqual([])
    const { profiles: told } = found!
    expect(told.length).toBeLessThanOrEqual(12)
    expect(told[0]).toMatchObject({ name: '<img src=x onerror=alert(1)>\\u202e', width: null, height: null, url: null })
    expect(found!.name).toBe('\\x1b[2J7')
  })

  it('sends nothing to a camera by https:// until its fingerprint is given', async () => {
    const { server } = makeCertificates('127.0.0.15')
    const tls = { cert: readFileSync(server.cert, 'utf8'), key: readFileSync(server.key, 'utf8') }
    const { target, asked } = await fakeDevice('127.0.0.15', {
      tls,
      says: { GetStreamUri: streamUri('rtsps://127.0.0.15/stream') }
    })
    const login = { user: 'viewer', password: 'a-password' }
    const { fingerprint256 } = new X509Certificate(tls.cert)
    const other = fingerprint256.replace(/^../, (first) => (first === '00' ? '01' : '00'))
    for (const fingerprints of [[], [other]]) {
      const [refused] = await find([target], login, fingerprints)
      expect(refused).toMatchObject({
        profiles: [],
        problem: {
          code: 'PL-ONVIF-CERTIFICATE',
          message: `has a certificate that is not trusted; fingerprint: "${fingerprint256}"`
        }
      })
    }
    expect(asked).toEqual([])
    const [taken] = await find([target], login, [other, fingerprint256.replaceAll(':', '').toLowerCase()])
    expect(taken).toMatchObject({ name: 'Example Dome 4', problem: null })
    expect(taken!.profiles.map(({ url }) => url)).toEqual(Array(2).fill('rtsps://127.0.0.15/stream'))
    expect(asked.some((body) => body.includes('>viewer<'))).toBe(true)
  })

  it('ends with its signal, and its processes with it', async () => {
    const { target, asked } = await fakeDevice('127.0.0.14', { answer: () => true })
    const leaving = new AbortController()
    const login = { user: null, password: null, fingerprints: [], targets: [target] }
    const finding = findCameras({ ...login, signal: leaving.signal, listenMs: patience(600) })
    const ended = expect(finding).rejects.toThrow()
    await until(() => asked.length > 0, 'the first request')
    leaving.abort()
    await ended
  })
})

describe('an answer to the question who is there', () => {
  it('is its own address of those that it names, without a login, and by https only where it names no other', () => {
    const own = 'http://192.0.2.4:8000/onvif'
    expect(readAnswer(matches(`https://192.0.2.4/ http://192.0.2.44/ ${own}`), '192.0.2.4')?.service).toBe(own)
    expect(readAnswer(matches('https://192.0.2.4/ http://192.0.2.44/'), '192.0.2.4')?.service).toBe(
      'https://192.0.2.4/'
    )
    for (const named of [
      '',
      'x',
      'ftp://192.0.2.4/',
      'http://a:b@192.0.2.4/',
      'file:///etc/passwd',
      'http://192.0.2.4.example/'
    ])
      expect(readAnswer(matches(named), '192.0.2.4')).toEqual({ address: '192.0.2.4', service: null })
    expect(readAnswer('<XAddrs>'.repeat(8000), '192.0.2.4')?.service).toBeNull()
    expect(readAnswer('', '192.0.2.4')).toBeNull()
  })
})

it('the address of a stream is one at the device, without what opens it', () => {
  const bare = 'rtsp://192.0.2.4/user=***&password=***&channel=1'
  expect(streamUrl('rtsp://u:p@192.0.2.4/user=admin&password=x&channel=1', '192.0.2.4')).toBe(bare)
  for (const uri of ['http://192.0.2.4/', 'rtsp://192.0.2.5/', 'javascript:alert(1)', '', 'rtsp://'])
    expect([uri, streamUrl(uri, '192.0.2.4')]).toEqual([uri, null])
})
