import { randomBytes, timingSafeEqual } from 'node:crypto'
import { createServer, type Server, type Socket } from 'node:net'
import { limitConnections } from '../../../core/connection-limit.js'
import { messageOf } from '../../../core/errors.js'
import { type Failure, hung } from '../decoder.js'
import type { RelayAddress } from '../url.js'
import { ended, notVideo } from './answers.js'
import { HttpLink } from './http-link.js'
import { RtspLink } from './rtsp-link.js'
import type { Link, LinkOptions } from './types.js'

/** A connection that does not show the secret within this time is closed. */
const greetingMs = 5000
/** Connections at a time that have not shown the secret yet; one of them is the decoder's. */
const mostVisitors = 16
const mostGreetingBytes = 16 * 1024

/**
 * Stands between a camera and the decoders of one try to get its pictures. The relay alone knows address and password, makes
 * the one connection to the camera, verifies its certificate, logs in, and ends at a redirect; so it knows what went wrong.
 * Each decoder connects to a port of the loopback that is open for one connection, and has to show a secret: no other user
 * of the machine gets the pictures, which are not masked yet.
 */
export class CameraRelay {
  readonly #scheme: RelayAddress['scheme']
  readonly #target: string
  readonly #link: Link
  #door: Server | undefined
  readonly #visitors = new Set<Socket>()
  #failure: Failure | undefined
  #closed: Promise<void> | undefined

  constructor(options: Omit<LinkOptions, 'onFailure'>) {
    const onFailure = (failure: Failure): void => {
      this.#failure ??= failure
    }
    this.#target = options.url.target
    this.#scheme = options.url.scheme.startsWith('rtsp') ? 'rtsp' : 'http'
    this.#link =
      this.#scheme === 'rtsp' ? new RtspLink({ ...options, onFailure }) : new HttpLink({ ...options, onFailure })
  }

  /**
   * Lets one more decoder in; the last one's address is good no more. Nothing is asked of the camera before it comes.
   * @returns its address, or why this machine has none for it
   */
  async admit(): Promise<RelayAddress | Failure> {
    this.#shut()
    const secret = randomBytes(16).toString('hex')
    const door = createServer((visitor) => this.#greet(visitor, door, secret))
    limitConnections(door, mostVisitors)
    this.#door = door
    try {
      const base = `${this.#scheme}://127.0.0.1:${await listen(door)}/${secret}`
      if (this.#door !== door) door.close()
      return { scheme: this.#scheme, full: `${base}/0${this.#target}`, secret }
    } catch (error) {
      return { code: 'PL-DECODER-RELAY', what: `no port of the loopback can be opened: ${messageOf(error)}` }
    }
  }

  /** Why there are no pictures, where the camera is the cause; else what the decoder says. */
  explain(decoders: Failure): Failure {
    // A web page, a playlist or a text has an end, and no picture before it.
    const isWhole = this.#scheme === 'http' && this.#failure?.code === ended.code
    if (isWhole && !this.#link.progress.settled) return notVideo
    return this.#failure ?? (causedByMissingKey.has(decoders.code) ? this.#noKeyFrame() : undefined) ?? decoders
  }

  /** What is missing where no picture has come for so long. */
  silence(ms: number): Failure {
    const { progress } = this.#link
    const within = `within ${ms / 1000} s`
    const asked = this.#failure ?? this.#link.silence()
    if (asked || progress.settled) return asked ?? hung(ms)
    if (progress.playing && progress.packets === 0 && progress.noise) return notVideo
    if (progress.playing && progress.packets === 0)
      return { code: 'PL-CAMERA-NO-STREAM', what: `the camera agrees to play, and sends nothing ${within}` }
    return this.#noKeyFrame(within) ?? hung(ms)
  }

  /** Pictures come. */
  settle(): void {
    this.#link.settle()
  }

  /** Ends the session; back within half a second, also for further calls. */
  close(): Promise<void> {
    this.#shut()
    this.#closed ??= this.#link.close()
    return this.#closed
  }

  #noKeyFrame(within = 'yet'): Failure | undefined {
    const { settled, packets, keyFrames } = this.#link.progress
    if (settled || packets === 0 || keyFrames > 0) return undefined
    return { code: 'PL-CAMERA-KEY-FRAME', what: `the stream comes, but no key frame ${within}` }
  }

  #shut(): void {
    this.#door?.close()
    this.#door = undefined
    for (const visitor of this.#visitors) visitor.destroy()
  }

  /** Reads the head of the first request, and compares its secret. */
  #greet(visitor: Socket, door: Server, secret: string): void {
    this.#visitors.add(visitor)
    const late = setTimeout(() => visitor.destroy(), greetingMs)
    let said: Buffer = Buffer.alloc(0)
    const listenTo = (chunk: Buffer): void => {
      said = Buffer.concat([said, chunk])
      if (said.length > mostGreetingBytes) return void visitor.destroy()
      if (!said.includes('\r\n\r\n')) return
      if (this.#door !== door || !knows(said, secret)) return void visitor.destroy()
      forget()
      visitor.off('data', listenTo)
      this.#shut()
      visitor.setNoDelay(true)
      this.#link.attach(visitor, said, `${this.#scheme}://127.0.0.1:${visitor.localPort}/${secret}`)
    }
    const forget = (): void => {
      clearTimeout(late)
      this.#visitors.delete(visitor)
    }
    visitor.on('error', () => undefined)
    visitor.on('close', forget)
    visitor.on('data', listenTo)
  }
}

/** Codes of decoders for a stream without a picture that they can decode. */
const causedByMissingKey: ReadonlySet<string> = new Set([
  'PL-CAMERA-CODEC',
  'PL-CAMERA-NOT-VIDEO',
  'PL-DECODER-NO-PICTURE'
])

/** `METHOD rtsp://127.0.0.1:PORT/SECRET/…`, or `GET /SECRET/…`. Compared in constant time. */
function knows(said: Buffer, secret: string): boolean {
  const shown = /^[A-Z]{3,10} (?:rtsp:\/\/[^/\s]*)?\/([0-9a-f]{32})\//.exec(said.toString('latin1', 0, 200))?.[1]
  return shown !== undefined && timingSafeEqual(Buffer.from(shown), Buffer.from(secret))
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      server.on('error', () => undefined)
      const address = server.address()
      resolve(typeof address === 'object' && address ? address.port : 0)
    })
  })
}
