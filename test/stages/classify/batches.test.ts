import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Batches } from '../../../src/stages/classify/batches.js'

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
  /** How long a call with so many items takes. */
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
  const taken: { request: number; at: number }[] = []
  const queue = new Batches<string, string>({
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
    const asked = queue.submit(() => {
      taken.push({ request: i, at: now })
      return itemsOf(i, count)
    })
    answers.push(asked.catch((error: Error) => error))
  }
  while (running) await advance((running as { end: number }).end)
  return { batches, taken, answers: await Promise.all(answers) }
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

describe('Batches', () => {
  it('gives everybody the results of their own items, in order, in batches that are not too large', async () => {
    await fc.assert(
      fc.asyncProperty(someRequests, someWorld, async (requests, world) => {
        const { batches, answers, taken } = await play(requests, world)
        expect(answers).toEqual(requests.map(({ count }, i) => itemsOf(i, count).map(resultOf)))
        for (const { items } of batches) expect(items.length).toBeLessThanOrEqual(world.max)
        // Who asked first is served first, and everybody's turn comes once.
        expect(batches.flatMap(({ items }) => items)).toEqual(requests.flatMap(({ count }, i) => itemsOf(i, count)))
        expect(taken.map(({ request }) => request)).toEqual(requests.map((_, i) => i))
      })
    )
  })

  it('never lets anything wait while nothing runs, nor leaves room in a batch for what waits', async () => {
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

  it('takes what is there when the turn comes, not when it is asked for', async () => {
    const world = { max: 4, takesMs: () => 100 }
    const { taken, batches } = await play(
      [0, 10, 20, 30].map((at) => ({ at, count: 1 })),
      world
    )
    expect(taken.map(({ at }) => at)).toEqual([0, 100, 100, 100])
    expect(batches.map(({ items }) => items.length)).toEqual([1, 3])
  })

  it('a call that fails fails all who had something in it, and nobody else', async () => {
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
