/** A camera with its line through the stages, its drops counted, and pauses for care. */
import { BehaviorSubject, combineLatest, distinctUntilChanged, filter, map, type Subscription } from 'rxjs'
import type { CameraConfig } from '../../config/index.js'
import { type Clock, type Moment, stamp } from '../../core/clock.js'
import { ClosedError, InputError } from '../../core/errors.js'
import type { CameraState, Frame, Size } from '../../core/types.js'
import type { Camera, CameraStats } from '../../stages/camera/index.js'
import { type CameraLineParts, cameraLine, type JudgedFrame } from './camera-line.js'
import { pausedError, type Sight, Viewers, viewMs } from './viewers.js'

/** A pause for care, in moments of the clock. */
export interface Pause {
  since: Moment
  until: Moment
}

export interface WatchedStages extends Pick<CameraLineParts, 'detect' | 'classify' | 'onFailure' | 'onSuccess'> {
  /** Called for each frame to be analysed, including those dropped later. */
  onFrame: () => void
}

export interface WatchedCameraOptions {
  config: CameraConfig
  camera: Camera
  clock: Clock
  stages: WatchedStages
  onJudged: (frame: JudgedFrame, camera: CameraConfig) => void
  onState: (camera: string, state: CameraState, since: Moment, until: Moment | null) => void
  /** A pause that began before and continues. */
  pause: Pause | null
  /** Called on each change of the pause, to store it for a later run. */
  onPause: (pause: Pause | null) => void
}

export interface WatchedCameraStats
  extends Pick<
    CameraStats,
    | 'reason'
    | 'code'
    | 'damaged'
    | 'restarts'
    | 'quietMs'
    | 'decoder'
    | 'decoderProblem'
    | 'decoderProblemCode'
    | 'shape'
  > {
  state: CameraState
  /** When the state began. */
  since: Moment
  /** When a pause ends; null for the other states. */
  until: Moment | null
  /** Of the camera's picture in the last frame; null before the first. */
  picture: Size | null
  fps: number
  frames: number
  /** Frames not classified: inference was slower than the camera, or failed. */
  dropped: number
  lastFrameAt: Moment | null
}

export interface WatchedCamera {
  readonly config: CameraConfig
  stats(): WatchedCameraStats
  /**
   * Releases frames unseen until `until` (a moment of the clock) or `resume`. A longer pause stays.
   * @returns the end of the pause
   */
  pause(until: Moment): Moment
  resume(): void
  /**
   * A copy of the next frame with what was found in it.
   * @throws InputError while it is paused and while there is no picture (also when that begins meanwhile); TimeoutError
   *   where no frame comes in time; the signal's reason
   */
  view(signal: AbortSignal): Promise<Sight>
  stop(): Promise<void>
}

/** Whether frames come in that state. */
const hasPicture: Record<CameraState, boolean> = {
  ok: true,
  frozen: true,
  dark: true,
  damaged: true,
  connecting: false,
  lost: false,
  paused: false
}

export function watchCamera(options: WatchedCameraOptions): WatchedCamera {
  const watched = new Watched(options)
  watched.start()
  return watched
}

class Watched implements WatchedCamera {
  readonly config: CameraConfig
  readonly #options: WatchedCameraOptions
  readonly #paused: BehaviorSubject<Pause | null>
  readonly #subscriptions: Subscription[] = []
  readonly #viewers: Viewers
  #picture: Size | null = null
  #timer: NodeJS.Timeout | undefined
  #dropped = 0
  #isStopped = false
  #state: CameraState = 'connecting'
  #since: Moment

  constructor(options: WatchedCameraOptions) {
    this.#options = options
    this.config = options.config
    this.#since = options.clock.now()
    this.#viewers = new Viewers(options.config.id)
    this.#paused = new BehaviorSubject(options.pause)
  }

  start(): void {
    const { camera, config, stages, onJudged } = this.#options
    const onDrop = (): void => void this.#dropped++
    const onFailure = (error: unknown): void => {
      this.#dropped++
      // What was under way when the camera was removed, lost or paused would be its trouble for as long as that lasts: no success ends it.
      if (this.#isStopped || !this.#isWatched() || !hasPicture[this.#state]) return
      stages.onFailure(error)
    }
    if (this.#paused.value) this.#resumeAt(this.#paused.value.until)
    const frames = camera.frames.pipe(filter((frame) => this.#isWanted(frame)))
    const detect: WatchedStages['detect'] = async (frame) => {
      const sighting = await stages.detect(frame)
      // What was under way when a pause began is not shown.
      if (this.#isWatched()) this.#viewers.show(frame, sighting.faces)
      return sighting
    }
    this.#subscriptions.push(
      this.#states().subscribe(({ state, since, until }) => {
        this.#state = state
        this.#since = since
        if (state === 'lost') this.#viewers.refuse(this.#noPicture())
        this.#options.onState(config.id, state, since, until)
      }),
      cameraLine(frames, { ...stages, detect, onDrop, onFailure }).subscribe((judged) => {
        // Frames under way when a pause began are discarded too.
        if (this.#isWatched()) onJudged(judged, config)
      })
    )
    camera.start()
  }

  stats(): WatchedCameraStats {
    const { dropped, ...stats } = this.#options.camera.stats()
    const until = this.#paused.value?.until ?? null
    const own = { state: this.#state, since: this.#since, until, picture: this.#picture }
    return { ...stats, ...own, dropped: dropped + this.#dropped }
  }

  pause(wanted: Moment): Moment {
    const before = this.#paused.value
    const pause = {
      since: before?.since ?? this.#options.clock.now(),
      until: before === null || before.until < wanted ? wanted : before.until
    }
    this.#resumeAt(pause.until)
    this.#options.onPause(pause)
    this.#paused.next(pause)
    this.#viewers.refuse(this.#pausedUntil(pause.until))
    return pause.until
  }

  resume(): void {
    clearTimeout(this.#timer)
    if (this.#paused.value === null) return
    this.#options.onPause(null)
    this.#paused.next(null)
  }

  async view(signal: AbortSignal): Promise<Sight> {
    const { state, until } = this.stats()
    if (until !== null) throw this.#pausedUntil(until)
    if (!hasPicture[state]) throw this.#noPicture()
    return this.#viewers.next(viewMs(this.config), signal)
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    clearTimeout(this.#timer)
    this.#viewers.refuse(new ClosedError('PL-CONTROL-STOPPING', 'is no longer watched', `camera ${this.config.id}`))
    for (const subscription of this.#subscriptions) subscription.unsubscribe()
    await this.#options.camera.stop()
  }

  #resumeAt(until: Moment): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.resume(), Math.max(0, until - this.#options.clock.now()))
  }

  #noPicture(): InputError {
    const { state, reason } = this.stats()
    const why = reason ? `${state}: ${reason}` : state
    return new InputError('PL-SNAPSHOT-NO-PICTURE', `gives no picture (${why})`, `camera ${this.config.id}`)
  }

  #pausedUntil(until: Moment): InputError {
    return pausedError(this.config.id, stamp(this.#options.clock, until))
  }

  #isWanted(frame: Frame): boolean {
    const { width, height } = frame.picture
    if (width !== this.#picture?.width || height !== this.#picture.height) this.#picture = { width, height }
    if (this.#isWatched() && !frame.damaged) {
      this.#options.stages.onFrame()
      return true
    }
    if (this.#paused.value === null) this.#viewers.show(frame, null)
    frame.release()
    return false
  }

  /** Faces in a frozen picture are not current: they are not reported or analysed. The whole pictures of a damaged stream are. */
  #isWatched(): boolean {
    return this.#paused.value === null && this.#state !== 'frozen'
  }

  /** A pause hides the camera's own state. */
  #states() {
    return combineLatest([this.#options.camera.states, this.#paused]).pipe(
      map(([{ state, since }, pause]) =>
        pause === null ? { state, since, until: null } : { state: 'paused' as CameraState, ...pause }
      ),
      distinctUntilChanged((a, b) => a.state === b.state && a.until === b.until)
    )
  }
}
