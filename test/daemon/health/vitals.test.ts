import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { examine, limits, type Vitals } from '../../../src/daemon/health/vitals.js'
import { Progress } from '../../../src/daemon/line/inference.js'

const well: Vitals = {
  now: 1e6,
  lastTick: 1e6,
  unanswered: null,
  underWay: [],
  failing: [],
  restarting: [],
  cameras: [{ id: 'a', state: 'ok', quietMs: 100 }],
  broker: { connected: true, trouble: null, refusal: null },
  outbox: { inMemory: 0, trouble: null }
}
const camera = (changes: Partial<Vitals['cameras'][number]>): Partial<Vitals> => ({
  cameras: [{ id: 'a', state: 'ok', quietMs: null, ...changes }]
})
const ago = (ms: number): number => well.now - ms

const table: [string, Partial<Vitals>, [part: string, stops: string, code: string | null, why: RegExp][]][] = [
  ['reports nothing for a healthy daemon', {}, []],
  [
    'stops liveness for an event loop blocked for more than 10 s',
    { lastTick: ago(limits.loopMs + 1) },
    [['event loop', 'live', 'PL-LOOP-HELD-UP', /held up for 10 s/]]
  ],
  ['accepts an event loop blocked for 10 s', { lastTick: ago(limits.loopMs) }, []],
  [
    'stops liveness for an inference under way for 41 s',
    { underWay: [{ part: 'classify', since: ago(40_600) }] },
    [['classify', 'live', 'PL-INFERENCE-STUCK', /under way for 41 s/]]
  ],
  ['accepts an inference under way for 30 s', { underWay: [{ part: 'classify', since: ago(30_000) }] }, []],
  [
    'stops liveness for frames without results for 31 s',
    { unanswered: { first: ago(31_000), last: ago(10) } },
    [['inference', 'live', 'PL-INFERENCE-STUCK', /none was finished/]]
  ],
  ['accepts frames without results for 30 s', { unanswered: { first: ago(30_000), last: ago(0) } }, []],
  ['accepts a single failed frame without later ones', { unanswered: { first: ago(900_000), last: ago(900_000) } }, []],
  [
    'stops readiness at once for a camera whose frames fail',
    { failing: [{ camera: 'a', code: 'PL-INFERENCE-NOT-FINITE', why: 'the model gave NaN' }] },
    [['inference', 'ready', 'PL-INFERENCE-NOT-FINITE', /^fails on the frames of a: the model gave NaN$/]]
  ],
  [
    'stops readiness for a worker that restarts',
    { restarting: [{ part: 'detect', since: ago(2000) }], unanswered: { first: ago(50_000), last: ago(1) } },
    [['detect', 'ready', 'PL-WORKER-CRASHED', /restarting for 2 s/]]
  ],
  [
    'stops only readiness for a worker that has restarted for 120 s',
    { restarting: [{ part: 'detect', since: ago(120_000) }] },
    [['detect', 'ready', 'PL-WORKER-CRASHED', /restarting for 120 s/]]
  ],
  [
    'stops liveness for a worker that has restarted for 121 s',
    { restarting: [{ part: 'detect', since: ago(121_000) }] },
    [['detect', 'live', 'PL-WORKER-CRASHED', /restarting for 121 s/]]
  ],
  ['accepts a decoder whose picture is late by 30 s', camera({ quietMs: 30_000 }), []],
  [
    'stops liveness for a decoder whose picture is late by more than 30 s',
    camera({ quietMs: 30_001 }),
    [['decoder of a', 'live', 'PL-DECODER-STUCK', /late by 30 s/]]
  ],
  [
    'stops readiness for a lost camera',
    camera({ state: 'lost', reason: 'no picture for 10 s', code: 'PL-CAMERA-HUNG' }),
    [['camera a', 'ready', 'PL-CAMERA-HUNG', /^lost: no picture for 10 s$/]]
  ],
  ['accepts a paused camera', camera({ state: 'paused' }), []],
  [
    'stops readiness without a broker',
    { broker: { connected: false, trouble: null, refusal: null } },
    [['broker', 'ready', 'PL-BROKER-NOT-CONNECTED', /not connected/]]
  ],
  [
    'stops readiness with the code of what a broker does not accept',
    { broker: { connected: false, trouble: { code: 'PL-BROKER-TLS', what: 'an unknown CA' }, refusal: null } },
    [['broker', 'ready', 'PL-BROKER-TLS', /^an unknown CA$/]]
  ],
  [
    'stops readiness, without a code, for a dark picture',
    camera({ state: 'dark' }),
    [['camera a', 'ready', null, /^dark$/]]
  ],
  [
    'stops readiness while the broker refuses alarms',
    {
      broker: {
        connected: true,
        trouble: null,
        refusal: { code: 'PL-BROKER-NO-WRITE', what: 'the broker refuses it (0x87 Not authorized)' }
      }
    },
    [['broker', 'ready', 'PL-BROKER-NO-WRITE', /^does not take alarms: .*0x87/]]
  ],
  [
    'stops readiness for a disk that refuses the outbox',
    { outbox: { inMemory: 3, trouble: { code: 'PL-OUTBOX-NO-SPACE', what: 'no space left for the outbox' } } },
    [['outbox', 'ready', 'PL-OUTBOX-NO-SPACE', /^no space left for the outbox; 3 wait in memory$/]]
  ]
]

describe('the examination of health', () => {
  it.each(table)('%s', (_, changes, expected) => {
    const found = examine({ ...well, ...changes })
    expect(found.map(({ part, stops, code }) => [part, stops, code])).toEqual(expected.map((one) => one.slice(0, 3)))
    for (const [i, [, , , why]] of expected.entries()) expect(found[i]!.why).toMatch(why)
  })

  it('lists problems that a restart may fix first', () => {
    const found = examine({ ...well, lastTick: 0, ...camera({ state: 'lost' }) })
    expect(found.map(({ stops }) => stops)).toEqual(['live', 'ready'])
  })
})

/** The progress of a daemon, on a clock that the test advances. */
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

describe('the progress of inference', () => {
  it('is no fault while a camera is silent for days', () => {
    const { progress, alive, pass } = life()
    progress.frame()
    progress.finished()
    pass(86_400_000)
    expect(alive()).toBe(true)
  })

  it('stops while an inference does not return', async () => {
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

  it('stops when every frame fails, except while a worker restarts', () => {
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

  it('does not stop while every frame is finished in time', () => {
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
