/** One camera's way through the stages, as one Observable. */
import { filter, type Observable, share } from 'rxjs'
import type { Frame, Sighting, Verdict } from '../../core/types.js'
import { boundedQueue } from './bounded-queue.js'
import { newestInTurn } from './newest-in-turn.js'

export interface CameraLineParts {
  detect(frame: Frame): Promise<Sighting>
  /** @param take gives the sighting when the classifier is free for it */
  classify(take: () => Sighting): Promise<Verdict[]>
  /** A frame, or what was seen in it, that had to go because inference is slower than the camera. */
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

/**
 * Every frame is released, whether it is looked at, fails or is dropped. Looking at a frame and judging the one before go
 * on side by side. Where judging is slower, faces are still followed from frame to frame, and when the classifier is free
 * it judges the newest of what was seen: latency is bounded by one judgement, and the rest is dropped and counted.
 */
export function cameraLine(frames: Observable<Frame>, parts: CameraLineParts): Observable<Glance> {
  const { detect, classify, onDrop, onFailure, onSuccess } = parts
  /** Tracks that ended in sightings whose judgement failed. */
  const untold: number[] = []
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
  const judge = async (take: () => Sighting): Promise<Glance | null> => {
    try {
      const verdicts = await classify(take)
      onSuccess()
      const sighting = take()
      return { sighting: { ...sighting, lost: [...untold.splice(0), ...sighting.lost] }, verdicts }
    } catch (error) {
      onFailure(error)
      untold.push(...take().lost)
      return null
    }
  }
  const dropFrame = (frame: Frame): void => {
    frame.release()
    onDrop()
  }
  const dropSighting = (older: Sighting, newer: Sighting): Sighting => {
    onDrop()
    return { ...newer, lost: [...older.lost, ...newer.lost] }
  }
  return frames.pipe(
    boundedQueue(look, { capacity, onDrop: dropFrame }),
    filter((sighting) => sighting !== null),
    newestInTurn(judge, dropSighting),
    filter((glance) => glance !== null),
    share()
  )
}
