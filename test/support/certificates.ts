import { execFileSync } from 'node:child_process'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface Certificates {
  folder: string
  ca: string
  server: { cert: string; key: string }
  client: { cert: string; key: string }
}

/** Whether the server's and the client's certificate are valid now. */
export type Validity = 'now' | 'expired' | 'not yet'
const validities = {
  expired: ['20200101000000Z', '20200201000000Z'],
  'not yet': ['20900101000000Z', '20900201000000Z']
} as const

/** An authority, and certificates that it signed for `localhost` and for a client, made by openssl in a temporary folder. */
export function makeCertificates(host = 'localhost', validity: Validity = 'now'): Certificates {
  const folder = mkdtempSync(join(tmpdir(), 'painlens-certificates-'))
  const path = (name: string) => join(folder, name)
  const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: 'ignore', cwd: folder })
  const key = (name: string) => openssl('ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', `${name}.key`)
  key('ca')
  openssl(
    'req',
    '-x509',
    '-new',
    '-key',
    'ca.key',
    '-days',
    '2',
    '-subj',
    '/CN=painlens test authority',
    '-out',
    'ca.pem'
  )
  /** `x509 -req` cannot set the dates; `ca` can. */
  const signFor = (name: string, [from, to]: readonly [string, string]) => {
    writeFileSync(path('index.txt'), '')
    const config = `[ca]\ndefault_ca=x\n[x]\ndatabase=index.txt\nnew_certs_dir=.\nrand_serial=yes\ndefault_md=sha256\npolicy=p\n[p]\ncommonName=supplied\n`
    writeFileSync(path('ca.cnf'), config)
    const files = ['-in', `${name}.csr`, '-cert', 'ca.pem', '-keyfile', 'ca.key', '-extfile', `${name}.ext`]
    openssl(
      'ca',
      '-batch',
      '-notext',
      '-config',
      'ca.cnf',
      ...files,
      '-startdate',
      from,
      '-enddate',
      to,
      '-out',
      `${name}.pem`
    )
  }
  const sign = (name: string, subject: string) => {
    key(name)
    writeFileSync(path(`${name}.ext`), `subjectAltName=DNS:${subject}\n`)
    openssl('req', '-new', '-key', `${name}.key`, '-subj', `/CN=${subject}`, '-out', `${name}.csr`)
    const files = [
      '-in',
      `${name}.csr`,
      '-CA',
      'ca.pem',
      '-CAkey',
      'ca.key',
      '-CAcreateserial',
      '-extfile',
      `${name}.ext`
    ]
    openssl('x509', '-req', ...files, '-days', '2', '-out', `${name}.pem`)
    if (validity !== 'now') signFor(name, validities[validity])
    return { cert: path(`${name}.pem`), key: path(`${name}.key`) }
  }
  return { folder, ca: path('ca.pem'), server: sign('server', host), client: sign('client', 'painlens') }
}
