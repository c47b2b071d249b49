import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { JudgingQueue, longestWaitMs } from '../../../src/stages/classify/queue.js'

interface Request {
  /** When it comes, in simulated ms. */
  at: number
  count: number
}

interface Batch {
  start: number
  end: number
  items: string[]
}

interface World {
  max: number
  /** Duration of a call by its number of items. */
  takesMs: (items: number) => number
  /** Whether the nth call fails. */
  fails?: (nth: number) => boolean
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

/** Plays requests, in the order of their times, against a worker of a simulated clock. */
async function play(requests: readonly Request[], { max, takesMs, fails = () => false }: World) {
  let now = 0
  let running: { end: number; settle: () => void } | null = null
  const batches: Batch[] = []
  const queue = new JudgingQueue<string, string>({
    max: () => max,
    run: (items) => {
      if (running) throw new Error('two calls at a time')
      const nth = batches.length
      const end = now + takesMs(items.length)
      batches.push({ start: now, end, items })
      return new Promise((resolve, reject) => {
        const settle = fails(nth) ? () => reject(new Error(`call ${nth}`)) : () => resolve(items.map(resultOf))
        running = { end, settle }
      })
    }
  })
  const advance = async (until: number): Promise<void> => {
    while (running && running.end <= until) {
      const { end, settle } = running
      now = end
      running = null
      settle()
      await turn()
    }
    now = Math.max(now, until)
  }
  const answers: Promise<string[] | Error>[] = []
  for (const [i, { at, count }] of requests.entries()) {
    await advance(at)
    answers.push(queue.submit(itemsOf(i, count)).results.catch((error: Error) => error))
  }
  while (running) await advance((running as { end: number }).end)
  return { batches, answers: await Promise.all(answers) }
}

const itemsOf = (request: number, count: number): string[] => Array.from({ length: count }, (_, i) => `${request}.${i}`)
const resultOf = (item: string): string => `result of ${item}`
const requestOf = (item: string): number => Number(item.split('.')[0])

const someRequests = fc
  .array(fc.record({ at: fc.nat(200), count: fc.integer({ min: 0, max: 5 }) }), { maxLength: 25 })
  .map((requests) => requests.sort((a, b) => a.at - b.at))
const someWorld = fc
  .record({ max: fc.integer({ min: 1, max: 6 }), fixed: fc.nat(20), each: fc.integer({ min: 1, max: 20 }) })
  .map(({ max, fixed, each }) => ({ max, takesMs: (items: number) => fixed + each * items }))

describe('the queue of what waits for the model', () => {
  it('returns to each caller the results of its own items, in order, in batches up to the maximum', async () => {
    await fc.assert(
      fc.asyncProperty(someRequests, someWorld, async (requests, world) => {
        const { batches, answers } = await play(requests, world)
        expect(answers).toEqual(requests.map(({ count }, i) => itemsOf(i, count).map(resultOf)))
        for (const { items } of batches) expect(items.length).toBeLessThanOrEqual(world.max)
        // Requests are served in order, each item once.
        expect(batches.flatMap(({ items }) => items)).toEqual(requests.flatMap(({ count }, i) => itemsOf(i, count)))
      })
    )
  })

  it('starts a call as soon as none runs, and fills each batch with the waiting items', async () => {
    await fc.assert(
      fc.asyncProperty(someRequests, someWorld, async (requests, world) => {
        const { batches } = await play(requests, world)
        let free = 0
        for (const [i, { start, end, items }] of batches.entries()) {
          const came = requests[requestOf(items[0]!)]!.at
          expect(start).toBe(Math.max(free, came))
          const next = batches[i + 1]
          if (next && items.length < world.max)
            expect(requests[requestOf(next.items[0]!)]!.at).toBeGreaterThanOrEqual(start)
          free = end
        }
      })
    )
  })

  it('uses the replacements of waiting items, and ignores replacements of items already in a call', async () => {
    const calls: { items: readonly string[]; end: (results: string[]) => void }[] = []
    const queue = new JudgingQueue<string, string>({
      max: () => 2,
      run: (items) => new Promise((end) => calls.push({ items, end }))
    })
    const begun = queue.submit(['a'])
    const waiting = queue.submit(['b', 'c', 'd'])
    expect([begun.isWaiting(), waiting.isWaiting()]).toEqual([false, true])
    begun.replace(['x'])
    waiting.replace(['e'])
    waiting.replace(['f', 'g', 'h'])
    const end = async () => {
      const { items, end } = calls.at(-1)!
      end(items.map(resultOf))
      await turn()
    }
    await end()
    expect(waiting.isWaiting()).toBe(false)
    waiting.replace(['x'])
    await end()
    await end()
    expect(calls.map(({ items }) => items)).toEqual([['a'], ['f', 'g'], ['h']])
    expect(await begun.results).toEqual(['result of a'])
    expect(await waiting.results).toEqual(['f', 'g', 'h'].map(resultOf))
  })

  it('rejects exactly the requests with items in a failed call', async () => {
    await fc.assert(
      fc.asyncProperty(someRequests, someWorld, fc.array(fc.boolean()), async (requests, world, failing) => {
        const { batches, answers } = await play(requests, { ...world, fails: (nth) => failing[nth] ?? false })
        for (const [i, { count }] of requests.entries()) {
          const failed = batches.findIndex(
            ({ items }, nth) => failing[nth] && items.some((item) => requestOf(item) === i)
          )
          const wanted = failed < 0 ? itemsOf(i, count).map(resultOf) : new Error(`call ${failed}`)
          expect(answers[i]).toEqual(wanted)
        }
      })
    )
  })
})

interface Sight {
  /** When it comes, in simulated ms. */
  at: number
  camera: number
  /** How much its face has changed. */
  change: number
}

interface Begun {
  at: number
  taken: Waits
  /** All that waited then, the one taken among them, the oldest first. */
  waited: readonly Waits[]
}

interface Waits extends Sight {
  since: number
}

/** Cameras of which each has one sighting waiting at most: a newer one takes its place. One face a call, of that duration. */
async function watch(sights: readonly Sight[], callMs: number): Promise<Begun[]> {
  let now = 0
  let free = 0
  let end: (() => void) | null = null
  let waiting: Waits[] = []
  const begun: Begun[] = []
  const turns = new Map<number, ReturnType<JudgingQueue<Sight, Sight>['submit']>>()
  const queue = new JudgingQueue<Sight, Sight>({
    max: () => 1,
    urgency: ({ change }) => change,
    now: () => now,
    run: ([sight]) => {
      const taken = waiting.find(({ camera }) => camera === sight!.camera)!
      begun.push({ at: now, taken, waited: waiting })
      waiting = waiting.filter((each) => each !== taken)
      free = now + callMs
      return new Promise((resolve) => {
        end = () => resolve([sight!])
      })
    }
  })
  const advance = async (until: number): Promise<void> => {
    while (end && free <= until) {
      now = free
      const settle: () => void = end
      end = null
      settle()
      await turn()
    }
    now = Math.max(now, until)
  }
  for (const sight of sights) {
    await advance(sight.at)
    const last = turns.get(sight.camera)
    const older = waiting.find(({ camera }) => camera === sight.camera)
    if (last?.isWaiting() && older) {
      waiting = waiting.map((each) => (each === older ? { ...sight, since: older.since } : each))
      last.replace([sight])
    } else {
      waiting = [...waiting, { ...sight, since: now }]
      turns.set(sight.camera, queue.submit([sight]))
    }
  }
  await advance(Number.POSITIVE_INFINITY)
  expect(waiting).toEqual([])
  return begun
}

const someSights = (cameras: number) =>
  fc
    .array(fc.record({ at: fc.nat(4000), camera: fc.nat(cameras - 1), change: fc.nat(50) }), { maxLength: 120 })
    .map((sights) => sights.sort((a, b) => a.at - b.at))

describe('of faces that wait', () => {
  it('the one that has changed most goes first, or the oldest where another one would wait for too long', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 12 }).chain(someSights),
        fc.integer({ min: 1, max: 400 }),
        async (sights, callMs) => {
          for (const [nth, { at, taken, waited }] of (await watch(sights, callMs)).entries()) {
            const most = Math.max(...waited.map(({ change }) => change))
            // The length of a call is not known before the first has ended.
            const known = nth === 0 ? 0 : callMs
            const late = waited.some(({ since }, place) => at + (place + 1) * known > since + longestWaitMs)
            if (late) expect(taken).toBe(waited[0])
            else expect(taken.change).toBe(most)
          }
        }
      )
    )
  })

  it('none waits for longer than a second, however much the others change, where the calls are quick enough for all', async () => {
    const world = fc.integer({ min: 1, max: 10 }).chain((cameras) =>
      fc.record({
        sights: someSights(cameras),
        callMs: fc.integer({ min: 1, max: Math.floor(longestWaitMs / cameras) })
      })
    )
    await fc.assert(
      fc.asyncProperty(world, async ({ sights, callMs }) => {
        for (const { at, taken } of await watch(sights, callMs))
          expect(at - taken.since).toBeLessThanOrEqual(longestWaitMs)
      })
    )
  })

  it('a face that never changes is judged while another one changes all the time', async () => {
    const still = [{ at: 1, camera: 0, change: 0 }]
    const lively = Array.from({ length: 100 }, (_, i) => ({ at: i * 20, camera: 1 + (i % 3), change: 50 }))
    const begun = await watch([...lively.slice(0, 1), ...still, ...lively.slice(1)], 100)
    const { at } = begun.find(({ taken }) => taken.camera === 0)!
    expect(at).toBeGreaterThan(500)
    expect(at).toBeLessThanOrEqual(1 + longestWaitMs)
  })
})

describe('what runs between two calls', () => {
  it('waits for faces, and each comes to its end while faces never cease', async () => {
    let now = 0
    const order: string[] = []
    const queue: JudgingQueue<string, string> = new JudgingQueue<string, string>({
      max: () => 1,
      now: () => now,
      run: async ([item]) => {
        now += 100
        order.push('face')
        // The next face is there before this one is judged.
        if (order.length < 100) void queue.submit([item!])
        return [item!]
      }
    })
    void queue.submit(['a'])
    const view = (name: string) =>
      queue.between(async () => {
        now += 300
        order.push(name)
        return name
      })
    const views = await Promise.all([view('view 1'), view('view 2')])
    expect(views).toEqual(['view 1', 'view 2'])
    // Nine times its own duration, which is 27 faces, lie between two views.
    expect(order.indexOf('view 2') - order.indexOf('view 1')).toBe(28)
  })

  it('runs at once where nothing waits, and its failure is that of its caller', async () => {
    const queue = new JudgingQueue<string, string>({ max: () => 1, run: async (items) => items })
    await expect(queue.between(() => Promise.reject(new Error('no')))).rejects.toThrow('no')
    const atOnce = (): Promise<never> => {
      throw new Error('not even begun')
    }
    await expect(queue.between(atOnce)).rejects.toThrow('not even begun')
    expect(await queue.between(async () => 7)).toBe(7)
    expect(await queue.submit(['a']).results).toEqual(['a'])
  })
})
