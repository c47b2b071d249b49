import { X509Certificate } from 'node:crypto'
import { isThisDevice } from '../../config/url.js'
import { type EpochMs, iso, systemClock, timeOfDay } from '../../core/clock.js'
import { fingerprintOf, keptCertificate, pageListenError, readTls, type TlsPair } from '../../page/index.js'
import { listenOnce } from './machine.js'
import { type CheckContext, type CheckResult, daemonRuns, fail, failed, ok, warn } from './result.js'

const what = 'page'
const soonMs = 14 * 86_400_000

/**
 * Who can reach the page, and the fingerprint of its certificate, to compare with what a browser shows. Where no painlens runs, whether the
 * port is free.
 */
export async function checkPage({ config, running }: CheckContext): Promise<CheckResult[]> {
  const { enabled, host, port, tls, path } = config.page
  if (!enabled) return [ok(what, 'turned off')]
  const refusal = daemonRuns(running) ? null : await listenOnce(host, port)
  if (refusal) return [failed(what, pageListenError(host, port, refusal))]
  const where = `${host.includes(':') ? `[${host}]` : host}:${port}`
  if (!tls && isThisDevice(host)) return [ok(what, `${where}, for this device alone`)]
  const now = timeOfDay(systemClock, systemClock.now())
  const pair = tls ? await readTls(tls, { folder: path, device: config.device, now }) : await keptCertificate(path)
  const shown = pair && shownOf(pair)
  // Of its own certificates the page makes a new one where one is damaged; files that are given have been read already.
  if (!shown) return [ok(what, `${where}, with a certificate that the first start makes`)]
  const found = `${where}, certificate ${shown.fingerprint}, until ${iso(shown.ends).slice(0, 10)}`
  if (shown.ends - now < 0) return [fail('PL-PAGE-CERTIFICATE-END', what, found)]
  return [shown.ends - now < soonMs ? warn('PL-PAGE-CERTIFICATE-END', what, found) : ok(what, found)]
}

/** What a browser shows of a certificate; null for a damaged one. */
function shownOf(pair: TlsPair): { fingerprint: string; ends: EpochMs } | null {
  try {
    return { fingerprint: fingerprintOf(pair), ends: Date.parse(new X509Certificate(pair.cert).validTo) as EpochMs }
  } catch {
    return null
  }
}
