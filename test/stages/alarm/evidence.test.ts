import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { box, course, openScene } from './scene.js'

const beside = { ...box, x: 740 }
const [pain, calm] = [0.95, 0.1]

describe('an onset', () => {
  test('is not made of two single frames, whatever the time between them', () => {
    for (const gap of [0.2, 1, 4.8, 19]) {
      const { said, see, wait } = openScene()
      see(0.2, { score: 1 })
      wait(gap)
      see(0.2, { score: 1 })
      wait(30)
      expect(said).toEqual([])
    }
  })

  test.each([
    [1, 1],
    [3, 3],
    [20, 20]
  ])('with onset_frames %i needs %i frames, though the time has passed', (onsetFrames, frames) => {
    const { said, see } = openScene({ onsetFrames, onsetS: 0, smoothingS: 0 })
    see((frames - 1) * 0.2, { score: pain })
    expect(said).toEqual([])
    see(0.2, { score: pain })
    expect(course(said)).toEqual(['start id0'])
  })

  test('counts the time in which a face was seen, and of that in which it was away one second at most', () => {
    const { said, see, wait } = openScene({ smoothingS: 0 })
    see(1, { score: pain })
    wait(6)
    // 0.8 s, 1 s of the absence: 0.2 s are missing.
    see(0.2, { score: pain })
    expect(said).toEqual([])
    see(0.2, { score: pain })
    expect(course(said)).toEqual(['start id0'])
  })

  test('comes although a slow box judges a frame every two seconds only', () => {
    const { said, see } = openScene()
    see(20, { score: pain }, 2000)
    expect(course(said)).toEqual(['start id0'])
  })

  test('always has the frames and the seen time that the rules ask for', () => {
    const frame = fc.record({ ms: fc.constantFrom(100, 200, 900, 1500, 4000), score: fc.constantFrom(null, 0, 0.6, 1) })
    const rules = fc.record({
      onsetFrames: fc.integer({ min: 1, max: 6 }),
      onsetS: fc.constantFrom(0, 1, 3),
      smoothingS: fc.constantFrom(0, 1)
    })
    let starts = 0
    fc.assert(
      fc.property(fc.array(frame, { minLength: 10, maxLength: 80, size: 'max' }), rules, (frames, rules) => {
        const { said, see } = openScene(rules)
        let [judged, seenMs, before] = [0, 0, 0]
        for (const { ms, score } of frames) {
          // What lies before a frame is what came after the one before it.
          if (score !== null) {
            judged++
            seenMs += Math.min(before, 1000)
          }
          see(ms / 1000, { score }, ms)
          before = ms
          if (!said.some(({ phase }) => phase === 'start')) continue
          starts++
          expect(judged).toBeGreaterThanOrEqual(rules.onsetFrames)
          expect(seenMs).toBeGreaterThanOrEqual(rules.onsetS * 1000)
          return
        }
      }),
      { numRuns: 300 }
    )
    expect(starts).toBeGreaterThan(30)
  })
})

describe("another face at a resident's place", () => {
  test('that shows no pain clears nothing for 4 s, and his alarm goes on when he is back', () => {
    const { said, see, wait } = openScene()
    see(20, { score: pain })
    wait(0.8)
    see(4, { score: calm, track: 2, box: { ...box, x: 630 } })
    wait(0.6)
    see(10, { score: pain, track: 3 })
    expect(course(said)).toEqual(['start id0'])
    see(10, { score: calm, track: 3 })
    expect(course(said)).toEqual(['start id0', 'cleared id0'])
  })

  test('whose number goes as it covers his, clears nothing under his number either, without an interruption', () => {
    for (const [seenMs, frames] of [
      [200, 1],
      [500, 2],
      [1000, 1]
    ] as const) {
      const { said, see } = openScene()
      const comes = { score: calm, track: 2, box: { ...box, x: 720 } }
      see(20, { score: pain }, seenMs)
      see((frames * seenMs) / 1000, [comes, { score: pain }], seenMs)
      see(20, { score: calm }, seenMs)
      expect(course(said)).toEqual(['start id0', 'person_uncertain id0'])
    }
  })

  test('that goes away, or is far from his, as his pain ends, casts no doubt on him', () => {
    for (const [other, staysS] of [
      [{ score: calm, track: 2, box: beside }, 1],
      [{ score: calm, track: 2, box: { ...box, x: 50 } }, 0]
    ] as const) {
      const { said, see } = openScene()
      see(20, [{ score: pain }, other])
      see(staysS, [{ score: calm }, other])
      see(10, { score: calm })
      expect(course(said)).toEqual(['start id0', 'cleared id0'])
    }
  })

  test('under his own number, after an interruption, clears nothing either', () => {
    const { said, see, wait } = openScene()
    see(20, { score: pain })
    wait(0.8)
    see(4, { score: calm })
    wait(0.6)
    see(10, { score: pain })
    expect(course(said)).toEqual(['start id0'])
  })

  test('under his own number, that cannot be judged at first, clears nothing either', () => {
    for (const unjudgedS of [0.2, 1, 30]) {
      const { said, see, wait } = openScene()
      see(20, { score: pain })
      wait(0.8)
      see(unjudgedS, { score: null })
      see(4, { score: calm })
      wait(0.6)
      see(10, { score: pain })
      expect(course(said)).toEqual(['start id0'])
    }
  })

  test('under his own number, after his score has begun to fall, clears nothing either', () => {
    const { said, see, wait } = openScene()
    see(20, { score: pain })
    // Low enough, and not for clear_s.
    see(2, { score: calm })
    wait(0.8)
    see(4, { score: calm })
    wait(0.6)
    see(10, { score: pain })
    expect(course(said)).toEqual(['start id0'])
  })

  test('under his own number, that shows pain later, has his alarm, wherever it is by then', () => {
    for (const later of [{ box: beside }, { box: undefined }]) {
      const { said, see, wait } = openScene()
      see(20, { score: pain })
      wait(0.8)
      see(1, { score: calm, ...later })
      see(10, { score: pain, ...later })
      expect(course(said)).toEqual(['start id0'])
    }
  })

  test('for as long as a face is waited for ends his alarm as uncertain, and a further one names it', () => {
    const { said, see, wait } = openScene()
    see(60, { score: pain })
    wait(1)
    see(4, { score: calm, track: 2 })
    expect(course(said)).toEqual(['start id0'])
    see(10, { score: calm, track: 2 })
    expect(course(said)).toEqual(['start id0', 'person_uncertain id0'])
    expect(said.at(-1)?.text).toEqual({
      en: 'Pain suspected, camera a: alarm ended, face out of sight, perhaps another person at its place',
      de: 'Verdacht auf Schmerz, Kamera a: Alarm beendet, Gesicht nicht mehr im Bild, vielleicht eine andere Person an seinem Platz'
    })
    wait(1)
    see(10, { score: pain, track: 3 })
    expect(course(said)).toEqual(['start id0', 'person_uncertain id0', 'start id1'])
    expect(said.at(-1)).toMatchObject({ alarm_id: 'id1', previous: 'id0' })
  })

  test('that shows pain has his alarm from then on, and may clear it', () => {
    const { said, see, wait } = openScene()
    see(20, { score: pain })
    wait(2)
    see(5, { score: pain, track: 2 })
    see(10, { score: calm, track: 2 })
    expect(course(said)).toEqual(['start id0', 'cleared id0'])
  })

  test('that had his number for as long as he was hidden brings no second alarm', () => {
    const { said, see } = openScene()
    const nurse = { score: calm, box: beside }
    see(20, [{ score: pain }, { ...nurse, track: 2 }])
    // The tracker has exchanged them.
    see(20, [
      { ...nurse, track: 1 },
      { score: pain, track: 2 }
    ])
    expect(course(said)).toEqual(['start id0'])
  })

  test('that was seen beside him before does not hold his alarm when he is gone', () => {
    const { said, see } = openScene()
    see(60, [{ score: pain }, { score: calm, track: 2, box: beside }])
    see(20, { score: calm, track: 2, box: { ...box, x: 620 } })
    expect(course(said)).toEqual(['start id0', 'track_lost id0'])
  })

  test('never clears it: only a track that has shown pain under that alarm does', () => {
    const stretch = fc.record({
      track: fc.integer({ min: 2, max: 4 }),
      seconds: fc.constantFrom(0.2, 1, 4, 12),
      score: fc.constantFrom(0, 0.2, 0.4),
      x: fc.integer({ min: 520, max: 680 }),
      gap: fc.constantFrom(0, 0.4, 1.2, 3)
    })
    let uncertain = 0
    fc.assert(
      fc.property(fc.array(stretch, { minLength: 1, maxLength: 6 }), fc.boolean(), (stretches, isLost) => {
        const { alarms, said, see, wait } = openScene()
        see(10, { score: pain })
        if (isLost) alarms.trackLost('a', 1)
        for (const { track, seconds, score, x, gap } of stretches) {
          wait(gap)
          see(seconds, { score, track, box: { ...box, x } })
        }
        wait(30)
        const [start, end, ...more] = course(said)
        expect([start, more]).toEqual(['start id0', []])
        expect(['track_lost id0', 'person_uncertain id0']).toContain(end)
        if (end?.startsWith('person')) uncertain++
      }),
      { numRuns: 200 }
    )
    expect(uncertain).toBeGreaterThan(50)
  })
})

describe('two residents at two places', () => {
  test('who are both in pain have an alarm each, and each clears its own', () => {
    const { said, see } = openScene()
    const other = { track: 2, box: beside }
    see(10, [{ score: pain }, { score: pain, ...other }])
    see(10, [{ score: calm }, { score: pain, ...other }])
    see(10, [{ score: calm }, { score: calm, ...other }])
    expect(course(said)).toEqual(['start id0', 'start id1', 'cleared id0', 'cleared id1'])
    expect(said.map(({ previous }) => previous)).not.toContain('id0')
  })
})

describe('pain that comes and goes', () => {
  test('with the face, seen for 3 s and away for 6 s, is one alarm', () => {
    const { said, see, wait } = openScene()
    for (let visit = 0; visit < 20; visit++) {
      see(3, { score: pain, track: visit })
      wait(6)
    }
    expect(course(said)).toEqual(['start id0'])
  })

  test('every 4 s is two alarms: the second one, which names the first, waits longer', () => {
    const { said, see } = openScene()
    for (let turn = 0; turn < 20; turn++) {
      see(4, { score: pain })
      see(4, { score: calm })
    }
    expect(course(said)).toEqual(['start id0', 'cleared id0', 'start id1'])
    expect(said.find(({ alarm_id }) => alarm_id === 'id1')?.previous).toBe('id0')
    see(12, { score: calm })
    expect(course(said).at(-1)).toBe('cleared id1')
  })

  test('a minute later, or elsewhere, is a further alarm that names none', () => {
    const { said, see } = openScene()
    see(10, { score: pain })
    see(66, { score: calm })
    see(10, { score: pain })
    see(66, { score: calm })
    see(20, { score: pain, track: 2, box: beside })
    expect(said.map(({ previous }) => previous)).toEqual(said.map(() => null))
    expect(course(said).filter((one) => one.startsWith('start'))).toHaveLength(3)
  })
})
