import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { AcknowledgementMessage, AlarmMessage } from '../../../src/contract/messages.js'
import { type Alarms, createAlarms } from '../../../src/stages/alarm/index.js'
import { alarmDefaults } from '../../support/alarm-defaults.js'
import { clockOf, moment } from '../../support/moments.js'

const t0 = Date.UTC(2026, 0, 1)
const day = 86_400_000
const problem = { code: 'PL-UNEXPECTED', message: '' } as const

/** An alarm stage whose time a test sets. */
function setUp(rules = {}) {
  let now = t0
  let id = 0
  const open = () =>
    createAlarms({
      cameras: { a: { ward: null, room: '1', bed: null } },
      facility: null,
      rules: { ...alarmDefaults.rules, ...rules },
      priorities: alarmDefaults.priorities,
      model: null,
      clock: clockOf(() => now),
      newId: () => `id${id++}`
    })
  const wait = (ms: number) => {
    now += ms
    return moment(now)
  }
  return { open, wait, now: () => moment(now) }
}

/** An alarm that has ended 1 s after its start. */
function ended() {
  const { open, wait, now } = setUp()
  const alarms = open()
  const [start] = alarms.technical('outbox_full', problem, now())
  const [end] = alarms.technical('outbox_full', null, wait(1000))
  return { alarms, open, wait, now, end: end!, id: start!.alarm_id }
}

describe('an acknowledgement', () => {
  test('of an active alarm is said on its own, too', () => {
    const { open, now } = setUp()
    const alarms = open()
    const [start] = alarms.testAlarm('a', now())
    const given = alarms.ack(start!.alarm_id, 'nurse 7', 'coming', now())
    const ack = { by: 'nurse 7', at: '2026-01-01T00:00:00.000Z', kind: 'coming' }
    expect(given.alarms).toMatchObject([{ phase: 'update', ack }])
    expect(given.acknowledgement).toEqual({ alarm_id: start!.alarm_id, ...ack, after_end: false })
  })

  test('after the end is kept, and the alarm says nothing more', () => {
    const { alarms, wait, id } = ended()
    const at = wait(60_000)
    expect(alarms.knows(id, at)).toBe(true)
    expect(alarms.ack(id, 'nurse 7', 'false_alarm', at)).toEqual({
      alarms: [],
      acknowledgement: {
        alarm_id: id,
        by: 'nurse 7',
        at: '2026-01-01T00:01:01.000Z',
        kind: 'false_alarm',
        after_end: true
      }
    })
  })

  test('after the end, repeated by the same person, is said once, also across a restart', () => {
    const { alarms, open, wait, end, id } = ended()
    const first = alarms.ack(id, 'nurse 7', 'seen', wait(1000)).acknowledgement!
    expect(alarms.ack(id, 'nurse 7', 'seen', wait(1000)).acknowledgement).toBeNull()
    const again = open()
    for (const told of [end, first]) again.recall(told)
    expect(again.ack(id, 'nurse 7', 'seen', wait(1000)).acknowledgement).toBeNull()
    expect(again.ack(id, 'nurse 8', 'seen', wait(1000)).acknowledgement).toMatchObject({ by: 'nurse 8' })
    expect(again.ack(id, 'nurse 7', 'seen', wait(1000)).acknowledgement).toMatchObject({ by: 'nurse 7' })
  })

  test('of an active alarm that a broker sends again is said once, also after the end and after a restart', () => {
    const { open, wait, now } = setUp()
    const alarms = open()
    const id = alarms.technical('outbox_full', problem, now())[0]!.alarm_id
    expect(alarms.ack(id, 'nurse 7', 'seen', wait(1000)).acknowledgement).not.toBeNull()
    expect(alarms.ack(id, 'nurse 7', 'seen', wait(1000))).toEqual({ alarms: [], acknowledgement: null })
    expect(alarms.ack(id, 'nurse 7', 'coming', wait(1000)).alarms).toMatchObject([{ ack: { kind: 'coming' } }])
    const [end] = alarms.technical('outbox_full', null, wait(1000))
    expect(alarms.ack(id, 'nurse 7', 'coming', wait(1000)).acknowledgement).toBeNull()
    const again = open()
    again.recall(end!)
    expect(again.ack(id, 'nurse 7', 'coming', wait(1000)).acknowledgement).toBeNull()
    expect(again.ack(id, 'nurse 7', 'seen', wait(1000)).acknowledgement).toMatchObject({ after_end: true })
  })

  test('of an alarm that ended more than 14 days ago, and of an unknown one, is refused with a code', () => {
    const { alarms, open, wait, end, id } = ended()
    const refused = expect.objectContaining({ code: 'PL-COMMAND-NO-ALARM' })
    expect(() => alarms.ack('nothing', 'nurse 7', 'seen', wait(0))).toThrow(refused)
    const within = wait(14 * day - 1)
    expect(alarms.ack(id, 'nurse 7', 'seen', within).alarms).toEqual([])
    const over = wait(1)
    expect(alarms.knows(id, over)).toBe(false)
    expect(() => alarms.ack(id, 'nurse 7', 'coming', over)).toThrow(refused)
    const again = open()
    again.recall(end)
    expect(() => again.ack(id, 'nurse 7', 'coming', over)).toThrow(refused)
  })

  test('after an end whose time of day is still to come, as the clock stood wrong, is taken for 14 days', () => {
    const { open, wait } = setUp()
    const alarms = open()
    const end: AlarmMessage = { ...ended().end, updated: '2099-01-01T00:00:00.000Z' }
    alarms.recall(end)
    expect(alarms.knows(end.alarm_id, wait(14 * day - 1))).toBe(true)
    expect(alarms.knows(end.alarm_id, wait(1))).toBe(false)
  })

  test('of one active alarm comes 20 times at most, and then 20 times after its end', () => {
    const { open, wait, now } = setUp()
    const alarms = open()
    const [start] = alarms.technical('outbox_full', problem, now())
    const acknowledge = () => alarms.ack(start!.alarm_id, `nurse ${now()}`, 'seen', wait(1000))
    const refused = expect.objectContaining({ code: 'PL-COMMAND-TOO-MANY' })
    for (const isEnded of [false, true]) {
      if (isEnded) alarms.technical('outbox_full', null, wait(1000))
      for (let n = 0; n < 20; n++) expect(acknowledge().acknowledgement?.after_end).toBe(isEnded)
      expect(acknowledge).toThrow(refused)
    }
  })
})

describe('a flood of commands', () => {
  test('of test alarms makes 10 at once and 2 a minute, and leaves the updates of active alarms as they are', () => {
    const { open, wait, now } = setUp({ updatesPerS: 2, updateMinS: 0, updateS: 10 })
    const alarms = open()
    const [start] = alarms.technical('outbox_full', problem, now())
    let taken = 0
    const updates: AlarmMessage[] = []
    for (let n = 0; n < 6100; n++) {
      const at = wait(10)
      try {
        alarms.testAlarm('a', at, { seconds: 1 })
        taken++
      } catch (error) {
        expect(error).toMatchObject({ code: 'PL-COMMAND-TOO-MANY' })
      }
      if (n % 1000 === 0) updates.push(...alarms.active(at).filter(({ alarm_id }) => alarm_id === start!.alarm_id))
      alarms.tick(at)
    }
    // 10 at once, and 2 in the minute after that.
    expect(taken).toBe(12)
    expect(updates).toHaveLength(7)
  })

  test('of refreshes repeats an alarm 20 times, 6 times a minute, and when it has been silent for 10 s', () => {
    const { open, wait, now } = setUp({ updatesPerS: 20, updateMinS: 1, updateS: 10 })
    const alarms = open()
    alarms.technical('outbox_full', problem, now())
    const at: number[] = []
    for (let second = 1; second <= 300; second++) if (alarms.active(wait(1000)).length > 0) at.push(second)
    expect(at.length).toBeGreaterThanOrEqual(20)
    expect(at.length).toBeLessThanOrEqual(20 + 30 + 30)
    const gaps = at.slice(1).map((second, index) => second - at[index]!)
    expect(Math.max(...gaps)).toBeLessThanOrEqual(10)
  })

  test('of refreshes loses none: the alarm is repeated 10 s after its last message, without another call', () => {
    const { open, wait, now } = setUp({ updatesPerS: 20, updateMinS: 1, updateS: 10 })
    const alarms = open()
    alarms.technical('outbox_full', problem, now())
    for (let i = 0; i < 25; i++) alarms.active(wait(1000))
    const told: number[] = []
    for (let second = 1; second <= 30; second++) if (alarms.tick(wait(1000)).length > 0) told.push(second)
    expect(told).toHaveLength(1)
    expect(told[0]).toBeLessThanOrEqual(10)
  })
})

const step = fc.oneof(
  fc.record({ do: fc.constantFrom('start' as const, 'end' as const, 'restart' as const) }),
  fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(1000, day, 8 * day) }),
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('ack' as const),
      id: fc.nat(8).map((n) => `id${n}`),
      by: fc.constantFrom('x', 'y'),
      kind: fc.constantFrom('seen' as const, 'false_alarm' as const)
    })
  }
)
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never
type Ack = Extract<Step, { do: 'ack' }>

/** Runs a history of one alarm after the other. @returns its log, and what came of each acknowledgement */
function live(steps: readonly Step[]) {
  const { open, wait } = setUp()
  let alarms: Alarms = open()
  const log: (AlarmMessage | AcknowledgementMessage)[] = []
  const outcomes: { code: string | null; isKnown: boolean; isEnded: boolean; said: string[]; isNew: boolean }[] = []
  const last = ({ id }: Ack, phase: string) =>
    log.find((entry): entry is AlarmMessage => entry.alarm_id === id && 'phase' in entry && entry.phase === phase)
  const acknowledge = (ack: Ack): void => {
    const end = last(ack, 'end')
    const at = wait(1000)
    const isKnown = last(ack, 'start') !== undefined && (!end || at - Date.parse(end.updated) < 14 * day)
    const about = { isKnown, isEnded: end !== undefined }
    expect(alarms.knows(ack.id, at)).toBe(isKnown)
    try {
      const given = alarms.ack(ack.id, ack.by, ack.kind, at)
      const { acknowledgement: kept } = given
      if (kept) expect(kept.after_end).toBe(about.isEnded)
      outcomes.push({ ...about, code: null, said: given.alarms.map(({ phase }) => phase), isNew: kept !== null })
      log.push(...given.alarms, ...(kept ? [kept] : []))
    } catch (error) {
      outcomes.push({ ...about, code: (error as { code: string }).code, said: [], isNew: false })
    }
  }
  for (const one of steps) {
    if (one.do === 'ack') acknowledge(one)
    else if (one.do === 'wait') wait(one.ms)
    else if (one.do === 'restart') {
      log.push(...alarms.shutdown(wait(1)))
      alarms = open()
      for (const entry of log) alarms.recall(JSON.parse(JSON.stringify(entry)))
    } else log.push(...alarms.technical('outbox_full', one.do === 'start' ? problem : null, wait(1)))
  }
  return { log, outcomes }
}

test('whatever comes in between, restarts too, an alarm is acknowledged from its start until 14 days after its end, which stays its last message', () => {
  let kept = 0
  fc.assert(
    fc.property(fc.array(step, { minLength: 10, maxLength: 60, size: 'max' }), (steps) => {
      const { log, outcomes } = live(steps)
      for (const { code, isKnown, isEnded, said, isNew } of outcomes) {
        if (isKnown) expect([null, 'PL-COMMAND-TOO-MANY']).toContain(code)
        else expect(code).toBe('PL-COMMAND-NO-ALARM')
        expect(said).toEqual(code === null && !isEnded && isNew ? ['update'] : [])
        if (isEnded && isNew) kept++
      }
      const phases = new Map<string, string[]>()
      for (const entry of log)
        if ('phase' in entry) phases.set(entry.alarm_id, [...(phases.get(entry.alarm_id) ?? []), entry.phase])
      for (const ofOne of phases.values()) expect(ofOne.slice(0, -1)).not.toContain('end')
    }),
    { numRuns: 200 }
  )
  expect(kept).toBeGreaterThan(100)
})
