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
  ])('blots out a hostile password %s', (_, text) => {
    const secrets = new Secrets()
    secrets.add(hostile)
    const clean = secrets.redact(text)
    expect(clean).toContain('***')
    expect(clean).not.toMatch(/ss(:|%3a)w/i)
  })

  it('knows the password of a URL, encoded or not', () => {
    const secrets = new Secrets()
    secrets.addUrl(`rtsp://nurse:${hostile}@10.0.0.7:554/stream`)
    expect(secrets.redact(`401 for ${hostile}`)).toBe('401 for ***')
    secrets.addUrl('rtsp://nurse:s%40fe-pass@camera/1')
    expect(secrets.redact('s@fe-pass s%40fe-pass')).toBe('*** ***')
  })

  it('keeps any secret out of any log line, wherever it stands', () => {
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
