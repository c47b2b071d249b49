import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { NewestFirst, type Queued } from '../../src/explain/queue.js'

interface Job extends Queued {
  name: string
}

/** A queue whose work the test ends by hand. */
function handOperated(maxAgeMs = 1000) {
  const started: string[] = []
  const running: { job: Job; finish: (result?: string) => void; fail: (error: Error) => void }[] = []
  const clock = { time: 0, now: () => clock.time }
  const queue = new NewestFirst<Job, string>({
    clock,
    maxAgeMs,
    run: (job) =>
      new Promise((resolve, reject) => {
        started.push(job.name)
        running.push({ job, finish: (result = `${job.name} done`) => resolve(result), fail: reject })
      })
  })
  const settle = () => new Promise((resolve) => setImmediate(resolve))
  const finish = async () => {
    running.shift()!.finish()
    await settle()
  }
  return { queue, clock, started, running, finish, settle }
}

describe('the queue of explanations', () => {
  it('runs one at a time, the newest first', async () => {
    const { queue, started, finish } = handOperated()
    const results = [
      queue.submit({ name: 'a', camera: '1', at: 1 }),
      queue.submit({ name: 'b', camera: '2', at: 2 }),
      queue.submit({ name: 'c', camera: '3', at: 9 }),
      queue.submit({ name: 'd', camera: '4', at: 5 })
    ]
    expect(started).toEqual(['a'])
    for (let i = 0; i < 4; i++) await finish()
    expect(started).toEqual(['a', 'c', 'd', 'b'])
    expect(await Promise.all(results)).toEqual(['a done', 'b done', 'c done', 'd done'])
    expect(queue.skipped).toBe(0)
  })

  it("lets a camera's newer request replace the older that waits, which resolves with null", async () => {
    const { queue, started, finish } = handOperated()
    const first = queue.submit({ name: 'a', camera: '1', at: 1 })
    const second = queue.submit({ name: 'b', camera: '1', at: 2 })
    const third = queue.submit({ name: 'c', camera: '1', at: 3 })
    const late = queue.submit({ name: 'older than c', camera: '1', at: 2 })
    expect([await second, await late]).toEqual([null, null])
    await finish()
    await finish()
    expect([await first, await third]).toEqual(['a done', 'c done'])
    expect(started).toEqual(['a', 'c'])
    expect(queue.skipped).toBe(2)
  })

  it('goes on after a failure', async () => {
    const { queue, running, finish, settle } = handOperated()
    const first = queue.submit({ name: 'a', camera: '1', at: 1 })
    const second = queue.submit({ name: 'b', camera: '1', at: 2 })
    running.shift()!.fail(new Error('broken'))
    await expect(first).rejects.toThrow('broken')
    await settle()
    await finish()
    expect(await second).toBe('b done')
  })

  it('skips what grew too old while it waited', async () => {
    const { queue, clock, finish, started } = handOperated(1000)
    const first = queue.submit({ name: 'a', camera: '1', at: 0 })
    const second = queue.submit({ name: 'b', camera: '2', at: 10 })
    const third = queue.submit({ name: 'c', camera: '3', at: 500 })
    clock.time = 1200
    await finish()
    expect(started).toEqual(['a', 'c'])
    await finish()
    expect([await first, await second, await third]).toEqual(['a done', null, 'c done'])
    expect(queue.skipped).toBe(1)
    const fresh = queue.submit({ name: 'd', camera: '1', at: 1200 })
    await finish()
    expect(await fresh).toBe('d done')
  })

  it('resolves everything with null once it is stopped, the running one too', async () => {
    const { queue, running, settle } = handOperated()
    const first = queue.submit({ name: 'a', camera: '1', at: 1 })
    const second = queue.submit({ name: 'b', camera: '1', at: 2 })
    queue.stop()
    running.shift()!.fail(new Error('its worker is closed'))
    expect([await first, await second]).toEqual([null, null])
    await settle()
    expect(await queue.submit({ name: 'c', camera: '1', at: 3 })).toBeNull()
    expect(running).toEqual([])
  })

  it('answers every request exactly once, never runs two, holds one per camera at most', async () => {
    const step = fc.oneof(
      { weight: 3, arbitrary: fc.record({ camera: fc.constantFrom('1', '2', '3'), at: fc.nat(50) }) },
      { weight: 2, arbitrary: fc.constantFrom('finish', 'fail', 'later') }
    )
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
        const { queue, clock, running, settle } = handOperated(60)
        const answers: (string | null | undefined)[] = []
        let submitted = 0
        const end = async (how: 'finish' | 'fail') => {
          const job = running.shift()
          if (how === 'finish') job?.finish()
          else job?.fail(new Error('broken'))
          await settle()
        }
        for (const what of steps) {
          if (what === 'later') clock.time += 20
          else if (what === 'finish' || what === 'fail') await end(what)
          else {
            const name = String(submitted++)
            queue.submit({ name, ...what }).then(
              (result) => answers.push(result),
              () => answers.push('failed')
            )
          }
          await settle()
          expect(running.length).toBeLessThanOrEqual(1)
          expect(submitted - answers.length).toBeLessThanOrEqual(1 + 3)
        }
        while (running.length > 0) await end('finish')
        expect(answers).toHaveLength(submitted)
        expect(answers.filter((answer) => answer === null)).toHaveLength(queue.skipped)
      }),
      { numRuns: 60 }
    )
  })
})
