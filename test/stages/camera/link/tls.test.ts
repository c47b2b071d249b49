import { X509Certificate } from 'node:crypto'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createServer as createTlsServer } from 'node:tls'
import { afterAll, test as base, describe } from 'vitest'
import type { RtspServer } from '../../../../src/show/simulate/rtsp-server.js'
import { type CameraCheck, type CameraTls, checkCamera } from '../../../../src/stages/camera/index.js'
import { hungUp } from '../../../../src/stages/camera/link/answers.js'
import { type Certificates, makeCertificates } from '../../../support/certificates.js'
import { patienceNow } from '../../../support/slowness.js'
import { nextFrames, Rig } from '../rig.js'

const it = base.extend<{ rig: Rig }>({
  // biome-ignore lint/correctness/noEmptyPattern: Vitest reads the parameter's own source text.
  rig: async ({}, use) => {
    const rig = await Rig.open()
    await use(rig)
    await rig.close()
  }
})

const current = makeCertificates()
const expired = makeCertificates('localhost', 'expired')
const other = makeCertificates()
afterAll(() => {
  for (const { folder } of [current, expired, other]) rmSync(folder, { recursive: true })
})

const fingerprintOf = ({ server }: Certificates): string =>
  new X509Certificate(readFileSync(server.cert)).fingerprint256
const login = { user: 'admin', password: 'right', scheme: 'basic' } as const

async function encrypted(rig: Rig, { server: { cert, key } }: Certificates): Promise<RtspServer> {
  const tls = { cert: readFileSync(cert, 'utf8'), key: readFileSync(key, 'utf8') }
  const server = await rig.server({ credentials: login, tls })
  await rig.feed(server)
  return server
}

const check = (rig: Rig, url: string, tls?: CameraTls): Promise<CameraCheck> =>
  checkCamera({ id: 'bed', url, tls, decoder: rig.decoder, secrets: rig.secrets, timeoutMs: patienceNow(8000) })

/** A TLS server that lets no viewer through. */
async function bouncer(
  rig: Rig,
  { version, ...options }: { version: 'TLSv1.2' | 'TLSv1.3'; requestCert?: boolean; ciphers?: string }
): Promise<number> {
  const { cert, key } = current.server
  const files = { cert: readFileSync(cert), key: readFileSync(key), ca: readFileSync(current.ca) }
  const server = createTlsServer({ ...files, ...options, minVersion: version, maxVersion: version })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  rig.own(() => new Promise((resolve) => server.close(() => resolve())))
  return (server.address() as { port: number }).port
}

describe.concurrent('an encrypted camera', () => {
  it('whose certificate is not trusted is refused with its fingerprint, and accepted once the config has that', async ({
    rig,
    expect
  }) => {
    const url = (await encrypted(rig, current)).url('/bed')
    const fingerprint = fingerprintOf(current)
    const checking = check(rig, url)
    await expect(checking).rejects.toMatchObject({ code: 'PL-CAMERA-CERTIFICATE' })
    await expect(checking).rejects.toThrow(`fingerprint: "${fingerprint}"`)
    for (const written of [fingerprint, fingerprint.replaceAll(':', '').toLowerCase()])
      expect(await check(rig, url, { fingerprint: written })).toMatchObject({
        shape: { coded: { width: 160 } },
        codec: 'h264'
      })
  })

  it('with another certificate than the one written down is refused, and told the new one', async ({ rig, expect }) => {
    const url = (await encrypted(rig, current)).url('/bed')
    const checking = check(rig, url, { fingerprint: fingerprintOf(other) })
    await expect(checking).rejects.toMatchObject({ code: 'PL-CAMERA-FINGERPRINT' })
    await expect(checking).rejects.toThrow(fingerprintOf(current))
  })

  it('is let in by its authority and its name, and by no other name or authority, nor after its time', async ({
    rig,
    expect
  }) => {
    const url = (await encrypted(rig, current)).url('/bed')
    expect(await check(rig, url, { ca: current.ca, serverName: 'localhost' })).toMatchObject({
      shape: { coded: { width: 160 } }
    })
    await expect(check(rig, url, { ca: current.ca })).rejects.toThrow(
      'it is for DNS:localhost, not for 127.0.0.1 of the url'
    )
    await expect(check(rig, url, { ca: current.ca, serverName: 'yard' })).rejects.toThrow(
      'it is for DNS:localhost, not for yard of tls.server_name'
    )
    await expect(check(rig, url, { ca: other.ca, serverName: 'localhost' })).rejects.toThrow(/not trusted/)
    const late = (await encrypted(rig, expired)).url('/bed')
    await expect(check(rig, late, { ca: expired.ca, serverName: 'localhost' })).rejects.toThrow(/has expired/)
  })

  it('whose authority cannot be read, or that speaks no TLS, is told as such', async ({ rig, expect }) => {
    const url = (await encrypted(rig, current)).url('/bed')
    await expect(check(rig, url, { ca: join(current.folder, 'none.pem') })).rejects.toMatchObject({
      code: 'PL-CAMERA-CA'
    })
    const plain = await rig.server({ credentials: login })
    await expect(check(rig, `rtsps://127.0.0.1:${plain.port}/bed`)).rejects.toMatchObject({ code: 'PL-CAMERA-TLS' })
  })

  it.for([
    ['TLSv1.2', 'rtsps'],
    ['TLSv1.3', 'rtsps'],
    ['TLSv1.2', 'https'],
    ['TLSv1.3', 'https']
  ] as const)(
    'that asks for a client certificate by %s is told as such over %s',
    async ([version, scheme], { rig, expect }) => {
      const url = `${scheme}://127.0.0.1:${await bouncer(rig, { version, requestCert: true })}/bed`
      const checking = check(rig, url, { fingerprint: fingerprintOf(current) })
      await expect(checking).rejects.toMatchObject({ code: 'PL-CAMERA-CLIENT-CERTIFICATE' })
      await expect(checking).rejects.toThrow(/asks for a client certificate/)
    }
  )

  it.for([
    'ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE',
    'ERR_SSL_SSL/TLS_ALERT_BAD_CERTIFICATE',
    'ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE'
  ])(
    'that asks for one by TLS 1.3 with an alert of TLS 1.2 (%s), as Java does, is told as such',
    (code, { expect }) => {
      expect(hungUp('OPTIONS', { code })).toMatchObject({ code: 'PL-CAMERA-CLIENT-CERTIFICATE' })
      expect(hungUp('OPTIONS', { code: 'ECONNRESET' })).toMatchObject({ code: 'PL-CAMERA-HANGS-UP' })
    }
  )

  it('without a cipher in common is not taken for one that asks for a certificate', async ({ rig, expect }) => {
    const port = await bouncer(rig, { version: 'TLSv1.2', ciphers: 'ECDHE-RSA-AES256-GCM-SHA384' })
    await expect(check(rig, `https://127.0.0.1:${port}/bed`)).rejects.toMatchObject({ code: 'PL-CAMERA-TLS' })
    await expect(check(rig, `https://127.0.0.1:${port}/bed`)).rejects.toThrow(/http:\/\/ in the place of https:/)
  })

  it('is not blamed for a file of authorities without a certificate that can be read', async ({ rig, expect }) => {
    const url = (await encrypted(rig, current)).url('/bed')
    const path = join(current.folder, 'broken.pem')
    const certificate = readFileSync(current.ca, 'utf8')
    const damaged = certificate.replace(/^\S+$/m, 'AAAA')
    const binary = new X509Certificate(certificate).raw
    for (const content of ['', 'hello', readFileSync(current.server.key), damaged, binary]) {
      writeFileSync(path, content)
      await expect(check(rig, url, { ca: path, serverName: 'localhost' })).rejects.toMatchObject({
        code: 'PL-CAMERA-CA'
      })
    }
    writeFileSync(path, `${readFileSync(other.ca, 'utf8')}\nours:\n${certificate}`)
    expect(await check(rig, url, { ca: path, serverName: 'localhost' })).toMatchObject({ codec: 'h264' })
  })

  it('gives pictures, one after the other', async ({ rig, expect }) => {
    const server = await encrypted(rig, current)
    const camera = rig.camera(server.url('/bed'), { tls: { fingerprint: fingerprintOf(current) } })
    camera.start()
    expect(await nextFrames(camera, 5)).toHaveLength(5)
  })
})
