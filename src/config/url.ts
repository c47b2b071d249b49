/**
 * URLs with user name and password, unencoded: the last @ ends the password and the first : begins it, so
 * that it can be written as it is (`p@ss:w/rd?#`). An @ after the host has to be written %40.
 */
interface UrlParts {
  scheme: string
  login: string | null
  /** Host, port, path and query. */
  address: string
}

function takeApart(url: string): UrlParts | null {
  const parts = /^([a-z][a-z0-9+.-]*):\/\/(?:(.*)@)?([^@]*)$/is.exec(url)
  return parts ? { scheme: parts[1]!.toLowerCase(), login: parts[2] ?? null, address: parts[3]! } : null
}

/**
 * Whether only programs of this device reach an address there (RFC 1122, 3.2.1.3; RFC 4291, 2.5.3).
 * @param host as a config has it, or as `hostname` of a URL
 */
export const isThisDevice = (host: string): boolean =>
  /^(localhost|127\.[0-9.]+|::1|\[::1\]|::ffff:127\.[0-9.]+)$/i.test(host)

/** A host name, an IPv4 address or an IPv6 one in brackets; then a port, a path and a query if there are any. */
const addressPattern = /^(\[[0-9a-f:.]+\]|[^\s:/?#[\]]+)(:\d{1,5})?([/?#]\S*)?$/i

/**
 * What is wrong with a URL, or null. The answer never contains the URL itself, only its scheme: in a URL that cannot
 * be parsed, the end of the password is unknown.
 */
export function urlProblem(url: string, schemes: readonly string[]): string | null {
  const parts = takeApart(url)
  const allowed = `allowed is a URL that starts with ${schemes.map((name) => `${name}://`).join(', ')}`
  if (!parts) return `found text that does not start like a URL, ${allowed}`
  if (!schemes.includes(parts.scheme)) return `found a URL that starts with ${parts.scheme}://, ${allowed}`
  if (/\p{Surrogate}/u.test(url))
    return `found a URL with half a character (a lone surrogate), ${allowed} and whole characters`
  if (addressPattern.test(parts.address) && URL.canParse(normalUrl(url))) return null
  return `found a URL without a valid host and port, ${allowed} and goes on with user:password@ (where needed), host:port and the path; an @ in the path is written %40`
}

/** The URL with user name and password percent-encoded, as `new URL` and other programs read it. */
export function normalUrl(url: string): string {
  const parts = takeApart(url)
  if (!parts?.login) return url
  const { user, password } = splitLogin(parts.login)
  const login = password === null ? encode(decode(user)) : `${encode(decode(user))}:${encode(decode(password))}`
  return `${parts.scheme}://${login}@${parts.address}`
}

/** The URL without its login, and the login decoded; null where it is none. */
export function splitLoginOff(url: string): { url: string; user: string | null; password: string | null } | null {
  const parts = takeApart(url)
  if (!parts) return null
  const { user, password } = splitLogin(parts.login ?? '')
  const bare = `${parts.scheme}://${parts.address}`
  return { url: bare, user: user ? decode(user) : null, password: password === null ? null : decode(password) }
}

/** The passwords that a URL holds, as written and decoded. */
export function passwordsOf(url: string): string[] {
  const login = takeApart(url)?.login
  const password = login ? splitLogin(login).password : null
  return password ? [...new Set([password, decode(password)])] : []
}

function splitLogin(login: string): { user: string; password: string | null } {
  const colon = login.indexOf(':')
  return colon < 0 ? { user: login, password: null } : { user: login.slice(0, colon), password: login.slice(colon + 1) }
}

/** Half a character, which `urlProblem` refuses, cannot be encoded. */
const encode = (text: string): string =>
  encodeURIComponent(text.replace(/\p{Surrogate}/gu, '\ufffd')).replace(
    /[!'()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`
  )

/** An invalid encoding is taken literally. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
