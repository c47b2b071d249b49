import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { AlarmMessage } from '../../../src/contract/messages.js'
import { cameraStates } from '../../../src/core/types.js'
import { PainStates } from '../../../src/daemon/report/pain-states.js'
import type { CameraPain } from '../../../src/stages/mqtt/index.js'
import { alarm } from '../../stages/mqtt/rig.js'
import { clockOf, moment } from '../../support/moments.js'

function setUp() {
  let now = 0
  const told: [camera: string, pain: CameraPain][] = []
  const states = new PainStates({ publish: (...one) => void told.push(one), clock: clockOf(() => now) })
  const wait = (ms: number) => {
    now += ms
    states.tick()
  }
  const last = () => told.at(-1)?.[1]
  return { states, told, wait, last, judged: () => states.judged('a', moment(now)), now: () => now }
}
const ack = { by: 'n', at: '2026-01-01T00:00:03.000Z', kind: 'seen' } as const
const ended = (id: string, reason: 'cleared' | 'track_lost') => ({ ...alarm(id, 9, 'end'), reason }) as AlarmMessage

describe('the state of pain of a camera', () => {
  test('is unknown until a face is judged, and again a minute after the last one', () => {
    const { states, told, wait, judged, last } = setUp()
    states.cameraState('a', 'connecting')
    expect(last()).toEqual({ suspected: null, since: 0, alarmIds: [], acknowledged: false })
    wait(1000)
    states.cameraState('a', 'ok')
    judged()
    expect(last()).toEqual({ suspected: false, since: 1000, alarmIds: [], acknowledged: false })
    wait(59_999)
    expect(told).toHaveLength(2)
    wait(1)
    expect(last()).toMatchObject({ suspected: null, since: 61_000 })
  })

  test('is "suspected" while one of two faces has an alarm, and acknowledged when both are', () => {
    const { states, wait, judged, last } = setUp()
    states.cameraState('a', 'ok')
    judged()
    states.alarm(alarm('one', 0))
    wait(10)
    states.alarm(alarm('two', 0))
    expect(last()).toEqual({ suspected: true, since: 0, alarmIds: ['one', 'two'], acknowledged: false })
    states.alarm({ ...alarm('one', 1), ack })
    expect(last()).toMatchObject({ acknowledged: false })
    states.alarm({ ...alarm('two', 1), ack })
    expect(last()).toMatchObject({ acknowledged: true })
    states.alarm(ended('one', 'cleared'))
    expect(last()).toMatchObject({ suspected: true, alarmIds: ['two'] })
    states.alarm(ended('two', 'cleared'))
    expect(last()).toMatchObject({ suspected: false, since: 10, alarmIds: [], acknowledged: false })
  })

  test('is unknown after an end that says nothing of the person, until a face is judged again', () => {
    const { states, judged, last } = setUp()
    states.cameraState('a', 'ok')
    judged()
    states.alarm(alarm('one', 0))
    states.alarm(ended('one', 'track_lost'))
    expect(last()).toMatchObject({ suspected: null })
    judged()
    expect(last()).toMatchObject({ suspected: false })
  })

  test('is unknown in every state of a camera in which nothing is judged, and while inference fails', () => {
    for (const state of cameraStates) {
      const { states, judged, last } = setUp()
      states.cameraState('a', 'ok')
      judged()
      states.cameraState('a', state)
      judged()
      expect([state, last()?.suspected]).toEqual([state, ['ok', 'damaged'].includes(state) ? false : null])
    }
    const { states, judged, last } = setUp()
    states.cameraState('a', 'ok')
    judged()
    const failed = { ...alarm('t', 0), type: 'technical', condition: 'inference_failed', camera: null }
    states.alarm(failed as unknown as AlarmMessage)
    judged()
    expect(last()?.suspected).toBeNull()
    states.alarm({ ...failed, phase: 'end', state: 'ended', reason: 'cleared' } as unknown as AlarmMessage)
    judged()
    expect(last()?.suspected).toBe(false)
  })

  test('of a camera that is not watched is never said', () => {
    const { states, told, judged } = setUp()
    judged()
    states.alarm(alarm('one', 0))
    states.cameraState('a', 'ok')
    states.forget('a')
    states.tick()
    expect(told).toHaveLength(1)
  })
})

const step = fc.oneof(
  fc.record({
    do: fc.constant('state' as const),
    // In half of all cases one in which faces are judged: without it no history comes to a denial.
    state: fc.oneof(fc.constant('ok' as const), fc.constantFrom(...cameraStates))
  }),
  fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(1, 1000, 30_000, 60_000) }),
  { weight: 3, arbitrary: fc.record({ do: fc.constant('judged' as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('start' as const), id: fc.constantFrom('x', 'y') }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('end' as const),
      id: fc.constantFrom('x', 'y'),
      reason: fc.constantFrom('cleared' as const, 'track_lost' as const)
    })
  }
)

type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

/** Runs a history, and after each step compares what was said last with what a naive model expects. */
function live(steps: readonly Step[]) {
  const { states, told, wait, last, judged, now } = setUp()
  const open = new Set<string>()
  let watches = false
  let judgedAt = Number.NEGATIVE_INFINITY
  const act: { [Name in Step['do']]: (step: Extract<Step, { do: Name }>) => void } = {
    state: ({ state }) => {
      watches = state === 'ok' || state === 'damaged'
      if (!watches) judgedAt = Number.NEGATIVE_INFINITY
      states.cameraState('a', state)
    },
    wait: ({ ms }) => wait(ms),
    judged: () => {
      if (watches) judgedAt = now()
      judged()
    },
    start: ({ id }) => {
      open.add(id)
      states.alarm(alarm(id, 0))
    },
    end: ({ id, reason }) => {
      open.delete(id)
      if (reason === 'track_lost') judgedAt = Number.NEGATIVE_INFINITY
      states.alarm(ended(id, reason))
    }
  }
  states.cameraState('a', 'connecting')
  const values = steps.map((one) => {
    act[one.do](one as never)
    const denied = now() - judgedAt < 60_000 ? false : null
    const expected = open.size > 0 ? true : denied
    expect(last()?.suspected).toBe(expected)
    expect([...(last()?.alarmIds ?? [])].sort()).toEqual([...open].sort())
    return expected
  })
  return { values, told }
}

test('whatever happens, pain is denied only where a face was judged within a minute, and each message says something new', () => {
  const seen: (boolean | null)[] = []
  fc.assert(
    fc.property(fc.array(step, { minLength: 5, maxLength: 60, size: 'max' }), (steps) => {
      const { values, told } = live(steps)
      seen.push(...values)
      const said = told.map(([, { since: _, ...rest }]) => JSON.stringify(rest))
      for (const [index, text] of said.entries()) expect(text).not.toBe(said[index - 1])
    })
  )
  for (const value of [true, false, null]) expect(seen.filter((one) => one === value).length).toBeGreaterThan(50)
})
