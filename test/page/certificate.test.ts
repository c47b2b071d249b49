import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { connect, type PeerCertificate } from 'node:tls'
import { expect, it } from 'vitest'
import { type Log, silentLog } from '../../src/core/log.js'
import { fingerprintOf, keptCertificate, readTls } from '../../src/page/index.js'
import { serialFrom } from '../../src/page/make-certificate.js'
import { makeCertificates } from '../support/certificates.js'
import { until } from '../support/slowness.js'
import { folder, servePage } from './rig.js'

const dayMs = 86_400_000
const now = Date.parse('2027-03-01T00:00:00Z')

/** What a client sees that takes any certificate. */
async function seenBy(url: string): Promise<PeerCertificate> {
  const { port } = new URL(url)
  const socket = connect({ port: Number(port), host: '127.0.0.1', rejectUnauthorized: false })
  await once(socket, 'secureConnect')
  const seen = socket.getPeerCertificate()
  socket.destroy()
  return seen
}

it('a certificate of its own is made once, 0600, for the names of this machine, and a client of TLS that trusts it connects', async () => {
  const own = folder()
  const lines: object[] = []
  const log: Log = { ...silentLog, info: (fields) => void lines.push(fields) }
  const { url, page } = await servePage({ tls: 'own', folder: own, log })
  expect(url).toMatch(/^https:/)
  const path = join(own, 'certificate.pem')
  expect(statSync(path).mode & 0o777).toBe(0o600)
  const { cert } = (await keptCertificate(own))!
  const socket = connect({ port: Number(new URL(url).port), host: '127.0.0.1', ca: cert, servername: 'localhost' })
  await once(socket, 'secureConnect')
  expect([socket.authorized, socket.authorizationError]).toEqual([true, null])
  socket.destroy()
  const read = new X509Certificate(cert)
  expect(read.subjectAltName).toMatch(/DNS:localhost.*IP Address:127\.0\.0\.1/)
  expect([read.subject, read.ca]).toEqual(['CN=painlens box-1', false])
  expect(lines).toContainEqual(expect.objectContaining({ fingerprint: read.fingerprint256 }))
  await page.stop()
  const again = await servePage({ tls: 'own', folder: own })
  expect((await seenBy(again.url)).fingerprint256).toBe(read.fingerprint256)
})

it('a certificate of its own is renewed before it ends, and where its file is damaged, from the future, or of a wrong clock', async () => {
  const own = folder()
  const at = async (days: number) =>
    fingerprintOf((await readTls('own', { folder: own, device: 'd', now: now + days * dayMs }))!)
  const first = await at(0)
  expect([await at(1), await at(789)]).toEqual([first, first])
  const second = await at(791)
  expect(second).not.toBe(first)
  expect(await at(0)).not.toBe(second)
  writeFileSync(join(own, 'certificate.pem'), 'no PEM')
  const third = await at(0)
  // The key of another certificate.
  const { server, client } = makeCertificates()
  writeFileSync(join(own, 'certificate.pem'), readFileSync(server.key, 'utf8') + readFileSync(client.cert, 'utf8'))
  expect(await at(0)).not.toBe(third)
  expect(readdirSync(own)).toEqual(['certificate.pem'])
  const early = (await readTls('own', { folder: folder(), device: 'd', now: 0 }))!
  expect(Date.parse(new X509Certificate(early.cert).validTo)).toBeGreaterThan(Date.UTC(2028, 0, 1))
})

it('a serial number is one that DER can write, whatever the random bytes are', () => {
  for (const first of [0x00, 0x01, 0x3f, 0x40, 0x7f, 0x80, 0xff])
    for (const second of [0x00, 0x7f, 0x80]) {
      const [a] = new Uint8Array(serialFrom(Uint8Array.from([first, second, ...Array(14).fill(0)])))
      expect([first, second, a! > 0 && a! < 0x80]).toEqual([first, second, true])
    }
})

it('a folder that cannot be written to keeps the page from other machines, with the reason', async () => {
  const own = join(folder(), 'file')
  writeFileSync(own, '')
  await expect(readTls('own', { folder: own, device: 'd', now })).rejects.toMatchObject({ code: 'PL-PAGE-STATE' })
})

it('a certificate that was renewed on disk is used by new connections, and one that is broken is not', async () => {
  const [one, other] = [makeCertificates(), makeCertificates()]
  const warned: string[] = []
  const log: Log = { ...silentLog, warn: (_, text) => void warned.push(String(text)) }
  const { url } = await servePage({ tls: one.server, renewMs: 50, log })
  const before = (await seenBy(url)).fingerprint256
  writeFileSync(one.server.key, 'half of a')
  await until(() => warned.some((text) => text.includes('the one before stays')), 'the warning')
  expect((await seenBy(url)).fingerprint256).toBe(before)
  writeFileSync(one.server.cert, readFileSync(other.server.cert))
  writeFileSync(one.server.key, readFileSync(other.server.key))
  const renewed = new X509Certificate(readFileSync(other.server.cert)).fingerprint256
  await until(async () => (await seenBy(url)).fingerprint256 === renewed, 'the renewed certificate')
})
