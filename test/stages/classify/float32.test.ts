import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Float32Queue } from '../../../src/stages/classify/float32.js'

const crop = (id: number) => Uint8Array.of(id)

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

/** A queue whose inference takes that long; `begun` has the crops in the order in which they were judged. */
function open(ms: number) {
  const begun: number[] = []
  let running = 0
  const queue = new Float32Queue(async ([id]) => {
    begun.push(id!)
    expect(++running).toBe(1)
    await pause(ms)
    running--
    if (id === 13) throw new Error('the worker died')
    return Float32Array.of(id!)
  })
  return { queue, begun }
}
const pause = (ms: number) => new Promise((done) => setTimeout(done, ms))

describe('the queue for float32', () => {
  it('judges a face that an alarm waits for before those that came first', async () => {
    const { queue, begun } = open(100)
    const wishes = [1, 2, 3].map((id) => queue.judge(crop(id), { withinMs: 1000, urgent: false }))
    const alarm = queue.judge(crop(9), { withinMs: 1000, urgent: true })
    await vi.advanceTimersByTimeAsync(500)
    expect(begun).toEqual([1, 9, 2, 3])
    expect((await Promise.all([...wishes, alarm])).map((logits) => logits?.[0])).toEqual([1, 2, 3, 9])
  })

  it('answers with null when the time is up, and does not judge that face any more', async () => {
    const { queue, begun } = open(600)
    const first = queue.judge(crop(1), { withinMs: 500, urgent: false })
    const second = queue.judge(crop(2), { withinMs: 500, urgent: false })
    await vi.advanceTimersByTimeAsync(500)
    expect([await first, await second]).toEqual([null, null])
    await vi.advanceTimersByTimeAsync(2000)
    expect(begun).toEqual([1])
  })

  it('goes on after an inference that failed, which has no answer', async () => {
    const { queue } = open(10)
    const asked = [13, 2].map((id) => queue.judge(crop(id), { withinMs: 1000, urgent: true }))
    await vi.advanceTimersByTimeAsync(100)
    expect((await Promise.all(asked)).map((logits) => logits?.[0] ?? null)).toEqual([null, 2])
  })

  it('takes no more than four second looks at once, and every question of an alarm', async () => {
    const { queue } = open(100)
    const looks = Array.from({ length: 8 }, (_, i) => queue.judge(crop(20 + i), { withinMs: 2000, urgent: false }))
    const alarms = Array.from({ length: 8 }, (_, i) => queue.judge(crop(30 + i), { withinMs: 2000, urgent: true }))
    await vi.advanceTimersByTimeAsync(2000)
    const answered = async (asked: Promise<Float32Array | null>[]) =>
      (await Promise.all(asked)).filter((logits) => logits !== null).length
    // One was taken at once, four waited.
    expect(await answered(looks)).toBe(5)
    expect(await answered(alarms)).toBe(8)
  })

  it('answers all that wait when it is closed', async () => {
    const { queue } = open(10_000)
    const asked = [1, 2].map((id) => queue.judge(crop(id), { withinMs: 60_000, urgent: id === 2 }))
    queue.close()
    expect(await asked[1]).toBeNull()
    expect(vi.getTimerCount()).toBe(2)
    await vi.advanceTimersByTimeAsync(10_000)
    expect((await asked[0])?.[0]).toBe(1)
    expect(vi.getTimerCount()).toBe(0)
  })

  it('gives each wish exactly one answer within its time, whatever the order', async () => {
    const wish = fc.record({
      id: fc.integer({ min: 14, max: 200 }),
      afterMs: fc.integer({ min: 0, max: 300 }),
      withinMs: fc.integer({ min: 1, max: 1000 }),
      urgent: fc.boolean()
    })
    await fc.assert(
      fc.asyncProperty(fc.array(wish, { maxLength: 20 }), fc.integer({ min: 1, max: 400 }), async (wishes, ms) => {
        const { queue } = open(ms)
        const answers = wishes.map(async ({ id, afterMs, withinMs, urgent }) => {
          await pause(afterMs)
          const began = Date.now()
          const logits = await queue.judge(crop(id), { withinMs, urgent })
          // The test's own clock.
          const tookMs = Date.now() - began
          expect(tookMs).toBeLessThanOrEqual(withinMs)
          if (logits !== null) expect(logits[0]).toBe(id)
          return true
        })
        await vi.advanceTimersByTimeAsync(20_000)
        expect(await Promise.all(answers)).toEqual(wishes.map(() => true))
        expect(vi.getTimerCount()).toBe(0)
      }),
      { numRuns: 60 }
    )
  })
})
