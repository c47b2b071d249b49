import { describe, expect, it } from 'vitest'
import type { AlarmMessage } from '../../../src/contract/messages.js'
import { type JudgeInput, judgeDemo } from '../../../src/show/demo/judge.js'

const second = 1000
const at = (s: number) => new Date(s * second).toISOString()
const alarm = (alarm_id: string, phase: AlarmMessage['phase'], s: number, changes: Partial<AlarmMessage> = {}) =>
  ({ alarm_id, phase, condition: 'pain', test: false, onset: at(s - 2), updated: at(s), ...changes }) as AlarmMessage

const stretches = [
  { expression: 'neutral', from: 0, until: 10 * second },
  { expression: 'pain', from: 10 * second, until: 20 * second },
  { expression: 'happiness', from: 20 * second, until: null }
]
const good: JudgeInput = {
  stretches,
  alarms: [alarm('a', 'start', 13), alarm('a', 'update', 18), alarm('a', 'end', 24)],
  explanations: [{ alarm_id: 'a' }],
  watchedFrom: 2 * second,
  endedAt: 40 * second,
  graceMs: { start: 2 * second, end: 10 * second }
}

describe('judge', () => {
  it('one alarm with its end and its explanation passes', () => {
    expect(judgeDemo(good)).toEqual({ judged: 1, faults: [] })
  })

  it.each<[string, Partial<JudgeInput>, RegExp]>([
    ['no alarm', { alarms: [] }, /stretch 2 gave 0 alarms/],
    ['two alarms', { alarms: [...good.alarms, alarm('b', 'start', 19)] }, /gave 2 alarms/],
    ['no end', { alarms: good.alarms.slice(0, 2) }, /did not end \(its phases: start, update\)/],
    ['an update after the end', { alarms: [...good.alarms, alarm('a', 'update', 25)] }, /did not end/],
    ['no explanation', { explanations: [{ alarm_id: 'other' }] }, /without an explanation/],
    ['an alarm out of turn', { alarms: [...good.alarms, alarm('c', 'start', 30)] }, /though no pain was scripted/]
  ])('the demo fails for %s', (_, change, fault) => {
    const { faults } = judgeDemo({ ...good, ...change })
    expect(faults).toHaveLength(1)
    expect(faults[0]).toMatch(fault)
  })

  it('a pain shortly before the end is not judged, and its alarm is not counted as surplus', () => {
    expect(judgeDemo({ ...good, alarms: good.alarms.slice(0, 1), endedAt: 25 * second })).toEqual({
      judged: 0,
      faults: []
    })
  })

  it('a pain that began before watching is not judged', () => {
    expect(judgeDemo({ ...good, alarms: [], watchedFrom: 11 * second })).toEqual({ judged: 0, faults: [] })
  })

  it('technical and test alarms are not judged', () => {
    const others = [alarm('t', 'start', 30, { condition: 'camera_lost' }), alarm('u', 'start', 31, { test: true })]
    expect(judgeDemo({ ...good, alarms: [...good.alarms, ...others] }).faults).toEqual([])
  })
})
