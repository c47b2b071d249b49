import fc from 'fast-check'
import { Subject } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { LatencyWindow } from '../../../src/daemon/health/metrics.js'
import { boundedQueue } from '../../../src/daemon/line/camera-line.js'

const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

/** A queue whose tasks end when the test says so. */
function manualQueue(capacity: number) {
  const source = new Subject<number>()
  const started: number[] = []
  const results: number[] = []
  const dropped: number[] = []
  const open: (() => void)[] = []
  let completed = false
  const task = (value: number) => {
    started.push(value)
    return new Promise<number>((resolve) => open.push(() => resolve(value)))
  }
  const subscription = source.pipe(boundedQueue(task, { capacity, onDrop: (value) => dropped.push(value) })).subscribe({
    next: (value) => results.push(value),
    complete: () => {
      completed = true
    }
  })
  const finishOne = async () => {
    open.shift()?.()
    await turn()
  }
  return { source, started, results, dropped, open, finishOne, subscription, isCompleted: () => completed }
}

describe('the bounded queue', () => {
  it('drops the oldest waiting value, never the running one, and runs the newest next', async () => {
    const queue = manualQueue(1)
    for (const value of [1, 2, 3, 4]) queue.source.next(value)
    expect(queue.started).toEqual([1])
    expect(queue.dropped).toEqual([2, 3])
    await queue.finishOne()
    expect(queue.started).toEqual([1, 4])
  })

  it('completes or reports as dropped every value, one task at a time, with results in order', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.boolean(), { maxLength: 60 }),
        fc.integer({ min: 1, max: 4 }),
        async (steps, capacity) => {
          const queue = manualQueue(capacity)
          let next = 0
          for (const arrives of steps) {
            if (arrives) queue.source.next(next++)
            else await queue.finishOne()
            expect(queue.open.length).toBeLessThanOrEqual(1)
          }
          queue.source.complete()
          while (queue.open.length > 0) await queue.finishOne()
          expect(queue.isCompleted()).toBe(true)
          expect(queue.results).toEqual([...queue.results].sort((a, b) => a - b))
          expect([...queue.results, ...queue.dropped].sort((a, b) => a - b)).toEqual([...Array(next).keys()])
        }
      ),
      { numRuns: 50 }
    )
  })

  it('reports the waiting values as dropped when it is unsubscribed', () => {
    const queue = manualQueue(3)
    for (const value of [1, 2, 3]) queue.source.next(value)
    queue.subscription.unsubscribe()
    expect(queue.dropped).toEqual([2, 3])
  })

  it('passes on a task’s failure', async () => {
    const source = new Subject<number>()
    let failure: unknown
    source
      .pipe(boundedQueue(() => Promise.reject(new Error('no')), { capacity: 1, onDrop: () => undefined }))
      .subscribe({
        error: (error) => {
          failure = error
        }
      })
    source.next(1)
    await turn()
    expect(failure).toEqual(new Error('no'))
  })
})

describe('the latency window', () => {
  it('computes percentiles of the last values only', () => {
    const window = new LatencyWindow(4)
    expect(window.percentile(0.5)).toBeNull()
    for (const ms of [1000, 1, 2, 3, 4]) window.add(ms)
    expect(window.percentile(0.5)).toBe(3)
    expect(window.percentile(0.95)).toBe(4)
    expect(window.count).toBe(5)
  })
})
