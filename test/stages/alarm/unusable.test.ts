import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { AlarmMessage } from '../../../src/contract/messages.js'
import { moment } from '../../support/moments.js'
import { box, course, frameMs, openScene, t0 } from './scene.js'

const startsAndEnds = (said: readonly AlarmMessage[]) => course(said).map((one) => one.split(' ')[0])

describe('a face in pain that can no longer be judged', () => {
  test('keeps its alarm while it is seen, with updates, up to face_unusable_min', () => {
    const { said, see } = openScene()
    see(4, { score: 0.95 })
    see(595, { score: null })
    expect(startsAndEnds(said)).toEqual(['start'])
    const times = said.map(({ updated }) => Date.parse(updated))
    for (const [i, time] of times.slice(1).entries()) expect(time - times[i]!).toBeLessThanOrEqual(10_200)
    see(10, { score: null })
    expect(startsAndEnds(said)).toEqual(['start', 'face_unusable'])
    expect(said.at(-1)).toMatchObject({
      state: 'ended',
      text: {
        en: 'Pain suspected, camera a: alarm ended, face cannot be judged',
        de: 'Verdacht auf Schmerz, Kamera a: Alarm beendet, Gesicht nicht beurteilbar'
      }
    })
  })

  test('goes on with the same alarm when it can be judged again', () => {
    const { said, see } = openScene()
    see(4, { score: 0.95 })
    see(300, { score: null })
    see(10, { score: 0.95 })
    see(500, { score: null })
    see(10, { score: 0.05 })
    expect(startsAndEnds(said)).toEqual(['start', 'cleared'])
  })

  test('is not cleared by the time in which it was not judged', () => {
    const { said, see } = openScene()
    see(4, { score: 0.95 })
    // Low enough for the smoothed score, but not for clear_s.
    see(2, { score: 0.05 })
    see(60, { score: null })
    see(0.4, { score: 0.05 })
    expect(startsAndEnds(said)).toEqual(['start'])
    see(5, { score: 0.05 })
    expect(startsAndEnds(said)).toEqual(['start', 'cleared'])
  })

  test('that goes out of sight, too, ends as out of sight', () => {
    const { said, see, wait } = openScene()
    see(4, { score: 0.95 })
    see(60, { score: null })
    wait(6)
    expect(startsAndEnds(said)).toEqual(['start', 'track_lost'])
  })

  test('and comes up under another number, as a mask changes its box, keeps its alarm', () => {
    const { alarms, said, see } = openScene()
    see(4, { score: 0.95 })
    alarms.trackLost('a', 1)
    see(100, { score: null, track: 2, box: { ...box, y: box.y - 20, height: box.height + 40 } })
    see(10, { score: 0.95, track: 2 })
    see(10, { score: 0.05, track: 2 })
    expect(startsAndEnds(said)).toEqual(['start', 'cleared'])
    expect(new Set(said.map(({ alarm_id }) => alarm_id)).size).toBe(1)
  })

  test('has an alarm again, of its own, when it is judged after its alarm has ended', () => {
    const { said, see } = openScene()
    see(4, { score: 0.95 })
    see(610, { score: null })
    see(4, { score: 0.95 })
    expect(startsAndEnds(said)).toEqual(['start', 'face_unusable', 'start'])
  })
})

test('a face that could never be judged starts no alarm', () => {
  const { said, see } = openScene({ onsetS: 0 })
  see(1300, { score: null })
  expect(said).toEqual([])
})

test('high scores on either side of a time without judgement start an alarm only by the time in which they were seen', () => {
  const { said, see } = openScene({ smoothingS: 0 })
  see(1, { score: 0.95 })
  see(30, { score: null })
  see(0.8, { score: 0.95 })
  expect(said).toEqual([])
  see(0.6, { score: 0.95 })
  expect(startsAndEnds(said)).toEqual(['start'])
})

describe('an alarm about the faces of a camera', () => {
  const about = (said: readonly AlarmMessage[]) =>
    said.map(({ condition, camera, phase, reason }) => [condition, camera, reason ?? phase])

  test('is raised with when it began, and cleared', () => {
    const { alarms } = openScene()
    const [start] = alarms.faces('face_unusable', 'a', moment(t0 - 600_000), moment(t0))
    expect(start).toMatchObject({
      type: 'technical',
      condition: 'face_unusable',
      camera: 'a',
      priority: 'medium',
      duration_s: 600,
      text: { en: 'Resident not watched, face cannot be judged, camera a' }
    })
    expect(alarms.faces('face_unusable', 'a', moment(t0), moment(t0))).toEqual([])
    expect(about(alarms.faces('face_unusable', 'b', moment(t0), moment(t0)))).toEqual([['face_unusable', 'b', 'start']])
    expect(about(alarms.faces('face_unusable', 'a', null, moment(t0)))).toEqual([['face_unusable', 'a', 'cleared']])
    expect(alarms.faces('face_unusable', 'a', null, moment(t0))).toEqual([])
  })

  test.each([
    ['paused', 'camera_paused'],
    ['lost', 'camera_lost'],
    ['frozen', 'camera_frozen'],
    ['dark', 'camera_dark']
  ] as const)('ends when the camera is %s, with that as the reason, and is not raised while it is', (state, reason) => {
    const { alarms } = openScene()
    alarms.faces('face_unusable', 'a', moment(t0), moment(t0))
    alarms.faces('nobody_seen', 'b', moment(t0), moment(t0))
    const told = alarms.cameraState('a', state, moment(t0))
    expect(about(told)[0]).toEqual(['face_unusable', 'a', reason])
    expect(alarms.faces('face_unusable', 'a', moment(t0), moment(t0))).toEqual([])
    alarms.cameraState('a', 'ok', moment(t0))
    expect(about(alarms.faces('nobody_seen', 'a', moment(t0), moment(t0)))).toEqual([['nobody_seen', 'a', 'start']])
  })

  test('goes on while the camera connects or is ok, and ends when the config has it no more', () => {
    const { alarms } = openScene()
    alarms.faces('nobody_seen', 'a', moment(t0), moment(t0))
    for (const state of ['connecting', 'ok'] as const) expect(alarms.cameraState('a', state, moment(t0))).toEqual([])
    expect(about(alarms.cameraGone('a', moment(t0)))).toEqual([['nobody_seen', 'a', 'reconfigured']])
  })
})

describe('whatever a face shows', () => {
  const stretch = fc.record({
    frames: fc.integer({ min: 1, max: 60 }),
    score: fc.option(fc.constantFrom(0, 0.3, 0.8, 1), { nil: null, freq: 2 })
  })
  const stretches = fc.array(stretch, { minLength: 5, maxLength: 30, size: 'max' })
  const seconds = (frames: number) => (frames * frameMs) / 1000
  /** Frame by frame. */
  const scoresOf = (all: readonly { frames: number; score: number | null }[]) =>
    all.flatMap(({ frames, score }) => Array.from({ length: frames }, () => score))

  test('its alarms are those of the same scores without the time in which it could not be judged', () => {
    let told = 0
    fc.assert(
      fc.property(stretches, (all) => {
        const endless = { faceUnusableS: Number.POSITIVE_INFINITY }
        const [whole, judged] = [openScene(endless), openScene(endless)]
        // Without a place: an alarm soon after another one at its place ends later, and here the times between differ.
        const nowhere = { box: undefined }
        // The same first frame: before it there is no time to leave out.
        for (const world of [whole, judged]) world.see(0.2, { score: 0, ...nowhere })
        for (const { frames, score } of all) {
          whole.see(seconds(frames), { score, ...nowhere })
          if (score !== null) judged.see(seconds(frames), { score, ...nowhere })
        }
        const essence = ({ said }: typeof whole) =>
          said.filter(({ phase }) => phase !== 'update').map(({ phase, reason, score }) => [phase, reason, score])
        told += essence(judged).length
        expect(essence(whole)).toEqual(essence(judged))
      })
    )
    expect(told).toBeGreaterThan(100)
  })

  test('its alarm ends by low scores or after face_unusable_min without any, as long as it is seen', () => {
    const ends = { cleared: 0, face_unusable: 0 }
    fc.assert(
      fc.property(stretches, fc.constantFrom(3, 8), (all, faceUnusableS) => {
        const { said, see, at } = openScene({ faceUnusableS })
        let judgedAt: number = at()
        for (const score of scoresOf(all)) {
          judgedAt = score === null ? judgedAt : at()
          const unjudgedMs = at() - judgedAt
          see(seconds(1), { score })
          const end = said.splice(0).find(({ phase }) => phase === 'end')
          if (!end) continue
          expect([end.reason, unjudgedMs]).toEqual(
            score === null ? ['face_unusable', faceUnusableS * 1000] : ['cleared', 0]
          )
          ends[score === null ? 'face_unusable' : 'cleared']++
        }
      }),
      { numRuns: 300 }
    )
    for (const count of Object.values(ends)) expect(count).toBeGreaterThan(20)
  })
})
