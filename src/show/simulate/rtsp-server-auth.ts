import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'

/** The login that readers need. `digest` is MD5 without qop, as most cameras still use it (RFC 2069, RFC 2617). */
export interface RtspCredentials {
  user: string
  password: string
  scheme: 'basic' | 'digest'
}

export interface Authenticator {
  /** The WWW-Authenticate header of a 401. */
  challenge(): string
  /** @param authorization the request's Authorization header */
  accepts(method: string, authorization: string | undefined): boolean
}

const realm = 'painlens simulated camera'

/** One authenticator per connection: the nonce of a digest is valid for that connection only. */
export function createAuthenticator({ user, password, scheme }: RtspCredentials): Authenticator {
  if (scheme === 'basic') {
    const expected = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
    return {
      challenge: () => `Basic realm="${realm}"`,
      accepts: (_method, authorization) => equal(authorization ?? '', expected)
    }
  }
  const nonce = randomBytes(16).toString('hex')
  const ha1 = md5(`${user}:${realm}:${password}`)
  return {
    challenge: () => `Digest realm="${realm}", nonce="${nonce}", algorithm="MD5"`,
    accepts: (method, authorization) => {
      const fields = parseDigest(authorization ?? '')
      if (fields.get('username') !== user || fields.get('nonce') !== nonce) return false
      const expected = md5(`${ha1}:${nonce}:${md5(`${method}:${fields.get('uri') ?? ''}`)}`)
      return equal(fields.get('response') ?? '', expected)
    }
  }
}

/**
 * A quoted value ends at a quote that a comma or the end follows, because FFmpeg writes quotes that belong to a user
 * name without escaping them.
 */
function parseDigest(authorization: string): Map<string, string> {
  const fields = new Map<string, string>()
  const list = /^Digest\s/i.test(authorization) ? authorization.slice('Digest '.length) : ''
  let at = 0
  for (let equals = list.indexOf('='); equals >= 0; equals = list.indexOf('=', at)) {
    const name = list.slice(at, equals).split(/\W/).at(-1)!
    const begin = equals + 1
    const quoted = list[begin] === '"'
    at = quoted ? endOfQuoted(list, begin + 1) : endOfBare(list, begin)
    if (name !== '') fields.set(name.toLowerCase(), list.slice(quoted ? begin + 1 : begin, at))
  }
  return fields
}

/** The index of the closing quote; the list's length where there is none. */
function endOfQuoted(list: string, from: number): number {
  const closing = /"\s*(?:,|$)/g
  closing.lastIndex = from
  return closing.exec(list)?.index ?? list.length
}

function endOfBare(list: string, from: number): number {
  const end = /[\s,]/g
  end.lastIndex = from
  return end.exec(list)?.index ?? list.length
}

const md5 = (text: string): string => createHash('md5').update(text).digest('hex')

/** Compares in constant time, so that the time does not reveal how much was right. */
function equal(given: string, expected: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(given), digest(expected))
}
