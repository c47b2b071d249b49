/** The certificate that browsers see. */
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { messageOf, PainlensError } from '../core/errors.js'
import { ownCertificate, type TlsPair } from './own-certificate.js'

export { fingerprintOf, keptCertificate, type TlsPair } from './own-certificate.js'

export interface TlsFiles {
  cert: string
  key: string
}

/** `own`: the page makes one. Undefined: no encryption. */
export type TlsChoice = TlsFiles | 'own' | undefined

export interface TlsPlace {
  /** Of a certificate of its own. */
  folder: string
  device: string
  /** ms since the epoch. */
  now: number
}

/** @throws PainlensError for files that cannot be read or do not fit each other; DiskError where its own cannot be kept */
export async function readTls(choice: TlsChoice, { folder, device, now }: TlsPlace): Promise<TlsPair | null> {
  if (choice === undefined) return null
  return choice === 'own' ? ownCertificate(folder, device, now) : readFiles(choice)
}

async function readFiles(files: TlsFiles): Promise<TlsPair> {
  const problem = (what: string, where: string): PainlensError => new PainlensError('PL-PAGE-CERTIFICATE', what, where)
  const read = (path: string): Promise<Buffer> =>
    readFile(path).catch((error: unknown) => {
      throw problem(`cannot be read (${(error as NodeJS.ErrnoException).code})`, path)
    })
  const pair = { cert: await read(files.cert), key: await read(files.key) }
  let fits: boolean
  try {
    fits = new X509Certificate(pair.cert).checkPrivateKey(createPrivateKey(pair.key))
  } catch (error) {
    throw problem(`is no certificate with its key (${messageOf(error)})`, files.cert)
  }
  if (!fits) throw problem('is not the key of the certificate', files.key)
  return pair
}
