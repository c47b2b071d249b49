import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import type { Socket } from 'node:net'
import { messageOf } from '../../core/errors.js'
import type { Log } from '../../core/log.js'
import { type RtspMessage, RtspParser, type RtspRequest, RtspSyntaxError } from './rtsp-server-parser.js'
import type { RtspPublications } from './rtsp-server-publications.js'
import { RtspSocketReader } from './rtsp-server-reader.js'
import { RtspStream } from './rtsp-server-stream.js'

/** A client that is silent for this long is considered gone. */
const silenceMs = 60_000

const reasons: Record<number, string> = {
  200: 'OK',
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  453: 'Not Enough Bandwidth',
  454: 'Session Not Found',
  455: 'Method Not Valid in This State',
  461: 'Unsupported Transport',
  501: 'Not Implemented'
}

interface Reply {
  status: number
  headers?: Record<string, string>
  body?: string
  /** Runs once the reply has been sent. */
  afterwards?: () => void
}

type Handler = (request: RtspRequest) => Reply

/** The readers of a server: cameras allow few at a time. */
export interface Readers {
  most: number
  open: Set<object>
}

/** What `startRtspServer` was told about all of its connections. */
export interface RtspConnectionOptions {
  credentials?: RtspCredentials
  loses?: () => boolean
  readers: Readers
  log: Log
}

/** One RTSP connection: a reader's, or the feed's that publishes. The session ends with it (interleaved TCP only). */
export class RtspConnection {
  readonly #socket: Socket
  readonly #publications: RtspPublications
  readonly #auth: Authenticator | undefined
  readonly #loses: (() => boolean) | undefined
  readonly #readers: Readers
  readonly #log: Log
  readonly #parser = new RtspParser()
  readonly #session = randomBytes(8).toString('hex')
  readonly #handlers: Record<string, Handler> = {
    OPTIONS: () => ({ status: 200, headers: { Public: Object.keys(this.#handlers).join(', ') } }),
    DESCRIBE: (request) => this.#describe(request),
    SETUP: (request) => this.#setup(request),
    PLAY: (request) => this.#play(request),
    GET_PARAMETER: (request) => this.#inSession(request, () => ({ status: 200 })),
    TEARDOWN: (request) => this.#inSession(request, () => ({ status: 200, afterwards: () => this.#socket.end() })),
    ANNOUNCE: (request) => this.#announce(request),
    RECORD: (request) => this.#inSession(request, () => this.#record())
  }
  /** Set by the first SETUP of a reader. */
  #playing: { stream: RtspStream; reader: RtspSocketReader } | undefined
  /** Set by ANNOUNCE. Tracks by the interleaved channel of their RTP. */
  #recording:
    | {
        secretPath: string
        stream: RtspStream
        channels: Map<number, number>
        phase: 'set up' | 'recording' | 'flowing'
      }
    | undefined

  constructor(
    socket: Socket,
    publications: RtspPublications,
    { credentials, loses, readers, log }: RtspConnectionOptions
  ) {
    this.#socket = socket
    this.#readers = readers
    this.#publications = publications
    this.#auth = credentials && createAuthenticator(credentials)
    this.#loses = loses
    this.#log = log
  }

  start(): void {
    this.#socket.setNoDelay(true)
    this.#socket.setTimeout(silenceMs, () => this.#socket.destroy())
    this.#socket.on('data', (chunk: Buffer) => this.#receive(chunk))
    this.#socket.on('error', (error) => this.#log.debug({ error: error.message }, 'RTSP connection failed'))
    this.#socket.on('close', () => this.#closed())
  }

  stop(): void {
    this.#socket.destroy()
  }

  #receive(chunk: Buffer): void {
    let messages: RtspMessage[]
    try {
      messages = this.#parser.push(chunk)
    } catch (error) {
      if (!(error instanceof RtspSyntaxError)) throw error
      this.#log.debug({ error: messageOf(error) }, 'RTSP connection sent rubbish')
      if (this.#socket.writable) this.#socket.end('RTSP/1.0 400 Bad Request\r\nConnection: close\r\n\r\n')
      this.#socket.destroySoon()
      return
    }
    for (const message of messages) {
      if (message.kind === 'request') this.#answer(message)
      else this.#forward(message.channel, message.payload)
    }
  }

  /** A reader sends its RTCP reports here, which a simulated camera ignores. */
  #forward(channel: number, packet: Buffer): void {
    if (!this.#recording || this.#recording.phase === 'set up') return
    if (this.#recording.phase === 'recording') this.#publications.flows(this.#recording.secretPath)
    this.#recording.phase = 'flowing'
    const track = this.#recording.channels.get(channel & ~1)
    if (track !== undefined) this.#recording.stream.forward(track, (channel & 1) === 1, packet)
  }

  #answer(request: RtspRequest): void {
    const reply = this.#reply(request)
    const cseq = request.headers.get('cseq') ?? '0'
    const head: Record<string, string> = { CSeq: cseq, ...reply.headers }
    if (this.#playing || this.#recording) head.Session = `${this.#session};timeout=60`
    if (reply.body !== undefined) head['Content-Length'] = String(Buffer.byteLength(reply.body))
    const lines = Object.entries(head).map(([name, value]) => `${name}: ${value}\r\n`)
    const text = `RTSP/1.0 ${reply.status} ${reasons[reply.status]}\r\n${lines.join('')}\r\n${reply.body ?? ''}`
    if (this.#socket.writable) this.#socket.write(text)
    reply.afterwards?.()
  }

  #reply(request: RtspRequest): Reply {
    const handler = Object.hasOwn(this.#handlers, request.method) ? this.#handlers[request.method] : undefined
    if (!handler) return { status: 501 }
    if (!/^\d{1,10}$/.test(request.headers.get('cseq') ?? '')) return { status: 400 }
    if (!this.#mayAsk(request)) return { status: 401, headers: { 'WWW-Authenticate': this.#auth!.challenge() } }
    return handler(request)
  }

  /** Publishing needs no password: its path is the secret. */
  #mayAsk({ method, uri, headers }: RtspRequest): boolean {
    if (!this.#auth || method === 'OPTIONS' || this.#publications.isSecret(pathOf(uri))) return true
    return this.#auth.accepts(method, headers.get('authorization'))
  }

  #inSession(request: RtspRequest, handler: Handler): Reply {
    const session = request.headers.get('session')?.split(';')[0]
    if (session === undefined && request.method === 'GET_PARAMETER') return handler(request)
    return session === this.#session ? handler(request) : { status: 454 }
  }

  #describe({ uri }: RtspRequest): Reply {
    const stream = this.#publications.stream(pathOf(uri))
    if (!stream) return { status: 404 }
    const headers = { 'Content-Type': 'application/sdp', 'Content-Base': `${uri.replace(/\/$/, '')}/` }
    return { status: 200, headers, body: stream.sdp }
  }

  #setup({ uri, headers }: RtspRequest): Reply {
    const path = pathOf(uri)
    const stream = this.#recording?.stream ?? this.#playing?.stream ?? this.#publications.streamOfTrack(path)
    if (!stream) return { status: 404 }
    const track = stream.tracks.findIndex(({ control }) => path.endsWith(`/${control}`))
    if (track < 0) return { status: 404 }
    const transport = headers.get('transport') ?? ''
    const wanted = /interleaved=(\d{1,3})/.exec(transport)
    if (!/^RTP\/AVP\/TCP/i.test(transport)) return { status: 461 }
    const channel = wanted ? Number(wanted[1]) & 0xfe : track * 2
    if (this.#recording) this.#recording.channels.set(channel, track)
    else {
      if (!this.#playing && this.#readers.open.size >= this.#readers.most) return { status: 453 }
      this.#readers.open.add(this)
      this.#playing ??= { stream, reader: new RtspSocketReader(this.#socket, this.#loses) }
      this.#playing.reader.map(track, channel)
    }
    const mode = this.#recording ? ';mode=record' : ''
    return {
      status: 200,
      headers: { Transport: `RTP/AVP/TCP;unicast;interleaved=${channel}-${channel + 1}${mode}` }
    }
  }

  #play(request: RtspRequest): Reply {
    if (!this.#playing) return { status: 455 }
    const { stream, reader } = this.#playing
    return this.#inSession(request, () => ({ status: 200, afterwards: () => stream.add(reader) }))
  }

  #announce({ uri, body }: RtspRequest): Reply {
    if (this.#recording || this.#playing) return { status: 455 }
    const secretPath = pathOf(uri)
    if (!this.#publications.claim(secretPath)) return { status: 403 }
    const stream = new RtspStream(body.toString('utf8'))
    this.#recording = { secretPath, stream, channels: new Map(), phase: 'set up' }
    return { status: 200 }
  }

  #record(): Reply {
    if (!this.#recording || this.#recording.channels.size === 0) return { status: 455 }
    this.#recording.phase = 'recording'
    this.#publications.begin(this.#recording.secretPath, this.#recording.stream)
    return { status: 200 }
  }

  #closed(): void {
    this.#readers.open.delete(this)
    this.#playing?.stream.remove(this.#playing.reader)
    if (this.#recording) this.#publications.end(this.#recording.secretPath)
  }
}

/** The path of an RTSP URI, without a slash at its end; `` for `*`. */
function pathOf(uri: string): string {
  const path = /^rtsps?:\/\/[^/?#]*([^?#]*)/i.exec(uri)?.[1] ?? ''
  let end = path.length
  while (path[end - 1] === '/') end--
  return path.slice(0, end)
}

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
