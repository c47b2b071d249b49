import { randomBytes } from 'node:crypto'
import type { Socket } from 'node:net'
import { messageOf } from '../../core/errors.js'
import type { Log } from '../../core/log.js'
import { type Authenticator, createAuthenticator, type RtspCredentials } from './rtsp-server-login.js'
import { type RtspMessage, RtspParser, type RtspRequest, RtspSyntaxError } from './rtsp-server-parser.js'
import type { RtspPublications } from './rtsp-server-publications.js'
import type { QuirkyConnection } from './rtsp-server-quirks.js'
import { RtspSocketReader } from './rtsp-server-reader.js'
import { RtspStream } from './rtsp-server-stream.js'

/** A client that is silent for this long is considered gone. */
const silenceMs = 60_000

const reasons: Record<number, string> = {
  200: 'OK',
  302: 'Found',
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  453: 'Not Enough Bandwidth',
  454: 'Session Not Found',
  455: 'Method Not Valid in This State',
  461: 'Unsupported Transport',
  501: 'Not Implemented',
  503: 'Service Unavailable'
}

interface Reply {
  status: number
  headers?: Record<string, string>
  body?: string
  /** Runs once the reply has been sent. */
  afterwards?: () => void
}

type Handler = (request: RtspRequest) => Reply

export interface RtspConnectionOptions {
  publications: RtspPublications
  credentials?: RtspCredentials
  loses?: () => boolean
  quirky: QuirkyConnection
  log: Log
}

/** One RTSP connection: a reader's, or the feed's that publishes. The session ends with it (interleaved TCP only). */
export class RtspConnection {
  readonly #socket: Socket
  readonly #publications: RtspPublications
  readonly #auth: Authenticator | undefined
  readonly #loses: (() => boolean) | undefined
  readonly #log: Log
  readonly #quirky: QuirkyConnection
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

  constructor(socket: Socket, { publications, credentials, loses, quirky, log }: RtspConnectionOptions) {
    this.#socket = socket
    this.#publications = publications
    this.#auth = credentials && createAuthenticator(credentials)
    this.#loses = loses
    this.#quirky = quirky
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
    if (reply === 'silence') return
    if (reply === 'hang up') return void this.#socket.destroy()
    const cseq = request.headers.get('cseq') ?? '0'
    const head: Record<string, string> = { CSeq: cseq, ...reply.headers }
    if (this.#playing || this.#recording) head.Session = `${this.#session};timeout=60`
    if (reply.body !== undefined) head['Content-Length'] = String(Buffer.byteLength(reply.body))
    const lines = Object.entries(head).map(([name, value]) => `${name}: ${value}\r\n`)
    const text = `RTSP/1.0 ${reply.status} ${reasons[reply.status]}\r\n${lines.join('')}\r\n${reply.body ?? ''}`
    if (this.#socket.writable) this.#socket.write(text)
    reply.afterwards?.()
  }

  #reply(request: RtspRequest): Reply | 'silence' | 'hang up' {
    const handler = Object.hasOwn(this.#handlers, request.method) ? this.#handlers[request.method] : undefined
    if (!handler) return { status: 501 }
    if (!/^\d{1,10}$/.test(request.headers.get('cseq') ?? '')) return { status: 400 }
    const isReaders = !this.#publications.isSecret(pathOf(request.uri))
    if (!this.#mayAsk(request)) return this.#challenge()
    return (isReaders ? this.#quirky.answer(request.method) : undefined) ?? handler(request)
  }

  #challenge(): Reply {
    const afterwards = this.#quirky.quirks.closesWithChallenge ? () => void this.#socket.end() : undefined
    return { status: 401, headers: { 'WWW-Authenticate': this.#auth!.challenge() }, afterwards }
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
    const { trackOrigin } = this.#quirky.quirks
    const body = trackOrigin
      ? stream.sdp.replace(/^(a=control:)(?!\*)/gm, `$1${trackOrigin}${pathOf(uri)}/`)
      : stream.sdp
    return { status: 200, headers, body }
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
    const { sendsNothing, redirectPlayingTo, joinsAnywhere } = this.#quirky.quirks
    if (joinsAnywhere) reader.joinAnywhere()
    const begin = (): void => {
      if (!sendsNothing) stream.add(reader)
      if (redirectPlayingTo)
        this.#socket.write(`REDIRECT ${request.uri} RTSP/1.0\r\nCSeq: 1\r\nLocation: ${redirectPlayingTo}\r\n\r\n`)
    }
    return this.#inSession(request, () => ({ status: 200, afterwards: begin }))
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
    this.#quirky.closed()
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
