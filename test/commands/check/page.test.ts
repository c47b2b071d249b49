import { X509Certificate } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { checkPage } from '../../../src/commands/check/page.js'
import { runCheck } from '../../../src/commands/check/result.js'
import { parseConfig } from '../../../src/config/index.js'
import { Secrets } from '../../../src/core/secrets.js'
import { makeCertificate } from '../../../src/page/make-certificate.js'
import { makeCertificates } from '../../support/certificates.js'
import { freePort } from '../../support/mosquitto.js'

const dayMs = 86_400_000
let folder: string
let port: number
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'painlens-check-page-'))
  port = await freePort()
})
afterAll(() => rmSync(folder, { recursive: true }))

/** The lamp with these settings of the page. @param isRunning whether a painlens runs with this config */
async function lamp(page: object, isRunning = false) {
  const whole = { enabled: true, port, path: 'page', tokens: { ward: 'ward-token-0123456789' }, ...page }
  const text = JSON.stringify({
    device: 'd',
    mqtt: { url: 'mqtt://h' },
    cameras: [{ id: 'a', url: 'rtsp://h/' }],
    page: whole
  })
  const { config } = await parseConfig(text, join(folder, 'painlens.yaml'))
  const daemon = isRunning ? ({} as never) : null
  const context = { config, secrets: new Secrets(), running: { daemon, findings: [] } }
  const results = await runCheck({ what: 'page', run: checkPage }, { ...context, signal: new AbortController().signal })
  expect(results).toHaveLength(1)
  const { state, what, found, code = null } = results[0]!
  expect(what).toBe('page')
  return { state, found, code }
}

/** A certificate of the page's own, made so many days ago; one is valid for 820 days. */
function keep(name: string, daysAgo: number): { path: string; fingerprint: string } {
  const path = mkdtempSync(join(folder, name))
  const text = makeCertificate('d', Date.now() - daysAgo * dayMs)
  writeFileSync(join(path, 'certificate.pem'), text)
  return { path, fingerprint: new X509Certificate(text).fingerprint256 }
}

describe('the lamp of the page', () => {
  it('says who can reach it: no one, this device alone, or others by a certificate that is still to be made', async () => {
    expect(await lamp({ enabled: false })).toMatchObject({ state: 'ok', found: 'turned off' })
    expect(await lamp({})).toMatchObject({ state: 'ok', found: `127.0.0.1:${port}, for this device alone` })
    const found = `0.0.0.0:${port}, with a certificate that the first start makes`
    expect(await lamp({ host: '0.0.0.0' })).toMatchObject({ state: 'ok', found })
  })

  it("has the fingerprint of the page's own certificate, is yellow before its end and red after it", async () => {
    for (const [daysAgo, state, code] of [
      [0, 'ok', null],
      [815, 'warn', 'PL-PAGE-CERTIFICATE-END'],
      [825, 'fail', 'PL-PAGE-CERTIFICATE-END']
    ] as const) {
      const { path, fingerprint } = keep(`own-${daysAgo}-`, daysAgo)
      const seen = await lamp({ host: '0.0.0.0', path })
      expect(seen).toMatchObject({ state, code })
      expect(seen.found).toContain(`certificate ${fingerprint}, until 20`)
    }
  })

  it('takes a damaged certificate of its own for none', async () => {
    const { path } = keep('damaged-', 0)
    writeFileSync(join(path, 'certificate.pem'), 'no PEM')
    expect(await lamp({ host: '0.0.0.0', path })).toMatchObject({
      state: 'ok',
      found: expect.stringContaining('first start makes')
    })
  })

  it('is red for given files that are missing or do not fit each other, and shows the fingerprint of those that do', async () => {
    const { server, client } = makeCertificates()
    const fingerprint = new X509Certificate(readFileSync(server.cert)).fingerprint256
    expect(await lamp({ tls: server })).toMatchObject({ found: expect.stringContaining(fingerprint) })
    for (const tls of [
      { cert: server.cert, key: client.key },
      { cert: join(folder, 'none.pem'), key: server.key }
    ])
      expect(await lamp({ tls })).toMatchObject({ state: 'fail', code: 'PL-PAGE-CERTIFICATE' })
  })

  it('is red where another program has the port, and not where the running painlens has it', async () => {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
    try {
      expect(await lamp({})).toMatchObject({ state: 'fail', code: 'PL-PAGE-PORT' })
      expect(await lamp({}, true)).toMatchObject({ state: 'ok' })
    } finally {
      await new Promise((resolve) => server.close(resolve))
    }
  })
})
