// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the config's placeholders look so
import { describe, expect, it } from 'vitest'
import { type LoadOptions, parseConfig } from '../../src/config/index.js'
import { ConfigError } from '../../src/core/errors.js'
import { Secrets } from '../../src/core/secrets.js'

const nasty = `p@ss:w/rd?#%&"'`

const withUrl = (url: string): string => `device: d
mqtt: { url: "mqtt://h" }
cameras:
  - id: a
    url: ${url}
`

const files: Record<string, string> = {
  '/run/pw': `${nasty}\n`,
  '/run/creds/camera': 'two words\n\n',
  '/etc/painlens/near': 'rtsp://u:whole-secret@h/1'
}

const options: LoadOptions = {
  env: { PW: nasty, FPS: '7', ON: 'true', ROOM: '12', CREDENTIALS_DIRECTORY: '/run/creds' },
  readFile: async (path) => files[path] ?? Promise.reject(Object.assign(new Error('no'), { code: 'ENOENT' }))
}

const parse = (text: string) => parseConfig(text, '/etc/painlens/p.yaml', options)
const messageOf = (text: string): Promise<string> =>
  parse(text).then(
    () => 'no error',
    (error: unknown) => (error instanceof ConfigError ? error.message : `not a ConfigError: ${String(error)}`)
  )

describe('placeholders', () => {
  it.each(['${env:PW}', '${file:/run/pw}'])('a password from %s is percent-encoded in a URL', async (placeholder) => {
    const { config, secrets } = await parse(withUrl(`rtsp://admin:${placeholder}@192.0.2.1:554/1?x=%40`))
    const url = new URL(config.cameras[0].url)
    expect(decodeURIComponent(url.password)).toBe(nasty)
    expect(url.host).toBe('192.0.2.1:554')
    expect(secrets).toContain(nasty)
  })

  it.each([
    [`rtsp://u:${nasty}@h:554/1`, nasty],
    ['rtsp://u:p%40ss@h/', 'p@ss'],
    ['rtsp://u:100%@h/', '100%'],
    ['rtsp://u:@h/', ''],
    ['http://u:p@[2001:db8::1]:80/video?x=1', 'p']
  ])('a password may stand in the URL as it is, or encoded: %s', async (url, password) => {
    const { config } = await parse(withUrl(JSON.stringify(url)))
    const used = new URL(config.cameras[0].url)
    expect(decodeURIComponent(used.password)).toBe(password)
    expect(used.username).toBe('u')
    expect(url).toContain(used.host)
  })

  it('a secret from a file loses one trailing newline and no more', async () => {
    const { config } = await parse(`${withUrl('rtsp://h/')}facility: \${credential:camera}`)
    expect(config.facility).toBe('two words\n')
  })

  it('a whole URL can come from a file beside the config', async () => {
    const { config, secrets } = await parse(withUrl('${file:near}'))
    expect(config.cameras[0].url).toBe('rtsp://u:whole-secret@h/1')
    expect(secrets).toEqual(expect.arrayContaining(['rtsp://u:whole-secret@h/1', 'whole-secret']))
  })

  it('placeholders can supply numbers and booleans, which do not become secrets', async () => {
    const { config, secrets } = await parse(`${withUrl('rtsp://h/')}    fps: \${env:FPS}
    location: { room: "\${env:ROOM}" }
privacy: { publish_heatmap: "\${env:ON}" }`)
    expect(config.cameras[0]).toMatchObject({ fps: 7, location: { room: '12' } })
    expect(config.privacy.publish_heatmap).toBe(true)
    expect(secrets).toEqual([])
  })

  it.each([
    ['${env:NOPE}', '4:9', 'the environment has no NOPE'],
    ['${file:/nope}', '4:9', '/nope cannot be read (ENOENT)'],
    ['${credential:nope}', '4:9', '/run/creds/nope cannot be read (ENOENT)'],
    ['${credential:../../etc/passwd}', '4:9', 'no name of a credential'],
    ['${vault:x}', '4:9', '"vault" is unknown, allowed are ${env:NAME}, ${file:/path} and ${credential:NAME}'],
    ['${constructor:x}', '4:9', '"constructor" is unknown']
  ])('the faulty placeholder %s gives one error with its position', async (placeholder, position, text) => {
    const message = await messageOf(
      `device: d\nmqtt: { url: "mqtt://h" }\ncameras:\n  - id: ${placeholder}\n    url: rtsp://h/`
    )
    expect(message).toContain(`${position} cameras[0].id: found ${placeholder}`)
    expect(message).toContain(text)
    expect(message).toContain('one problem')
  })
})

describe('secrets', () => {
  it('secrets written directly in the config are collected for redaction', async () => {
    const { secrets } = await parse(
      `${withUrl('rtsp://u:cam%40pw@h/')}`.replace(
        'url: "mqtt://h"',
        'url: "mqtt://u:brokerpw@h", username: u, password: 12345'
      )
    )
    expect(secrets.sort()).toEqual(['12345', 'brokerpw', 'cam%40pw', 'cam@pw'])
  })

  it('the password is redacted from the URL in the form in which it is used', async () => {
    const { config, secrets } = await parse(withUrl(`rtsp://admin:\${env:PW}@h/1`))
    const redactor = new Secrets()
    for (const value of secrets) redactor.add(value)
    expect(redactor.redact(config.cameras[0].url)).toBe('rtsp://admin:***@h/1')
  })

  const secret = 'hunter2'
  it.each([
    withUrl(`rtsp://admin:${secret}/stream1`),
    withUrl(`rtsp://admin:${secret}#@h x/`),
    withUrl(`ftp://admin:${secret}@h/x`),
    withUrl(`rtsp://admin:%${secret}@h:99999/x`),
    withUrl(`rtsp://admin:${secret}@h/x@y:z`),
    withUrl(`"rtsp://admin:${secret}@"`),
    withUrl(`["rtsp://admin:${secret}@h"]`),
    withUrl(secret),
    withUrl('rtsp://h/').replace('url: "mqtt://h"', `url: "mqtt://h", password: ["${secret}"]`),
    withUrl('rtsp://h/').replace('{ url: "mqtt://h" }', `"mqtt://u:${secret}@h"`),
    withUrl('rtsp://h/').replace('{ url: "mqtt://h" }', `"user:${secret}"`),
    withUrl('rtsp://h/').replace('device: d', `device: "mqtt://u:${secret}@h"`),
    withUrl(`rtsp://admin:"${secret}"@h: x`),
    withUrl(`"rtsp://admin:\\${secret}@h"`),
    `mqtt: { password: ${secret}@\n  - x: ][`,
    `mqtt: { password: @${secret} }`
  ])('the secret of a faulty config appears in no error: %j', async (text) => {
    const message = await messageOf(text)
    expect(message).toMatch(/problem/)
    expect(message).not.toContain(secret)
  })

  it('a secret from a file that does not fit its key is not shown', async () => {
    const message = await messageOf(withUrl('rtsp://h/').replace('device: d', `device: \${file:/run/pw}`))
    expect(message).toContain('1:9 device: found what ${file:/run/pw} stands for, allowed is up to 40')
    expect(message).not.toContain('p@ss')
  })
})
