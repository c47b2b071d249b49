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

/** An authority, and certificates that it signed for `localhost` and for a client, made by openssl in a temporary folder. */
export function makeCertificates(host = 'localhost'): Certificates {
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
    return { cert: path(`${name}.pem`), key: path(`${name}.key`) }
  }
  return { folder, ca: path('ca.pem'), server: sign('server', host), client: sign('client', 'painlens') }
}
