import { CameraError } from '../../core/errors.js'
import type { Secrets } from '../../core/secrets.js'

export const cameraSchemes = ['rtsp', 'rtsps', 'http', 'https'] as const
export type CameraScheme = (typeof cameraSchemes)[number]

/** What a decoder opens in the place of the camera: the relay. A secret, good for one connection. */
export interface RelayAddress {
  scheme: 'rtsp' | 'http'
  full: string
  /** The part of `full` that is to be kept out of logs. */
  secret: string
}

/** A camera's address, taken apart. */
export interface CameraUrl {
  scheme: CameraScheme
  encrypted: boolean
  /** Fit for a log: without user name and password. */
  shown: string
  /** A name or an IP address, without brackets. */
  host: string
  port: number
  /** Host and, where the url has one, port. */
  authority: string
  /** How the camera's own addresses begin: `rtsp://192.0.2.10:554`. */
  origin: string
  /** What follows that: path and query. */
  target: string
  /** A secret; undefined where the url has none. */
  login?: { user: string; password: string }
}

const defaultPorts: Record<CameraScheme, number> = { rtsp: 554, rtsps: 322, http: 80, https: 443 }

/**
 * Takes a camera's URL apart. The LAST `@` separates user name and password from the host, and the first `:` before it
 * the two, so that a password may be written as it is, `p@ss:w/rd?#`; a further `@` in the path is written `%40`. User
 * name and password may also be percent-encoded; a `%` that two hex digits follow is taken for that.
 * @throws CameraError, which does not repeat the URL, for want of knowing which part of it is the password
 */
export function parseCameraUrl(url: string, id: string): CameraUrl {
  const parts = /^([a-z]+):\/\/(?:(.*)@)?([^@]*)$/is.exec(url.trim())
  const scheme = cameraSchemes.find((known) => known === parts?.[1]?.toLowerCase())
  const address = parts?.[3] ?? ''
  if (!scheme || !/^(\[[0-9a-f:.]+\]|[^\s:/?#[\]]+)(:\d{1,5})?([/?#]\S*)?$/i.test(address) || /\p{Cc}/u.test(url))
    throw new CameraError(
      'PL-CAMERA-URL',
      `painlens cannot open its url (${cameraSchemes.map((name) => `${name}://`).join(', ')})`,
      `camera ${id}`
    )
  const [, authority = '', target = ''] = /^([^/?#]*)([^#]*)/.exec(address) ?? []
  const [, name = '', stated] = /^(.*?)(?::(\d+))?$/.exec(authority) ?? []
  const port = Number(stated ?? defaultPorts[scheme])
  return {
    scheme,
    encrypted: scheme === 'rtsps' || scheme === 'https',
    shown: `${scheme}://${address}`,
    host: name.replace(/^\[|\]$/g, ''),
    port,
    authority,
    origin: `${scheme}://${name}:${port}`,
    target,
    ...(parts?.[2] !== undefined && { login: splitLogin(parts[2]) })
  }
}

/** Registers the password in every spelling that the decoder, or the camera's answer, may put into a log. */
export function registerSecrets(url: string, secrets: Secrets): void {
  const login = /^[a-z]+:\/\/(.*)@/is.exec(url.trim())?.[1]
  if (login === undefined) return
  const { user, password } = splitLogin(login)
  secrets.add(login.slice(login.indexOf(':') + 1))
  secrets.add(password)
  secrets.add(encodeURIComponent(password))
  secrets.add(percentEncode(password))
  if (password !== '') secrets.add(Buffer.from(`${user}:${password}`).toString('base64'))
}

function splitLogin(login: string): { user: string; password: string } {
  const colon = login.indexOf(':')
  const user = colon < 0 ? login : login.slice(0, colon)
  return { user: percentDecode(user), password: colon < 0 ? '' : percentDecode(login.slice(colon + 1)) }
}

/** Text that is not validly encoded is returned unchanged. */
function percentDecode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** All but unreserved characters (RFC 3986), so that nothing is left to a reader's interpretation. */
const percentEncode = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
