/** A camera with its line through the stages, its drops counted, and pauses for care. */
import { BehaviorSubject, combineLatest, distinctUntilChanged, filter, map, type Subscription } from 'rxjs'
import type { CameraConfig } from '../../config/index.js'
import type { Clock, Moment } from '../../core/clock.js'
import type { CameraState, Frame } from '../../core/types.js'
import type { Camera, CameraStats } from '../../stages/camera/index.js'
import { type CameraLineParts, cameraLine, type JudgedFrame } from './camera-line.js'

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
  extends Pick<CameraStats, 'reason' | 'code' | 'restarts' | 'quietMs' | 'decoder' | 'decoderProblem'> {
  state: CameraState
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
  stop(): Promise<void>
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
  #timer: NodeJS.Timeout | undefined
  #dropped = 0
  #state: CameraState = 'connecting'

  constructor(options: WatchedCameraOptions) {
    this.#options = options
    this.config = options.config
    this.#paused = new BehaviorSubject(options.pause)
  }

  start(): void {
    const { camera, config, stages, onJudged } = this.#options
    const onDrop = (): void => void this.#dropped++
    const onFailure = (error: unknown): void => {
      this.#dropped++
      stages.onFailure(error)
    }
    if (this.#paused.value) this.#resumeAt(this.#paused.value.until)
    const frames = camera.frames.pipe(filter((frame) => this.#isWanted(frame)))
    this.#subscriptions.push(
      this.#states().subscribe(({ state, since, until }) => {
        this.#state = state
        this.#options.onState(config.id, state, since, until)
      }),
      cameraLine(frames, { ...stages, onDrop, onFailure }).subscribe((judged) => {
        // Frames under way when a pause began are discarded too.
        if (this.#isWatched()) onJudged(judged, config)
      })
    )
    camera.start()
  }

  stats(): WatchedCameraStats {
    const { dropped, ...stats } = this.#options.camera.stats()
    return { ...stats, state: this.#state, dropped: dropped + this.#dropped }
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
    return pause.until
  }

  resume(): void {
    clearTimeout(this.#timer)
    if (this.#paused.value === null) return
    this.#options.onPause(null)
    this.#paused.next(null)
  }

  async stop(): Promise<void> {
    clearTimeout(this.#timer)
    for (const subscription of this.#subscriptions) subscription.unsubscribe()
    await this.#options.camera.stop()
  }

  #resumeAt(until: Moment): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.resume(), Math.max(0, until - this.#options.clock.now()))
  }

  #isWanted(frame: Frame): boolean {
    if (this.#isWatched()) {
      this.#options.stages.onFrame()
      return true
    }
    frame.release()
    return false
  }

  /** Faces in a frozen picture are not current: they are not reported or analysed. */
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
