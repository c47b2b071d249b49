/**
 * One camera's way through the stages, as one Observable.
 *
 *     frames ──▶ boundedQueue(detect) ──sightings──▶ newestInTurn(classify) ──▶ judged frames
 *                      │                                    │
 *                      ├─▶ dropped: the oldest frame that    ├─▶ dropped: a sighting that a newer one replaces while it
 *                      │   waits when another comes          │   waits for the model; its lost tracks go to the newer one
 *                      └─▶ failed: the frame is skipped      └─▶ failed: the sighting is skipped; its lost tracks go to
 *                                                                the next judged frame
 *
 * In:      Frame        released here, in each of these cases
 * Out:     JudgedFrame  in the order of the frames; every lost track is in exactly one of them
 * Dropped: onDrop       inference is slower than the camera
 * Failed:  onFailure    the line goes on with the next frame
 */
import { concatMap, defer, filter, map, Observable, type OperatorFunction, share } from 'rxjs'
import type { Frame, Sighting, Verdict } from '../../core/types.js'
import type { Classification } from '../../stages/classify/index.js'

export interface CameraLineParts {
  detect(frame: Frame): Promise<Sighting>
  classify(sighting: Sighting): Classification
  /** Called for a frame or sighting that was dropped because inference is slower than the camera. */
  onDrop: () => void
  /** Called for a frame whose inference failed. */
  onFailure: (error: unknown) => void
  onSuccess: () => void
}

/** What the stages found in one frame. */
export interface JudgedFrame {
  sighting: Sighting
  verdicts: Verdict[]
}

/** Frames that may wait for the detector: one, so that the next is never older than a frame interval. */
const capacity = 1

/**
 * Detection of a frame runs while the one before is classified. If classification is slower, faces are still tracked in
 * every frame, and the classifier takes the newest sighting when free: latency is bounded by one classification, and older
 * sightings are dropped and counted.
 */
export function cameraLine(frames: Observable<Frame>, parts: CameraLineParts): Observable<JudgedFrame> {
  const { onDrop } = parts
  const dropFrame = (frame: Frame): void => {
    frame.release()
    onDrop()
  }
  const dropSighting = (older: Sighting, newer: Sighting): Sighting => {
    onDrop()
    return { ...newer, lost: [...older.lost, ...newer.lost] }
  }
  return frames.pipe(
    boundedQueue((frame) => look(frame, parts), { capacity, onDrop: dropFrame }),
    filter((sighting) => sighting !== null),
    newestInTurn(judgeWith(parts), dropSighting),
    filter((judged) => judged !== null),
    share()
  )
}

async function look(frame: Frame, { detect, onFailure }: CameraLineParts): Promise<Sighting | null> {
  try {
    return await detect(frame)
  } catch (error) {
    onFailure(error)
    return null
  } finally {
    frame.release()
  }
}

function judgeWith({ classify, onFailure, onSuccess }: CameraLineParts) {
  /** Lost tracks of sightings whose classification failed. */
  const lostUnreported: number[] = []
  return (first: Sighting): Turn<Sighting, JudgedFrame | null> => {
    let sighting = first
    const { verdicts, isWaiting, replace } = classify(first)
    const judged = verdicts.then(
      (found) => {
        onSuccess()
        return { sighting: { ...sighting, lost: [...lostUnreported.splice(0), ...sighting.lost] }, verdicts: found }
      },
      (error: unknown) => {
        onFailure(error)
        lostUnreported.push(...sighting.lost)
        return null
      }
    )
    const replaceBy = (newer: Sighting): void => {
      sighting = newer
      replace(newer)
    }
    return { result: judged, isWaiting, replace: replaceBy }
  }
}

export interface BoundedQueueOptions<T> {
  /** How many values may wait while a task runs; 1 gives the lowest latency. */
  capacity: number
  /** Called with each dropped value, the oldest first, and with those that still wait at the end. */
  onDrop: (value: T) => void
}

/**
 * One asynchronous task at a time, in order. If the source is faster than its tasks, the oldest waiting values are dropped,
 * so that the queue is bounded and the newest are processed.
 */
export function boundedQueue<T, R>(
  task: (value: T) => Promise<R>,
  options: BoundedQueueOptions<T>
): OperatorFunction<T, R> {
  return (source) =>
    new Observable<R>((subscriber) => {
      const waiting: T[] = []
      let busy = false
      let completed = false

      const next = (): void => {
        if (busy) return
        const value = waiting.shift()
        if (value === undefined) {
          if (completed) subscriber.complete()
          return
        }
        busy = true
        task(value)
          .then((result) => subscriber.next(result))
          .catch((error: unknown) => subscriber.error(error))
          .finally(() => {
            busy = false
            if (!subscriber.closed) next()
          })
      }

      const subscription = source.subscribe({
        next: (value) => {
          waiting.push(value)
          if (waiting.length > options.capacity) options.onDrop(waiting.shift()!)
          next()
        },
        error: (error) => subscriber.error(error),
        complete: () => {
          completed = true
          next()
        }
      })
      return () => {
        subscription.unsubscribe()
        for (const value of waiting.splice(0)) options.onDrop(value)
      }
    })
}

/** A task that may wait for its turn. */
export interface Turn<T, R> {
  /** Never rejects. */
  result: Promise<R>
  isWaiting(): boolean
  /** While it waits: replaces the value. */
  replace(newer: T): void
}

/**
 * Runs tasks that wait in a queue shared with other sources. A value that comes while the last task still waits replaces
 * that task's value, so that a source never has more than one value waiting. Results come in the order of the turns.
 * @param merge the value that waits, given the older and the newer one
 */
function newestInTurn<T, R>(
  begin: (value: T) => Turn<T, R>,
  merge: (waiting: T, newer: T) => T
): OperatorFunction<T, R> {
  return (source: Observable<T>) =>
    defer(() => {
      let last: { value: T; turn: Turn<T, R> } | null = null
      const take = (value: T): Promise<R>[] => {
        if (last?.turn.isWaiting()) {
          last.value = merge(last.value, value)
          last.turn.replace(last.value)
          return []
        }
        last = { value, turn: begin(value) }
        return [last.turn.result]
      }
      return source.pipe(
        map(take),
        concatMap((begun) => begun),
        concatMap((result) => result)
      )
    })
}
