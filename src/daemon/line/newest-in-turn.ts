import { concatMap, defer, map, type Observable, type OperatorFunction } from 'rxjs'

/**
 * Runs tasks that wait for a turn of their own, with others, elsewhere: `task` calls what it is given when its turn has
 * come, and gets the newest value there is then. So nothing grows old in the queue, and a source never has more than one
 * value waiting. Results come in the order of the turns.
 * @param task   may call `take` more than once and gets the same; calls it at least once, and never rejects
 * @param merge  what waits from now on, when a newer value comes before the turn of an older one
 */
export function newestInTurn<T, R>(
  task: (take: () => T) => Promise<R>,
  merge: (waiting: T, newer: T) => T
): OperatorFunction<T, R> {
  return (source: Observable<T>) =>
    defer(() => {
      let waiting: { value: T } | null = null
      const ask = (value: T): Promise<R> | null => {
        if (waiting) {
          waiting.value = merge(waiting.value, value)
          return null
        }
        const place = { value }
        waiting = place
        return task(() => {
          if (waiting === place) waiting = null
          return place.value
        })
      }
      return source.pipe(
        map(ask),
        concatMap((asked) => (asked ? [asked] : [])),
        concatMap((asked) => asked)
      )
    })
}
