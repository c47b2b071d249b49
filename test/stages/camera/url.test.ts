import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CameraError } from '../../../src/core/errors.js'
import { Secrets } from '../../../src/core/secrets.js'
import { parseCameraUrl, registerSecrets } from '../../../src/stages/camera/url.js'

const hostile = `p@ss:w/rd?#%&"'`
const encoded = 'p%40ss%3Aw%2Frd%3F%23%25%26%22%27'
/** As FFmpeg does: the authority ends at / ? or #, the login at the last @ before it, the user at the first colon. */
function asFfmpegReads(url: string): { user: string; password: string; rest: string } {
  const [, authority, rest] = /^[a-z]+:\/\/([^/?#]*)(.*)$/s.exec(url)!
  const at = authority!.lastIndexOf('@')
  const login = authority!.slice(0, Math.max(0, at))
  const colon = login.indexOf(':')
  return {
    user: decodeURIComponent(colon < 0 ? login : login.slice(0, colon)),
    password: colon < 0 ? '' : decodeURIComponent(login.slice(colon + 1)),
    rest: authority!.slice(at + 1) + rest
  }
}
const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }).filter((value) => !/\p{Cc}/u.test(value))

describe('parseCameraUrl', () => {
  it.each([
    ['raw', `rtsp://admin:${hostile}@10.0.0.7:554/Streaming/Channels/101?a=1`],
    ['percent-encoded', `rtsp://admin:${encoded}@10.0.0.7:554/Streaming/Channels/101?a=1`]
  ])('understands a hostile password, %s', (_how, url) => {
    const { full, shown } = parseCameraUrl(url, 'bed')
    expect(shown).toBe('rtsp://10.0.0.7:554/Streaming/Channels/101?a=1')
    expect(full).toBe(`rtsp://admin:${encoded}@10.0.0.7:554/Streaming/Channels/101?a=1`)
  })

  it.each([
    ['rtsp://cam', 'rtsp://cam'],
    ['rtsp://admin@cam/live', 'rtsp://admin@cam/live'],
    ['rtsps://a:b@[fe80::1]:322/live', 'rtsps://a:b@[fe80::1]:322/live'],
    ['RTSP://a:b@cam/live', 'rtsp://a:b@cam/live'],
    ["rtsp://cam/o'clock", "rtsp://cam/o'clock"],
    ['http://a:b@cam:8080/video.mjpg', 'http://a:b@cam:8080/video.mjpg']
  ])('%s', (url, full) => {
    expect(parseCameraUrl(url, 'bed').full).toBe(full)
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

  it('gives FFmpeg the very user and password, whatever they are, raw or encoded', () => {
    fc.assert(
      fc.property(text, text, fc.boolean(), (user, password, raw) => {
        fc.pre(!user.includes(':'))
        // A raw value that happens to be a valid encoding means what it encodes: the documented limit.
        fc.pre(!raw || !/%[0-9a-f]{2}/i.test(user + password))
        const spell = raw ? (value: string) => value : encodeURIComponent
        const { full, shown } = parseCameraUrl(`rtsp://${spell(user)}:${spell(password)}@cam:554/live`, 'bed')
        expect(asFfmpegReads(full)).toEqual({ user, password, rest: 'cam:554/live' })
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
