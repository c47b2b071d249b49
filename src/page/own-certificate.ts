/** The certificate of a page that other machines reach and that was given none: made here, signed by itself. */
import { createPublicKey, X509Certificate } from 'node:crypto'
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DiskError } from '../core/errors.js'
import { writeWhole } from '../core/file-names.js'

/** PEM texts. */
export interface TlsPair {
  cert: Buffer
  key: Buffer
}

const fileName = 'certificate.pem'
const dayMs = 86_400_000
/** Before its end, so that those who compare fingerprints have time. */
const renewDays = 30
/** A box without a battery starts in 1970. */
const earliest = Date.UTC(2026, 0, 1)

/**
 * The certificate with its key, 0600, from the folder; a new one where there is none, or where it ends within 30 days.
 * @param now ms since the epoch
 * @throws DiskError
 */
export async function ownCertificate(folder: string, device: string, now: number): Promise<TlsPair> {
  const path = join(folder, fileName)
  const there = await keptCertificate(folder)
  if (there && isGood(there, Math.max(now, earliest))) return there
  // It brings a library, for once in two years.
  const text = (await import('./make-certificate.js')).makeCertificate(device, Math.max(now, earliest))
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    await writeWhole(path, (file) => file.writeFile(text), { replace: true })
  } catch (error) {
    throw new DiskError('PL-PAGE-STATE', `cannot be written (${(error as NodeJS.ErrnoException).code})`, path)
  }
  return { cert: Buffer.from(text), key: Buffer.from(text) }
}

/** The one that the folder has, whether it is still valid or not; null where it has none, or it may not be read. */
export async function keptCertificate(folder: string): Promise<TlsPair | null> {
  // One file for both, so that a power cut leaves a pair or nothing.
  const text = await readFile(join(folder, fileName)).catch(() => null)
  return text && { cert: text, key: text }
}

/** SHA-256, as browsers show it. */
export const fingerprintOf = ({ cert }: Pick<TlsPair, 'cert'>): string => new X509Certificate(cert).fingerprint256

function isGood({ cert, key }: TlsPair, now: number): boolean {
  try {
    const read = new X509Certificate(cert)
    const lasts = Date.parse(read.validTo) - now > renewDays * dayMs && Date.parse(read.validFrom) <= now
    return lasts && read.publicKey.equals(createPublicKey(key))
  } catch {
    return false
  }
}
