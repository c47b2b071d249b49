import { type IncomingMessage, request } from 'node:http'
import type { Socket } from 'node:net'
import type { Failure } from '../decoder.js'
import { ended, hungUp, notVideo, silent, statusFailure } from './answers.js'
import { connectCamera, networkFailure } from './camera-socket.js'
import { CameraLogin } from './login.js'
import { Outlet } from './outlet.js'
import type { Link, LinkOptions, LinkProgress } from './types.js'

const method = 'GET'

/** What a camera may send: pictures, or bytes of which it says nothing. A web page or a playlist names other addresses. */
const videoTypes = /^(multipart\/|image\/jpeg|video\/|application\/octet-stream)/i

/**
 * One MJPEG stream of an HTTP camera, for one decoder after the other: no redirect is followed, nothing but the address of
 * the config is asked, and the decoder is told nothing of the camera but what kind of data comes.
 */
export class HttpLink implements Link {
  readonly #options: LinkOptions
  readonly #login: CameraLogin
  readonly #outlet: Outlet
  readonly progress: LinkProgress = { playing: false, packets: 0, keyFrames: 0, noise: false, settled: false }
  #asked = false
  #connected = false
  /** Bytes of the answer have come. */
  #begun = false
  #timer: NodeJS.Timeout | undefined
  #camera: Socket | undefined
  #answer: IncomingMessage | undefined
  #decoder: Socket | undefined
  readonly #closing = new AbortController()

  constructor(options: LinkOptions) {
    this.#options = options
    this.#login = new CameraLogin(options.url.login)
    this.#outlet = new Outlet((held) => (held ? this.#answer?.pause() : this.#answer?.resume()))
  }

  /** What it asks for is known, and goes no further. */
  attach(decoder: Socket): void {
    this.#decoder = decoder
    this.#outlet.connect(decoder)
    decoder.resume()
    if (this.progress.playing) this.#begin()
    else if (!this.#asked) void this.#ask(0)
    this.#asked = true
  }

  silence(): Failure | undefined {
    if (!this.#asked || this.progress.playing) return undefined
    return this.#connected ? silent(method, undefined, this.#begun) : networkFailure({ code: 'ETIMEDOUT' })
  }

  settle(): void {
    this.progress.settled = true
    this.#outlet.settle()
  }

  async close(): Promise<void> {
    this.#closing.abort()
    clearTimeout(this.#timer)
    this.#decoder?.destroy()
    this.#camera?.destroy()
  }

  /** @param answered challenges, each over a connection of its own: not every camera keeps one */
  async #ask(answered: number): Promise<void> {
    const { url, tls, answerMs } = this.#options
    const camera = await connectCamera(url, tls, answerMs, this.#closing.signal)
    if ('code' in camera) return this.#fail(camera)
    if (this.#closing.signal.aborted) return void camera.destroy()
    this.#camera = camera
    this.#connected = true
    this.#timer = setTimeout(() => this.#fail(silent(method, undefined, this.#begun)), answerMs)
    const path = url.target.startsWith('/') ? url.target : `/${url.target}`
    const authorization = this.#login.authorization(method, path)
    const headers = { Host: url.authority, Accept: '*/*', 'User-Agent': 'painlens', Connection: 'close' }
    const asking = request({
      ...{ method, path, createConnection: () => camera, insecureHTTPParser: true },
      headers: authorization === undefined ? headers : { ...headers, Authorization: authorization }
    })
    this.#begun = false
    asking.on('socket', (socket) => socket.once('data', () => (this.#begun = true)))
    asking.on('response', (answer) => this.#onAnswer(answer, answered))
    asking.on('error', (error) => this.#onError(error))
    asking.end()
  }

  #onAnswer(answer: IncomingMessage, answered: number): void {
    clearTimeout(this.#timer)
    answer.on('error', (error) => this.#fail(networkFailure(error)))
    const status = answer.statusCode ?? 0
    if (status === 401) {
      const offered = answer.headersDistinct['www-authenticate'] ?? []
      const refusal = this.#login.challenged(offered, answered)
      answer.destroy()
      if (refusal) this.#fail(refusal)
      else void this.#ask(answered + 1)
    } else if (status !== 200) this.#fail(statusFailure(status, method))
    else this.#stream(answer)
  }

  #stream(answer: IncomingMessage): void {
    const type = answer.headers['content-type']
    if (type !== undefined && !videoTypes.test(type)) {
      this.#fail(notVideo)
      return
    }
    this.#answer = answer
    this.progress.playing = true
    answer.on('data', (data: Buffer) => {
      this.progress.packets++
      this.progress.keyFrames++
      this.#outlet.give(data, 0, 0)
    })
    answer.on('end', () => {
      if (!this.#closing.signal.aborted) this.#options.onFailure(ended)
      this.#outlet.end()
    })
    this.#begin()
  }

  #begin(): void {
    const type = this.#answer?.headers['content-type']
    const lines = ['HTTP/1.1 200 OK', ...(type === undefined ? [] : [`Content-Type: ${type}`]), 'Connection: close']
    this.#decoder?.write(`${lines.join('\r\n')}\r\n\r\n`)
    this.#outlet.flow()
  }

  #onError(error: NodeJS.ErrnoException): void {
    clearTimeout(this.#timer)
    if (this.#closing.signal.aborted || this.progress.playing) return
    const isSyntax = error.code?.startsWith('HPE_') === true
    this.#fail(isSyntax ? notVideo : hungUp(method, error))
  }

  #fail(failure: Failure): void {
    clearTimeout(this.#timer)
    if (this.#closing.signal.aborted) return
    this.#options.onFailure(failure)
    this.#outlet.destroy()
  }
}
