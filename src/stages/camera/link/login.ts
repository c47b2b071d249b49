import { createHash, randomBytes } from 'node:crypto'
import type { Failure } from '../decoder.js'

export interface Login {
  user: string
  password: string
}

/** One way in which a camera lets a user in. */
export interface Challenge {
  /** In lower case. */
  scheme: string
  /** By names in lower case. */
  parameters: ReadonlyMap<string, string>
}

/** The best first; the names of the hashes are those of node:crypto. */
const algorithms: Readonly<Record<string, string>> = {
  'sha-512-256': 'sha512-256',
  'sha-256': 'sha256',
  md5: 'md5'
}

/** So many answers to one request may be stale; more would be a loop. */
const mostAnswers = 3

/** Answers a camera's challenges: Basic (RFC 7617) and Digest (RFC 7616; RFC 2617 and 2069 for older cameras). */
export class CameraLogin {
  readonly #login: Login | undefined
  #challenge: Challenge | undefined
  /** How often the nonce was used. */
  #count = 0

  /** @param login none: what the camera asks of painlens cannot be answered */
  constructor(login: Login | undefined) {
    this.#login = login
  }

  /** The Authorization header of a request; undefined before the camera has asked for one. */
  authorization(method: string, uri: string): string | undefined {
    const { user, password } = this.#login ?? { user: '', password: '' }
    if (!this.#challenge) return undefined
    if (this.#challenge.scheme === 'basic') return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
    const clientNonce = randomBytes(8).toString('hex')
    return answerDigest(this.#challenge, { user, password }, { method, uri, count: ++this.#count, clientNonce })
  }

  /**
   * The camera has answered 401.
   * @param headers its WWW-Authenticate headers
   * @param answered how many challenges were answered for this request before; more than one is for stale nonces only
   * @returns why it is not to be asked again
   */
  challenged(headers: readonly string[], answered: number): Failure | undefined {
    const offered = headers.flatMap(parseChallenges)
    const best = bestOf(offered)
    if (!this.#login) return { code: 'PL-CAMERA-LOGIN', what: 'the camera wants a user name and a password' }
    if (!best) return { code: 'PL-CAMERA-LOGIN-KIND', what: unknownKind(offered) }
    const isStale = best.parameters.get('stale')?.toLowerCase() === 'true'
    if (answered > 0 && !(isStale && answered < mostAnswers))
      return { code: 'PL-CAMERA-LOGIN', what: 'the camera refuses user name or password' }
    this.#challenge = best
    this.#count = 0
    return undefined
  }
}

function bestOf(offered: readonly Challenge[]): Challenge | undefined {
  const ranked = Object.keys(algorithms).flatMap((name) => offered.filter((one) => algorithmOf(one) === name))
  return ranked[0] ?? offered.find(({ scheme }) => scheme === 'basic')
}

/** Without the `-sess`; undefined where it is not one of the table's, or protects the message's body too (qop=auth-int only). */
function algorithmOf({ scheme, parameters }: Challenge): string | undefined {
  const name = (parameters.get('algorithm') ?? 'md5').toLowerCase().replace(/-sess$/, '')
  const qop = parameters.get('qop')
  return scheme === 'digest' && name in algorithms && (!qop || hasAuth(qop)) ? name : undefined
}

const hasAuth = (qop: string): boolean => qop.split(',').some((one) => one.trim().toLowerCase() === 'auth')

function unknownKind(offered: readonly Challenge[]): string {
  const kinds = offered.map(({ scheme, parameters }) => [scheme, parameters.get('algorithm') ?? ''].join(' ').trim())
  const named = kinds.filter((kind) => /^[\w -]{1,40}$/.test(kind)).slice(0, 4)
  return `the camera wants a kind of login that painlens does not know (${named.join(', ') || 'unnamed'})`
}

export interface DigestRequest {
  method: string
  uri: string
  /** How often the nonce was used, this time included. */
  count: number
  clientNonce: string
}

/** The value of the Authorization header for a challenge of the scheme Digest. */
export function answerDigest({ parameters }: Challenge, { user, password }: Login, request: DigestRequest): string {
  const { method, uri, count, clientNonce } = request
  const stated = parameters.get('algorithm')
  const [, name = '', session] = /^(.*?)(-sess)?$/.exec((stated ?? 'md5').toLowerCase()) ?? []
  const hash = (text: string): string => createHash(algorithms[name]!).update(text).digest('hex')
  const realm = parameters.get('realm') ?? ''
  const nonce = parameters.get('nonce') ?? ''
  const opaque = parameters.get('opaque')
  const plain = hash(`${user}:${realm}:${password}`)
  const secret = session ? hash(`${plain}:${nonce}:${clientNonce}`) : plain
  const what = hash(`${method}:${uri}`)
  const nc = count.toString(16).padStart(8, '0')
  const counted = parameters.get('qop') !== undefined && hasAuth(parameters.get('qop')!)
  const response = hash(counted ? `${secret}:${nonce}:${nc}:${clientNonce}:auth:${what}` : `${secret}:${nonce}:${what}`)
  const fields = [
    ...[`username=${quoted(user)}`, `realm=${quoted(realm)}`, `nonce=${quoted(nonce)}`, `uri=${quoted(uri)}`],
    `response="${response}"`,
    ...(stated === undefined ? [] : [`algorithm=${stated}`]),
    ...(opaque === undefined ? [] : [`opaque=${quoted(opaque)}`]),
    ...(counted ? ['qop=auth', `nc=${nc}`] : []),
    ...(counted || session ? [`cnonce="${clientNonce}"`] : [])
  ]
  return `Digest ${fields.join(', ')}`
}

const quoted = (text: string): string => `"${text.replace(/[\\"]/g, (character) => `\\${character}`)}"`

/**
 * What one WWW-Authenticate header offers; several challenges may stand in it, separated by the commas that separate
 * their parameters, too (RFC 7235, 4.1). In one pass, whatever it holds.
 */
export function parseChallenges(header: string): Challenge[] {
  const challenges: { scheme: string; parameters: Map<string, string> }[] = []
  const token = /[^\s,="]+/y
  let at = 0
  while (at < header.length) {
    token.lastIndex = at
    const word = token.exec(header)?.[0]
    at += word?.length ?? 1
    if (word === undefined) continue
    const equals = skipSpaces(header, at)
    if (header[equals] !== '=') {
      challenges.push({ scheme: word.toLowerCase(), parameters: new Map() })
      continue
    }
    const value = valueAt(header, skipSpaces(header, equals + 1))
    at = value.end
    const { parameters } = challenges.at(-1) ?? {}
    if (parameters && !parameters.has(word.toLowerCase())) parameters.set(word.toLowerCase(), value.text)
  }
  return challenges
}

function skipSpaces(text: string, from: number): number {
  let at = from
  while (text[at] === ' ' || text[at] === '\t') at++
  return at
}

function valueAt(header: string, from: number): { text: string; end: number } {
  if (header[from] !== '"') {
    const bare = /[^\s,]*/y
    bare.lastIndex = from
    const text = bare.exec(header)?.[0] ?? ''
    return { text, end: from + text.length }
  }
  let text = ''
  let at = from + 1
  while (at < header.length && header[at] !== '"') {
    if (header[at] === '\\') at++
    text += header[at] ?? ''
    at++
  }
  return { text, end: at + 1 }
}
