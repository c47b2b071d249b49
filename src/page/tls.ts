/** The certificate that browsers see. */
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { messageOf, PainlensError } from '../core/errors.js'

export interface TlsFiles {
  cert: string
  key: string
}

/** PEM texts. */
export interface TlsPair {
  cert: Buffer
  key: Buffer
}

/** @throws PainlensError for files that cannot be read or do not fit each other */
export async function readTls(files: TlsFiles | undefined): Promise<TlsPair | null> {
  if (!files) return null
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
