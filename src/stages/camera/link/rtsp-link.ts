import type { Socket } from 'node:net'
import { beginsKeyFrame } from '../../../lib/rtp.js'
import type { Failure } from '../decoder.js'
import { ended, hungUp, missingTrack, notVideo, redirected, silent, statusFailure } from './answers.js'
import { connectCamera, networkFailure } from './camera-socket.js'
import { CameraLogin } from './login.js'
import { Outlet } from './outlet.js'
import { Addresses, chooseTrack, isDescription, localDescription, localHeaders } from './rewriting.js'
import {
  headerOf,
  headersOf,
  type RelayedPackets,
  type RelayedRequest,
  type RelayedResponse,
  RtspSplitter,
  serialise,
  without
} from './rtsp-messages.js'
import type { Link, LinkOptions, LinkProgress } from './types.js'

/** A decoder, and how the addresses begin that it is told. */
interface Decoding {
  socket: Socket
  base: string
}

/** A decoder's request on its way to the camera, with that decoder's number for it. */
interface Asked {
  request: RelayedRequest
  cseq: string
  /** Who asked. */
  decoder?: Decoding
  /** Challenges that were answered for it. */
  answered: number
  timer?: NodeJS.Timeout
}

/** A camera gets so long to take note that painlens goes, in ms. */
const teardownMs = 300
/** Requests that a camera may leave unanswered while it plays. */
const mostUnanswered = 8
const emptyBody = Buffer.alloc(0)

/**
 * One session with an RTSP camera (RFC 2326), for one decoder after the other. It logs in, tells the decoder of addresses of
 * the relay's own, judges each answer until the stream plays, and from then on hands packets on as they come. What a camera
 * has answered to the first decoder is what the next one is told, too: the camera is asked once.
 */
export class RtspLink implements Link {
  readonly #options: LinkOptions
  readonly #login: CameraLogin
  readonly #addresses: Addresses
  readonly #outlet: Outlet
  readonly progress: LinkProgress = { playing: false, packets: 0, keyFrames: 0, noise: false, settled: false }
  #connecting: Promise<Socket | undefined> | undefined
  #camera: Socket | undefined
  #decoder: Decoding | undefined
  #nextCseq = 1
  readonly #asked = new Map<number, Asked>()
  /** What the camera has answered, in its own words, by method and address. */
  readonly #answers = new Map<string, RelayedResponse>()
  #lastAnswered: string | undefined
  #splitter = new RtspSplitter()
  #session: { id: string; uri: string } | undefined
  #encoding = ''
  #reconnected = false
  readonly #closing = new AbortController()
  /** The camera has answered TEARDOWN, or is gone. */
  #toldGone: () => void = () => undefined

  constructor(options: LinkOptions) {
    this.#options = options
    this.#login = new CameraLogin(options.url.login)
    this.#addresses = new Addresses(options.url.origin)
    this.#outlet = new Outlet((held) => (held ? this.#camera?.pause() : this.#camera?.resume()))
  }

  /** @param first what it has sent by now */
  attach(socket: Socket, first: Buffer, base: string): void {
    const decoder = { socket, base }
    this.#decoder = decoder
    this.#outlet.connect(socket)
    const splitter = new RtspSplitter()
    const take = (chunk: Buffer): void => {
      for (const piece of splitter.push(chunk)) {
        if (this.#decoder !== decoder) return
        if (piece.kind === 'request') this.#fromDecoder(piece)
        else if (piece.kind === 'packets' && this.progress.playing) this.#camera?.write(piece.data)
      }
    }
    socket.on('data', take)
    take(first)
  }

  silence(): Failure | undefined {
    if (!this.#connecting || this.progress.playing) return undefined
    if (!this.#camera) return networkFailure({ code: 'ETIMEDOUT' })
    const [asked] = this.#asked.values()
    return asked && silent(asked.request.method, this.#lastAnswered, this.#splitter.waits)
  }

  settle(): void {
    this.progress.settled = true
    this.#outlet.settle()
  }

  async close(): Promise<void> {
    this.#closing.abort()
    for (const { timer } of this.#asked.values()) clearTimeout(timer)
    this.#decoder?.socket.destroy()
    await this.#tearDown()
    this.#camera?.destroy()
  }

  /** Many cameras keep the place of a viewer who just went for a minute. */
  async #tearDown(): Promise<void> {
    const { id, uri } = this.#session ?? {}
    if (!id || !uri || !this.#camera?.writable) return
    const gone = new Promise<void>((resolve) => {
      this.#toldGone = resolve
    })
    const late = setTimeout(() => this.#toldGone(), teardownMs)
    this.#camera.resume()
    this.#send({ request: requestOf('TEARDOWN', uri, [['Session', id]]), cseq: '', answered: 0 })
    await gone
    clearTimeout(late)
  }

  #fromDecoder(request: RelayedRequest): void {
    const decoder = this.#decoder!
    const cseq = headerOf(request.headers, 'cseq') ?? '0'
    const uri = this.#addresses.toCamera(request.uri, decoder.base)
    const known = this.#answers.get(`${request.method} ${uri}`)
    // The session is ended by `close`; another decoder may go on with it.
    if (request.method === 'TEARDOWN') this.#tell(decoder, { ...okay, headers: [] }, cseq)
    else if (known && !this.#outlet.flowing) this.#answer(decoder, request.method, known, cseq)
    else {
      const asked = { request: { ...request, uri }, cseq, decoder, answered: 0 }
      void this.#connected().then((camera) => camera && this.#send(asked))
    }
  }

  #connected(): Promise<Socket | undefined> {
    this.#connecting ??= this.#connect()
    return this.#connecting
  }

  async #connect(): Promise<Socket | undefined> {
    const { url, tls, answerMs } = this.#options
    const camera = await connectCamera(url, tls, answerMs, this.#closing.signal)
    if ('code' in camera) this.#fail(camera)
    else if (this.#closing.signal.aborted) camera.destroy()
    else {
      this.#follow(camera)
      return camera
    }
    return undefined
  }

  #follow(camera: Socket): void {
    this.#camera = camera
    const splitter = new RtspSplitter()
    this.#splitter = splitter
    camera.on('data', (chunk: Buffer) => {
      for (const piece of splitter.push(chunk)) {
        if (this.#camera !== camera) return
        if (piece.kind === 'packets') this.#onPackets(piece)
        else if (piece.kind === 'response') this.#onResponse(piece)
        else if (piece.kind === 'request') this.#onRequest(piece)
        else this.#onNoise(piece.data)
      }
    })
    let error: unknown
    camera.on('error', (cause) => {
      error = cause
    })
    camera.on('close', () => {
      if (this.#camera === camera) this.#onGone(error)
    })
  }

  #send(asked: Asked): void {
    if (!this.#camera?.writable) return
    const number = this.#nextCseq++
    const { method, uri, headers } = asked.request
    const authorization = this.#login.authorization(method, uri)
    this.#asked.set(number, asked)
    // Not every camera answers what only keeps the session alive.
    for (const old of this.#asked.keys()) if (old < number - mostUnanswered) this.#asked.delete(old)
    if (!this.progress.playing)
      asked.timer = setTimeout(
        () => this.#fail(silent(method, this.#lastAnswered, this.#splitter.waits)),
        this.#options.answerMs
      )
    const ours = [['CSeq', String(number)], ...(authorization ? [['Authorization', authorization]] : [])] as [
      string,
      string
    ][]
    this.#camera.write(
      serialise({ ...asked.request, headers: [...ours, ...without(headers, 'cseq', 'authorization')] })
    )
  }

  #onResponse(response: RelayedResponse): void {
    const number = Number(headerOf(response.headers, 'cseq') ?? Number.NaN)
    // Careless cameras leave the number out.
    const [first] = this.#asked.keys()
    const key = this.#asked.has(number) ? number : first
    const asked = key === undefined ? undefined : this.#asked.get(key)
    if (key === undefined || !asked || response.status < 200) return
    this.#asked.delete(key)
    clearTimeout(asked.timer)
    if (asked.request.method === 'TEARDOWN') this.#toldGone()
    else if (response.status === 401) this.#onChallenge(asked, response)
    else this.#onAnswer(asked, response)
  }

  #onChallenge(asked: Asked, { headers }: RelayedResponse): void {
    const refusal = this.#login.challenged(headersOf(headers, 'www-authenticate'), asked.answered)
    if (!refusal) this.#send({ ...asked, answered: asked.answered + 1 })
    // What asks for nothing but that the session lives on may fail; the stream tells whether it does.
    else if (!this.progress.playing) this.#fail(refusal)
  }

  #onAnswer({ request, cseq, decoder }: Asked, answer: RelayedResponse): void {
    const { method, uri } = request
    if (this.progress.playing || answer.status < 300) {
      const understood = method === 'DESCRIBE' && answer.status < 300 ? this.#describe(answer) : answer
      if ('code' in understood) this.#fail(understood)
      else if (method === 'SETUP' && !isInterleaved(answer)) this.#fail(statusFailure(461, method))
      else {
        this.#lastAnswered = method
        if (answer.status < 300 && !this.progress.playing) this.#remember(method, uri, understood)
        if (decoder && decoder === this.#decoder) this.#answer(decoder, method, understood, cseq)
      }
    } else this.#fail(statusFailure(answer.status, method))
  }

  #remember(method: string, uri: string, answer: RelayedResponse): void {
    this.#answers.set(`${method} ${uri}`, answer)
    const id = headerOf(answer.headers, 'session')?.split(';')[0]?.trim()
    if (id)
      this.#session = {
        id,
        uri: method === 'PLAY' ? uri : (this.#session?.uri ?? this.#options.url.origin + this.#options.url.target)
      }
    if (method === 'PLAY') this.progress.playing = true
  }

  /** With one track of video, the one to be watched. */
  #describe(answer: RelayedResponse): RelayedResponse | Failure {
    if (!isDescription(answer.headers)) return notVideo
    const wanted = this.#options.videoTrack
    const chosen = chooseTrack(answer.body.toString('utf8'), wanted)
    if (!('sdp' in chosen)) return missingTrack(wanted, chosen.tracks)
    this.#encoding = chosen.encoding
    return { ...answer, body: Buffer.from(chosen.sdp) }
  }

  /** The answer to a decoder's request, from the camera or from memory. */
  #answer(decoder: Decoding, method: string, answer: RelayedResponse, cseq: string): void {
    this.#tell(decoder, answer, cseq)
    if (method === 'PLAY' && this.progress.playing && !this.#outlet.flowing) this.#outlet.flow()
  }

  #tell({ socket, base }: Decoding, { headers, body, ...answer }: RelayedResponse, cseq: string): void {
    if (!socket.writable) return
    const local = localHeaders(without(headers, 'cseq', 'www-authenticate'), this.#addresses, base)
    const described = isDescription(headers)
      ? Buffer.from(localDescription(body.toString('utf8'), this.#addresses, base))
      : body
    socket.write(serialise({ ...answer, headers: [['CSeq', cseq], ...local], body: described }))
  }

  #onPackets({ data, starts }: RelayedPackets): void {
    const { progress } = this
    progress.packets += starts.length
    // Once a decoder has what it needs, nothing is looked at any more.
    const key = progress.settled ? undefined : starts.find((at) => this.#isKey(data, at))
    if (key !== undefined) progress.keyFrames++
    this.#outlet.give(data, starts[0], key)
  }

  /** Even channels are RTP, odd ones RTCP. */
  #isKey(data: Buffer, at: number): boolean {
    return (
      (data[at + 1]! & 1) === 0 &&
      beginsKeyFrame(this.#encoding, data.subarray(at + 4, at + 4 + data.readUInt16BE(at + 2)))
    )
  }

  /** Cameras ask as well; all but the way to another server is answered, and means nothing to the decoder. */
  #onRequest({ method, headers }: RelayedRequest): void {
    if (method === 'REDIRECT') {
      this.#fail(redirected('by REDIRECT'))
      return
    }
    const status = /^(OPTIONS|GET_PARAMETER|SET_PARAMETER)$/.test(method)
      ? okay
      : { ...okay, status: 501, reason: 'Not Implemented' }
    this.#camera?.write(serialise({ ...status, headers: [['CSeq', headerOf(headers, 'cseq') ?? '0']] }))
  }

  /** While it plays, FFmpeg resynchronises by itself; before that the camera does not speak RTSP. */
  #onNoise(data: Buffer): void {
    if (this.progress.playing) {
      this.progress.noise = true
      this.#outlet.give(data, 0, undefined)
    } else this.#fail(notVideo)
  }

  #onGone(error: unknown): void {
    this.#camera = undefined
    this.#toldGone()
    if (this.#closing.signal.aborted) return
    const [asked] = [...this.#asked.values()]
    if (this.progress.playing) {
      this.#options.onFailure(error === undefined ? ended : networkFailure(error))
      this.#outlet.end()
    } else if (asked && asked.answered > 0 && !this.#reconnected) this.#askAgain(asked)
    else this.#fail(hungUp(asked?.request.method, error))
  }

  /** Some cameras close the connection with each challenge. Once: the answer to it then counts. */
  #askAgain(asked: Asked): void {
    clearTimeout(asked.timer)
    this.#asked.clear()
    this.#reconnected = true
    this.#connecting = this.#connect()
    void this.#connecting.then((camera) => camera && this.#send(asked))
  }

  #fail(failure: Failure): void {
    if (this.#closing.signal.aborted) return
    this.#options.onFailure(failure)
    this.#outlet.destroy()
  }
}

const okay = { kind: 'response', status: 200, reason: 'OK', body: emptyBody } as const

const requestOf = (method: string, uri: string, headers: RelayedRequest['headers']): RelayedRequest => ({
  kind: 'request',
  method,
  uri,
  headers,
  body: emptyBody
})

const isInterleaved = ({ headers }: RelayedResponse): boolean =>
  /\/TCP\b|interleaved=/i.test(headerOf(headers, 'transport') ?? '')
