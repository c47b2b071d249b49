import fc from 'fast-check'
import { Subject } from 'rxjs'
import { describe, expect, it } from 'vitest'
import type { Frame, Sighting, Verdict } from '../../../src/core/types.js'
import { boundedQueue, cameraLine, type JudgedFrame } from '../../../src/daemon/line/camera-line.js'
import { moment } from '../../support/moments.js'

const turns = async (count = 5) => {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve))
}

/** A line whose detector answers at once, and whose classifier begins and ends when the test says so. */
function slowJudge() {
  const frames = new Subject<Frame>()
  const judged: JudgedFrame[] = []
  const asked: {
    sighting: Sighting
    begun: boolean
    resolve: (verdicts: Verdict[]) => void
    reject: (error: Error) => void
  }[] = []
  const counts = { detected: 0, dropped: 0, released: 0, failed: 0 }
  cameraLine(frames, {
    detect: async ({ camera, at, picture }) => {
      counts.detected++
      return { camera, at, picture, faces: [], lost: [at] }
    },
    classify: (first) => {
      const entry = { sighting: first, begun: false, resolve: (_: Verdict[]) => {}, reject: (_: Error) => {} }
      const verdicts = new Promise<Verdict[]>((resolve, reject) => Object.assign(entry, { resolve, reject }))
      asked.push(entry)
      return {
        verdicts,
        isWaiting: () => !entry.begun,
        replace: (newer) => {
          entry.sighting = newer as Sighting
        }
      }
    },
    onDrop: () => void counts.dropped++,
    onFailure: () => void counts.failed++,
    onSuccess: () => undefined
  }).subscribe((frame) => judged.push(frame))
  const push = async (at: number): Promise<void> => {
    frames.next(frame(at, () => void counts.released++))
    await turns()
  }
  const begin = (): number | undefined => {
    if (asked[0]) asked[0].begun = true
    return asked[0]?.sighting.at
  }
  const end = async (error?: Error): Promise<void> => {
    begin()
    const entry = asked.shift()
    if (error) entry?.reject(error)
    else entry?.resolve([])
    await turns()
  }
  return { push, begin, end, asked, judged, counts, at: () => judged.map(({ sighting }) => sighting.at) }
}

const frame = (at: number, release: () => void): Frame => ({
  camera: 'a',
  at: moment(at),
  width: 1,
  height: 1,
  picture: { x: 0, y: 0, width: 1, height: 1 },
  damaged: false,
  data: new Uint8Array(new SharedArrayBuffer(3)),
  release
})

describe('the camera line', () => {
  it('classifies the newest sighting when the classifier is free, and drops older ones', async () => {
    const { push, begin, end, counts, at, asked } = slowJudge()
    await push(0)
    expect(begin()).toBe(0)
    for (let at = 1; at < 100; at++) await push(at)
    // One is being classified, and the newest waits for its turn.
    expect(asked).toHaveLength(2)
    expect(counts).toEqual({ detected: 100, dropped: 98, released: 100, failed: 0 })
    await end()
    expect(begin()).toBe(99)
    // The classifier has begun with it: the next sighting waits for another turn.
    await push(100)
    await end()
    await end()
    expect(at()).toEqual([0, 99, 100])
  })

  it('releases each frame once it is classified, dropped or failed, and reports every lost track, for any timing', async () => {
    const steps = fc.array(fc.constantFrom('push', 'begin', 'end', 'fail' as const), { maxLength: 60 })
    await fc.assert(
      fc.asyncProperty(steps, async (steps) => {
        const { push, begin, end, asked, counts, judged, at } = slowJudge()
        let next = 0
        const moves = {
          push: () => push(next++),
          begin: async () => void begin(),
          end: () => end(),
          fail: () => end(new Error('no'))
        }
        for (const step of steps) {
          await moves[step]()
          expect(asked.length).toBeLessThanOrEqual(2)
        }
        await push(next++)
        while (asked.length > 0) await end()
        expect(counts.released).toBe(next)
        expect(at().length + counts.dropped + counts.failed).toBe(next)
        expect(at()).toEqual([...at()].sort((a, b) => a - b))
        const told = judged.flatMap(({ sighting }) => sighting.lost)
        expect(told).toEqual([...Array(next).keys()])
      }),
      { numRuns: 60 }
    )
  })

  it('continues after failures of either stage, and releases each frame', async () => {
    const frames = new Subject<Frame>()
    const seen: number[] = []
    const failures: unknown[] = []
    let released = 0
    cameraLine(frames, {
      detect: async ({ camera, at, picture }) => {
        if (at === 1) throw new Error('detector')
        return { camera, at, picture, faces: [], lost: [] }
      },
      classify: ({ at }) => ({
        verdicts: at === 2 ? Promise.reject(new Error('classifier')) : Promise.resolve([]),
        isWaiting: () => false,
        replace: () => undefined
      }),
      onDrop: () => undefined,
      onFailure: (error) => failures.push((error as Error).message),
      onSuccess: () => undefined
    }).subscribe(({ sighting }) => seen.push(sighting.at))
    for (const at of [0, 1, 2, 3]) {
      frames.next(frame(at, () => void released++))
      await turns()
    }
    expect(seen).toEqual([0, 3])
    expect(failures).toEqual(['detector', 'classifier'])
    expect(released).toBe(4)
  })
})

const turn = () => turns(1)

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
