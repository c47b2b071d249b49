import { Observable, type OperatorFunction } from 'rxjs'

export interface BoundedQueueOptions<T> {
  /** How many values may wait while one is being worked on; 1 keeps latency lowest. */
  capacity: number
  /** Called with each value that had to go, the oldest first, and with those that still wait at the end. */
  onDrop: (value: T) => void
}

/**
 * One asynchronous task at a time, in order. A source that is faster than its tasks loses its oldest waiting values, so
 * that the queue is bounded and the newest are worked on: an old frame is worth less than a new one.
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
