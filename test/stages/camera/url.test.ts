import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CameraError } from '../../../src/core/errors.js'
import { Secrets } from '../../../src/core/secrets.js'
import { parseCameraUrl, registerSecrets } from '../../../src/stages/camera/url.js'

const hostile = `p@ss:w/rd?#%&"'`
const encoded = 'p%40ss%3Aw%2Frd%3F%23%25%26%22%27'
const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }).filter((value) => !/\p{Cc}/u.test(value))

describe('parseCameraUrl', () => {
  it.each([
    ['raw', `rtsp://admin:${hostile}@10.0.0.7:554/Streaming/Channels/101?a=1`],
    ['percent-encoded', `rtsp://admin:${encoded}@10.0.0.7:554/Streaming/Channels/101?a=1`]
  ])('understands a hostile password, %s', (_how, url) => {
    expect(parseCameraUrl(url, 'bed')).toEqual({
      scheme: 'rtsp',
      encrypted: false,
      shown: 'rtsp://10.0.0.7:554/Streaming/Channels/101?a=1',
      host: '10.0.0.7',
      port: 554,
      authority: '10.0.0.7:554',
      origin: 'rtsp://10.0.0.7:554',
      target: '/Streaming/Channels/101?a=1',
      login: { user: 'admin', password: hostile }
    })
  })

  it.each([
    ['rtsp://cam', { host: 'cam', port: 554, origin: 'rtsp://cam:554', target: '' }],
    ['rtsp://admin@cam/live', { login: { user: 'admin', password: '' }, target: '/live' }],
    ['rtsp://admin:@cam/live', { login: { user: 'admin', password: '' }, target: '/live' }],
    ['rtsps://a:b@[fe80::1]:322/live', { host: 'fe80::1', origin: 'rtsps://[fe80::1]:322', encrypted: true }],
    ['rtsps://[fe80::1]', { host: 'fe80::1', port: 322, origin: 'rtsps://[fe80::1]:322' }],
    ['RTSP://a:b@cam/live', { scheme: 'rtsp', origin: 'rtsp://cam:554' }],
    ["rtsp://cam/o'clock?a=b#c", { target: "/o'clock?a=b" }],
    ['http://a:b@cam:8080/video.mjpg', { port: 8080, authority: 'cam:8080', target: '/video.mjpg' }],
    ['https://cam?video', { port: 443, authority: 'cam', target: '?video', encrypted: true }]
  ])('%s', (url, expected) => {
    expect(parseCameraUrl(url, 'bed')).toMatchObject(expected)
  })

  it.each([
    '',
    'cam',
    'rtsp://',
    'rtsp:///live',
    'file:///etc/passwd',
    'concat:rtsp://a',
    'rtsp://cam:port/x',
    'rtsp://a:b@cam:99999999',
    'rtsp://cam/a b',
    'rtsp://cam/x\nfile /etc/passwd',
    'rtsp://a:secret@'
  ])('refuses %j without repeating it', (url) => {
    const parse = (): unknown => parseCameraUrl(url, 'bed')
    expect(parse).toThrow(CameraError)
    expect(parse).toThrow(/camera bed.*rtsp:\/\/user:password@host/s)
    expect(parse).not.toThrow(/secret|passwd/)
  })

  it('finds the very user and password, whatever they are, raw or encoded', () => {
    fc.assert(
      fc.property(text, text, fc.boolean(), (user, password, raw) => {
        fc.pre(!user.includes(':'))
        // A raw value that happens to be a valid encoding means what it encodes: the documented limit.
        fc.pre(!raw || !/%[0-9a-f]{2}/i.test(user + password))
        const spell = raw ? (value: string) => value : encodeURIComponent
        const { login, shown } = parseCameraUrl(`rtsp://${spell(user)}:${spell(password)}@cam:554/live`, 'bed')
        expect(login).toEqual({ user, password })
        expect(shown).toBe('rtsp://cam:554/live')
      })
    )
  })
})

describe('registerSecrets', () => {
  it.each([
    ['raw', `rtsp://admin:${hostile}@cam/live`],
    ['encoded', `rtsp://admin:${encoded}@cam/live`]
  ])('redacts every spelling of a %s password', (_how, url) => {
    const secrets = new Secrets()
    registerSecrets(url, secrets)
    const basic = Buffer.from(`admin:${hostile}`).toString('base64')
    for (const spelling of [hostile, encoded, encodeURIComponent(hostile), JSON.stringify(hostile).slice(1, -1), basic])
      expect(secrets.redact(`before ${spelling} after`)).toBe('before *** after')
  })

  it('leaves a URL without a password alone', () => {
    const secrets = new Secrets()
    registerSecrets('rtsp://admin@cam/live', secrets)
    registerSecrets('rtsp://cam/live', secrets)
    expect(secrets.redact('admin cam live')).toContain('cam live')
  })
})
