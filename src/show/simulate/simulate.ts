import { type Clock, systemClock } from '../../core/clock.js'
import type { Log } from '../../core/log.js'
import type { Point } from '../../core/types.js'
import { createIdentity, createScene, type Expression } from '../render/index.js'
import { type Day, defaultDay, type PlacedStretch } from './day.js'
import { type Feed, startFeed } from './feed.js'
import { renderDay } from './frames.js'
import { type RtspCredentials, startRtspServer } from './rtsp-server.js'
import type { RtspQuirks } from './rtsp-server-quirks.js'

/** The resident begins to show something. */
export interface StretchEvent {
  expression: Expression
  intensity: number
  /** How long it will last. */
  seconds: number
  /** In ms since the epoch. */
  at: number
}

export interface SimulationOptions {
  /** Any free port unless given. */
  rtspPort?: number
  host?: string
  path?: string
  width?: number
  height?: number
  fps?: number
  /** Which resident; the same number is the same person. */
  identitySeed?: number
  /** Width of the face in pixels, and where its middle lies. */
  faceSize?: number
  centre?: Point
  day?: Day
  credentials?: RtspCredentials
  quirks?: RtspQuirks
  ffmpeg?: string
  clock?: Clock
  log: Log
  /** Called once, before the first stretch. */
  onReady?: (url: string) => void
  onStretch?: (stretch: StretchEvent) => void
  /** Ends a start that is still under way; afterwards `stop` does. */
  signal?: AbortSignal
}

export interface Simulation {
  /** What a camera's config takes, credentials included. */
  readonly url: string
  readonly port: number
  /** Resolves when the camera was stopped; rejects with a ProgramError when its ffmpeg failed. */
  readonly ended: Promise<void>
  stop(): Promise<void>
}

/** The resident that the demo shows. */
const defaultIdentitySeed = 24

/**
 * A room camera that shows a rendered resident: frames drawn in real time, encoded by ffmpeg, served over RTSP. Resolves once
 * it can be played. The day begins with the first viewer, however long that takes to start; until then the resident rests.
 * @throws PortInUseError, ProgramError when ffmpeg is missing
 */
export async function startSimulation(options: SimulationOptions): Promise<Simulation> {
  const { log, path = '/bed', width = 1280, height = 720, fps = 5, clock = systemClock } = options
  const server = await startRtspServer({
    host: options.host ?? '127.0.0.1',
    port: options.rtspPort ?? 0,
    credentials: options.credentials,
    quirks: options.quirks,
    log
  })
  const film = new Film(clock, options.onStretch)
  // Without pictures ffmpeg ends, which fails the start.
  const abandon = (): void => film.stop()
  if (options.signal?.aborted) abandon()
  options.signal?.addEventListener('abort', abandon, { once: true })
  let feed: Feed | undefined
  const stop = async (): Promise<void> => {
    film.stop()
    await feed?.stop()
    await server.stop()
  }
  try {
    const frames = renderDay({
      scene: await createScene(sceneOf(options, width, height)),
      day: options.day ?? defaultDay,
      fps,
      ...film.timing
    })
    feed = await startFeed({
      server,
      path,
      codec: 'h264',
      width,
      height,
      fps,
      frames,
      ffmpeg: options.ffmpeg,
      log
    })
    options.signal?.throwIfAborted()
    options.onReady?.(feed.url)
    void feed.watched.then(() => film.begin())
    return { url: feed.url, port: server.port, ended: feed.ended, stop }
  } catch (error) {
    await stop()
    throw error
  } finally {
    options.signal?.removeEventListener('abort', abandon)
  }
}

function sceneOf(options: SimulationOptions, width: number, height: number) {
  return {
    identity: createIdentity(options.identitySeed ?? defaultIdentitySeed),
    width,
    height,
    centre: options.centre ?? { x: width * 0.5, y: height * 0.44 },
    faceSize: options.faceSize ?? Math.round(height * 0.25)
  }
}

/** The day's time, which stays at 0 until the camera is watched. */
class Film {
  #beganAt: number | undefined
  #stopped = false
  #wake: (() => void) | undefined

  constructor(
    readonly clock: Clock,
    readonly onStretch: ((stretch: StretchEvent) => void) | undefined
  ) {}

  begin(): void {
    this.#beganAt = performance.now()
  }

  stop(): void {
    this.#stopped = true
    this.#wake?.()
  }

  readonly timing = {
    now: () => performance.now(),
    stopped: () => this.#stopped,
    dayTime: (now: number) => (this.#beganAt === undefined ? 0 : Math.max(0, (now - this.#beganAt) / 1000)),
    sleep: (ms: number) => this.#sleep(ms),
    onStretch: ({ stretch }: PlacedStretch) => this.onStretch?.({ ...stretch, at: this.clock.now() })
  }

  #sleep(ms: number): Promise<void> {
    if (this.#stopped) return Promise.resolve()
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer)
        this.#wake = undefined
        resolve()
      }
      const timer = setTimeout(done, ms)
      this.#wake = done
    })
  }
}
