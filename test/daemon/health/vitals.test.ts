import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { examine, limits, type Vitals } from '../../../src/daemon/health/vitals.js'
import { Progress } from '../../../src/daemon/line/inference.js'

const well: Vitals = {
  now: 1e6,
  lastTick: 1e6,
  unanswered: null,
  underWay: [],
  restarting: [],
  cameras: [{ id: 'a', state: 'ok', quietMs: 100 }],
  broker: { connected: true, trouble: null },
  outbox: { inMemory: 0, trouble: null }
}
const camera = (changes: Partial<Vitals['cameras'][number]>): Partial<Vitals> => ({
  cameras: [{ id: 'a', state: 'ok', quietMs: null, ...changes }]
})
const ago = (ms: number): number => well.now - ms

const table: [string, Partial<Vitals>, [part: string, stops: string, why: RegExp][]][] = [
  ['all is well', {}, []],
  ['a loop held up', { lastTick: ago(limits.loopMs + 1) }, [['event loop', 'live', /held up for 10 s/]]],
  ['a loop nearly held up', { lastTick: ago(limits.loopMs) }, []],
  [
    'an inference stuck',
    { underWay: [{ part: 'classify', since: ago(40_600) }] },
    [['classify', 'live', /under way for 41 s/]]
  ],
  ['an inference that takes its time', { underWay: [{ part: 'classify', since: ago(30_000) }] }, []],
  [
    'frames and no results',
    { unanswered: { first: ago(31_000), last: ago(10) } },
    [['inference', 'live', /none was finished/]]
  ],
  [
    'frames and no results for as long as an inference may take',
    { unanswered: { first: ago(30_000), last: ago(0) } },
    []
  ],
  ['one frame that failed long ago, and none since', { unanswered: { first: ago(900_000), last: ago(900_000) } }, []],
  [
    'a worker that restarts',
    { restarting: [{ part: 'detect', since: ago(2000) }], unanswered: { first: ago(50_000), last: ago(1) } },
    [['detect', 'ready', /restarting for 2 s/]]
  ],
  [
    'a worker that restarts for as long as a large model takes',
    { restarting: [{ part: 'detect', since: ago(120_000) }] },
    [['detect', 'ready', /restarting for 120 s/]]
  ],
  [
    'a worker that restarts for ever',
    { restarting: [{ part: 'detect', since: ago(121_000) }] },
    [['detect', 'live', /restarting for 121 s/]]
  ],
  ['a decoder whose time has been up for half a minute, which is still waited for', camera({ quietMs: 30_000 }), []],
  ['a decoder that cannot be ended', camera({ quietMs: 30_001 }), [['decoder of a', 'live', /late by 30 s/]]],
  [
    'a camera that is lost',
    camera({ state: 'lost', reason: 'no picture for 10 s' }),
    [['camera a', 'ready', /^lost: no picture for 10 s$/]]
  ],
  ['a paused camera', camera({ state: 'paused' }), []],
  ['no broker', { broker: { connected: false, trouble: null } }, [['broker', 'ready', /not connected/]]],
  [
    'a disk that refuses the outbox',
    { outbox: { inMemory: 3, trouble: { what: 'no space left for the outbox' } } },
    [['outbox', 'ready', /^no space left for the outbox; 3 wait in memory$/]]
  ]
]

describe('what is wrong', () => {
  it.each(table)('%s', (_, changes, expected) => {
    const found = examine({ ...well, ...changes })
    expect(found.map(({ part, stops }) => [part, stops])).toEqual(expected.map(([part, stops]) => [part, stops]))
    for (const [i, [, , why]] of expected.entries()) expect(found[i]!.why).toMatch(why)
  })

  it('puts what a restart may mend first', () => {
    const found = examine({ ...well, lastTick: 0, ...camera({ state: 'lost' }) })
    expect(found.map(({ stops }) => stops)).toEqual(['live', 'ready'])
  })
})

/** One minute after the other of a daemon's life, on a clock of the test's. */
function life() {
  let now = 0
  const progress = new Progress({ now: () => now })
  const alive = (): boolean =>
    examine({ ...well, ...progress.snapshot(), cameras: [] }).every(({ stops }) => stops !== 'live')
  const pass = (ms: number): void => {
    for (const end = now + ms; now < end; ) {
      now += 1000
      progress.tick()
    }
  }
  return { progress, alive, pass }
}

describe('progress', () => {
  it('of a camera that is silent for days is none, and no fault', () => {
    const { progress, alive, pass } = life()
    progress.frame()
    progress.finished()
    pass(86_400_000)
    expect(alive()).toBe(true)
  })

  it('stops when an inference never comes back, and goes on when it does', async () => {
    const { progress, alive, pass } = life()
    let answer: (value: number) => void = () => undefined
    const inference = progress.watch('detect', new Promise<number>((resolve) => (answer = resolve)))
    pass(30_000)
    expect(alive()).toBe(true)
    pass(1000)
    expect(alive()).toBe(false)
    answer(1)
    await inference
    expect(alive()).toBe(true)
  })

  it('stops when each frame fails, one after the other, unless the worker is being restarted', () => {
    const { progress, alive, pass } = life()
    const fail = (seconds: number): void => {
      for (let i = 0; i < seconds; i++) {
        pass(1000)
        progress.frame()
      }
    }
    fail(40)
    expect(alive()).toBe(false)
    progress.worker('classify', true)
    fail(100)
    expect(alive()).toBe(true)
    progress.worker('classify', false)
    fail(10)
    expect(alive()).toBe(true)
    fail(40)
    expect(alive()).toBe(false)
    progress.finished()
    expect(alive()).toBe(true)
  })

  it('never stops while every frame is finished in time, whatever the order', () => {
    const steps = fc.array(fc.tuple(fc.integer({ min: 0, max: 600_000 }), fc.boolean()), { maxLength: 50 })
    fc.assert(
      fc.property(steps, (all) => {
        const { progress, alive, pass } = life()
        for (const [ms, comes] of all) {
          pass(ms)
          if (comes) {
            progress.frame()
            pass(2000)
            progress.finished()
          }
          expect(alive()).toBe(true)
        }
      }),
      { numRuns: 30 }
    )
  })
})
