import { describe, expect, it } from 'vitest'
import { type AnsweredAlarm, advice, feedbackOf, nightAt } from '../../src/contract/feedback.js'

type Said = AnsweredAlarm['said'][number]
/** So many alarms that were answered by that. */
const alarms = (count: number, said: Said | null, changes: Partial<AnsweredAlarm> = {}): AnsweredAlarm[] =>
  Array.from({ length: count }, () => ({ said: said ? [said] : [], margin: 0.2, referenced: false, ...changes }))

describe('the answers to alarms', () => {
  it('count the last word on what was found: that a nurse is coming is none', () => {
    const said: Said[][] = [
      ['coming'],
      ['coming', 'seen'],
      ['seen', 'false_alarm'],
      ['false_alarm', 'coming'],
      ['false_alarm', 'seen'],
      []
    ]
    const told = said.map((each) => ({ said: each, margin: null, referenced: false }))
    expect(feedbackOf(told, 0)).toMatchObject({ alarms: 6, false_alarm: 2, seen: 2, unanswered: 2 })
  })

  it.each([
    ['few', alarms(4, 'false_alarm'), 0],
    ['few', [...alarms(4, 'seen'), ...alarms(4, null)], 0],
    ['unanswered', [...alarms(4, 'false_alarm'), ...alarms(5, null)], 0],
    ['unanswered', [...alarms(9, 'false_alarm'), ...alarms(10, 'coming')], 0],
    ['leave', [...alarms(2, 'false_alarm'), ...alarms(3, 'seen')], 600],
    ['picture', alarms(5, 'false_alarm'), 60],
    ['renew', [...alarms(3, 'false_alarm', { referenced: true }), ...alarms(2, 'false_alarm')], 59],
    ['threshold', [...alarms(3, 'false_alarm', { margin: 0.01 }), ...alarms(2, 'false_alarm')], 0],
    ['reference', [...alarms(2, 'false_alarm', { margin: 0.01 }), ...alarms(3, 'false_alarm', { margin: null })], 0],
    ['reference', [...alarms(3, 'false_alarm'), ...alarms(3, 'seen', { margin: 0, referenced: true })], 0]
  ] as const)('lead to the advice %s (row %#)', (name, told, troubleMin) => {
    expect(feedbackOf(told, troubleMin).advice).toBe(name)
  })

  it('lead to an advice in both languages whatever they are', () => {
    for (const { text } of Object.values(advice))
      expect([text.en, text.de].every((each) => /\.$/.test(each))).toBe(true)
    expect(feedbackOf([], 0).advice).toBe('few')
  })
})

it('a night is from noon to noon by the clock of the machine, also where that is set for the summer', () => {
  const night = nightAt(new Date(2026, 2, 29, 11, 59))
  expect([night.from, night.to]).toEqual([new Date(2026, 2, 28, 12), new Date(2026, 2, 29, 12)])
  expect(nightAt(new Date(2026, 2, 29, 12)).from).toEqual(night.to)
  expect(nightAt(new Date(2026, 0, 1, 3), 1).from).toEqual(new Date(2025, 11, 30, 12))
})
