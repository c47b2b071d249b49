import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'

/** The login that readers need. */
export interface RtspCredentials {
  user: string
  password: string
  /** `digest` is MD5 without qop, as most cameras still use it (RFC 2069, RFC 2617), `digest-sha-256` has qop=auth (RFC 7616). */
  scheme: 'basic' | 'digest' | 'digest-sha-256'
  /** After so many requests a nonce is stale. */
  nonceUses?: number
}

export interface Authenticator {
  /** The WWW-Authenticate header of a 401. */
  challenge(): string
  /** @param authorization the request's Authorization header */
  accepts(method: string, authorization: string | undefined): boolean
}

const realm = 'painlens simulated camera'

/** One authenticator per connection: the nonce of a digest is valid for that connection only. */
export function createAuthenticator(credentials: RtspCredentials): Authenticator {
  const { user, password, scheme } = credentials
  if (scheme !== 'basic') return new DigestAuthenticator(credentials)
  const expected = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
  return {
    challenge: () => `Basic realm="${realm}"`,
    accepts: (_method, authorization) => equal(authorization ?? '', expected)
  }
}

class DigestAuthenticator implements Authenticator {
  readonly #user: string
  readonly #secret: string
  readonly #hash: (text: string) => string
  readonly #isNew: boolean
  readonly #mostUses: number
  #nonce = freshNonce()
  #uses = 0
  #stale = false

  constructor({ user, password, scheme, nonceUses = Number.POSITIVE_INFINITY }: RtspCredentials) {
    this.#isNew = scheme === 'digest-sha-256'
    this.#hash = hashing(this.#isNew ? 'sha256' : 'md5')
    this.#user = user
    this.#secret = this.#hash(`${user}:${realm}:${password}`)
    this.#mostUses = nonceUses
  }

  challenge(): string {
    const stale = this.#stale ? ', stale=true' : ''
    const kind = this.#isNew ? 'algorithm=SHA-256, qop="auth"' : 'algorithm="MD5"'
    return `Digest realm="${realm}", nonce="${this.#nonce}", ${kind}${stale}`
  }

  accepts(method: string, authorization: string | undefined): boolean {
    const fields = parseDigest(authorization ?? '')
    const field = (name: string): string => fields.get(name) ?? ''
    this.#stale = false
    if (!isUser(field('username'), this.#user) || field('nonce') !== this.#nonce) return false
    const what = this.#hash(`${method}:${field('uri')}`)
    const counted = this.#isNew ? `${field('nc')}:${field('cnonce')}:${field('qop')}:` : ''
    if (!equal(field('response'), this.#hash(`${this.#secret}:${this.#nonce}:${counted}${what}`))) return false
    if (this.#uses++ < this.#mostUses) return true
    this.#nonce = freshNonce()
    this.#uses = 0
    this.#stale = true
    return false
  }
}

const freshNonce = (): string => randomBytes(16).toString('hex')

/** FFmpeg writes quotes as they are, others with a backslash before them. */
const isUser = (written: string, user: string): boolean => [written, written.replace(/\\(.)/g, '$1')].includes(user)

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

const hashing =
  (algorithm: string) =>
  (text: string): string =>
    createHash(algorithm).update(text).digest('hex')

/** Compares in constant time, so that the time does not reveal how much was right. */
function equal(given: string, expected: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(given), digest(expected))
}
