import { BehaviorSubject, type Observable, Subject } from 'rxjs'
import type { Clock, Moment } from '../../core/clock.js'
import { fixOf } from '../../core/error-codes/index.js'
import type { ErrorCode } from '../../core/errors.js'
import { LastSaid, type Log } from '../../core/log.js'
import type { Secrets } from '../../core/secrets.js'
import type { Frame, Polygon, SourceState } from '../../core/types.js'
import type { Decoder } from './decoder.js'
import { type Failure, failureError, hung } from './decoder.js'
import { DecoderRun, type PictureMark, type Seen, type StreamMemory } from './decoder-process.js'
import { FrameAssembler, RateMeter } from './frames.js'
import type { CameraTls } from './link/camera-socket.js'
import type { Span } from './masks.js'
import { type CameraShape, cameraShape, type ShapeOptions } from './picture-shape.js'
import { type PictureTiming, PictureWatch } from './picture-watch.js'
import { type CameraTiming, DecoderChoice, defaultTiming, RetryDelay } from './retries.js'
import { type CameraUrl, parseCameraUrl, registerSecrets } from './url.js'

export interface CameraOptions extends ShapeOptions {
  id: string
  /** `rtsp://user:password@host:554/path`; see `parseCameraUrl` for odd characters in a password. */
  url: string
  tls?: CameraTls
  /** Which of several video tracks, from 1 on; `auto`: the largest, or else the first. */
  videoTrack?: number | 'auto'
  /** At most so many pictures per second; fewer when the camera is slower. */
  fps: number
  /** The size of the frames, whatever the camera's own is: scaled to fit in its true shape, with black bars where that differs. */
  width: number
  height: number
  /** Blacked out before a frame is handed on; in 0..1 of the camera's picture. */
  masks: readonly Polygon[]
  decoder: Decoder
  timing?: Partial<CameraTiming>
  /** After how long a repeated picture is frozen, and one that shows nothing dark. */
  picture?: Partial<PictureTiming>
  /** Frames that may be out at a time, the one being received included. 4 unless told otherwise. */
  slots?: number
  log: Log
  clock: Clock
  /** The password is registered here before anything is started. */
  secrets: Secrets
  /** 0 up to but not 1; jitters the restarts. */
  random?: () => number
}

export interface CameraStatus {
  state: SourceState
  /** A moment of the clock (core/clock.ts). */
  since: Moment
  /** Why there is no picture, or a frozen or dark one; fit for a log. */
  reason?: string
  /** The error's, where the link or the decoder has failed. */
  code?: ErrorCode
}

export interface CameraStats extends CameraStatus {
  /** Frames handed on, and frames for which there was no slot or no taker. */
  frames: number
  dropped: number
  /** Pictures that came damaged. */
  damaged: number
  /** Frames per second over the last 5 s, dropped ones included. */
  fps: number
  lastFrameAt: Moment | null
  /** Decoders started after the first one. */
  restarts: number
  /** For how long the running decoder has given no picture, beyond the time that it has for one, in ms; null while none runs. */
  quietMs: number | null
  /** What decodes its pictures now. */
  decoder: string
  /** Why it is not the better one that this machine has or should have; null where it is. */
  decoderProblem: string | null
  /** Null until the first picture. */
  shape: CameraShape | null
  /** The code of that reason. */
  decoderProblemCode: ErrorCode | null
}

/** A supervised camera: keeps a decoder running until it is stopped, and never throws for what a camera does. */
export interface Camera {
  readonly id: string
  /** Hot; one subscriber, who releases each frame. Neither completes nor fails: a stopped camera can be started again. */
  readonly frames: Observable<Frame>
  /** The current state first, then each change of it or of its reason. */
  readonly states: Observable<CameraStatus>
  stats(): CameraStats
  start(): void
  /** Back when the decoder is gone; within 2 s. */
  stop(): Promise<void>
}

/** @throws CameraError when the URL is none; nothing else is tried before `start` */
export function openCamera(options: CameraOptions): Camera {
  registerSecrets(options.url, options.secrets)
  return new SupervisedCamera(options, parseCameraUrl(options.url, options.id))
}

/** States in which residents are not watched. */
const useless: Record<SourceState, boolean> = {
  ...{ ok: false, connecting: false },
  ...{ lost: true, frozen: true, dark: true, damaged: true }
}

class SupervisedCamera implements Camera {
  readonly id: string
  readonly #options: CameraOptions
  readonly #url: CameraUrl
  readonly #timing: CameraTiming
  readonly #retryDelay: RetryDelay
  readonly #choice: DecoderChoice
  readonly #assembler: FrameAssembler
  readonly #picture: PictureWatch
  readonly #frames = new Subject<Frame>()
  readonly #states: BehaviorSubject<CameraStatus>
  readonly #rate = new RateMeter()
  readonly #counts = { frames: 0, dropped: 0, damaged: 0, restarts: 0 }
  #lastFrameAt: Moment | null = null
  readonly #memory: StreamMemory = {}
  #run: DecoderRun | undefined
  /** When its next picture has to have come, by a monotonic clock. */
  #dueAt = 0
  #running = false
  #failure: Failure | undefined
  readonly #failureCode = new LastSaid<ErrorCode>()
  /** Why another decoder was taken. */
  readonly #changeReason = new LastSaid<string>()
  /** Set when the child was killed for its silence. */
  #silence: Failure | undefined
  /** The running child has given a picture. */
  #showing = false
  #retryTimer: NodeJS.Timeout | undefined
  #silenceTimer: NodeJS.Timeout | undefined
  #lostTimer: NodeJS.Timeout | undefined

  constructor(options: CameraOptions, url: CameraUrl) {
    this.id = options.id
    this.#options = options
    this.#url = url
    this.#timing = { ...defaultTiming, ...options.timing }
    this.#retryDelay = new RetryDelay(this.#timing, options.random ?? Math.random)
    this.#choice = new DecoderChoice(options.decoder)
    this.#states = new BehaviorSubject<CameraStatus>({ state: 'connecting', since: options.clock.now() })
    this.#picture = new PictureWatch(options, [], options.picture)
    this.#assembler = new FrameAssembler({
      camera: options.id,
      width: options.width,
      height: options.height,
      slots: options.slots ?? 4,
      masks: options.masks,
      onFrame: (frame, masks) => this.#whenTold((mark) => this.#onFrame(frame, masks, mark)),
      onDrop: () => this.#whenTold((mark) => this.#onDrop(mark))
    })
  }

  get frames(): Observable<Frame> {
    return this.#frames
  }

  get states(): Observable<CameraStatus> {
    return this.#states
  }

  stats(): CameraStats {
    const fps = this.#rate.rate(this.#options.clock.now())
    const quietMs = this.#run ? Math.max(0, performance.now() - this.#dueAt) : null
    const shape = cameraShape({ ...this.#memory.stream, ...this.#memory.shape }, this.#options)
    const stream = { fps, lastFrameAt: this.#lastFrameAt, quietMs, shape, ...this.#decoder() }
    return { ...this.#states.value, ...this.#counts, ...stream }
  }

  start(): void {
    if (this.#running) return
    this.#running = true
    this.#noFailure()
    this.#retryDelay.reset()
    this.#setState('connecting')
    this.#lostTimer = setTimeout(() => this.#setState('lost'), this.#timing.lostMs)
    this.#tellDecoder('is not watched by its best decoder')
    this.#launch()
  }

  async stop(): Promise<void> {
    this.#running = false
    for (const timer of [this.#retryTimer, this.#silenceTimer, this.#lostTimer]) clearTimeout(timer)
    const run = this.#run
    this.#run = undefined
    this.#assembler.reset()
    this.#rate.reset()
    await run?.stop()
  }

  #launch(): void {
    const { clock, log, secrets, tls, videoTrack, fps, width, height, rotation, aspect } = this.#options
    const { connectMs, readMs } = this.#timing
    this.#silence = undefined
    this.#showing = false
    this.#dueAt = performance.now() + connectMs
    const run = new DecoderRun({
      camera: { url: this.#url, tls, videoTrack },
      decoder: this.#choice.current,
      request: { fps, width, height, rotation, aspect, silenceMs: readMs, firstPictureMs: connectMs },
      memory: this.#memory,
      onStart: (pictures) => {
        this.#assembler.reset(pictures)
        this.#watch(connectMs)
      },
      onData: (chunk) => {
        if (this.#run === run) this.#assembler.push(chunk, clock.now())
      },
      redact: (line, length) => secrets.excerpt(line, length),
      onLine: (line) => log.debug({ camera: this.id, line }, 'decoder'),
      onEnd: (failure) => {
        if (this.#run === run) this.#onEnd(this.#silence ?? failure, run.seen)
      }
    })
    this.#run = run
  }

  /** Kills the decoder when no picture comes in time; each picture starts the time anew. */
  #watch(ms: number): void {
    clearTimeout(this.#silenceTimer)
    this.#dueAt = performance.now() + ms
    this.#silenceTimer = setTimeout(() => {
      this.#silence = this.#run?.silence(ms)
      this.#run?.kill()
    }, ms)
  }

  /** A decoder writes what it has to say of a picture before the picture itself, but it may be read one turn of the event loop later. */
  #whenTold(then: (mark: PictureMark) => void): void {
    const run = this.#run
    setImmediate(() => setImmediate(() => then(run && run === this.#run ? run.mark() : 'stale')))
  }

  #onDrop(mark: PictureMark): void {
    if (mark === 'damaged') this.#counts.damaged++
    if (mark !== 'stale') this.#onPicture(false)
  }

  #onFrame(frame: Frame, masks: readonly Span[], mark: PictureMark): void {
    if (mark === 'stale') {
      frame.release()
      return
    }
    const taken = this.#frames.observed
    frame.damaged = mark === 'damaged'
    if (frame.damaged) this.#counts.damaged++
    this.#picture.look(frame.data, frame.at, masks, frame.damaged)
    this.#onPicture(taken)
    if (taken) this.#frames.next(frame)
    else frame.release()
  }

  #onPicture(taken: boolean): void {
    const now = this.#options.clock.now()
    this.#counts[taken ? 'frames' : 'dropped']++
    this.#lastFrameAt = now
    this.#dueAt = performance.now() + this.#timing.readMs
    this.#rate.add(now)
    if (!this.#showing) {
      this.#showing = true
      // What gave pictures is no hopeless case, however often it drops.
      this.#retryDelay.reset()
      this.#watch(this.#timing.readMs)
    } else this.#silenceTimer?.refresh()
    this.#lostTimer?.refresh()
    this.#noFailure()
    const { state, reason } = this.#picture.status
    this.#setState(state, reason)
  }

  #onEnd(ended: Failure, seen: Seen): void {
    clearTimeout(this.#silenceTimer)
    this.#run = undefined
    const { failure, changed } = this.#choice.judge(ended, seen)
    const isNew = this.#failureCode.isNew(failure.code)
    this.#failure = failure
    if (changed) this.#changeDecoder()
    else this.#tryAgain(failure, isNew)
  }

  #tryAgain(failure: Failure, isNew: boolean): void {
    const waitMs = this.#retryDelay.next(failure.code)
    const error = failureError(failure, `camera ${this.id} at ${this.#url.shown}`)
    const fields = { camera: this.id, code: failure.code, retryMs: Math.round(waitMs) }
    this.#options.log[isNew ? 'warn' : 'debug'](fields, error.message)
    this.#setState(this.#states.value.state === 'lost' ? 'lost' : 'connecting')
    this.#retryTimer = setTimeout(() => {
      this.#counts.restarts++
      this.#launch()
    }, waitMs)
  }

  /** At once: what failed is not the camera, which need not be spared. */
  #changeDecoder(): void {
    this.#tellDecoder('gets no picture from its decoder, another takes over')
    this.#setState(this.#states.value.state === 'lost' ? 'lost' : 'connecting')
    this.#counts.restarts++
    this.#launch()
  }

  /** Loudly, for the CPU carries what the hardware should. */
  #tellDecoder(what: string): void {
    const { instead, current } = this.#choice
    if (!instead) return
    const level = this.#changeReason.isNew(instead.what) ? 'warn' : 'debug'
    const fields = {
      camera: this.id,
      decoder: current.name,
      code: instead.code,
      reason: instead.what,
      said: instead.said,
      fix: fixOf(instead.code)
    }
    this.#options.log[level](fields, `camera ${what}`)
  }

  #decoder(): Pick<CameraStats, 'decoder' | 'decoderProblem' | 'decoderProblemCode'> {
    const { current, instead } = this.#choice
    const { stream } = this.#memory
    const why = { decoderProblem: instead?.what ?? null, decoderProblemCode: instead?.code ?? null }
    return { decoder: stream ? current.nameFor(stream) : current.name, ...why }
  }

  #setState(state: SourceState, why?: string): void {
    const before = this.#states.value
    const failure = this.#failure ?? (state === 'lost' ? hung(this.#timing.lostMs) : undefined)
    const reason = why ?? failure?.what
    const code = why === undefined ? failure?.code : undefined
    if (state === before.state && reason === before.reason) return
    const { clock, log } = this.#options
    if (state !== before.state)
      log[useless[state] ? 'warn' : 'info']({ camera: this.id, state, reason }, `camera is ${state}`)
    this.#states.next({ state, since: state === before.state ? before.since : clock.now(), reason, code })
  }

  #noFailure(): void {
    this.#failure = undefined
    this.#failureCode.isNew(null)
  }
}
