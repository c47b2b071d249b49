/** One camera's way through the stages, as one Observable. */
import { concatMap, EMPTY, filter, type Observable, share } from 'rxjs'
import type { Frame, Sighting, Verdict } from '../core/types.js'
import { boundedQueue } from './bounded-queue.js'

export interface CameraLineParts {
  detect(frame: Frame): Promise<Sighting>
  classify(sighting: Sighting): Promise<Verdict[]>
  /** A frame that had to go because inference is slower than the camera. */
  onDrop: () => void
  /** A frame whose inference failed. The line goes on with the next. */
  onFailure: (error: unknown) => void
  onSuccess: () => void
}

/** What painlens knows of one frame. */
export interface Glance {
  sighting: Sighting
  verdicts: Verdict[]
}

/** Frames that may wait for the detector: one, so that what is worked on next is never older than a frame's time. */
const capacity = 1

/** Every frame is released, whether it is looked at, fails or is dropped. */
export function cameraLine(frames: Observable<Frame>, parts: CameraLineParts): Observable<Glance> {
  const { detect, classify, onDrop, onFailure, onSuccess } = parts
  const look = async (frame: Frame): Promise<Sighting | null> => {
    try {
      return await detect(frame)
    } catch (error) {
      onFailure(error)
      return null
    } finally {
      frame.release()
    }
  }
  const judge = async (sighting: Sighting): Promise<Glance | null> => {
    try {
      const glance = { sighting, verdicts: await classify(sighting) }
      onSuccess()
      return glance
    } catch (error) {
      onFailure(error)
      return null
    }
  }
  const drop = (frame: Frame): void => {
    frame.release()
    onDrop()
  }
  return frames.pipe(
    boundedQueue(look, { capacity, onDrop: drop }),
    concatMap((sighting) => (sighting ? judge(sighting) : EMPTY)),
    filter((glance) => glance !== null),
    share()
  )
}
