import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { NewestFirst, type Queued } from '../../../src/stages/explain/explained-alarms.js'
import { moment } from '../../support/moments.js'

interface Job extends Queued {
  name: string
}

/** A queue whose work the test ends by hand. */
function handOperated(maxAgeMs = 1000, ready?: () => boolean) {
  const started: string[] = []
  const running: { job: Job; finish: (result?: string) => void; fail: (error: Error) => void }[] = []
  const clock = { time: 0, now: () => moment(clock.time) }
  const queue = new NewestFirst<Job, string>({
    clock,
    maxAgeMs,
    ready,
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
      queue.submit({ name: 'a', camera: '1', track: 1, at: 1 }),
      queue.submit({ name: 'b', camera: '2', track: 1, at: 2 }),
      queue.submit({ name: 'c', camera: '3', track: 1, at: 9 }),
      queue.submit({ name: 'd', camera: '4', track: 1, at: 5 })
    ]
    expect(started).toEqual(['a'])
    for (let i = 0; i < 4; i++) await finish()
    expect(started).toEqual(['a', 'c', 'd', 'b'])
    expect(await Promise.all(results)).toEqual(['a done', 'b done', 'c done', 'd done'])
    expect(queue.skipped).toBe(0)
  })

  it('replaces a waiting request by a newer one of the same face, and resolves the older with null', async () => {
    const { queue, started, finish } = handOperated()
    const first = queue.submit({ name: 'a', camera: '1', track: 1, at: 1 })
    const second = queue.submit({ name: 'b', camera: '1', track: 1, at: 2 })
    const third = queue.submit({ name: 'c', camera: '1', track: 1, at: 3 })
    const late = queue.submit({ name: 'older than c', camera: '1', track: 1, at: 2 })
    expect([await second, await late]).toEqual([null, null])
    await finish()
    await finish()
    expect([await first, await third]).toEqual(['a done', 'c done'])
    expect(started).toEqual(['a', 'c'])
    expect(queue.skipped).toBe(2)
  })

  it('runs the next request after a failure', async () => {
    const { queue, running, finish, settle } = handOperated()
    const first = queue.submit({ name: 'a', camera: '1', track: 1, at: 1 })
    const second = queue.submit({ name: 'b', camera: '1', track: 1, at: 2 })
    running.shift()!.fail(new Error('broken'))
    await expect(first).rejects.toThrow('broken')
    await settle()
    await finish()
    expect(await second).toBe('b done')
  })

  it('holds one waiting request for each face of a camera', async () => {
    const { queue, started, finish } = handOperated()
    const results = [1, 2, 3].map((track) => queue.submit({ name: String(track), camera: '1', track, at: track }))
    for (let i = 0; i < 3; i++) await finish()
    expect(await Promise.all(results)).toEqual(['1 done', '2 done', '3 done'])
    expect(started).toEqual(['1', '3', '2'])
  })

  it('skips a request that has waited for too long', async () => {
    const { queue, clock, finish, started } = handOperated(1000)
    const first = queue.submit({ name: 'a', camera: '1', track: 1, at: 0 })
    const second = queue.submit({ name: 'b', camera: '2', track: 1, at: 900 })
    clock.time = 500
    const third = queue.submit({ name: 'c', camera: '3', track: 1, at: 100 })
    clock.time = 1200
    await finish()
    expect(started).toEqual(['a', 'c'])
    await finish()
    expect([await first, await second, await third]).toEqual(['a done', null, 'c done'])
    expect(queue.skipped).toBe(1)
    const fresh = queue.submit({ name: 'd', camera: '1', track: 1, at: 0 })
    await finish()
    expect(await fresh).toBe('d done')
  })

  it('holds requests while not ready, and is idle only without running and waiting requests', async () => {
    let ready = false
    const { queue, started, finish } = handOperated(1000, () => ready)
    expect(queue.idle).toBe(true)
    const first = queue.submit({ name: 'a', camera: '1', track: 1, at: 1 })
    const second = queue.submit({ name: 'b', camera: '2', track: 1, at: 2 })
    expect([started, queue.idle]).toEqual([[], false])
    ready = true
    queue.wake()
    expect(started).toEqual(['b'])
    ready = false
    await finish()
    expect([started, await second]).toEqual([['b'], 'b done'])
    ready = true
    queue.wake()
    await finish()
    expect([await first, queue.idle]).toEqual(['a done', true])
  })

  it('resolves all requests with null on stop, the running one included', async () => {
    const { queue, running, settle } = handOperated()
    const first = queue.submit({ name: 'a', camera: '1', track: 1, at: 1 })
    const second = queue.submit({ name: 'b', camera: '1', track: 1, at: 2 })
    queue.stop()
    running.shift()!.fail(new Error('its worker is closed'))
    expect([await first, await second]).toEqual([null, null])
    await settle()
    expect(await queue.submit({ name: 'c', camera: '1', track: 1, at: 3 })).toBeNull()
    expect(running).toEqual([])
  })

  it('answers every request exactly once, runs one at a time, and holds at most one per face', async () => {
    const step = fc.oneof(
      {
        weight: 3,
        arbitrary: fc.record({ camera: fc.constantFrom('1', '2'), track: fc.constantFrom(1, 2), at: fc.nat(50) })
      },
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
          expect(submitted - answers.length).toBeLessThanOrEqual(1 + 4)
        }
        while (running.length > 0) await end('finish')
        expect(answers).toHaveLength(submitted)
        expect(answers.filter((answer) => answer === null)).toHaveLength(queue.skipped)
      }),
      { numRuns: 60 }
    )
  })
})
