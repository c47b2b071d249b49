/** The limits of what is taken for a face at rest, each from both sides: a reference lowers pain. */
import { describe, expect, it } from 'vitest'
import { type JudgedFace, Measurement } from '../../../src/stages/reference/measurement.js'
import { isAtPlace, Presence } from '../../../src/stages/reference/place.js'
import type { ReferenceModel } from '../../../src/stages/reference/shift.js'
import { model } from './rig.js'

const rules = { maxShift: 3, alwaysAlarm: 0.95 }
const box = { x: 0.4, y: 0.2, width: 0.1, height: 0.1 }
const resting = [-1, 0, 1]

/** The code with which frames are refused, or `taken`. */
function outcome(faces: readonly Partial<JudgedFace>[], more: { several?: number; of?: ReferenceModel } = {}): string {
  const measurement = new Measurement()
  const whole = (face: Partial<JudgedFace>): JudgedFace => ({
    ...{ zone: null, box, score: 0.1, logits: Float32Array.from(resting) },
    ...face
  })
  for (const face of faces) measurement.take([whole(face)], [])
  for (let i = 0; i < (more.several ?? 0); i++) measurement.take([whole({}), whole({})], [])
  try {
    measurement.result(more.of ?? model, rules, 'bed')
    return 'taken'
  } catch (error) {
    return (error as { code: string }).code
  }
}

const times = (count: number, face: Partial<JudgedFace> = {}) => Array.from({ length: count }, () => face)

describe('the frames of a resting face', () => {
  it('are enough from 20 on', () => {
    expect([19, 20].map((count) => outcome(times(count)))).toEqual(['PL-REFERENCE-NO-FACE', 'taken'])
  })

  it('show one person where several faces are in a tenth of them at most', () => {
    expect([10, 11].map((several) => outcome(times(90), { several }))).toEqual(['taken', 'PL-REFERENCE-SEVERAL'])
  })

  it('are of a face that lies still where nine of ten are within half its width of its place', () => {
    const beside = (far: number) => [...times(80), ...times(20, { box: { ...box, x: box.x + far * box.width } })]
    expect([0.49, 0.51].map((far) => outcome(beside(far)))).toEqual(['taken', 'PL-REFERENCE-MOVES'])
  })

  it('are of a face that keeps its distance where the largest are 1.3 times as large as the smallest', () => {
    const nearer = (by: number) => {
      const [width, height] = [box.width * by, box.height * by]
      return [...times(90), ...times(10, { box: { x: 0.45 - width / 2, y: 0.25 - height / 2, width, height } })]
    }
    expect([1.29, 1.31].map((by) => outcome(nearer(by)))).toEqual(['taken', 'PL-REFERENCE-MOVES'])
  })

  it('are of a face at rest where they vary as much as resting faces do, and by half a unit where these are nearly alike', () => {
    // Half of them above the median and half below: the median absolute deviation, times 1.4826.
    const varied = (spread: number) => {
      const away = spread / 1.4826
      const logits = [-1, 1].map((side) => Float32Array.from([-1 + side * away, 0, 1]))
      return Array.from({ length: 40 }, (_, i) => ({ logits: logits[i % 2] }))
    }
    const alike = { ...model, resting: { ...model.resting!, pain: [-1, 0.1] as [number, number] } }
    expect([0.79, 0.81].map((spread) => outcome(varied(spread)))).toEqual(['taken', 'PL-REFERENCE-NOT-AT-REST'])
    expect([0.49, 0.51].map((spread) => outcome(varied(spread), { of: alike }))).toEqual([
      'taken',
      'PL-REFERENCE-NOT-AT-REST'
    ])
  })

  it('show pain where a quarter of them scores what no reference may lower', () => {
    const high = (count: number) => [...times(100 - count), ...times(count, { score: 0.95 })]
    expect([24, 27].map((count) => outcome(high(count)))).toEqual(['taken', 'PL-REFERENCE-PAIN'])
  })
})

describe('a face beside the place of the reference', () => {
  const moved = (heights: number) => ({ ...box, y: box.y + heights * box.height })
  const grown = (by: number) => {
    const [width, height] = [box.width * by, box.height * by]
    return { x: 0.45 - width / 2, y: 0.25 - height / 2, width, height }
  }

  it("is taken for its own up to one and a half of the face's heights away, and up to 1.35 times as large or small", () => {
    expect([1.49, 1.51].map((by) => isAtPlace(moved(by), box))).toEqual([true, false])
    expect([1.34, 1.36].map((by) => isAtPlace(grown(by), box))).toEqual([true, false])
    expect([1 / 1.34, 1 / 1.36].map((by) => isAtPlace(grown(by), box))).toEqual([true, false])
  })
})

describe('the presence of a person', () => {
  const fresh = () => new Presence({ suspended: null, awayMs: 0 })
  const see = (presence: Presence, isOwn: boolean, seconds: number, everyMs = 1000) => {
    for (let i = 0; i < (seconds * 1000) / everyMs; i++) presence.seen(isOwn, true, everyMs)
    return presence.suspended
  }

  it('is doubted once another face has been seen for a minute, and sure again once its own was for 10 s', () => {
    const presence = fresh()
    expect([59, 1].map((seconds) => see(presence, false, seconds))).toEqual([null, 'other_person'])
    expect([9, 1].map((seconds) => see(presence, true, seconds))).toEqual(['other_person', null])
  })

  it('counts a second at most of the time between two sightings', () => {
    const presence = fresh()
    for (let i = 0; i < 59; i++) presence.seen(false, true, 60_000)
    expect(presence.suspended).toBeNull()
    presence.seen(false, true, 60_000)
    expect(presence.suspended).toBe('other_person')
  })

  it('is doubted after four hours without a face', () => {
    const presence = fresh()
    presence.passed(4 * 3_600_000 - 1)
    expect(presence.suspended).toBeNull()
    presence.passed(1)
    expect(presence.suspended).toBe('absence')
  })
})
