/** A camera with its line through the stages, its drops counted, and pauses for care. */
import { BehaviorSubject, combineLatest, distinctUntilChanged, filter, map, type Subscription } from 'rxjs'
import type { Camera } from '../camera/index.js'
import type { CameraConfig } from '../config/index.js'
import type { Clock } from '../core/clock.js'
import type { CameraState, Frame } from '../core/types.js'
import { type CameraLineParts, cameraLine, type Glance } from './camera-line.js'

export interface WatchedCameraOptions {
  config: CameraConfig
  camera: Camera
  clock: Clock
  stages: Pick<CameraLineParts, 'detect' | 'classify' | 'onFailure' | 'onSuccess'>
  onGlance: (glance: Glance, camera: CameraConfig) => void
  onState: (camera: string, state: CameraState, since: number) => void
}

export interface WatchedCameraStats {
  state: CameraState
  fps: number
  frames: number
  dropped: number
  lastFrameAt: number | null
}

export interface WatchedCamera {
  readonly config: CameraConfig
  stats(): WatchedCameraStats
  /** Frames are let go unseen until `until` (ms since the epoch) or `resume`. */
  pause(until: number): void
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
  readonly #paused = new BehaviorSubject<number | null>(null)
  readonly #subscriptions: Subscription[] = []
  #timer: NodeJS.Timeout | undefined
  #dropped = 0
  #state: CameraState = 'connecting'

  constructor(options: WatchedCameraOptions) {
    this.#options = options
    this.config = options.config
  }

  start(): void {
    const { camera, config, stages, onGlance } = this.#options
    const onDrop = (): void => void this.#dropped++
    const frames = camera.frames.pipe(filter((frame) => this.#isWanted(frame)))
    this.#subscriptions.push(
      this.#states().subscribe(({ state, since }) => {
        this.#state = state
        this.#options.onState(config.id, state, since)
      }),
      cameraLine(frames, { ...stages, onDrop }).subscribe((glance) => {
        // What was under way when a pause began is not looked at any more either.
        if (this.#isWatched()) onGlance(glance, config)
      })
    )
    camera.start()
  }

  stats(): WatchedCameraStats {
    const { frames, dropped, fps, lastFrameAt } = this.#options.camera.stats()
    return { state: this.#state, fps, frames, dropped: dropped + this.#dropped, lastFrameAt }
  }

  pause(until: number): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.resume(), Math.max(0, until - this.#options.clock.now()))
    this.#paused.next(this.#options.clock.now())
  }

  resume(): void {
    clearTimeout(this.#timer)
    this.#paused.next(null)
  }

  async stop(): Promise<void> {
    clearTimeout(this.#timer)
    for (const subscription of this.#subscriptions) subscription.unsubscribe()
    await this.#options.camera.stop()
  }

  #isWanted(frame: Frame): boolean {
    if (this.#isWatched()) return true
    frame.release()
    return false
  }

  /** A face in a frozen picture is not there now: nobody hears of it, and inference is spared. */
  #isWatched(): boolean {
    return this.#paused.value === null && this.#state !== 'frozen'
  }

  /** A pause hides what the camera itself says; afterwards that counts again. */
  #states() {
    return combineLatest([this.#options.camera.states, this.#paused]).pipe(
      map(([own, pausedSince]) =>
        pausedSince === null ? own : { state: 'paused' as CameraState, since: pausedSince }
      ),
      distinctUntilChanged((a, b) => a.state === b.state)
    )
  }
}
