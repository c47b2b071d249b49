import { CameraError } from '../../core/errors.js'
import type { Secrets } from '../../core/secrets.js'

export const cameraSchemes = ['rtsp', 'rtsps', 'http', 'https'] as const
export type CameraScheme = (typeof cameraSchemes)[number]

/** A camera's address, taken apart. */
export interface CameraUrl {
  scheme: CameraScheme
  /** Fit for a log: without user name and password. */
  shown: string
  /** For the decoder: user name and password percent-encoded. A secret. */
  full: string
}

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
      `its url is none that painlens can open (${cameraSchemes.map((name) => `${name}://`).join(', ')})`,
      `camera ${id}`
    )
  const login = parts?.[2] === undefined ? '' : `${encodeLogin(parts[2])}@`
  return { scheme, shown: `${scheme}://${address}`, full: `${scheme}://${login}${address}` }
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

function encodeLogin(login: string): string {
  const { user, password } = splitLogin(login)
  return password === '' ? percentEncode(user) : `${percentEncode(user)}:${percentEncode(password)}`
}

/** What is no valid encoding is taken as it stands. */
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
