import fc from 'fast-check'
import { expect, test } from 'vitest'
import { faceConditions, type TechnicalCondition } from '../../../src/contract/conditions.js'
import type { AlarmMessage } from '../../../src/contract/messages.js'
import type { CameraState } from '../../../src/core/types.js'
import { type AlarmOutput, type AlarmRules, createAlarms } from '../../../src/stages/alarm/index.js'
import { alarmDefaults } from '../../support/alarm-defaults.js'
import { clockOf, moment } from '../../support/moments.js'

const problem = { code: 'PL-UNEXPECTED', message: '' } as const

const cameras = ['a', 'b']
const states: CameraState[] = ['ok', 'connecting', 'lost', 'frozen', 'dark', 'paused']
const conditions: TechnicalCondition[] = ['inference_failed', 'explanation_failed', 'outbox_full', 'broker_lost']
const places = [0, 30, 400].map((x) => ({ x, y: 0, width: 80, height: 100 }))

const camera = fc.constantFrom(...cameras)
const track = fc.integer({ min: 1, max: 4 })
const score = fc.oneof(
  fc.constantFrom(0, 0.45, 0.7, 1),
  fc.double({ min: 0, max: 1, noNaN: true }),
  fc.constantFrom(Number.NaN, null)
)
const box = fc.option(fc.constantFrom(...places), { nil: undefined })
const feedAction = fc.record({
  do: fc.constant('feed' as const),
  camera,
  track,
  score,
  box: fc.constant(undefined),
  frames: fc.integer({ min: 1, max: 40 })
})
const action = fc.oneof(
  // A stretch of one score is what makes alarms; single wild scores hardly ever do.
  {
    weight: 12,
    arbitrary: fc.record({
      do: fc.constant('feed' as const),
      camera,
      track,
      score,
      box,
      frames: fc.integer({ min: 1, max: 40 })
    })
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 0, max: 9000 }) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('trackLost' as const), camera, track }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('camera' as const), camera, state: fc.constantFrom(...states) })
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('technical' as const),
      condition: fc.constantFrom(...conditions),
      active: fc.boolean()
    })
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('faces' as const),
      condition: fc.constantFrom(...faceConditions),
      camera,
      active: fc.boolean()
    })
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('ack' as const), which: fc.nat(30) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('refresh' as const), times: fc.integer({ min: 1, max: 50 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('gone' as const), camera }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('test' as const), camera }) }
)
type Action = typeof action extends fc.Arbitrary<infer T> ? T : never
const rules = fc.record({
  onsetThreshold: fc.double({ min: 0.5, max: 0.95, noNaN: true }),
  clearThreshold: fc.double({ min: 0.05, max: 0.49, noNaN: true }),
  onsetS: fc.constantFrom(0, 0.5, 2),
  onsetFrames: fc.constantFrom(1, 3),
  clearS: fc.constantFrom(0, 0.5, 3),
  alwaysAlarm: fc.constant(0.95),
  smoothingS: fc.constantFrom(0, 0.3, 1),
  updateS: fc.constantFrom(1, 10),
  updateMinS: fc.constantFrom(0, 1, 4),
  updatesPerS: fc.constantFrom(0.2, 1, 20),
  trackLostS: fc.constantFrom(1, 5),
  faceUnusableS: fc.constantFrom(3, 60),
  remindS: fc.constantFrom(null, 4)
})
type Rules = AlarmRules

/** Runs a random history and returns everything said, and each start for a track whose earlier alarm had not ended. */
function live(actions: Action[], rules: Rules) {
  let now = Date.UTC(2026, 0, 1)
  let id = 0
  const alarms = createAlarms({
    cameras: { a: { ward: null, room: '1', bed: null }, b: { ward: null, room: null, bed: null } },
    facility: null,
    rules,
    priorities: alarmDefaults.priorities,
    model: null,
    clock: clockOf(() => now),
    newId: () => `id${id++}`
  })
  const said: AlarmMessage[] = []
  const doubled: string[] = []
  /** Messages that a command asked for, which the rate limit refuses rather than merges. */
  const asked = new Set<AlarmMessage>()
  const ask = (messages: () => AlarmMessage[]) => {
    try {
      const answer = messages()
      for (const message of answer) asked.add(message)
      tell(answer)
    } catch (error) {
      expect(String(error)).toMatch(/too many messages at once/)
    }
  }
  /** The active alarms, and which track has each: an alarm that is handed over changes its owner. */
  const owners = new Map<string, string>()
  /** When each track's last alarm ended, and how long after that its next one began. */
  const endedAt = new Map<string, number>()
  const gaps: number[] = []
  const tell = (messages: AlarmMessage[]) => {
    for (const { phase, alarm_id } of messages) {
      if (phase !== 'end') continue
      endedAt.set(owners.get(alarm_id) ?? '', now)
      owners.delete(alarm_id)
    }
    said.push(...messages)
  }
  const observe = (owner: string, out: AlarmOutput) => {
    const started = out.alarms.some(({ phase }) => phase === 'start')
    if (started && [...owners.values()].includes(owner)) doubled.push(`${owner}: ${JSON.stringify(out.alarms)}`)
    const before = endedAt.get(owner)
    if (started && before !== undefined) gaps.push(now - before)
    if (out.episode) owners.set(out.episode.alarmId, owner)
    tell(out.alarms)
  }
  const act: { [Name in Action['do']]: (action: Extract<Action, { do: Name }>) => void } = {
    feed: ({ camera, track, score, box, frames }) => {
      for (let frame = 0; frame < frames; frame++) {
        now += 200
        observe(`${camera}/${track}`, alarms.observe({ camera, track, at: moment(now), score, box }))
        tell(alarms.tick(moment(now)))
      }
    },
    wait: ({ ms }) => {
      now += ms
      tell(alarms.tick(moment(now)))
    },
    trackLost: ({ camera, track }) => alarms.trackLost(camera, track),
    camera: ({ camera, state }) => tell(alarms.cameraState(camera, state, moment(now))),
    technical: ({ condition, active }) => tell(alarms.technical(condition, active ? problem : null, moment(now))),
    faces: ({ condition, camera, active }) =>
      tell(alarms.faces(condition, camera, active ? moment(now - 600_000) : null, moment(now))),
    ack: ({ which }) => {
      const open = said.filter(({ phase }) => phase === 'start').filter((start) => !ended(said, start.alarm_id))
      const alarm = open[which % Math.max(1, open.length)]
      if (alarm) ask(() => alarms.ack(alarm.alarm_id, 'nurse', 'seen', moment(now)).alarms)
    },
    refresh: ({ times }) => {
      for (let time = 0; time < times; time++) tell(alarms.active(moment(now)))
    },
    gone: ({ camera }) => tell(alarms.cameraGone(camera, moment(now))),
    test: ({ camera }) => ask(() => alarms.testAlarm(camera, moment(now)))
  }
  for (const step of actions) {
    now += 1
    act[step.do](step as never)
  }
  tell(alarms.shutdown(moment(now)))
  return { said, doubled, asked, gaps }
}

const ended = (said: AlarmMessage[], id: string) =>
  said.some(({ alarm_id, phase }) => alarm_id === id && phase === 'end')
function byAlarm(said: AlarmMessage[]): Map<string, AlarmMessage[]> {
  const groups = new Map<string, AlarmMessage[]>()
  for (const message of said) groups.set(message.alarm_id, [...(groups.get(message.alarm_id) ?? []), message])
  return groups
}
const history = fc.tuple(fc.array(action, { minLength: 10, maxLength: 60, size: 'max' }), rules)
const options = { numRuns: 300 }

test('each alarm is one start, updates and one end, with a seq that has no gap', () => {
  let episodes = 0
  fc.assert(
    fc.property(history, ([actions, rules]) => {
      for (const messages of byAlarm(live(actions, rules).said).values()) {
        if (messages[0]?.condition === 'pain') episodes++
        expect(messages.map(({ seq }) => seq)).toEqual(messages.map((_, index) => index))
        expect(messages.map(({ phase }) => phase)).toEqual(
          messages.map((_, index) => (index === 0 ? 'start' : index === messages.length - 1 ? 'end' : 'update'))
        )
        expect(messages.length).toBeGreaterThan(1)
        for (const { phase, state, reason } of messages) {
          expect(state === 'ended').toBe(phase === 'end')
          expect(reason !== null).toBe(phase === 'end')
        }
      }
    }),
    options
  )
  // Had the histories no alarms in them, the property would say nothing.
  expect(episodes).toBeGreaterThan(options.numRuns)
})

test('no track ever has two active alarms', () => {
  fc.assert(
    fc.property(history, ([actions, rules]) => {
      expect(live(actions, rules).doubled).toEqual([])
    }),
    options
  )
})

test('nothing flaps faster than the rules allow, and times never run backwards', () => {
  fc.assert(
    fc.property(history, ([actions, rules]) => {
      for (const messages of byAlarm(live(actions, rules).said).values()) {
        const times = messages.map(({ updated }) => Date.parse(updated))
        expect(times).toEqual([...times].sort((a, b) => a - b))
        const [start, end] = [messages[0], messages.at(-1)]
        if (start?.condition !== 'pain') continue
        expect(Date.parse(start.updated) - Date.parse(start.onset)).toBeGreaterThanOrEqual(rules.onsetS * 1000)
        expect(start.score).toBeGreaterThanOrEqual(rules.onsetThreshold - 0.001)
        if (end?.reason !== 'cleared') continue
        expect(Date.parse(end.updated) - Date.parse(start.updated)).toBeGreaterThanOrEqual(rules.clearS * 1000)
        expect(end.score).toBeLessThanOrEqual(rules.clearThreshold + 0.001)
      }
    }),
    options
  )
})

test('an alarm that names a previous one comes within a minute of its end, on the same camera', () => {
  let named = 0
  fc.assert(
    fc.property(history, ([actions, rules]) => {
      const { said } = live(actions, rules)
      for (const [index, { phase, previous, condition, camera, updated }] of said.entries()) {
        if (previous === null) continue
        expect(condition).toBe('pain')
        if (phase !== 'start') continue
        named++
        const end = said.slice(0, index).find((other) => other.alarm_id === previous && other.phase === 'end')
        expect(end).toMatchObject({ condition, camera })
        expect(Date.parse(updated) - Date.parse(end!.updated)).toBeLessThan(60_000)
      }
      for (const messages of byAlarm(said).values())
        expect(new Set(messages.map(({ previous }) => previous)).size).toBe(1)
    }),
    options
  )
  expect(named).toBeGreaterThan(15)
})

const unlimited = { updateMinS: 0, updatesPerS: 1e9 }
const withoutUpdates = (said: AlarmMessage[]) =>
  said
    .filter(({ phase, test }) => phase !== 'update' && !test)
    .map(({ condition, camera, phase, reason, onset, updated }) => ({
      condition,
      camera,
      phase,
      reason,
      onset,
      updated
    }))

test('a track whose alarm has ended has none again before the onset time has passed once more', () => {
  let again = 0
  // Without places no track takes over what another has begun.
  const here = fc.tuple(fc.array(feedAction, { minLength: 30, maxLength: 60, size: 'max' }), rules)
  fc.assert(
    fc.property(here, ([actions, rules]) => {
      const { gaps } = live(actions, rules)
      again += gaps.length
      for (const gap of gaps) expect(gap).toBeGreaterThanOrEqual(rules.onsetS * 1000)
    }),
    options
  )
  expect(again).toBeGreaterThan(options.numRuns / 2)
})

test('the rate limit merges updates and nothing else', () => {
  let merged = 0
  fc.assert(
    fc.property(history, ([actions, rules]) => {
      const free = live(actions, { ...rules, ...unlimited })
      const limited = live(actions, rules)
      merged += free.said.length - limited.said.length
      expect(withoutUpdates(limited.said)).toEqual(withoutUpdates(free.said))
    }),
    options
  )
  expect(merged).toBeGreaterThan(options.numRuns)
})

test('no alarm and not all of them together say more updates than the rate limit lets them', () => {
  fc.assert(
    fc.property(history, ([actions, rules]) => {
      const { said, asked } = live(actions, rules)
      for (const messages of byAlarm(said).values()) {
        for (const [index, message] of messages.entries()) {
          if (message.phase !== 'update' || asked.has(message)) continue
          const before = messages[index - 1]!
          expect(Date.parse(message.updated) - Date.parse(before.updated)).toBeGreaterThanOrEqual(
            rules.updateMinS * 1000
          )
        }
      }
      const times = said.filter(({ phase }) => phase === 'update').map(({ updated }) => Date.parse(updated))
      for (const [first, from] of times.entries()) {
        for (const [more, to] of times.slice(first).entries()) {
          const allowed = Math.max(1, rules.updatesPerS) + (rules.updatesPerS * (to - from)) / 1000
          expect(more + 1).toBeLessThanOrEqual(allowed + 1e-6)
        }
      }
    }),
    { numRuns: 100 }
  )
})

test('a request for the active alarms brings each of them in the end, however the rate limit holds them back', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 4 }), fc.constantFrom(0.2, 1, 20), (count, updatesPerS) => {
      const t0 = Date.UTC(2026, 0, 1)
      const alarms = createAlarms({
        cameras: {},
        facility: null,
        rules: { ...alarmDefaults.rules, updatesPerS },
        priorities: alarmDefaults.priorities,
        model: null,
        clock: clockOf(() => t0)
      })
      for (const condition of conditions.slice(0, count)) alarms.technical(condition, problem, moment(t0))
      const told = alarms.active(moment(t0))
      for (let second = 1; second <= 1 + count / updatesPerS; second++)
        told.push(...alarms.tick(moment(t0 + second * 1000)))
      expect(new Set(told.map(({ condition }) => condition))).toEqual(new Set(conditions.slice(0, count)))
    })
  )
})
