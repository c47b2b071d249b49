import { describe, expect, test } from 'vitest'
import { scenes } from '../../../tools/bench/scene-list.js'
import { outcomesOf } from '../../../tools/bench/scenes.js'

const fps = 5
const named = (part: string) => {
  const found = scenes.filter(({ name }) => name.includes(part))
  expect(found).toHaveLength(1)
  return outcomesOf(found[0]!, fps)
}
const total = (outcomes: ReturnType<typeof outcomesOf>, of: 'missed' | 'falseAlarms' | 'alarms' | 'wrongCleared') =>
  outcomes.reduce((sum, outcome) => sum + outcome[of], 0)
const swaps = (outcomes: ReturnType<typeof outcomesOf>) => outcomes.filter(({ swapped }) => swapped).length

describe('in the scenes of docs/measured/scenes.md', () => {
  test.each(scenes)('no pain is missed and no alarm is false: $name', (scene) => {
    const outcomes = outcomesOf(scene, fps)
    expect(outcomes.length).toBeGreaterThanOrEqual(20)
    expect([total(outcomes, 'missed'), total(outcomes, 'falseAlarms')]).toEqual([0, 0])
  })

  test.each(scenes)('faces judged in int8 give the same alarms as in float32: $name', (scene) => {
    const alarmsOf = (precision: 'float32' | 'int8') =>
      outcomesOf(scene, fps, precision).map(({ onsetS: _, ...outcome }) => outcome)
    expect(alarmsOf('int8')).toEqual(alarmsOf('float32'))
  })

  test.each(['passes a resident', 'the same, faces missed'])(
    'a passing nurse takes over 3 tracks in 96 at most, and causes no second alarm and no wrong end: %s',
    (part) => {
      const outcomes = named(part)
      expect(outcomes).toHaveLength(96)
      expect(swaps(outcomes)).toBeLessThanOrEqual(3)
      expect(total(outcomes, 'alarms')).toBe(96)
      expect(total(outcomes, 'wrongCleared')).toBe(0)
    }
  )

  test("a nurse's face at a resident's place for 4 s leaves his alarm as it is, and for 20 s ends it as unknown", () => {
    const short = named('place for 4 s')
    expect(total(short, 'alarms')).toBe(short.length)
    expect(short.flatMap(({ ends }) => ends)).toEqual(short.map(() => 'stopped'))
    const long = named('place for 20 s')
    expect(total(long, 'wrongCleared')).toBe(0)
    expect(total(long, 'alarms')).toBe(2 * long.length)
    for (const { ends } of long) expect(['track_lost', 'person_uncertain']).toContain(ends[0])
  })

  test('a nurse whose face comes before that of a resident in pain never ends his alarm as cleared', () => {
    expect(total(named('leans over'), 'wrongCleared')).toBe(0)
  })

  test('pain that is seen for 3 s and away for 6 s is one alarm, and a score that alternates every 4 s two', () => {
    for (const { alarms } of named('seen 3 s and away 6 s')) expect(alarms).toBe(1)
    for (const { alarms } of named('alternates every 4 s')) expect(alarms).toBeLessThanOrEqual(2)
  })

  test('pain that ends in sight is cleared, and in the time in which the face is turned away is unknown', () => {
    expect(new Set(named('30 s, then none').flatMap(({ ends }) => ends))).toEqual(new Set(['cleared']))
    expect(new Set(named('turned away').flatMap(({ ends }) => ends))).toEqual(new Set(['person_uncertain']))
  })
})
