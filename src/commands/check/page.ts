import { X509Certificate } from 'node:crypto'
import { iso, systemClock, timeOfDay } from '../../core/clock.js'
import { isThisDevice } from '../../daemon/wiring/mapping.js'
import { fingerprintOf, keptCertificate, readTls } from '../../page/index.js'
import { type CheckContext, type CheckResult, fail, ok, warn } from './result.js'

const what = 'page'
const soonMs = 14 * 86_400_000

/** Who can reach the page, and the fingerprint of its certificate, to compare with what a browser shows. */
export async function checkPage({ config }: CheckContext): Promise<CheckResult[]> {
  const { enabled, host, port, tls, path } = config.page
  if (!enabled) return [ok(what, 'turned off')]
  const where = `${host.includes(':') ? `[${host}]` : host}:${port}`
  if (!tls && isThisDevice(host)) return [ok(what, `${where}, for this device alone`)]
  const now = timeOfDay(systemClock, systemClock.now())
  const pair = tls ? await readTls(tls, { folder: path, device: config.device, now }) : await keptCertificate(path)
  if (!pair) return [ok(what, `${where}, with a certificate that the first start makes`)]
  const ends = Date.parse(new X509Certificate(pair.cert).validTo)
  const found = `${where}, certificate ${fingerprintOf(pair)}, until ${iso(ends as typeof now).slice(0, 10)}`
  if (ends - now < 0) return [fail('PL-PAGE-CERTIFICATE-END', what, found)]
  return [ends - now < soonMs ? warn('PL-PAGE-CERTIFICATE-END', what, found) : ok(what, found)]
}
