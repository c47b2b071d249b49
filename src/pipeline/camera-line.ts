/** One camera's way through the stages, as one Observable. */
import { concatMap, filter, type Observable, share } from 'rxjs'
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
/** From so many times as slow as looking on, judging gains less by a sighting that is ready than the sighting loses by its age. */
const slowJudging = 3

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
  let judging: Promise<Glance | null> = Promise.resolve(null)
  const lookTime = new Stopwatch()
  const judgeTime = new Stopwatch()
  // The next frame is looked at while this one is judged, but no further ahead: where judging is slow, frames are
  // dropped at the front instead of sightings piling up behind it. Where it is much slower than looking, a frame looked
  // at now would only grow old until its turn, so a newer one is taken then. In an object, or the queue would await it.
  const lookAndHandOn = async (frame: Frame): Promise<{ glance: Promise<Glance | null> }> => {
    const sighting = await lookTime.of(look(frame))
    await judging
    judging = sighting ? judgeTime.of(judge(sighting)) : Promise.resolve(null)
    const glance = judging
    if (judgeTime.lastMs > slowJudging * lookTime.lastMs) await judging
    return { glance }
  }
  return frames.pipe(
    boundedQueue(lookAndHandOn, { capacity, onDrop: drop }),
    concatMap(({ glance }) => glance),
    filter((glance) => glance !== null),
    share()
  )
}

/** How long the last of its tasks took. */
class Stopwatch {
  lastMs = 0

  async of<T>(task: Promise<T>): Promise<T> {
    const startedAt = performance.now()
    try {
      return await task
    } finally {
      this.lastMs = performance.now() - startedAt
    }
  }
}
