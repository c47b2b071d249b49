/** Technicians who ask for one frame of a camera as painlens sees it. */
import type { CameraConfig } from '../../config/index.js'
import type { Moment } from '../../core/clock.js'
import { InputError, TimeoutError } from '../../core/errors.js'
import type { Box, Face, Frame, Size } from '../../core/types.js'

/** What painlens makes of a face, without the pixels that it is judged by. */
export type SeenFace = Pick<Face, 'box' | 'score' | 'zone' | 'roll' | 'whyNot'> & { landmarks?: Float32Array }

/** A frame with masks blacked out, over memory of its own. */
export interface Sight extends Size {
  picture: Box
  at: Moment
  data: Uint8Array
  /** Null where the frame was not searched for faces: the camera's picture is frozen, or this one damaged. */
  faces: readonly SeenFace[] | null
}

/** The slowest rate that the config takes is one frame in 5 s. */
const usualViewMs = 15_000
/** Behind the time in which a picture comes, or the camera is lost. */
const spareMs = 5000

/** How long a frame of a camera is waited for, in ms. */
export const viewMs = ({ silent_after_s }: Pick<CameraConfig, 'silent_after_s'>): number =>
  Math.max(usualViewMs, 1000 * silent_after_s + spareMs)

interface Waiting {
  show(sight: Sight): void
  refuse(error: Error): void
}

/** Hands the next frame to those who wait for it. A frame is copied only when there are any. */
export class Viewers {
  readonly #camera: string
  #waiting: Waiting[] = []

  constructor(camera: string) {
    this.#camera = camera
  }

  /**
   * @param ms the longest wait
   * @throws TimeoutError without a frame in time, what `refuse` was called with, the signal's reason
   */
  next(ms: number, signal: AbortSignal): Promise<Sight> {
    return new Promise((resolve, reject) => {
      const end = (): void => {
        clearTimeout(timer)
        signal.removeEventListener('abort', onAbort)
        this.#waiting = this.#waiting.filter((one) => one !== waiting)
      }
      const refuse = (error: Error): void => {
        end()
        reject(error)
      }
      const onAbort = (): void => refuse(signal.reason as Error)
      const show = (sight: Sight): void => {
        end()
        resolve(sight)
      }
      const waiting = { show, refuse }
      const timer = setTimeout(() => refuse(noFrame(this.#camera, ms)), ms)
      signal.addEventListener('abort', onAbort)
      this.#waiting.push(waiting)
      if (signal.aborted) onAbort()
    })
  }

  show(frame: Frame, faces: readonly Face[] | null): void {
    if (this.#waiting.length === 0) return
    const { width, height, picture, at, data } = frame
    const seen = faces?.map(seenOf) ?? null
    const sight = { width, height, picture, at, data: Uint8Array.from(data), faces: seen }
    for (const { show } of this.#waiting) show(sight)
  }

  refuse(error: Error): void {
    for (const waiting of this.#waiting) waiting.refuse(error)
  }
}

/** The landmarks' memory goes on to the classifier. */
const seenOf = ({ box, score, zone, roll, whyNot, landmarks }: Face): SeenFace => ({
  ...{ box, score, zone, roll, whyNot },
  landmarks: landmarks.slice()
})

const noFrame = (camera: string, ms: number): TimeoutError =>
  new TimeoutError('PL-SNAPSHOT-NO-PICTURE', `no frame has been looked at for ${ms / 1000} s`, `camera ${camera}`)

/** Why no picture is given of a camera that is paused. */
export const pausedError = (camera: string, until: string): InputError =>
  new InputError(
    'PL-SNAPSHOT-PAUSED',
    `is paused for care until ${until}: no picture of it is given`,
    `camera ${camera}`
  )
