import { describe, expect, test } from 'vitest'
import type { AlarmMessage } from '../../../src/contract/messages.js'
import { type AlarmOptions, createAlarms, endAfterRestart, type Observation } from '../../../src/stages/alarm/index.js'
import { alarmDefaults } from '../../support/alarm-defaults.js'
import { clockOf, moment } from '../../support/moments.js'

const { rules: defaults, priorities } = alarmDefaults
/** A score as it is fed is what is held against the thresholds, unless a test is about the smoothing. */
const rules = { ...defaults, smoothingS: 0 }
const model = { name: 'm', sha256: 'f00d'.repeat(16), demonstration: false }
const t0 = Date.UTC(2026, 0, 1)
const box = { x: 100, y: 100, width: 80, height: 100 }

function setUp(more: Partial<AlarmOptions> = {}) {
  const clock = clockOf(() => t0)
  let id = 0
  const alarms = createAlarms({
    cameras: { a: { ward: 'W', room: '12', bed: 'A' }, b: { ward: null, room: null, bed: null } },
    facility: 'F',
    rules,
    priorities,
    model,
    clock,
    newId: () => `id${id++}`,
    ...more
  })
  const said: AlarmMessage[] = []
  /** Feeds a constant score at 5 fps over [from, to) seconds, ticking as a daemon would. */
  const feed = (from: number, to: number, score: number, more: Partial<Observation> = {}) => {
    for (let ms = from * 1000; ms < to * 1000; ms += 200) {
      said.push(...alarms.observe({ camera: 'a', track: 1, at: moment(t0 + ms), score, box, ...more }).alarms)
      said.push(...alarms.tick(moment(t0 + ms)))
    }
  }
  return { alarms, said, feed }
}
const phases = (said: AlarmMessage[]) => said.map(({ phase, seq }) => `${phase}${seq}`)

describe('an episode', () => {
  test('starts once the smoothed score has held, is updated, and ends once it has stayed low', () => {
    const { said, feed } = setUp()
    feed(0, 16, 0.95)
    feed(16, 25, 0.05)
    expect(phases(said)).toEqual(['start0', 'update1', 'end2'])
    const [start, update, end] = said
    expect(start).toMatchObject({
      schema: 1,
      alarm_id: 'id0',
      type: 'physiological',
      condition: 'pain',
      priority: 'high',
      state: 'active',
      reason: null,
      location: { facility: 'F', ward: 'W', room: '12', bed: 'A' },
      camera: 'a',
      onset: '2026-01-01T00:00:00.000Z',
      updated: '2026-01-01T00:00:02.000Z',
      published: null,
      score: 0.95,
      threshold: 0.7,
      duration_s: 2,
      late: false,
      test: false,
      model
    })
    expect(start?.text).toEqual({ en: 'Pain suspected, room 12, bed A', de: 'Verdacht auf Schmerz, Zimmer 12, Bett A' })
    expect(update).toMatchObject({ updated: '2026-01-01T00:00:12.000Z', duration_s: 12 })
    expect(end).toMatchObject({ state: 'ended', reason: 'cleared', threshold: 0.7 })
    expect(end?.text.en).toBe('Pain no longer suspected, room 12, bed A')
  })

  test('does not start for a peak that is shorter than the onset time', () => {
    const { said, feed } = setUp()
    for (let second = 0; second < 30; second += 3) {
      feed(second, second + 1.6, 0.95)
      feed(second + 1.6, second + 3, 0)
    }
    expect(said).toEqual([])
  })

  test('goes on through a dip that is shorter than the clear time', () => {
    const { said, feed } = setUp()
    feed(0, 5, 0.95)
    feed(5, 7.5, 0)
    feed(7.5, 9, 0.95)
    expect(said.filter(({ phase }) => phase !== 'update')).toHaveLength(1)
  })

  test('hears of a clear rise at once, not only with the next regular update', () => {
    const { said, feed } = setUp({ rules: { ...defaults, updateS: 60 } })
    feed(0, 8, 0.72)
    feed(5, 10, 1)
    expect(phases(said)).toEqual(['start0', 'update1', 'update2'])
    expect(said[1]?.score).toBeGreaterThanOrEqual(0.82)
  })

  test.each([1, 2, 5, 15, 30])('begins at the same time whatever the frame rate: %i fps', (fps) => {
    const { alarms } = setUp({ rules: defaults })
    let start: number | null = null
    for (let frame = 0; frame < 10 * fps; frame++) {
      const at = t0 + (frame * 1000) / fps
      // One second of rest, then pain: crosses 0.7 after ln(0.9 / 0.2) = 1.5 time constants.
      const out = alarms.observe({ camera: 'a', track: 1, at: moment(at), score: frame < fps ? 0 : 0.9 })
      if (out.alarms[0]?.phase === 'start') start ??= (at - t0) / 1000
    }
    const ideal = 1 - 1 / fps + Math.log(0.9 / 0.2) + rules.onsetS
    expect(start).toBeGreaterThanOrEqual(ideal - 1e-6)
    expect(start).toBeLessThanOrEqual(ideal + 2 / fps + 1e-6)
  })

  test('a score that is not a number, or a time that runs backwards, changes no alarm', () => {
    const { alarms, feed, said } = setUp()
    feed(0, 5, 0.95)
    alarms.observe({ camera: 'a', track: 1, at: moment(t0 + 5000), score: Number.NaN })
    alarms.observe({ camera: 'a', track: 1, at: moment(t0 - 60_000), score: 0 })
    feed(5, 6, 0.95)
    expect(phases(said)).toEqual(['start0'])
  })
})

describe('a face out of sight', () => {
  test('ends its alarm after the time for it, and says why', () => {
    const { alarms, said, feed } = setUp()
    feed(0, 600, 0.95)
    said.push(...alarms.tick(moment(t0 + 604_800)))
    expect(said.at(-1)?.phase).not.toBe('end')
    // A little more than track_lost_s, as it had not been seen before.
    said.push(...alarms.tick(moment(t0 + 605_600)))
    expect(said.at(-1)).toMatchObject({ phase: 'end', reason: 'track_lost', state: 'ended' })
    expect(said.at(-1)?.text.en).toBe('Pain suspected, room 12, bed A: alarm ended, face out of sight')
  })

  test('that comes back at the same place under another number goes on with the same alarm', () => {
    const { alarms, said, feed } = setUp()
    feed(0, 4, 0.95)
    alarms.trackLost('a', 1)
    feed(6, 12, 0.95, { track: 2, box: { ...box, x: 130 } })
    feed(12, 18, 0, { track: 2, box })
    expect(new Set(said.map(({ alarm_id }) => alarm_id))).toEqual(new Set(['id0']))
    expect(said.filter(({ phase }) => phase === 'start')).toHaveLength(1)
    expect(said.at(-1)).toMatchObject({ phase: 'end', reason: 'cleared' })
  })

  test('is found again although the tracker held on to the old number for a while', () => {
    const { alarms, said, feed } = setUp()
    feed(0, 4, 0.95)
    feed(4.4, 5.6, 0.95, { track: 2 })
    alarms.trackLost('a', 1)
    feed(5.6, 9, 0.95, { track: 2 })
    expect(said.filter(({ phase }) => phase === 'start')).toHaveLength(1)
    expect(said.filter(({ phase }) => phase === 'end')).toHaveLength(0)
  })

  test.each([
    ['elsewhere', { box: { ...box, x: 600 } }],
    ['on another camera', { camera: 'b' }],
    ['of quite another size', { box: { x: 130, y: 140, width: 20, height: 25 } }],
    ['without a known place', { box: undefined }]
  ])('a new face %s is another person, with an alarm of its own', (_, more) => {
    const { alarms, said, feed } = setUp()
    feed(0, 4, 0.95)
    alarms.trackLost('a', 1)
    feed(4.4, 7, 0.95, { track: 2, ...more })
    expect(said.filter(({ phase }) => phase === 'start').map(({ alarm_id }) => alarm_id)).toEqual(['id0', 'id1'])
  })

  test('a face seen beside it at the same time never takes its alarm', () => {
    const { alarms, said } = setUp()
    const near = { ...box, x: 150 }
    for (let ms = 0; ms < 4000; ms += 200) {
      said.push(...alarms.observe({ camera: 'a', track: 1, at: moment(t0 + ms), score: 0.95, box }).alarms)
      said.push(...alarms.observe({ camera: 'a', track: 2, at: moment(t0 + ms), score: 0, box: near }).alarms)
    }
    alarms.trackLost('a', 1)
    const out = alarms.observe({ camera: 'a', track: 2, at: moment(t0 + 4200), score: 0, box: near })
    expect(out.episode).toBeNull()
    expect(phases(said)).toEqual(['start0'])
  })
})

describe('a camera', () => {
  test.each([
    ['lost', 'camera_lost', 'camera_lost'],
    ['frozen', 'camera_frozen', 'camera_frozen'],
    ['dark', 'camera_dark', 'camera_dark'],
    ['paused', 'camera_paused', null]
  ] as const)('that is %s ends its pain alarms with the reason', (state, reason, raised) => {
    const { alarms, said, feed } = setUp()
    feed(0, 4, 0.95)
    said.push(...alarms.cameraState('a', state, moment(t0 + 4000)))
    expect(said[1]).toMatchObject({ alarm_id: 'id0', phase: 'end', reason })
    expect(said.slice(2).map(({ condition, phase, type }) => [condition, phase, type])).toEqual(
      raised ? [[raised, 'start', 'technical']] : []
    )
    expect(alarms.cameraState('a', state, moment(t0 + 5000))).toEqual([])
    expect(alarms.cameraState('a', 'connecting', moment(t0 + 6000))).toEqual([])
    const back = alarms.cameraState('a', 'ok', moment(t0 + 7000))
    expect(back.map(({ condition, phase, reason }) => [condition, phase, reason])).toEqual(
      raised ? [[raised, 'end', 'cleared']] : []
    )
  })

  describe('whose pictures are damaged', () => {
    const damaged = (s: number) => moment(t0 + 1000 * s)

    test('for less than 10 s ends and raises nothing, and a pain alarm goes on', () => {
      const { alarms, said, feed } = setUp()
      feed(0, 4, 0.95)
      said.push(...alarms.cameraState('a', 'damaged', damaged(4)))
      feed(4, 13, 0.95)
      said.push(...alarms.tick(damaged(13.9)), ...alarms.cameraState('a', 'ok', damaged(13.9)))
      expect(said.filter(({ phase }) => phase !== 'update').map(({ condition }) => condition)).toEqual(['pain'])
    })

    test('ends the alarm of a face that is out of sight with that reason, and raises one after 10 s', () => {
      const { alarms, said, feed } = setUp()
      feed(0, 4, 0.95)
      said.push(...alarms.cameraState('a', 'damaged', damaged(4)))
      for (let s = 4.5; s <= 14; s += 0.5) said.push(...alarms.tick(damaged(s)))
      expect(said.filter(({ phase }) => phase !== 'update').slice(1)).toMatchObject([
        { phase: 'end', alarm_id: 'id0', reason: 'camera_damaged' },
        { phase: 'start', condition: 'camera_damaged', camera: 'a' }
      ])
      expect(alarms.cameraState('a', 'ok', damaged(20))).toMatchObject([{ phase: 'end', reason: 'cleared' }])
    })

    test('again and again counts from its last beginning', () => {
      const { alarms } = setUp()
      for (let s = 0; s < 60; s += 12) {
        expect(alarms.cameraState('a', 'damaged', damaged(s))).toEqual([])
        expect(alarms.tick(damaged(s + 9))).toEqual([])
        expect(alarms.cameraState('a', 'ok', damaged(s + 9.5))).toEqual([])
      }
    })

    test('and whose decoder is started anew meanwhile is damaged since the first of it', () => {
      const { alarms } = setUp()
      alarms.cameraState('a', 'damaged', damaged(0))
      alarms.cameraState('a', 'connecting', damaged(5))
      expect(alarms.tick(damaged(11))).toEqual([])
      alarms.cameraState('a', 'damaged', damaged(12))
      expect(alarms.tick(damaged(12))).toMatchObject([{ condition: 'camera_damaged', phase: 'start' }])
    })

    test('takes the place of a lost one once it has lasted', () => {
      const { alarms } = setUp()
      alarms.cameraState('a', 'lost', damaged(0))
      expect(alarms.cameraState('a', 'damaged', damaged(1))).toEqual([])
      const [gone, raised] = alarms.tick(damaged(11))
      expect(gone).toMatchObject({ condition: 'camera_lost', phase: 'end', reason: 'camera_damaged' })
      expect(raised).toMatchObject({ condition: 'camera_damaged', phase: 'start' })
    })
  })

  test('that is lost and then frozen has one technical alarm at a time', () => {
    const { alarms } = setUp()
    alarms.cameraState('a', 'lost', moment(t0))
    const next = alarms.cameraState('a', 'frozen', moment(t0 + 1000))
    expect(next.map(({ condition, phase }) => `${condition} ${phase}`)).toEqual([
      'camera_lost end',
      'camera_frozen start'
    ])
  })

  test.each(['frozen', 'paused'] as const)(
    'that is %s has faces that are not there now: they start no alarm',
    (state) => {
      const { alarms, said, feed } = setUp()
      alarms.cameraState('a', state, moment(t0))
      feed(0, 6, 0.95)
      expect(said).toEqual([])
      alarms.cameraState('a', 'ok', moment(t0 + 6000))
      feed(6, 9, 0.95)
      expect(phases(said)).toEqual(['start0'])
    }
  )

  test.each([
    ['lost', 'paused', 'camera_paused', 'Camera lost, room 12, bed A: alarm ended, camera paused'],
    ['frozen', 'lost', 'camera_lost', 'Camera picture frozen, room 12, bed A: alarm ended, camera lost'],
    ['lost', 'ok', 'cleared', 'Camera back, room 12, bed A']
  ] as const)('that was %s and is %s now: the technical alarm does not claim more than is known', (...row) => {
    const [before, now, reason, text] = row
    const { alarms } = setUp()
    alarms.cameraState('a', before, moment(t0))
    const [end] = alarms.cameraState('a', now, moment(t0 + 5000))
    expect(end).toMatchObject({ phase: 'end', reason, text: { en: text } })
  })

  test('that the config has no more takes its alarms with it, and says so', () => {
    const { alarms, said, feed } = setUp()
    feed(0, 4, 0.95)
    alarms.cameraState('b', 'lost', moment(t0 + 4000))
    const gone = [...alarms.cameraGone('a', moment(t0 + 4000)), ...alarms.cameraGone('b', moment(t0 + 4000))]
    expect(gone.map(({ camera, condition, phase, reason }) => [camera, condition, phase, reason])).toEqual([
      ['a', 'pain', 'end', 'reconfigured'],
      ['b', 'camera_lost', 'end', 'reconfigured']
    ])
    said.length = 0
    feed(4, 7, 0.95)
    expect(phases(said)).toEqual(['start0'])
  })

  test('leaves the alarms of the others alone', () => {
    const { alarms, said, feed } = setUp()
    feed(0, 4, 0.95)
    said.push(...alarms.cameraState('b', 'lost', moment(t0 + 4000)))
    expect(said.map(({ camera, phase }) => `${camera} ${phase}`)).toEqual(['a start', 'b start'])
    expect(said[1]?.text).toEqual({ en: 'Camera lost, camera b', de: 'Kamera ausgefallen, Kamera b' })
  })
})

describe('a pain alarm without an acknowledgement', () => {
  const remindersOf = (said: readonly AlarmMessage[]) =>
    said
      .filter(({ reminder }) => reminder !== null)
      .map(({ reminder, duration_s }) => [reminder, Math.round(duration_s)])

  test('is sent again as a reminder each remind_s until it is acknowledged', () => {
    const { alarms, said, feed } = setUp({ rules: { ...rules, remindS: 30 } })
    feed(0, 100, 0.95)
    expect(remindersOf(said).map(([n]) => n)).toEqual([1, 2, 3])
    const times = [said[0]!, ...said.filter(({ reminder }) => reminder !== null)].map(({ duration_s }) => duration_s)
    for (const [i, time] of times.entries()) {
      if (i === 0) continue
      expect(time - times[i - 1]!).toBeGreaterThanOrEqual(30)
      expect(time - times[i - 1]!).toBeLessThanOrEqual(31.5)
    }
    alarms.ack(said[0]!.alarm_id, 'nurse', 'coming', moment(t0 + 100_000))
    const before = said.length
    feed(100, 200, 0.95)
    expect(remindersOf(said.slice(before))).toEqual([])
  })

  test('is never reminded of where remind_s is null, and no end is a reminder', () => {
    const { said, feed } = setUp({ rules: { ...rules, remindS: null } })
    feed(0, 300, 0.95)
    expect(remindersOf(said)).toEqual([])
    const second = setUp({ rules: { ...rules, remindS: 30 } })
    second.feed(0, 29.5, 0.95)
    second.feed(29.5, 40, 0.1)
    expect(second.said.at(-1)).toMatchObject({ phase: 'end', reminder: null })
  })
})

describe('commands and the rest', () => {
  test('an acknowledgement is recorded in every later message and clears nothing', () => {
    const { alarms, said, feed } = setUp()
    feed(0, 3, 0.95)
    const { alarms: acked } = alarms.ack('id0', 'nurse 7', 'coming', moment(t0 + 3000))
    expect(acked[0]).toMatchObject({
      phase: 'update',
      seq: 1,
      state: 'active',
      ack: { by: 'nurse 7', at: '2026-01-01T00:00:03.000Z', kind: 'coming' }
    })
    feed(3, 5, 0.95)
    feed(5, 12, 0)
    expect(said.at(-1)).toMatchObject({ phase: 'end', seq: 2, ack: { by: 'nurse 7' } })
    expect(() => alarms.ack('id1', 'nurse 7', 'seen', moment(t0))).toThrow(/no active alarm has that id/)
  })

  test('a test alarm lasts as long as asked for, has the priority asked for, can be acknowledged, and needs a camera that exists', () => {
    const { alarms } = setUp()
    const [start] = alarms.testAlarm('a', moment(t0), { seconds: 60, priority: 'high' })
    expect(start).toMatchObject({ phase: 'start', seq: 0, test: true, condition: 'test', priority: 'high' })
    expect(alarms.tick(moment(t0 + 59_000))).toEqual([])
    const { alarms: updates } = alarms.ack(start!.alarm_id, 'nurse 7', 'coming', moment(t0 + 59_500))
    expect(updates[0]).toMatchObject({ phase: 'update', seq: 1, ack: { by: 'nurse 7', kind: 'coming' } })
    expect(alarms.tick(moment(t0 + 60_000))).toMatchObject([
      { phase: 'end', seq: 2, reason: 'test', test: true, priority: 'high', duration_s: 60, ack: { by: 'nurse 7' } }
    ])
    const [other] = alarms.testAlarm('a', moment(t0 + 70_000))
    expect(other).toMatchObject({ priority: 'low' })
    expect(alarms.tick(moment(t0 + 99_999))).toEqual([])
    expect(alarms.shutdown(moment(t0 + 99_999))).toMatchObject([{ phase: 'end', reason: 'stopped', test: true }])
    expect(() => alarms.testAlarm('x', moment(t0))).toThrow(/no camera of that name.*Name one of: a, b/)
    expect(() => alarms.testAlarm('constructor', moment(t0))).toThrow(/no camera/)
    expect(alarms.active(moment(t0))).toEqual([])
  })

  test('every active alarm is told again on request, with the next seq', () => {
    const { alarms, feed } = setUp()
    feed(0, 3, 0.95)
    alarms.technical('outbox_full', { code: 'PL-OUTBOX-FULL', message: '9,500 of 10,000' }, moment(t0))
    const told = alarms.active(moment(t0 + 3000))
    expect(told.map(({ phase, seq, condition }) => [phase, seq, condition]).sort()).toEqual([
      ['update', 1, 'outbox_full'],
      ['update', 1, 'pain']
    ])
  })

  test('a technical alarm is raised once, carries its detail and is cleared once', () => {
    const { alarms } = setUp({ priorities: { ...priorities, inference_failed: 'medium' } })
    const stuck = { code: 'PL-INFERENCE-STUCK', message: 'the worker is stuck' } as const
    const [raised] = alarms.technical('inference_failed', stuck, moment(t0))
    expect(raised).toMatchObject({ type: 'technical', priority: 'medium', camera: null, score: null, threshold: null })
    expect(raised?.text.en).toBe('Faces cannot be analysed: the worker is stuck')
    expect(raised?.code).toBe('PL-INFERENCE-STUCK')
    expect(alarms.technical('inference_failed', stuck, moment(t0))).toEqual([])
    const [cleared, ...more] = alarms.technical('inference_failed', null, moment(t0))
    expect([cleared?.text.en, more]).toEqual(['Faces are analysed again', []])
    expect(alarms.technical('inference_failed', null, moment(t0))).toEqual([])
  })

  test('a technical alarm that goes on is told again each minute', () => {
    const { alarms } = setUp()
    alarms.cameraState('b', 'lost', moment(t0))
    expect(alarms.tick(moment(t0 + 59_900))).toEqual([])
    expect(alarms.tick(moment(t0 + 60_000))).toMatchObject([{ condition: 'camera_lost', phase: 'update', seq: 1 }])
    expect(alarms.tick(moment(t0 + 119_900))).toEqual([])
    expect(alarms.tick(moment(t0 + 120_000))).toMatchObject([{ condition: 'camera_lost', phase: 'update', seq: 2 }])
  })

  test('an outage is told with the time it began, and without updates, which could not be delivered', () => {
    const { alarms } = setUp()
    const [start] = alarms.technical(
      'broker_lost',
      { code: 'PL-BROKER-SILENT', message: '' },
      moment(t0 + 10_000),
      moment(t0)
    )
    expect(start).toMatchObject({ onset: '2026-01-01T00:00:00.000Z', duration_s: 10 })
    expect(alarms.tick(moment(t0 + 3_600_000))).toEqual([])
    const [end] = alarms.technical('broker_lost', null, moment(t0 + 3_600_000))
    expect(end).toMatchObject({ phase: 'end', seq: 1, reason: 'cleared', duration_s: 3600 })
  })

  test('a demonstration model is named as such in the text', () => {
    const { said, feed } = setUp({ model: { ...model, demonstration: true } })
    feed(0, 3, 0.95)
    expect(said[0]?.text).toEqual({
      en: 'Pain suspected, room 12, bed A (demonstration model)',
      de: 'Verdacht auf Schmerz, Zimmer 12, Bett A (Demonstrationsmodell)'
    })
  })

  test('stopping ends everything, and nothing starts afterwards', () => {
    const { alarms, said, feed } = setUp()
    feed(0, 3, 0.95)
    alarms.cameraState('b', 'lost', moment(t0 + 3000))
    const last = alarms.shutdown(moment(t0 + 3000))
    expect(last.map(({ condition, phase, reason }) => [condition, phase, reason])).toEqual([
      ['pain', 'end', 'stopped'],
      ['camera_lost', 'end', 'stopped']
    ])
    said.length = 0
    feed(3, 10, 0.95)
    expect(said).toEqual([])
    expect(alarms.cameraState('a', 'lost', moment(t0))).toEqual([])
    expect(alarms.shutdown(moment(t0))).toEqual([])
  })

  test('an alarm that an earlier run left is ended from its last message, with the next seq', () => {
    const { alarms, said, feed } = setUp()
    feed(0, 3, 0.95)
    const last = alarms.ack('id0', 'nurse 7', 'coming', moment(t0 + 3000)).alarms[0]!
    const end = endAfterRestart(
      JSON.parse(JSON.stringify(last)),
      moment(t0 + 60_000),
      clockOf(() => t0)
    )
    expect(end).toEqual({
      ...last,
      phase: 'end',
      seq: 2,
      state: 'ended',
      reason: 'restarted',
      updated: '2026-01-01T00:01:00.000Z',
      duration_s: 60,
      text: {
        en: 'Pain suspected, room 12, bed A: alarm ended, painlens had to restart',
        de: 'Verdacht auf Schmerz, Zimmer 12, Bett A: Alarm beendet, painlens wurde neu gestartet'
      }
    })
    expect(said[0]?.onset).toBe(end.onset)
  })

  test('an alarm of an earlier run whose clock stood in 1970, or in the future, lasted as long as that run has measured', () => {
    const { alarms, feed } = setUp()
    feed(0, 3, 0.95)
    const last = alarms.ack('id0', 'nurse 7', 'coming', moment(t0 + 3000)).alarms[0]!
    const day = 86_400_000
    const secondsAt = (at: number): number =>
      endAfterRestart(
        last,
        moment(at),
        clockOf(() => t0)
      ).duration_s
    expect(secondsAt(t0 + 3000 + 30 * day)).toBe(3 + 30 * 86_400)
    for (const set of [31 * day, 56 * 365 * day, -day, -20_000 * day]) expect(secondsAt(t0 + set)).toBe(last.duration_s)
  })

  test('no text claims more than a suspicion', () => {
    const { alarms, said, feed } = setUp()
    feed(0, 3, 0.95)
    said.push(...alarms.shutdown(moment(t0 + 3000)))
    for (const { text } of said) {
      expect(text.en).toMatch(/suspected/)
      expect(text.de).toMatch(/Verdacht/)
      expect(`${text.en} ${text.de}`).not.toMatch(/diagnos|has pain|hat Schmerz|patient/i)
    }
  })
})

describe('the rate limit', () => {
  test('merges what comes up within a second of the last message, and brings it afterwards', () => {
    const { alarms, said, feed } = setUp()
    feed(0, 2.2, 0.95)
    expect(phases(said)).toEqual(['start0'])
    expect(alarms.active(moment(t0 + 2200))).toEqual([])
    expect(alarms.active(moment(t0 + 2400))).toEqual([])
    expect(alarms.tick(moment(t0 + 2800))).toEqual([])
    expect(phases(alarms.tick(moment(t0 + 3000)))).toEqual(['update1'])
    expect(alarms.tick(moment(t0 + 4000))).toEqual([])
  })

  test('lets those that were silent longest have their turn first, and refuses acknowledgements beyond it', () => {
    const { alarms } = setUp({ rules: { ...rules, updatesPerS: 2 } })
    const conditions = ['inference_failed', 'explanation_failed', 'outbox_full', 'clock_unsynchronised'] as const
    for (const [index, condition] of conditions.entries())
      alarms.technical(condition, { code: 'PL-UNEXPECTED', message: '' }, moment(t0 + index))
    const told = (at: number, list = alarms.tick(moment(t0 + at))) => list.map(({ condition }) => condition)
    expect(told(0, alarms.active(moment(t0 + 5000)))).toEqual(conditions.slice(0, 2))
    expect(() => alarms.testAlarm('a', moment(t0 + 5000))).toThrow(/too many messages at once.*Try again/)
    expect(() => alarms.ack('id0', 'nurse', 'seen', moment(t0 + 5000))).toThrow(/too many messages at once.*Try again/)
    expect(told(6000)).toEqual(conditions.slice(2))
    expect(told(7000)).toEqual([])
    expect(alarms.ack('id0', 'nurse', 'seen', moment(t0 + 8000)).alarms[0]?.ack?.by).toBe('nurse')
  })
})
