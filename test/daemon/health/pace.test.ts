import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Pace } from '../../../src/daemon/health/pace.js'
import { longestPaceMs } from '../../../src/stages/alarm/index.js'
import { openScene } from '../../stages/alarm/scene.js'
import { moment } from '../../support/moments.js'

const mostMs = 1000
const afterMs = 60_000

/** One interval between two judged frames. */
interface Interval {
  ms: number
  /** Frames dropped in it. */
  drops: number
  isUsable: boolean
}

function openPace() {
  const pace = new Pace({ mostMs, afterMs })
  let [now, dropped] = [0, 0]
  const told: { at: number; since: number | null }[] = []
  const judge = (intervals: readonly Interval[]): void => {
    for (const { ms, drops, isUsable } of intervals) {
      now += ms
      dropped += drops
      const change = pace.judged({ at: moment(now), ms, isUsable, dropped })
      if (change) told.push({ at: now, since: change.since })
    }
  }
  judge([{ ms: 0, drops: 0, isUsable: true }])
  return { pace, judge, told }
}

const times = (count: number, interval: Interval): Interval[] => Array.from({ length: count }, () => interval)
const late = { ms: 2000, drops: 9, isUsable: true }
const kept = { ms: 800, drops: 3, isUsable: true }
const empty = { ms: 2000, drops: 9, isUsable: false }
const emptyKept = { ms: 200, drops: 0, isUsable: false }

describe('a face that is judged every two seconds because frames are dropped', () => {
  test('is an overload after the set time, since the first late frame, and until it was judged in time for as long', () => {
    const { judge, told, pace } = openPace()
    judge(times(29, late))
    expect(told).toEqual([])
    judge(times(1, late))
    expect(told).toEqual([{ at: 60_000, since: 0 }])
    expect(pace.everyMs).toBe(2000)
    judge([...times(10, late), ...times(74, kept)])
    expect(told).toHaveLength(1)
    judge(times(1, kept))
    expect(told[1]).toEqual({ at: 140_000, since: null })
  })

  test('has come two thirds of the way from one usual time between verdicts to another after ten of them', () => {
    const { judge, pace } = openPace()
    judge([...times(10, kept), ...times(10, late)])
    expect(pace.everyMs).toBeCloseTo(2000 - 1200 * 0.9 ** 10, 6)
  })

  test('is an overload although the face is out of sight again and again', () => {
    const { judge, told } = openPace()
    for (let round = 0; round < 10; round++) judge([...times(20, empty), ...times(5, late)])
    expect(told).toHaveLength(1)
  })

  test('is no overload any more when the bed is empty and no frames are dropped', () => {
    const { judge, told } = openPace()
    judge([...times(30, late), ...times(301, emptyKept)])
    expect(told.map(({ since }) => since)).toEqual([0, null])
  })

  test('is told once more where its alarm has ended for another reason, and from the beginning after a pause', () => {
    const { judge, told, pace } = openPace()
    judge(times(30, late))
    pace.ended()
    judge(times(1, late))
    expect(told).toHaveLength(2)
    pace.ended()
    pace.restart()
    judge(times(29, late))
    expect(told).toHaveLength(2)
  })
})

describe('no overload is', () => {
  test.each([
    ['a face that is judged every 0.8 s, whatever is dropped', kept],
    ['an empty bed of which most frames are dropped', empty],
    ['a camera that gives one frame in five seconds', { ms: 5000, drops: 0, isUsable: true }]
  ])('%s', (_, interval) => {
    const { judge, told } = openPace()
    judge(times(1000, interval))
    expect(told).toEqual([])
  })

  test('a rush that is shorter than the set time', () => {
    const { judge, told } = openPace()
    for (let round = 0; round < 20; round++) judge([...times(25, late), ...times(63, kept)])
    expect(told).toEqual([])
  })
})

test('a face of which every fifth frame is judged is an overload after the set time however the times between frames vary, one of which every fourth is never', () => {
  const frameMs = 200
  const shifts = fc.array(fc.integer({ min: -40, max: 40 }), { minLength: 200, maxLength: 200 })
  fc.assert(
    fc.property(shifts, (shift) => {
      /** When each judged frame comes: as the camera means, and that much earlier or later. */
      const intervals = (every: number): Interval[] =>
        shift.map((ms, i) => ({ ms: every * frameMs + ms - (shift[i - 1] ?? 0), drops: every - 1, isUsable: true }))
      const [fifth, fourth] = [openPace(), openPace()]
      fifth.judge(intervals(5))
      fourth.judge(intervals(4))
      expect(fifth.told).toHaveLength(1)
      expect(Math.abs(fifth.told[0]!.at - afterMs)).toBeLessThanOrEqual(5 * frameMs + 40)
      expect(fourth.told).toEqual([])
    })
  )
})

test('begins and ends alternate, begins after late time of at least the set time, ends after as much time of the other kind', () => {
  const interval = fc.record({
    ms: fc.constantFrom(200, 899, 900, 1001, 3000, 15_000),
    drops: fc.constantFrom(0, 1, 9),
    isUsable: fc.boolean()
  })
  const runs = fc.array(fc.tuple(interval, fc.integer({ min: 1, max: 40 })), {
    minLength: 5,
    maxLength: 30,
    size: 'max'
  })
  let begins = 0
  let ends = 0
  fc.assert(
    fc.property(runs, (chosen) => {
      const history = chosen.flatMap(([one, count]) => times(count, one))
      const { judge, told } = openPace()
      /** Since the last change. */
      let [lateMs, keptMs, active, before] = [0, 0, false, true]
      history.forEach((one) => {
        const isLate = one.ms >= 0.9 * mostMs && one.drops > 0
        if (isLate && one.isUsable && before) lateMs += one.ms
        if (!isLate) keptMs += one.ms
        before = one.isUsable
        const count = told.length
        judge([one])
        if (told.length === count) return
        const { since } = told.at(-1)!
        expect(since !== null).toBe(!active)
        active = since !== null
        if (active) begins++
        else ends++
        expect(active ? lateMs : keptMs).toBeGreaterThanOrEqual(afterMs)
        ;[lateMs, keptMs] = [0, 0]
      })
    })
  )
  expect(Math.min(begins, ends)).toBeGreaterThan(10)
})

test('the longest pace is that up to which the onset rule of alarms is kept', () => {
  const rules = fc.record({ onsetS: fc.integer({ min: 1, max: 20 }), onsetFrames: fc.integer({ min: 1, max: 40 }) })
  /** From the first frame above the threshold to the alarm, at this pace. */
  const onsetMs = (rule: { onsetS: number; onsetFrames: number }, everyMs: number): number => {
    const { said, see } = openScene({ ...rule, smoothingS: 0, onsetThreshold: 0.5, clearThreshold: 0.2 })
    see(120, { score: 0.9 }, everyMs)
    const [start] = said
    return Date.parse(start!.updated) - Date.parse(start!.onset)
  }
  fc.assert(
    fc.property(rules, fc.double({ min: 0.3, max: 2.5, noNaN: true }), (rule, factor) => {
      fc.pre(Math.abs(factor - 1) > 0.02)
      const everyMs = Math.round(longestPaceMs(rule) * factor)
      fc.pre(everyMs >= 20)
      const late = onsetMs(rule, everyMs) - rule.onsetS * 1000
      if (factor < 1) expect(late).toBeLessThanOrEqual(everyMs)
      else expect(late).toBeGreaterThan(0)
    }),
    { numRuns: 60 }
  )
})
