import { spawnSync } from 'node:child_process'
import { inspect } from 'node:util'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createLog } from '../../src/core/log.js'
import { Secrets } from '../../src/core/secrets.js'

const hostile = `p@ss:w/rd?#%&"'`

describe('Secrets', () => {
  it.each([
    ['raw', hostile],
    ['percent-encoded', encodeURIComponent(hostile)],
    ['in JSON', JSON.stringify({ url: `rtsp://nurse:${hostile}@camera/1` })],
    ['in JSON within JSON', JSON.stringify(JSON.stringify({ password: hostile }))],
    ['with lower-case escapes', 'p%40ss%3aw%2frd%3f%23%25%26%22%27']
  ])('a hostile password is redacted %s', (_, text) => {
    const secrets = new Secrets()
    secrets.add(hostile)
    const clean = secrets.redact(text)
    expect(clean).toContain('***')
    expect(clean).not.toMatch(/ss(:|%3a)w/i)
  })

  it('the password of a URL is redacted, encoded or not', () => {
    const secrets = new Secrets()
    secrets.addUrl(`rtsp://nurse:${hostile}@10.0.0.7:554/stream`)
    expect(secrets.redact(`401 for ${hostile}`)).toBe('401 for ***')
    secrets.addUrl('rtsp://nurse:s%40fe-pass@camera/1')
    expect(secrets.redact('s@fe-pass s%40fe-pass')).toBe('*** ***')
  })

  const spellings: [string, (value: string) => string][] = [
    ['as it is', (value) => value],
    ['percent-encoded by JavaScript', encodeURIComponent],
    ['percent-encoded by URL', (value) => urlWith(value).password],
    ['percent-encoded twice', (value) => encodeURIComponent(encodeURIComponent(value))],
    [
      'percent-encoded whole',
      (value) => [...Buffer.from(value)].map((b) => `%${b.toString(16).padStart(2, '0')}`).join('')
    ],
    ['in a form', (value) => new URLSearchParams({ x: value }).toString()],
    ['in JSON', (value) => JSON.stringify({ value })],
    ['in JSON in JSON in JSON', (value) => JSON.stringify(JSON.stringify(JSON.stringify(value)))],
    ['in JSON of ASCII only', (value) => ascii(JSON.stringify(value))],
    ['as Node.js shows it', (value) => inspect({ value })],
    ['in HTML', (value) => value.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`)],
    ['in a Basic header', (value) => `Basic ${Buffer.from(`viewer:${value}`).toString('base64')}`],
    ['in a Basic header of another user', (value) => `Basic ${Buffer.from(`ü:${value}`).toString('base64')}`],
    ['in base64url within JSON', (value) => Buffer.from(JSON.stringify({ a: value, b: 1 })).toString('base64url')],
    ['in hexadecimal', (value) => Buffer.from(`x${value}`).toString('hex')]
  ]
  const urlWith = (password: string): URL => {
    const url = new URL('http://u@host/')
    url.password = password
    return url
  }
  const ascii = (text: string): string =>
    text.replace(/[^ -~]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`)

  const passwords = [
    hostile,
    'Schmerz-Zimmer 12',
    'größer als 🔑🔑',
    'a\\b\\\\c\nd\te',
    '&lt;<b>"$&$1',
    '%41%42%43%',
    '....*+?(',
    '\'"`\'"`'
  ]
  describe.each(passwords)('%j', (password) => {
    it.each(spellings)('the password is redacted %s', (_, spell) => {
      const secrets = new Secrets()
      secrets.add(password)
      const text = spell(password)
      const clean = secrets.redact(`before ${text} after`)
      expect(clean).toMatch(/^before .*\*\*\*.* after$/s)
      // What is left gives none of it away: not more than what stands around the password.
      const around = spell('').length
      expect(clean.replace(/\*\*\*/g, '').length - 'before  after'.length).toBeLessThanOrEqual(around + 40)
      expect(clean).not.toContain(text)
    })
  })

  it('a password that is part of another does not leave the rest of it visible', () => {
    const secrets = new Secrets()
    secrets.add('hunter')
    secrets.add('hunter2!x')
    expect(secrets.redact('hunter2!x hunter')).toBe('*** ***')
  })

  it('overlapping passwords are redacted to the end, and neighbouring ones separately', () => {
    const secrets = new Secrets()
    secrets.add('abcdef')
    secrets.add('fghijk')
    expect(secrets.redact('xabcdefghijky')).toBe('x***y')
    expect(secrets.redact('abcdefabcdef')).toBe('******')
  })

  it('a password with half a surrogate pair is redacted without an error', () => {
    const secrets = new Secrets()
    secrets.add('x\ud83dyz12')
    expect(secrets.redact('a x\ud83dyz12 b')).toBe('a *** b')
  })

  it.each(['1', 'in', 'a.b'])(
    'the very short password %s is redacted in URLs, while words and numbers stay',
    (short) => {
      const secrets = new Secrets()
      secrets.add(short)
      const innocent = 'Pain in room 1, axb 11 min'
      expect(secrets.redact(innocent)).toBe(innocent)
      expect(secrets.redact(`rtsp://u:${short}@camera/1`)).toBe('rtsp://u:***@camera/1')
    }
  )

  it('secrets are redacted from an error, its stack and its causes', () => {
    const secrets = new Secrets()
    secrets.add(hostile)
    const cause = new Error(`no ${hostile}`)
    const error = new Error(`cannot open rtsp://u:${encodeURIComponent(hostile)}@h`, { cause })
    secrets.clean(error)
    expect(inspect(error)).not.toMatch(/ss(:|%3a)w/i)
    expect(error.message).toBe('cannot open rtsp://u:***@h')
  })

  it.each(['level', 'info', 'time', '":"x', '{"le', '2026', ',"msg"'])(
    'a log line stays JSON with all fields when a password is %s',
    (odd) => {
      const secrets = new Secrets()
      secrets.add(odd)
      let line = ''
      createLog('debug', secrets, (text) => {
        line += text
      }).info({ camera: 'a', nested: { text: `x ${odd} y` } }, `of ${odd}`)
      expect(JSON.parse(line)).toEqual({
        level: 'info',
        time: expect.stringMatching(/^\d{4}-.*Z$/),
        camera: 'a',
        nested: { text: 'x *** y' },
        msg: 'of ***'
      })
    }
  )

  it('a crash is logged without secrets and ends the process with 1', async () => {
    const source = `
      import { logCrashes } from './dist/core/crash.js'
      import { createLog } from './dist/core/log.js'
      import { Secrets } from './dist/core/secrets.js'
      const secrets = new Secrets()
      secrets.add('hunter2/x')
      logCrashes(createLog('info', secrets))
      setTimeout(() => Promise.reject(new Error('rtsp://u:hunter2%2fx@cam', { cause: new Error('hunter2/x') })))
      setTimeout(() => undefined, 10_000)`
    const { status, stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', source], {
      encoding: 'utf8'
    })
    expect(status).toBe(1)
    expect(stdout + stderr).not.toContain('hunter2')
    const { error, stack, msg } = JSON.parse(stderr) as Record<string, string>
    expect([error, msg]).toEqual(['rtsp://u:***@cam', 'painlens crashed'])
    expect(stack).toMatch(/rtsp:\/\/u:\*\*\*@cam\n +at /)
  })

  it('any secret is redacted from any place of a log line', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 4, maxLength: 30 }), fc.string(), (secret, around) => {
        fc.pre(!'"level":"warn","time","msg","where","nested":{"deep"'.includes(secret) && /[^\s*\d.:TZ-]/.test(secret))
        const secrets = new Secrets()
        secrets.add(secret)
        let line = ''
        const log = createLog('debug', secrets, (text) => {
          line += text
        })
        log.warn({ where: `${around}${secret}`, nested: { deep: secret } }, `${secret}${around}`)
        const found = JSON.parse(line.replaceAll('***', '')) as { nested: { deep: string } }
        expect(found.nested.deep).not.toContain(secret)
        expect(line).not.toContain(JSON.stringify(secret).slice(1, -1))
      })
    )
  })
})
