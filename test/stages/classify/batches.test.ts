import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Batches } from '../../../src/stages/classify/index.js'

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

describe('Batches', () => {
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
    const queue = new Batches<string, string>({
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
