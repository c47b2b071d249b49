import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { AlarmMessage } from '../../../src/contract/messages.js'
import { stamp } from '../../../src/core/clock.js'
import { createAlarms, type Float32Question } from '../../../src/stages/alarm/index.js'
import { alarmDefaults } from '../../support/alarm-defaults.js'
import { clockOf, moment } from '../../support/moments.js'
import { box, course, frameMs, t0 } from './scene.js'

const { rules, priorities } = alarmDefaults

/** The alarms of one face that int8 judges, and float32 where an alarm asks. */
function open(changes: Partial<typeof rules> = {}) {
  let now = t0
  let id = 0
  const clock = clockOf(() => now)
  const alarms = createAlarms({
    cameras: {},
    facility: null,
    rules: { ...rules, ...changes },
    priorities,
    model: null,
    clock,
    newId: () => `id${id++}`
  })
  const said: AlarmMessage[] = []
  const questions: Float32Question[] = []
  const see = (seconds: number, score: number | null, precision: 'int8' | 'float32' = 'int8', track = 1) => {
    for (let frames = Math.round((seconds * 1000) / frameMs); frames > 0; frames--) {
      const out = alarms.observe({ camera: 'a', track, at: moment(now), score, precision, box })
      said.push(...out.alarms)
      if (out.question) questions.push(out.question)
      now += frameMs
    }
  }
  /** float32's score of the last face that it was asked about. */
  const answer = (score: number | null) => said.push(...alarms.answer(questions.at(-1)!, score))
  const tick = () => said.push(...alarms.tick(moment(now)))
  const wait = (seconds: number) => {
    now += 1000 * seconds
    tick()
  }
  return { alarms, clock, said, questions, see, answer, tick, wait, at: () => moment(now) }
}

describe('an alarm where int8 judges', () => {
  test('asks float32 once and starts confirmed when that sees the pain, too', () => {
    const { clock, said, questions, see, answer } = open()
    see(5, 0.95)
    expect([questions.length, said.length]).toEqual([1, 0])
    answer(0.93)
    expect(said).toMatchObject([{ phase: 'start', condition: 'pain', confirmed: true }])
    expect(said[0]!.updated, 'of the frame that the question was about').toBe(stamp(clock, questions[0]!.at))
    see(20, 0.95)
    expect(questions).toHaveLength(1)
  })

  test('does not start where float32 sees no pain, and is asked for again only after another onset', () => {
    const { said, questions, see, answer } = open()
    see(5, 0.95)
    answer(0.2)
    see(0.4, 0.95)
    expect([questions.length, said.length]).toEqual([1, 0])
    see(5, 0.95)
    expect(questions).toHaveLength(2)
    answer(0.2)
    expect(said).toEqual([])
  })

  test('starts unconfirmed where float32 does not answer in time, says so later when it does, and ends as any other', () => {
    const { said, questions, see, answer, tick } = open()
    see(5, 0.95)
    answer(null)
    expect(said).toMatchObject([{ phase: 'start', confirmed: false }])
    see(6, 0.95)
    expect(questions).toHaveLength(2)
    answer(0.94)
    tick()
    expect(said.at(-1)).toMatchObject({ phase: 'update', confirmed: true })
    see(10, 0)
    expect(course(said)).toEqual(['start id0', 'cleared id0'])
    expect(said.at(-1)).toMatchObject({ confirmed: true })
  })

  test('starts unconfirmed by the clock where nothing ever answers', () => {
    const { said, see, tick } = open()
    see(4, 0.95)
    see(1.2, 0.95)
    tick()
    expect(said).toMatchObject([{ phase: 'start', confirmed: false }])
  })

  test('waits one second for an answer, and asks again in the first frame five seconds after it asked', () => {
    const { alarms, said, questions, see } = open()
    see(4, 0.95)
    const [{ at }] = questions as [Float32Question]
    expect(alarms.tick(moment(at + 999))).toEqual([])
    said.push(...alarms.tick(moment(at + 1000)))
    expect(said).toMatchObject([{ phase: 'start', confirmed: false }])
    see(6, 0.95)
    expect(questions.map((question) => question.at - at)).toEqual([0, 5000])
  })

  test('starts by a frame that float32 judged while the question is open; the answer then changes nothing', () => {
    const { said, see, answer } = open()
    see(4, 0.95)
    see(0.2, 0.9, 'float32')
    expect(said).toMatchObject([{ phase: 'start', confirmed: true }])
    answer(0.1)
    expect(said).toHaveLength(1)
  })

  test('is not started by a frame in which the face cannot be judged', () => {
    const { said, questions, see } = open()
    see(4, 0.95)
    see(1, null)
    expect([questions.length, said.length]).toEqual([1, 0])
  })

  test('that waits when its camera is lost, its face is gone or painlens stops starts unconfirmed, and ends with the reason', () => {
    const lost = open()
    lost.see(4, 0.95)
    lost.said.push(...lost.alarms.cameraState('a', 'lost', lost.at()))
    expect(course(lost.said.filter(({ condition }) => condition === 'pain'))).toEqual(['start id0', 'camera_lost id0'])
    const gone = open()
    gone.see(4, 0.95)
    gone.wait(60)
    expect(course(gone.said)).toEqual(['start id0', 'track_lost id0'])
    const stopped = open()
    stopped.see(4, 0.95)
    stopped.said.push(...stopped.alarms.shutdown(stopped.at()))
    expect(course(stopped.said)).toEqual(['start id0', 'stopped id0'])
    for (const { said } of [lost, gone, stopped])
      expect(said.filter(({ condition }) => condition === 'pain').map(({ confirmed }) => confirmed)).toEqual([
        false,
        false
      ])
  })

  test('waits on when its face gets another number', () => {
    const { said, questions, see, alarms, answer } = open()
    see(4, 0.95)
    alarms.trackLost('a', 1)
    see(0.4, 0.95, 'int8', 2)
    expect(questions).toHaveLength(1)
    answer(0.95)
    expect(said).toMatchObject([{ phase: 'start', confirmed: true }])
  })

  test('has no second alarm when it has ended before the answer comes', () => {
    const { said, see, answer } = open()
    see(5, 0.95)
    answer(null)
    see(6, 0.95)
    see(10, 0)
    answer(null)
    expect(course(said)).toEqual(['start id0', 'cleared id0'])
  })
})

const stretch = fc.record({
  frames: fc.integer({ min: 1, max: 30 }),
  score: fc.double({ min: 0, max: 1, noNaN: true }),
  /** What int8 is off by in it. */
  off: fc.double({ min: -0.1, max: 0.1, noNaN: true })
})

/** Plays the stretches; float32 answers after so many frames, or never. */
function play(
  stretches: readonly { frames: number; score: number; off: number }[],
  delay: number | null,
  isExact: boolean
) {
  const { alarms, said, at } = open()
  let now: number = at()
  let pending: { question: Float32Question; score: number; due: number } | null = null
  for (const { frames, score, off } of stretches) {
    for (let frame = 0; frame < frames; frame++, now += frameMs) {
      const quick = Math.min(1, Math.max(0, score + off))
      const judged = isExact ? ({ score } as const) : ({ score: quick, precision: 'int8' } as const)
      if (pending && pending.due <= now) {
        said.push(...alarms.answer(pending.question, pending.score))
        pending = null
      }
      const out = alarms.observe({ camera: 'a', track: 1, at: moment(now), box, ...judged })
      said.push(...out.alarms, ...alarms.tick(moment(now)))
      if (out.question && delay !== null) pending = { question: out.question, score, due: now + delay * frameMs }
    }
  }
  said.push(...alarms.shutdown(moment(now)))
  return said
}

const startsOf = (said: readonly AlarmMessage[]) =>
  said
    .filter(({ phase }) => phase === 'start')
    .map(({ updated, confirmed }) => ({ at: Date.parse(updated), confirmed }))

describe('whatever the scores', () => {
  test('with an int8 that errs by nothing, each alarm of float32 starts, as late as the answer took', () => {
    fc.assert(
      fc.property(
        fc.array(stretch, { minLength: 1, maxLength: 12 }),
        fc.integer({ min: 0, max: 4 }),
        (drawn, delay) => {
          const stretches = drawn.map((each) => ({ ...each, off: 0 }))
          const right = startsOf(play(stretches, null, true))
          const found = startsOf(play(stretches, delay, false))
          // Its first alarm; from there on an alarm that starts later may also end later.
          const [first] = right
          const [quick] = found
          if (first === undefined) return
          if (quick === undefined) throw new Error(`no alarm, and float32 has one at ${first.at}`)
          expect(quick.at - first.at).toBeGreaterThanOrEqual(0)
          expect(quick.at - first.at).toBeLessThanOrEqual((delay + 1) * frameMs)
        }
      ),
      { numRuns: 300 }
    )
  })

  test('an alarm that goes out confirmed has a smoothed score that float32 puts at or above the onset threshold', () => {
    fc.assert(
      fc.property(
        fc.array(stretch, { minLength: 1, maxLength: 12 }),
        fc.integer({ min: 0, max: 4 }),
        (drawn, delay) => {
          for (const { phase, confirmed, score } of play(drawn, delay, false))
            if (phase === 'start' && confirmed) expect(score).toBeGreaterThanOrEqual(rules.onsetThreshold - 0.0005)
        }
      ),
      { numRuns: 300 }
    )
  })

  test('an alarm waits for its confirmation for a second and a frame at most, and is one start, updates and one end', () => {
    fc.assert(
      fc.property(fc.array(stretch, { minLength: 1, maxLength: 12 }), (drawn) => {
        const stretches = drawn.map((each) => ({ ...each, off: 0 }))
        const [first] = startsOf(play(stretches, null, true))
        const silent = play(stretches, null, false)
        const [late] = startsOf(silent)
        if (first !== undefined) expect(late!.at - first.at).toBeLessThanOrEqual(1000 + frameMs)
        expect(startsOf(silent).every(({ confirmed }) => confirmed === false)).toBe(true)
        for (const id of new Set(silent.map(({ alarm_id }) => alarm_id))) {
          const messages = silent.filter(({ alarm_id }) => alarm_id === id)
          expect(messages[0]!.phase).toBe('start')
          expect(messages.filter(({ phase }) => phase !== 'update')).toHaveLength(2)
          expect(messages.map(({ seq }) => seq)).toEqual(messages.map((_, i) => i))
        }
      }),
      { numRuns: 300 }
    )
  })
})
