import { X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { connect, isIP, type Socket } from 'node:net'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { messageOf } from '../../../core/errors.js'
import { plainFingerprint } from '../../../core/fingerprint.js'
import { printable } from '../../../core/printable.js'
import type { Failure } from '../decoder.js'
import type { CameraUrl } from '../url.js'

/** How a camera's certificate is verified; by the certificate authorities that Node.js trusts unless told otherwise. */
export interface CameraTls {
  /** A PEM file with the certificate authorities to trust. */
  ca?: string
  /** SHA-256 of the one certificate to trust, by any issuer: 64 hexadecimal digits, with or without colons. */
  fingerprint?: string
  /** The name in the certificate, where the url has another one or an IP address. */
  serverName?: string
}

/** What a socket's error means, by its code. */
const networkFailures: Readonly<Record<string, Failure>> = {
  ECONNREFUSED: { code: 'PL-CAMERA-REFUSED', what: 'nothing listens on that port' },
  ETIMEDOUT: { code: 'PL-CAMERA-TIMEOUT', what: 'the camera does not answer' },
  ENOTFOUND: { code: 'PL-CAMERA-HOST', what: "the camera's host name is unknown" },
  EAI_AGAIN: { code: 'PL-CAMERA-HOST', what: "the camera's host name is unknown: the name service does not answer" }
}
const unreachable: Failure = { code: 'PL-CAMERA-UNREACHABLE', what: 'there is no way to the camera' }
const closed: Failure = { code: 'PL-CAMERA-CLOSED', what: 'the camera has closed the connection' }

export function networkFailure(error: unknown): Failure {
  const code = systemCodeOf(error)
  return networkFailures[code] ?? (/^(ECONNRESET|EPIPE)$/.test(code) ? closed : unreachable)
}

/**
 * Which certificate it would have to be, no camera tells. With TLS 1.3 it is told only once the handshake is done (RFC 8446,
 * 4.4.2.4), so that it is the first request that fails.
 */
export const wantsCertificate: Failure = {
  code: 'PL-CAMERA-CLIENT-CERTIFICATE',
  what: 'the camera asks for a client certificate, and painlens has none'
}

/**
 * An alert that says nothing else once the camera has shown its own certificate: that of TLS 1.3, or one of those of TLS 1.2, which
 * some send by TLS 1.3 too (Java's).
 */
export const asksForCertificate = (error: unknown): boolean =>
  /_ALERT_(CERTIFICATE_REQUIRED|HANDSHAKE_FAILURE|BAD_CERTIFICATE|NO_CERTIFICATE)$/.test(systemCodeOf(error))

const systemCodeOf = (error: unknown): string =>
  typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : ''

/**
 * A connection to the address of the config and to no other. Over TLS nothing is written before the certificate has been
 * verified.
 * @param withinMs for connection and handshake together
 * @param closing the relay is closed, and the try with it
 * @returns why there is none, with the fingerprint where a certificate is not trusted
 */
export async function connectCamera(
  url: CameraUrl,
  tls: CameraTls | undefined,
  withinMs: number,
  closing: AbortSignal
): Promise<Socket | Failure> {
  const limit = new AbortController()
  const end = (): void => limit.abort()
  const timer = setTimeout(end, withinMs)
  closing.addEventListener('abort', end, { once: true })
  try {
    return await (url.encrypted ? openTls(url, tls ?? {}, limit.signal) : openTcp(url, limit.signal))
  } finally {
    clearTimeout(timer)
    closing.removeEventListener('abort', end)
  }
}

async function openTcp({ host, port }: CameraUrl, limit: AbortSignal): Promise<Socket | Failure> {
  const socket = connect({ host, port, noDelay: true })
  const error = await opened(socket, 'connect', limit)
  if (error === undefined) return socket
  socket.destroy()
  return error === 'late' ? networkFailures.ETIMEDOUT! : networkFailure(error)
}

async function openTls({ host, port }: CameraUrl, tls: CameraTls, limit: AbortSignal): Promise<Socket | Failure> {
  const ca = tls.ca === undefined ? undefined : await readAuthorities(tls.ca)
  if (ca !== undefined && !Array.isArray(ca)) return ca
  let connected = false
  let socket: TLSSocket
  try {
    // Verified below, by rules that Node.js does not have; RFC 6066: an IP address is no server name.
    const name = { servername: tls.serverName ?? (isIP(host) ? '' : host) }
    socket = connectTls({ host, port, ca, ...name, rejectUnauthorized: false })
  } catch (error) {
    return failedCa(error)
  }
  socket.once('connect', () => {
    connected = true
  })
  const error = await opened(socket, 'secureConnect', limit)
  const failure = error === undefined ? distrust(socket, tls, host) : tlsFailure(socket, error, connected)
  if (failure) socket.destroy()
  else socket.setNoDelay(true)
  return failure ?? socket
}

/** Node.js ignores anything but certificates in PEM without a word, and the camera would be blamed. */
async function readAuthorities(path: string): Promise<string[] | Failure> {
  try {
    const blocks = (await readFile(path, 'latin1')).split(pemBegin).filter((block) => pemBegin.test(block))
    if (blocks.length === 0) return failedCa(`${path} holds no certificate in PEM format`)
    return blocks.map((block) => new X509Certificate(block).toString())
  } catch (error) {
    return failedCa(error)
  }
}

const pemBegin = /(?=-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----)/

const failedCa = (error: unknown): Failure => ({
  code: 'PL-CAMERA-CA',
  what: `the certificate authority of its tls.ca cannot be read: ${messageOf(error).split('\n')[0]}`
})

function tlsFailure(socket: TLSSocket, error: unknown, connected: boolean): Failure {
  if (!connected) return error === 'late' ? networkFailures.ETIMEDOUT! : networkFailure(error)
  // A camera without a cipher in common refuses before it has shown its certificate.
  const shown = socket.getPeerX509Certificate() !== undefined
  if (shown && asksForCertificate(error)) return wantsCertificate
  const why = error === 'late' ? 'no answer' : systemCodeOf(error)
  return { code: 'PL-CAMERA-TLS', what: `the camera speaks no TLS that painlens speaks there (${why})` }
}

/** Why the certificate is not trusted; undefined where it is. */
function distrust(socket: TLSSocket, { fingerprint, serverName }: CameraTls, host: string): Failure | undefined {
  const certificate = socket.getPeerX509Certificate()
  const found = certificate?.fingerprint256 ?? ''
  if (fingerprint !== undefined) {
    if (found !== '' && plainFingerprint(found) === plainFingerprint(fingerprint)) return undefined
    return {
      code: 'PL-CAMERA-FINGERPRINT',
      what: `its certificate is not the one of tls.fingerprint; it now shows fingerprint: "${found}"`
    }
  }
  if (socket.authorized) return undefined
  const reason = String(socket.authorizationError ?? 'unknown')
  const wanted = serverName === undefined ? `${host} of the url` : `${serverName} of tls.server_name`
  const known = reason.startsWith('ERR_TLS_CERT_ALTNAME_INVALID')
    ? `it is for ${namesIn(certificate)}, not for ${wanted}`
    : (Object.entries(distrusts).find(([code]) => reason.startsWith(code))?.[1] ?? reason)
  return { code: 'PL-CAMERA-CERTIFICATE', what: `its certificate is not trusted: ${known}; fingerprint: "${found}"` }
}

/** The names that can be written into `tls.server_name`: `DNS:room-312.example`, or `CN=…` where it has no others. */
const namesIn = (certificate: X509Certificate | undefined): string =>
  printable((certificate?.subjectAltName ?? certificate?.subject ?? 'no name').replaceAll('\n', ', ').slice(0, 120))

/** OpenSSL's and Node's codes, in words. */
const distrusts: Readonly<Record<string, string>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: 'the camera has signed it itself',
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate authority is unknown',
  UNABLE_TO_GET_ISSUER_CERT: 'its certificate authority is unknown',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its certificate authority is unknown',
  CERT_HAS_EXPIRED: 'it has expired',
  CERT_NOT_YET_VALID: 'it is not valid yet, by the clock of this machine'
}

/** Back when the event has come; else with what came in its place. Errors that come later are left to others. */
function opened(socket: Socket, event: 'connect' | 'secureConnect', limit: AbortSignal): Promise<unknown> {
  return new Promise((resolve) => {
    const late = (): void => resolve('late')
    if (limit.aborted) late()
    limit.addEventListener('abort', late, { once: true })
    // Stays: a socket without a listener would end the process.
    socket.on('error', resolve)
    socket.once('close', () => resolve({ code: 'ECONNRESET' }))
    socket.once(event, () => resolve(undefined))
  })
}
