import { X509Certificate } from 'node:crypto'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, test as base, describe } from 'vitest'
import type { RtspServer } from '../../../../src/show/simulate/rtsp-server.js'
import { type CameraCheck, type CameraTls, checkCamera } from '../../../../src/stages/camera/index.js'
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
