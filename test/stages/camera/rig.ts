import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { filter, firstValueFrom, lastValueFrom, take, tap } from 'rxjs'
import { systemClock } from '../../../src/core/clock.js'
import { messageOf } from '../../../src/core/errors.js'
import { createLog, silentLog } from '../../../src/core/log.js'
import { Secrets } from '../../../src/core/secrets.js'
import type { CameraState, Frame } from '../../../src/core/types.js'
import { type Feed, type FeedOptions, startFeed } from '../../../src/show/simulate/feed.js'
import { type RtspServer, type RtspServerOptions, startRtspServer } from '../../../src/show/simulate/rtsp-server.js'
import type { Decoder } from '../../../src/stages/camera/index.js'
import {
  type Camera,
  type CameraOptions,
  type CameraStats,
  type CameraTiming,
  ffmpegDecoder,
  openCamera,
  probeFfmpeg
} from '../../../src/stages/camera/index.js'
import { patience, patienceNow, within } from '../../support/slowness.js'

/** Left half red, right half blue, 160x120: to painlens a still of a single grey level. */
export const redAndBlue = 'color=c=red:s=80x120:r=15[l];color=c=blue:s=80x120:r=15[r];[l][r]hstack'
export const feedSize = { width: 160, height: 120, fps: 15 }

/** A busy machine is no reason to give a camera up, so that what waits for pictures grows with it. */
const quick = (): Partial<CameraTiming> => ({
  ...{ connectMs: patienceNow(15_000), readMs: patience(1500), lostMs: patience(5000) },
  ...{ backoffMinMs: 50, backoffMaxMs: 200, unauthorizedMs: 1000 }
})

/** On a busy machine a test takes longer than the time after which its still would rightly be frozen, and dark. */
const anyPicture = { frozenAfterMs: Number.POSITIVE_INFINITY, darkAfterMs: Number.POSITIVE_INFINITY }

/** Three tries to connect: on a busy machine one fails now and then, as one of a real camera may. */
const threeTries = 25_000

/** Asked once for all tests of a file. */
let ffmpeg: ReturnType<typeof probeFfmpeg> | undefined

const logs = new WeakMap<Camera, string[]>()

/** Servers, feeds and cameras of one test, and the end of them all. */
export class Rig {
  readonly lines: string[] = []
  readonly secrets = new Secrets()
  readonly #stoppers: (() => Promise<void>)[] = []
  readonly #decoder: Decoder

  private constructor(decoder: Decoder) {
    this.#decoder = decoder
  }

  static async open(): Promise<Rig> {
    ffmpeg ??= probeFfmpeg()
    return new Rig(ffmpegDecoder(await ffmpeg))
  }

  get decoder(): Decoder {
    return this.#decoder
  }

  async server(options: Partial<RtspServerOptions> = {}): Promise<RtspServer> {
    const server = await startRtspServer({ log: silentLog, ...options })
    this.#stoppers.push(() => server.stop())
    return server
  }

  async feed(server: RtspServer, options: Partial<FeedOptions> = {}): Promise<Feed> {
    const base = { server, path: '/bed', codec: 'h264' as const, ...feedSize, frames: { lavfi: redAndBlue } }
    const feed = await startFeed({ ...base, startMs: patienceNow(20_000), log: silentLog, ...options })
    this.#stoppers.push(() => feed.stop())
    return feed
  }

  /**
   * A stream that `feed` cannot make, published by FFmpeg until the rig ends.
   * @param args its input, and what encodes it
   * @returns the address for readers, once something can be read
   */
  async publish(server: RtspServer, path: string, args: readonly string[]): Promise<string> {
    const publication = server.publish(path)
    const output = ['-f', 'rtsp', '-rtsp_transport', 'tcp', publication.url]
    const publisher = spawn('ffmpeg', ['-v', 'fatal', ...args, ...output], { stdio: 'ignore' })
    const ended = once(publisher, 'close')
    this.own(async () => {
      publisher.kill('SIGKILL')
      await ended
      publication.close()
    })
    await publication.started
    return server.url(path)
  }

  /** Two tracks of video in one stream: red and blue of 160x120, and of 320x240 with its sides exchanged. */
  twoTracks(server: RtspServer): Promise<string> {
    const source = `${redAndBlue},realtime,split[v][w];[w]scale=320:240,hflip[x]`
    const encoder = ['-c:v', 'libx264', '-preset', 'ultrafast', '-tune', 'zerolatency', '-g', String(feedSize.fps)]
    const maps = ['-map', '[v]', '-map', '[x]', ...encoder, '-pix_fmt', 'yuv420p']
    return this.publish(server, '/both', ['-filter_complex', source, ...maps])
  }

  camera(url: string, options: Partial<CameraOptions> = {}): Camera {
    const { timing, ...rest } = options
    const camera = openCamera({
      ...{ id: 'bed', url, fps: 15, width: 160, height: 120, masks: [], decoder: this.#decoder, clock: systemClock },
      // Knows no secrets, so that the stage's own redaction is seen.
      log: createLog('debug', new Secrets(), (line) => this.lines.push(line)),
      secrets: this.secrets,
      picture: anyPicture,
      timing: { ...quick(), ...timing },
      ...rest
    })
    logs.set(camera, this.lines)
    this.#stoppers.push(() => camera.stop())
    return camera
  }

  async close(): Promise<void> {
    for (const stop of this.#stoppers.splice(0).reverse()) await stop()
  }

  /** Ends with the rig. */
  own(stop: () => Promise<void>): void {
    this.#stoppers.push(stop)
  }
}

/** Copies of the next frames' pixels; the frames themselves are released at once. */
export async function nextFrames(
  camera: Camera,
  count: number,
  ms = threeTries
): Promise<{ frame: Frame; pixels: Uint8Array }[]> {
  const copied: { frame: Frame; pixels: Uint8Array }[] = []
  const all = camera.frames.pipe(
    tap((frame) => {
      copied.push({ frame, pixels: Uint8Array.from(frame.data) })
      frame.release()
    }),
    take(count)
  )
  await within(lastValueFrom(all), `${count} frames of ${camera.id}`, ms)
  return copied
}

/** Takes frames as long as the rig's camera runs. */
export function takeFrames(camera: Camera): { unsubscribe(): void } {
  return camera.frames.subscribe((frame) => frame.release())
}

export async function untilState(camera: Camera, state: CameraState, ms = threeTries): Promise<string | undefined> {
  return (await untilStatus(camera, `the state ${state}`, (status) => status.state === state, ms)).reason
}

export async function untilReason(camera: Camera, reason: RegExp, ms = threeTries): Promise<CameraState> {
  return (await untilStatus(camera, `the reason ${reason}`, (status) => reason.test(status.reason ?? ''), ms)).state
}

const untilStatus = (
  camera: Camera,
  what: string,
  is: (status: Pick<CameraStats, 'state' | 'reason'>) => boolean,
  ms: number
) => explained(camera, within(firstValueFrom(camera.states.pipe(filter(is))), what, ms))

/** A wait for a camera; in vain, it says what the camera has logged: such a wait fails on a busy machine once in many runs. */
export async function explained<T>(camera: Camera, wait: Promise<T>): Promise<T> {
  try {
    return await wait
  } catch (error) {
    const lines = logs.get(camera)?.slice(-40).join('') ?? ''
    throw new Error(`${messageOf(error)}\n${JSON.stringify(camera.stats())}\n${lines}`)
  }
}

/** Red, green and blue at a place in 0..1 of a picture. */
export function colourAt(
  pixels: Uint8Array,
  { width, height }: { width: number; height: number },
  x: number,
  y: number
): number[] {
  const at = (Math.floor(y * height) * width + Math.floor(x * width)) * 3
  return [...pixels.subarray(at, at + 3)]
}

export const nameOf = ([red = 0, green = 0, blue = 0]: number[]): string => {
  const named = { red: [254, 0, 0], blue: [0, 0, 254], black: [0, 0, 0], white: [255, 255, 255] }
  const near = Object.entries(named).find(
    ([, [r = 0, g = 0, b = 0]]) => Math.abs(red - r) + Math.abs(green - g) + Math.abs(blue - b) < 60
  )
  return near?.[0] ?? `${red},${green},${blue}`
}

export interface Process {
  pid: number
  commandLine: string
  environment: string
}

/** The decoder children of this very process, as any user of the machine sees them. */
export function decoderProcesses(): Process[] {
  const found: Process[] = []
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name)))
    try {
      const parent = Number(/\) \S (\d+)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))?.[1])
      const commandLine = readFileSync(`/proc/${pid}/cmdline`, 'utf8')
      if (parent === process.pid && commandLine.includes('concat'))
        found.push({ pid: Number(pid), commandLine, environment: readFileSync(`/proc/${pid}/environ`, 'utf8') })
    } catch {
      // It has ended meanwhile.
    }
  return found
}

/** A TCP proxy before a server that can make the line go bad. */
export class BadLine {
  mode: 'good' | 'silent' | 'rubbish' = 'good'
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  private constructor(server: Server) {
    this.#server = server
  }

  static async open(rig: Rig, target: number): Promise<BadLine> {
    const server = createServer()
    const line = new BadLine(server)
    server.on('connection', (down) => line.#join(down, connect(target, '127.0.0.1')))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    rig.own(async () => {
      line.cut()
      await new Promise((resolve) => server.close(resolve))
    })
    return line
  }

  get port(): number {
    const address = this.#server.address()
    return typeof address === 'object' && address ? address.port : 0
  }

  cut(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  #join(down: Socket, up: Socket): void {
    for (const socket of [down, up]) {
      this.#sockets.add(socket)
      socket.on('error', () => undefined)
      socket.on('close', () => {
        down.destroy()
        up.destroy()
        this.#sockets.delete(socket)
      })
    }
    down.on('data', (chunk) => up.write(chunk))
    up.on('data', (chunk: Buffer) => {
      if (this.mode === 'silent') return
      if (this.mode === 'rubbish') for (let at = 0; at < chunk.length; at += 3) chunk[at] = (at * 37) & 255
      down.write(chunk)
    })
  }
}
